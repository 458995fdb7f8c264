"""Campaigns and actions for the tests of jobs, and a runner that can be killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.db.models import AsyncAction, Campaign, Voucher
from app.engine import Engine
from app.identifiers import new_id, next_version
from app.jobs import runner
from app.jobs.actions import run_slice, start_action
from app.jobs.background import relay_due
from app.jobs.exports import run_export_slice
from app.jobs.generation import TYPE, generation_payload
from app.jobs.progress import SliceDelayed
from app.jobs.runner import run_jobs
from app.redeemables.issuing import BATCH_MAX, COPY_MAX
from app.settings import Settings
from app.wiring import running_engine

SECONDS_MAX = 180.0
"""Far more than a runner takes to get anywhere."""


async def add_campaign(engine: Engine, project_id: str, pattern: str = "########", charset: str = "") -> str:
    """A campaign without codes."""
    campaign_id = new_id("camp_")
    config = {"pattern": pattern} | ({"charset": charset} if charset else {})
    async with engine.db.writing() as session:
        session.add(
            Campaign(
                project_id=project_id,
                id=campaign_id,
                created_at=engine.now(),
                updated_at=None,
                version=next_version(),
                name=campaign_id,
                campaign_type="DISCOUNT_COUPONS",
                type="STATIC",
                active=True,
                start_date=None,
                expiration_date=None,
                category_id=None,
                creation_status="IN_PROGRESS",
                vouchers_generation_status="IN_PROGRESS",
                body={
                    "voucher": {
                        "type": "DISCOUNT_VOUCHER",
                        "discount": {"type": "PERCENT", "percent_off": 10},
                        "redemption": {"quantity": 1},
                        "code_config": config,
                    }
                },
                deleted_at=None,
            )
        )
    return campaign_id


def slice_rows(engine: Engine) -> int:
    """How many codes one slice makes."""
    return BATCH_MAX if engine.db.is_sqlite else COPY_MAX


async def ask_for_codes(engine: Engine, project_id: str, campaign_id: str, count: int) -> str:
    """The id of the action."""
    async with engine.db.writing() as session:
        payload = generation_payload(campaign_id, count)
        return start_action(session, project_id, TYPE, payload, engine.now(), "v-test").id


async def action_of(engine: Engine, project_id: str, action_id: str) -> AsyncAction:
    async with engine.db.reading() as session:
        action = await session.get(AsyncAction, (project_id, action_id))
        assert action is not None
        return action


async def codes_of(engine: Engine, project_id: str, campaign_id: str) -> list[str]:
    async with engine.db.reading() as session:
        rows = await session.scalars(
            select(Voucher.code).where(Voucher.project_id == project_id, Voucher.campaign_id == campaign_id)
        )
        return list(rows)


async def campaign_of(engine: Engine, project_id: str, campaign_id: str) -> Campaign | None:
    async with engine.db.reading() as session:
        return await session.get(Campaign, (project_id, campaign_id))


async def count_of(engine: Engine, project_id: str, campaign_id: str) -> int:
    async with engine.db.reading() as session:
        return (
            await session.scalar(
                select(func.count()).where(
                    Voucher.project_id == project_id, Voucher.campaign_id == campaign_id
                )
            )
            or 0
        )


async def killed_when(
    settings: Settings, reached: Callable[[], Awaitable[bool]], slices_max: int = sys.maxsize
) -> None:
    """A runner of jobs, killed as soon as it has got so far. slices_max: after so many it stands still,
    for whoever waits for it may be late on a busy machine, and something must be left to do.
    """
    arguments = [str(settings.data_dir), settings.redis_url, settings.database_url, str(slices_max)]
    process = subprocess.Popen([sys.executable, "-m", "tests.jobs.work", *arguments], env=dict(os.environ))
    deadline = time.monotonic() + SECONDS_MAX
    try:
        while not await reached():
            assert process.poll() is None
            assert time.monotonic() < deadline, "the runner does not get so far"
            await asyncio.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def finish_after_kill(engine: Engine, project_id: str, action_id: str) -> AsyncAction:
    """What was killed between its commit and its publication is published by the relay."""
    is_open = True
    while is_open:
        try:
            is_open = await run_slice(engine, project_id, action_id)
        except SliceDelayed:
            await relay_due(engine)
            await asyncio.sleep(0.05)
    return await action_of(engine, project_id, action_id)


def _stand_still_after(slices: int) -> None:
    begun = count()

    def limited(step: Callable[..., Awaitable[bool]]) -> Any:
        async def run(*arguments: Any) -> bool:
            if next(begun) >= slices:
                await asyncio.Event().wait()
            return await step(*arguments)

        return run

    runner.run_slice = limited(run_slice)
    runner.run_export_slice = limited(run_export_slice)


async def _run_for_ever(settings: Settings) -> None:
    async with running_engine(settings) as engine:
        await run_jobs(engine, asyncio.Event())


if __name__ == "__main__":
    folder, redis_url, database_url, slices_max = sys.argv[1:]
    _stand_still_after(int(slices_max))
    asyncio.run(
        _run_for_ever(Settings(data_dir=Path(folder), redis_url=redis_url, database_url=database_url))
    )
