"""Campaigns and actions for the tests of jobs, and a runner that can be killed."""

import asyncio
import sys
from pathlib import Path

from sqlalchemy import func, select

from app.db.models import AsyncAction, Campaign, Voucher
from app.engine import Engine
from app.identifiers import new_id, next_version
from app.jobs.actions import start_action
from app.jobs.generation import TYPE, generation_payload
from app.jobs.runner import run_jobs
from app.redeemables.issuing import BATCH_MAX, COPY_MAX
from app.settings import Settings
from app.wiring import running_engine


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


async def _run_for_ever(settings: Settings) -> None:
    async with running_engine(settings) as engine:
        await run_jobs(engine, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(
        _run_for_ever(Settings(data_dir=Path(sys.argv[1]), redis_url=sys.argv[2], database_url=sys.argv[3]))
    )
