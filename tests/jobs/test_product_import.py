"""Import of products: every row once, whatever dies in between."""

import asyncio
from contextlib import suppress

from sqlalchemy import func, select

from app.db.models import ActionInput, MetadataSchema, Product
from app.identifiers import new_id, next_version
from app.jobs import product_import
from app.jobs.actions import run_slice, start_action
from app.jobs.inputs import PIECE_ROWS, stream_inputs
from app.jobs.product_import import BULK, CSV, import_payload
from app.jobs.progress import SliceDelayed
from tests.jobs.work import action_of, finish_after_kill, killed_when


async def ask(engine, project_id, kind, rows):
    action_id = new_id("aa_")
    count = await stream_inputs(engine.db, project_id, action_id, iter(rows))
    async with engine.db.writing() as session:
        payload = import_payload(count)
        start_action(session, project_id, kind, payload, engine.now(), "v-test", action_id=action_id)
    return action_id


async def finish(engine, project_id, action_id):
    more = True
    while more:
        with suppress(SliceDelayed):  # another one has not told yet what it has changed
            more = await run_slice(engine, project_id, action_id)
    return await action_of(engine, project_id, action_id)


async def count_of(engine, model, project_id):
    async with engine.db.reading() as session:
        return await session.scalar(
            select(func.count()).select_from(model).where(model.project_id == project_id)
        )


def rows_of(count):
    """Products without a source_id: one that is imported twice is there twice."""
    return [{"row": number, "name": f"Product {number}", "price": number} for number in range(1, count + 1)]


async def test_a_slice_that_fails_leaves_nothing_and_is_done_again(engine, project, monkeypatch):
    """Products, progress and the rest of the input commit together."""
    action_id = await ask(engine, project.id, CSV, rows_of(PIECE_ROWS + 3))

    def broken(*arguments):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(product_import, "advance", broken)
        assert await run_slice(engine, project.id, action_id) is True
    assert await count_of(engine, Product, project.id) == 0
    done = await finish(engine, project.id, action_id)
    assert (done.status, done.result["done_count"]) == ("DONE", PIECE_ROWS + 3)
    assert await count_of(engine, Product, project.id) == PIECE_ROWS + 3
    assert await count_of(engine, ActionInput, project.id) == 0


async def test_an_import_goes_on_after_kill_9(engine, project, settings):
    """A runner killed in the middle is followed by one that imports exactly what is left, and ends when what
    the dead one changed is published.
    """
    action_id = await ask(engine, project.id, CSV, rows_of(4_000))

    async def begun() -> bool:
        return bool(await count_of(engine, Product, project.id) >= PIECE_ROWS)

    await killed_when(settings, begun)
    done = await finish_after_kill(engine, project.id, action_id)
    assert done.result["done_count"] == await count_of(engine, Product, project.id) == 4_000
    async with engine.db.reading() as session:
        names = set(await session.scalars(select(Product.name).where(Product.project_id == project.id)))
    assert len(names) == 4_000


async def test_two_workers_update_every_product_once(engine, project):
    """Rows that name one product make one, in whatever slices they come."""
    rows = [{"source_id": f"p{number % 700}", "price": number} for number in range(2 * PIECE_ROWS)]
    action_id = await ask(engine, project.id, BULK, rows)
    await asyncio.gather(*(finish(engine, project.id, action_id) for _ in range(3)))
    result = (await action_of(engine, project.id, action_id)).result
    assert (result["done_count"], result["failed_count"]) == (2 * PIECE_ROWS, 0)
    assert await count_of(engine, Product, project.id) == 700


async def test_rows_are_held_to_the_schema_of_products(engine, project):
    """A row whose metadata is not as defined is refused alone."""
    number = {"type": "number", "optional": True, "array": False}
    async with engine.db.writing() as session:
        session.add(
            MetadataSchema(
                project_id=project.id,
                id=new_id("ms_"),
                related_object="product",
                allow_defined_only=True,
                properties={"size": number},
                version=next_version(),
                created_at=engine.now(),
                updated_at=None,
            )
        )
    rows = [
        {"source_id": "a", "metadata": {"size": 5}},
        {"source_id": "b", "metadata": {"size": "big"}},
        {"source_id": "c", "metadata": {"colour": "red"}},
    ]
    done = await finish(engine, project.id, await ask(engine, project.id, BULK, rows))
    assert done.result["failed"] == [
        {"source_id": "b", "reason": "size: must be a number (actual value is 'big')"},
        {"source_id": "c", "reason": "colour: is not defined in the metadata schema"},
    ]
    assert await count_of(engine, Product, project.id) == 1
