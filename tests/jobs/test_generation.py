"""Generation of codes: exactly as many as were asked for, whatever dies in between."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.jobs import actions, generation
from app.jobs.actions import run_slice
from app.jobs.generation import DRY_SLICES_MAX
from app.jobs.runner import open_actions, run_jobs
from tests.jobs.work import (
    action_of,
    add_campaign,
    ask_for_codes,
    campaign_of,
    codes_of,
    count_of,
    killed_when,
    slice_rows,
)


async def finish(engine, project_id, action_id):
    while await run_slice(engine, project_id, action_id):
        pass
    return await action_of(engine, project_id, action_id)


async def test_slices_add_up(engine, project):
    """Each slice commits its codes with its progress; the last one says so on the action and the campaign."""
    rows = slice_rows(engine)
    campaign_id = await add_campaign(engine, project.id)
    action_id = await ask_for_codes(engine, project.id, campaign_id, 2 * rows + 7)
    assert await run_slice(engine, project.id, action_id) is True
    assert await count_of(engine, project.id, campaign_id) == rows
    half = await action_of(engine, project.id, action_id)
    assert (half.status, half.progress, half.state["done"]) == ("IN_PROGRESS", 49, rows)
    done = await finish(engine, project.id, action_id)
    assert (done.status, done.progress, done.operation_status) == ("DONE", 100, "SUCCESS")
    codes = await codes_of(engine, project.id, campaign_id)
    assert len(codes) == len(set(codes)) == 2 * rows + 7
    campaign = await campaign_of(engine, project.id, campaign_id)
    assert (campaign.vouchers_count, campaign.creation_status) == (len(codes), "DONE")
    assert campaign.vouchers_generation_status == "DONE"


async def test_a_slice_that_fails_leaves_nothing_and_is_done_again(engine, project, monkeypatch):
    """Codes and progress commit together: after an error in the middle neither is there."""
    rows = slice_rows(engine)
    campaign_id = await add_campaign(engine, project.id)
    action_id = await ask_for_codes(engine, project.id, campaign_id, rows + 100)
    assert await run_slice(engine, project.id, action_id) is True

    def broken(*arguments):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(generation, "advance", broken)
        assert await run_slice(engine, project.id, action_id) is True
    assert await count_of(engine, project.id, campaign_id) == rows
    done = await finish(engine, project.id, action_id)
    assert done.result == {"message": f"Generated {rows + 100} vouchers.", "done_count": rows + 100}
    assert await count_of(engine, project.id, campaign_id) == rows + 100


async def test_work_that_always_fails_is_given_up(engine, project, monkeypatch):
    """After five failures in a row the action is FAILED, and its campaign says so."""
    campaign_id = await add_campaign(engine, project.id)
    action_id = await ask_for_codes(engine, project.id, campaign_id, 5)

    def broken(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr(generation, "advance", broken)
    done = await finish(engine, project.id, action_id)
    assert (done.status, done.operation_status) == ("FAILED", "FAILED")
    campaign = await campaign_of(engine, project.id, campaign_id)
    assert (campaign.vouchers_generation_status, campaign.vouchers_count) == ("FAILED", 0)


async def test_two_workers_make_no_code_too_many(engine, project):
    """The row of the action is locked: slices that run at once add up as if they had run one by one."""
    campaign_id = await add_campaign(engine, project.id)
    action_id = await ask_for_codes(engine, project.id, campaign_id, 1_250)
    await asyncio.gather(*(finish(engine, project.id, action_id) for _ in range(4)))
    assert await count_of(engine, project.id, campaign_id) == 1_250
    assert (await action_of(engine, project.id, action_id)).result["done_count"] == 1_250


async def test_a_small_keyspace_is_used_up(engine, project):
    """Of a hundred codes all hundred are found, in the alphabet that was asked for."""
    campaign_id = await add_campaign(engine, project.id, pattern="X-##", charset="0123456789")
    done = await finish(engine, project.id, await ask_for_codes(engine, project.id, campaign_id, 100))
    assert done.status == "DONE"
    codes = await codes_of(engine, project.id, campaign_id)
    assert sorted(codes) == [f"X-{number:02d}" for number in range(100)]


async def test_a_keyspace_that_others_used_ends_the_work(engine, project):
    """When no free code is left, the action fails with what it did; it does not go on for ever."""
    first = await add_campaign(engine, project.id, pattern="Y-#", charset="0123456789")
    await finish(engine, project.id, await ask_for_codes(engine, project.id, first, 8))
    second = await add_campaign(engine, project.id, pattern="Y-#", charset="0123456789")
    action_id = await ask_for_codes(engine, project.id, second, 5)
    slices = 1
    while await run_slice(engine, project.id, action_id):
        slices += 1
        assert slices <= DRY_SLICES_MAX + 5
    failed = await action_of(engine, project.id, action_id)
    assert (failed.status, failed.result["done_count"]) == ("FAILED", 2)
    assert (await campaign_of(engine, project.id, second)).vouchers_generation_status == "FAILED"


async def test_a_small_one_is_soon_done_beside_a_big_one(engine, project):
    """Open actions take turns."""
    big, small = await add_campaign(engine, project.id), await add_campaign(engine, project.id)
    wanted = 20 * slice_rows(engine)
    big_id = await ask_for_codes(engine, project.id, big, wanted)
    small_id = await ask_for_codes(engine, project.id, small, 10)
    stop = asyncio.Event()
    runner = asyncio.create_task(run_jobs(engine, stop))
    while (await action_of(engine, project.id, small_id)).status != "DONE":
        await asyncio.sleep(0.01)
    stop.set()
    await runner
    assert (await action_of(engine, project.id, big_id)).status == "IN_PROGRESS"
    assert await count_of(engine, project.id, big) < wanted


@pytest.mark.parametrize("kills", [3])
async def test_generation_goes_on_after_kill_9(engine, project, settings, kills):
    """A runner killed in the middle of its work is followed by one that makes exactly what was missing."""
    rows = slice_rows(engine)
    wanted = 12 * rows
    campaign_id = await add_campaign(engine, project.id)
    action_id = await ask_for_codes(engine, project.id, campaign_id, wanted)
    for number in range(kills):
        goal = await count_of(engine, project.id, campaign_id) + number * rows

        async def begun(goal: int = goal) -> bool:
            return await count_of(engine, project.id, campaign_id) > goal

        await killed_when(settings, begun, slices_max=number + 2)
        assert await count_of(engine, project.id, campaign_id) < wanted
    done = await finish(engine, project.id, action_id)
    codes = await codes_of(engine, project.id, campaign_id)
    assert len(codes) == len(set(codes)) == wanted
    assert done.result["done_count"] == wanted
    assert await open_actions(engine) == []


async def test_the_database_is_told_of_very_many_codes(engine, project, monkeypatch):
    """PostgreSQL knows how many there are when the last one is made, without waiting for its autovacuum.
    Where it cannot be told, the codes are made all the same.
    """
    monkeypatch.setattr(actions, "MANY_VOUCHERS", 100)
    known = text("SELECT reltuples FROM pg_class WHERE relname = 'vouchers'")
    for count, wanted in ((99, -1), (100, 199)):
        action_id = await ask_for_codes(engine, project.id, await add_campaign(engine, project.id), count)
        assert (await finish(engine, project.id, action_id)).operation_status == "SUCCESS"
        if not engine.db.is_sqlite:
            async with engine.db.reading() as session:
                assert await session.scalar(known) == wanted

    async def away(db, table):
        raise OperationalError("ANALYZE", {}, OSError("away"))

    monkeypatch.setattr(actions, "tell_planner", away)
    action_id = await ask_for_codes(engine, project.id, await add_campaign(engine, project.id), 100)
    assert (await finish(engine, project.id, action_id)).operation_status == "SUCCESS"
