"""Exports and bulk updates whose runner is killed go on where they were: each row once, none half done."""

import asyncio
import csv
import io

from sqlalchemy import select

from app.db.models import Export, Voucher
from app.engine import Engine
from app.identifiers import new_id
from app.jobs.actions import run_slice, start_action
from app.jobs.exports import read_export, run_export_slice, slice_rows
from app.jobs.inputs import PIECE_ROWS, store_inputs
from app.jobs.voucher_metadata import BULK, metadata_payload
from tests.jobs.work import (
    action_of,
    add_campaign,
    ask_for_codes,
    codes_of,
    finish_after_kill,
    killed_when,
)


async def codes_in(engine: Engine, project_id: str, count: int) -> tuple[str, list[str]]:
    """A campaign and its codes."""
    campaign_id = await add_campaign(engine, project_id)
    action_id = await ask_for_codes(engine, project_id, campaign_id, count)
    while await run_slice(engine, project_id, action_id):
        pass
    return campaign_id, await codes_of(engine, project_id, campaign_id)


async def ask_for_export(engine: Engine, project_id: str, order: str) -> str:
    export_id = new_id("exp_")
    async with engine.db.writing() as session:
        session.add(
            Export(
                project_id=project_id,
                id=export_id,
                created_at=engine.now(),
                status="SCHEDULED",
                channel="API",
                exported_object="voucher",
                parameters={"order": order, "fields": ["code", "active"], "filters": {"junction": "and"}},
                state={},
                token="t",
                user_id=None,
            )
        )
    return export_id


async def export_of(engine: Engine, project_id: str, export_id: str) -> Export:
    async with engine.db.reading() as session:
        export = await session.get(Export, (project_id, export_id))
        assert export is not None
        return export


async def file_of(engine: Engine, project_id: str, export_id: str) -> list[str]:
    pieces = [piece async for piece in read_export(engine.db, project_id, export_id)]
    return [row["Code"] for row in csv.DictReader(io.StringIO(b"".join(pieces).decode()))]


async def part_rows(engine: Engine) -> int:
    async with engine.db.reading() as session:
        return slice_rows(session)


async def test_an_export_goes_on_after_kill_9(engine, project, settings):
    """The file has every code once, in the order that was asked for, and its one header."""
    wanted = 3 * await part_rows(engine) + 3
    _, codes = await codes_in(engine, project.id, wanted)
    export_id = await ask_for_export(engine, project.id, "-created_at")

    async def begun() -> bool:
        return int((await export_of(engine, project.id, export_id)).state.get("parts", 0)) >= 1

    await killed_when(settings, begun, slices_max=3)
    assert (await export_of(engine, project.id, export_id)).status == "IN_PROGRESS"
    while await run_export_slice(engine, project.id, export_id):
        pass
    done = await export_of(engine, project.id, export_id)
    assert (done.status, done.state["rows"]) == ("DONE", wanted)
    found = await file_of(engine, project.id, export_id)
    assert len(found) == wanted
    assert set(found) == set(codes)
    async with engine.db.reading() as session:
        rows = await session.scalars(
            select(Voucher.code)
            .where(Voucher.project_id == project.id)
            .order_by(Voucher.created_at.desc(), Voucher.id.desc())
        )
        assert found == rows.all()


async def test_two_runners_write_each_row_of_a_file_once(engine, project):
    """Parts that were read at the same moment are written once; who was overtaken reads on."""
    wanted = 2 * await part_rows(engine) + 1
    _, codes = await codes_in(engine, project.id, wanted)
    export_id = await ask_for_export(engine, project.id, "code")

    async def work() -> None:
        while await run_export_slice(engine, project.id, export_id):
            pass

    await asyncio.gather(*(work() for _ in range(3)))
    assert await file_of(engine, project.id, export_id) == sorted(codes)


async def test_a_bulk_update_goes_on_after_kill_9(engine, project, settings):
    """Every code has its own new metadata, unknown ones are reported once, and what changed is published."""
    wanted = 8 * PIECE_ROWS
    _, codes = await codes_in(engine, project.id, wanted)
    rows = [{"code": code, "metadata": {"n": number}} for number, code in enumerate(codes)]
    rows.append({"code": "NOT-THERE", "metadata": {"n": -1}})
    action_id = new_id("aa_")
    await store_inputs(engine.db, project.id, action_id, rows)
    async with engine.db.writing() as session:
        payload = metadata_payload(len(rows))
        start_action(session, project.id, BULK, payload, engine.now(), "v-test", action_id=action_id)

    async def begun() -> bool:
        return int((await action_of(engine, project.id, action_id)).state.get("done", 0)) >= PIECE_ROWS

    await killed_when(settings, begun, slices_max=7)
    assert (await action_of(engine, project.id, action_id)).status == "IN_PROGRESS"
    done = await finish_after_kill(engine, project.id, action_id)
    assert (done.result["done_count"], done.result["failed_count"]) == (wanted, 1)
    assert done.result["failed"] == [{"code": "NOT-THERE", "reason": "Resource not found"}]
    async with engine.db.reading() as session:
        statement = select(Voucher.code, Voucher.body).where(Voucher.project_id == project.id)
        found = {code: body["metadata"]["n"] for code, body in await session.execute(statement)}
    assert found == {code: number for number, code in enumerate(codes)}

