"""Import of customers: every row once, whatever dies in between; nothing of a slice that failed."""

import pytest
from sqlalchemy import func, select

from app.core.keys import Partition
from app.core.records import decode_customer
from app.db.models import Customer, MetadataSchema
from app.identifiers import new_id
from app.jobs import customer_import
from app.jobs.actions import run_slice, start_action
from app.jobs.customer_import import BULK, CSV, import_payload
from app.jobs.inputs import PIECE_ROWS, store_inputs
from tests.jobs.work import action_of, finish_after_kill, killed_when


async def ask_for_import(engine, project_id, rows, kind=CSV):
    action_id = new_id("aa_")
    await store_inputs(engine.db, project_id, action_id, rows)
    async with engine.db.writing() as session:
        payload = import_payload(len(rows))
        start_action(session, project_id, kind, payload, engine.now(), "v-test", action_id=action_id)
    return action_id


async def finish(engine, project_id, action_id):
    while await run_slice(engine, project_id, action_id):
        pass
    return await action_of(engine, project_id, action_id)


async def count_of(engine, project_id):
    async with engine.db.reading() as session:
        return await session.scalar(select(func.count()).where(Customer.project_id == project_id))


def rows_of(count):
    return [
        {"row": number, "source_id": f"c-{number}", "name": f"N{number}"} for number in range(1, count + 1)
    ]


async def test_a_slice_that_fails_leaves_nothing_and_is_done_again(engine, project, monkeypatch):
    """Customers, progress and the rest of the input commit together."""
    action_id = await ask_for_import(engine, project.id, rows_of(PIECE_ROWS + 3))

    def broken(*arguments):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(customer_import, "advance", broken)
        assert await run_slice(engine, project.id, action_id) is True
    assert await count_of(engine, project.id) == 0
    done = await finish(engine, project.id, action_id)
    assert (done.status, done.result["done_count"]) == ("DONE", PIECE_ROWS + 3)
    assert await count_of(engine, project.id) == PIECE_ROWS + 3


async def test_an_import_goes_on_after_kill_9(engine, project, settings):
    """A runner killed in the middle is followed by one that imports exactly what is left: nobody is made
    twice, nobody is changed twice.
    """
    rows = rows_of(5 * PIECE_ROWS)
    action_id = await ask_for_import(engine, project.id, rows, BULK)

    async def begun() -> bool:
        return await count_of(engine, project.id) >= PIECE_ROWS

    await killed_when(settings, begun)
    done = await finish_after_kill(engine, project.id, action_id)
    assert (done.status, done.result["done_count"], done.result["failed_count"]) == ("DONE", len(rows), 0)
    async with engine.db.reading() as session:
        stored = (await session.scalars(select(Customer).where(Customer.project_id == project.id))).all()
    assert sorted(row.source_id for row in stored) == sorted(row["source_id"] for row in rows)
    assert {row.updated_at for row in stored} == {None}


async def test_whom_the_core_knows_is_told_there(engine, project):
    """A customer that was changed by an import is decided on as it is now."""
    await finish(engine, project.id, await ask_for_import(engine, project.id, rows_of(1)))
    again = [{"row": 1, "source_id": "c-1", "metadata": {"plan": "gold"}}]
    await finish(engine, project.id, await ask_for_import(engine, project.id, again))
    async with engine.db.reading() as session:
        row = await session.scalar(select(Customer).where(Customer.project_id == project.id))
    partition = Partition(project.id)
    keys = await engine.core.open(partition)
    (raw,) = await engine.core.read(partition, [("HGET", keys.customer_record(row.id), row.id)])
    assert (decode_customer(raw).name, decode_customer(raw).metadata) == (None, {"plan": "gold"})


@pytest.mark.parametrize("kind", [CSV, BULK])
async def test_rows_that_a_schema_refuses_are_refused_alone(engine, project, kind):
    """Of new and of known customers; their neighbours are stored."""
    definition = {"plan": {"type": "string", "optional": False, "array": False, "eq": ["gold"]}}
    async with engine.db.writing() as session:
        session.add(
            MetadataSchema(
                project_id=project.id,
                id=new_id("ms_"),
                related_object="customer",
                properties=definition,
                allow_defined_only=False,
                version=1,
                created_at=engine.now(),
                updated_at=None,
            )
        )
    rows = [
        {"source_id": "a", "metadata": {"plan": "gold"}},
        {"source_id": "b", "metadata": {"plan": "lead"}},
        {"source_id": "c"},
        {"source_id": "a", "metadata": {"plan": "lead"}},
        {"source_id": "a", "name": "A", "metadata": {"plan": "gold"}},
    ]
    done = await finish(engine, project.id, await ask_for_import(engine, project.id, rows, kind))
    assert (done.result["done_count"], done.result["failed_count"]) == (2, 3), done.result
    assert await count_of(engine, project.id) == 1
