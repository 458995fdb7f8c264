"""The lists of promotion tiers and stacks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Campaign, PromotionStack, PromotionTier
from app.http.filtering import page_of
from app.http.query import Paging, Query

SORTABLE = {
    "created_at": PromotionTier.created_at,
    "updated_at": PromotionTier.updated_at,
    "hierarchy": PromotionTier.hierarchy,
}


async def page_of_tiers(
    session: AsyncSession,
    project_id: str,
    paging: Paging,
    *,
    campaign: Campaign | None = None,
    available_at: datetime | None = None,
) -> tuple[Sequence[tuple[PromotionTier, Campaign]], int]:
    """`available_at`: only tiers that are switched on and inside their dates then, as is their campaign."""
    statement = (
        select(PromotionTier, Campaign)
        .join(
            Campaign,
            (Campaign.project_id == PromotionTier.project_id) & (Campaign.id == PromotionTier.campaign_id),
        )
        .where(PromotionTier.project_id == project_id, Campaign.deleted_at.is_(None))
    )
    if campaign is not None:
        statement = statement.where(PromotionTier.campaign_id == campaign.id)
    if available_at is not None:
        for owner in (PromotionTier, Campaign):
            statement = statement.where(
                owner.active,
                or_(owner.start_date.is_(None), owner.start_date <= available_at),
                or_(owner.expiration_date.is_(None), owner.expiration_date >= available_at),
            )
    rows, total = await page_of(session, statement, paging, SORTABLE, PromotionTier.id)
    return [(row[0], row[1]) for row in rows], total


STACKS_SORTABLE = {
    "created_at": PromotionStack.created_at,
    "updated_at": PromotionStack.updated_at,
    "name": PromotionStack.name,
}


def live_stacks(project_id: str) -> Select[PromotionStack]:
    """Stacks whose campaign is not in the bin."""
    return (
        select(PromotionStack)
        .join(
            Campaign,
            (Campaign.project_id == PromotionStack.project_id) & (Campaign.id == PromotionStack.campaign_id),
        )
        .where(PromotionStack.project_id == project_id, Campaign.deleted_at.is_(None))
    )


async def page_of_stacks(
    session: AsyncSession, project_id: str, query: Query, paging: Paging, campaign_id: str | None
) -> tuple[Sequence[PromotionStack], int]:
    """One page and the total."""
    statement = live_stacks(project_id)
    if campaign_id is not None:
        statement = statement.where(PromotionStack.campaign_id == campaign_id)
    for name, column in (
        ("created_at", PromotionStack.created_at),
        ("updated_at", PromotionStack.updated_at),
    ):
        bounds = query.between(name)
        if bounds.after is not None:
            statement = statement.where(column > bounds.after)
        if bounds.before is not None:
            statement = statement.where(column < bounds.before)
    rows, total = await page_of(session, statement, paging, STACKS_SORTABLE, PromotionStack.id)
    return [row[0] for row in rows], total
