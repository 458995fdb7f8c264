"""Import of vouchers: every row once, whatever dies in between."""

import asyncio
from datetime import timedelta

from sqlalchemy import func, select

from app.db.models import ActionInput, Voucher
from app.identifiers import new_id
from app.jobs import voucher_import
from app.jobs.actions import run_slice, start_action
from app.jobs.inputs import PIECE_ROWS, forget_orphans, store_inputs
from app.jobs.voucher_import import SINGLE, TO_CAMPAIGN, import_payload
from tests.jobs.work import (
    action_of,
    add_campaign,
    campaign_of,
    codes_of,
    count_of,
    finish_after_kill,
    killed_when,
    slice_rows,
)


async def ask_for_import(engine, project_id, campaign_id, rows):
    action_id = new_id("aa_")
    await store_inputs(engine.db, project_id, action_id, rows)
    async with engine.db.writing() as session:
        payload = import_payload(len(rows), campaign_id=campaign_id)
        start_action(session, project_id, TO_CAMPAIGN, payload, engine.now(), "v-test", action_id=action_id)
    return action_id


async def finish(engine, project_id, action_id):
    while await run_slice(engine, project_id, action_id):
        pass
    return await action_of(engine, project_id, action_id)


async def pieces_left(engine):
    async with engine.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(ActionInput))


def rows_of(count):
    return [{"code": f"CODE-{number:05d}"} for number in range(count)]


async def test_a_slice_that_fails_leaves_nothing_and_is_done_again(engine, project, monkeypatch):
    """Codes, progress and the rest of the input commit together."""
    campaign_id = await add_campaign(engine, project.id)
    action_id = await ask_for_import(engine, project.id, campaign_id, rows_of(PIECE_ROWS + 3))

    def broken(*arguments):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(voucher_import, "advance", broken)
        assert await run_slice(engine, project.id, action_id) is True
    assert (await count_of(engine, project.id, campaign_id), await pieces_left(engine)) == (0, 2)
    done = await finish(engine, project.id, action_id)
    assert (done.status, done.progress, done.result["done_count"]) == ("DONE", 100, PIECE_ROWS + 3)
    assert (await campaign_of(engine, project.id, campaign_id)).vouchers_count == PIECE_ROWS + 3
    assert await pieces_left(engine) == 0


async def test_two_workers_import_every_row_once(engine, project):
    """Slices that run at once add up as if they had run one by one; rows that come twice are refused once."""
    campaign_id = await add_campaign(engine, project.id)
    rows = rows_of(2 * PIECE_ROWS) + rows_of(7)
    action_id = await ask_for_import(engine, project.id, campaign_id, rows)
    await asyncio.gather(*(finish(engine, project.id, action_id) for _ in range(3)))
    result = (await action_of(engine, project.id, action_id)).result
    assert (result["done_count"], result["failed_count"]) == (2 * PIECE_ROWS, 7)
    assert await count_of(engine, project.id, campaign_id) == 2 * PIECE_ROWS


async def test_an_import_goes_on_after_kill_9(engine, project, settings):
    """A runner killed in the middle is followed by one that imports exactly what is left."""
    campaign_id = await add_campaign(engine, project.id)
    wanted = PIECE_ROWS + 4 * slice_rows(engine)
    action_id = await ask_for_import(engine, project.id, campaign_id, rows_of(wanted))

    async def begun() -> bool:
        return await count_of(engine, project.id, campaign_id) >= PIECE_ROWS

    await killed_when(settings, begun, slices_max=4)
    assert await count_of(engine, project.id, campaign_id) < wanted
    done = await finish_after_kill(engine, project.id, action_id)
    codes = await codes_of(engine, project.id, campaign_id)
    assert len(codes) == len(set(codes)) == done.result["done_count"] == wanted


async def test_a_campaign_that_is_gone_ends_its_import(engine, project):
    """The action fails, and its input does not stay."""
    campaign_id = await add_campaign(engine, project.id)
    action_id = await ask_for_import(engine, project.id, campaign_id, rows_of(PIECE_ROWS * 2))
    async with engine.db.writing() as session:
        await session.delete(await campaign_of(engine, project.id, campaign_id))
    assert (await finish(engine, project.id, action_id)).status == "FAILED"
    assert await pieces_left(engine) == 0


async def test_input_without_an_action_goes_after_an_hour(engine, project):
    """Whoever stored it died before starting the action; what an action waits for stays."""
    await store_inputs(engine.db, project.id, new_id("aa_"), rows_of(1))
    campaign_id = await add_campaign(engine, project.id)
    await ask_for_import(engine, project.id, campaign_id, rows_of(1))
    await forget_orphans(engine.db, engine.now())
    assert await pieces_left(engine) == 2
    old = new_id("aa_")
    await store_inputs(engine.db, project.id, old, rows_of(1))
    await forget_orphans(engine.db, engine.now() + timedelta(hours=2))
    assert await pieces_left(engine) == 1


async def test_rows_that_are_alike_keep_what_is_their_own(engine, project):
    """Terms that many rows share are read once; no row gets another's, and a number is not the text of it."""
    percent = {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"}
    rows = [{"code": f"ALIKE-{number:03d}", "row": number + 1, "discount": percent} for number in range(60)]
    rows[7] = rows[7] | {"metadata": {"shop": "Paris"}}
    rows[8] = rows[8] | {"metadata": {"shop": "London"}, "expiration_date": "2092-01-01"}
    rows[9] = rows[9] | {"redemption": {"quantity": 3}}
    rows[10] = rows[10] | {"discount": {**percent, "percent_off": "10"}}
    rows[11] = rows[11] | {"code": " "}
    rows[12] = rows[12] | {"code": "alike-000"}
    rows[13] = rows[13] | {"code": "ALIKE-000"}
    action_id = new_id("aa_")
    await store_inputs(engine.db, project.id, action_id, rows)
    async with engine.db.writing() as session:
        start_action(
            session, project.id, SINGLE, import_payload(60), engine.now(), "v-test", action_id=action_id
        )
    result = (await finish(engine, project.id, action_id)).result
    assert (result["done_count"], [row["row"] for row in result["failed"]]) == (57, [11, 12, 14])
    async with engine.db.reading() as session:
        own = select(Voucher).where(Voucher.project_id == project.id)
        made = (await session.scalars(own.order_by(Voucher.created_at, Voucher.id))).all()
    assert [one.code for one in made] == [row["code"] for row in rows if row["row"] not in (11, 12, 14)]
    others = [one for one in made if one.code not in ("ALIKE-007", "ALIKE-008", "ALIKE-009")]
    assert all(one.body == {"discount": percent} and one.quantity is None for one in others)
    seventh, eighth, ninth = made[7:10]
    assert (seventh.body["metadata"], seventh.expiration_date) == ({"shop": "Paris"}, None)
    assert (eighth.body["metadata"], eighth.expiration_date.year) == ({"shop": "London"}, 2092)
    assert (ninth.quantity, ninth.body) == (3, {"discount": percent})
    assert len({one.id for one in made}) == 57
