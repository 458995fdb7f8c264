"""A deleted campaign's codes follow it, five hundred at a time. None of them can be redeemed meanwhile: the
campaign itself is gone.
"""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.db.models import (
    AsyncAction,
    Campaign,
    PromotionStack,
    PromotionTier,
    ValidationRuleAssignment,
    Voucher,
)
from app.db.noted import be_quiet
from app.engine import Engine
from app.identifiers import next_version
from app.jobs.progress import advance, finish
from app.redeemables.issuing import BATCH_MAX

TYPE = "CAMPAIGN.VOUCHERS_DELETE"


def removal_payload(campaign_id: str, count: int, *, force: bool) -> dict[str, Any]:
    """`count`: codes at the time of deletion. force: for good, else into the bin."""
    return {"campaign_id": campaign_id, "count": count, "force": force}


async def step(engine: Engine, session: AsyncSession, action: AsyncAction) -> None:
    """At most 500 codes; with the last of them the campaign's own row, when it was forced."""
    be_quiet(session)  # The campaign was told of; its codes go with it.
    project_id, payload = action.project_id, action.payload
    campaign_id, force = payload["campaign_id"], bool(payload["force"])
    statement = (
        select(Voucher)
        .where(Voucher.project_id == project_id, Voucher.campaign_id == campaign_id)
        .order_by(Voucher.created_at, Voucher.id)
        .limit(BATCH_MAX)
    )
    if not force:
        statement = statement.where(Voucher.deleted_at.is_(None))
    rows = (await session.scalars(statement)).all()
    now = engine.now()
    if force and rows:
        await _remove(engine, session, project_id, rows)
    for row in rows:
        if not force:
            row.deleted_at = now
            row.version = next_version(row.version)
    done = int(action.state.get("done", 0)) + len(rows)
    advance(action, done, max(int(payload["count"]), done))
    if len(rows) < BATCH_MAX:
        if force:
            await _remove_campaign(session, project_id, campaign_id)
        finish(action, now, f"Deleted {done} vouchers.")


async def _remove(engine: Engine, session: AsyncSession, project_id: str, rows: Any) -> None:
    """The tombstones first: a row that is gone can no longer say which record was its own."""
    await engine.catalogue.publish(
        Partition(project_id),
        {},
        [("deleted", row.id, row.folded_code, next_version(row.version)) for row in rows],
    )
    ids = [row.id for row in rows]
    await session.execute(
        delete(ValidationRuleAssignment).where(
            ValidationRuleAssignment.project_id == project_id,
            ValidationRuleAssignment.related_object_id.in_(ids),
        )
    )
    await session.execute(delete(Voucher).where(Voucher.project_id == project_id, Voucher.id.in_(ids)))


async def _remove_campaign(session: AsyncSession, project_id: str, campaign_id: str) -> None:
    tiers = (
        await session.scalars(
            select(PromotionTier.id).where(
                PromotionTier.project_id == project_id, PromotionTier.campaign_id == campaign_id
            )
        )
    ).all()
    await session.execute(
        delete(ValidationRuleAssignment).where(
            ValidationRuleAssignment.project_id == project_id,
            ValidationRuleAssignment.related_object_id.in_([campaign_id, *tiers]),
        )
    )
    await session.execute(
        delete(PromotionStack).where(
            PromotionStack.project_id == project_id, PromotionStack.campaign_id == campaign_id
        )
    )
    await session.execute(
        delete(PromotionTier).where(
            PromotionTier.project_id == project_id, PromotionTier.campaign_id == campaign_id
        )
    )
    await session.execute(
        delete(Campaign).where(Campaign.project_id == project_id, Campaign.id == campaign_id)
    )
