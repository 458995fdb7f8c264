"""Removal of a deleted campaign's codes, slice by slice."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from app.core.outcome import CoreUnavailable
from app.db.models import Campaign, Voucher
from app.jobs.actions import FAILURES_MAX, run_slice, start_action
from app.jobs.progress import SliceDelayed
from app.jobs.removal import TYPE, removal_payload
from app.redeemables.issuing import BATCH_MAX
from tests.jobs.test_generation import finish
from tests.jobs.work import add_campaign, ask_for_codes, campaign_of, count_of, slice_rows


async def remove(engine, project_id, campaign_id, *, force):
    async with engine.db.writing() as session:
        await session.execute(
            update(Campaign)
            .where(Campaign.project_id == project_id, Campaign.id == campaign_id)
            .values(deleted_at=datetime.now(UTC))
        )
        payload = removal_payload(campaign_id, 1_100, force=force)
        return start_action(session, project_id, TYPE, payload, engine.now(), "v-test").id


async def test_forced_removal_takes_rows_and_campaign(engine, project):
    """Codes go five hundred at a time, and with the last of them the campaign's row."""
    campaign_id = await add_campaign(engine, project.id)
    await finish(engine, project.id, await ask_for_codes(engine, project.id, campaign_id, 1_100))
    action_id = await remove(engine, project.id, campaign_id, force=True)
    assert await run_slice(engine, project.id, action_id) is True
    assert await count_of(engine, project.id, campaign_id) == 1_100 - BATCH_MAX
    assert await campaign_of(engine, project.id, campaign_id) is not None
    done = await finish(engine, project.id, action_id)
    assert done.result == {"message": "Deleted 1100 vouchers.", "done_count": 1_100}
    assert await count_of(engine, project.id, campaign_id) == 0
    assert await campaign_of(engine, project.id, campaign_id) is None


async def test_the_bin_keeps_codes_reserved(engine, project):
    """Without force the rows stay, marked, so that no code is given out again."""
    campaign_id = await add_campaign(engine, project.id)
    await finish(engine, project.id, await ask_for_codes(engine, project.id, campaign_id, 1_100))
    done = await finish(engine, project.id, await remove(engine, project.id, campaign_id, force=False))
    assert done.result["done_count"] == 1_100
    async with engine.db.reading() as session:
        marked = await session.scalar(
            select(func.count()).where(
                Voucher.project_id == project.id,
                Voucher.campaign_id == campaign_id,
                Voucher.deleted_at.is_not(None),
            )
        )
    assert marked == 1_100


async def test_generation_ends_when_its_campaign_is_deleted(engine, project):
    """Codes are not made for what is gone."""
    campaign_id = await add_campaign(engine, project.id)
    action_id = await ask_for_codes(engine, project.id, campaign_id, 2 * slice_rows(engine) + 100)
    assert await run_slice(engine, project.id, action_id) is True
    await remove(engine, project.id, campaign_id, force=False)
    done = await finish(engine, project.id, action_id)
    assert (done.status, done.result["done_count"]) == ("FAILED", slice_rows(engine))


async def test_removal_waits_for_redis(engine, project, monkeypatch):
    """While the core cannot take the tombstones nothing is removed, and nothing is given up."""
    campaign_id = await add_campaign(engine, project.id)
    await finish(engine, project.id, await ask_for_codes(engine, project.id, campaign_id, 20))
    action_id = await remove(engine, project.id, campaign_id, force=True)

    async def away(*arguments):
        raise CoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(engine.core, "publish", away)
        for _ in range(FAILURES_MAX + 1):
            with pytest.raises(SliceDelayed):
                await run_slice(engine, project.id, action_id)
    assert await count_of(engine, project.id, campaign_id) == 20
    assert (await finish(engine, project.id, action_id)).status == "DONE"
