"""The lists of promotion tiers."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.filtering import page_of
from app.db.models import Campaign, PromotionTier
from app.http.query import Paging

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
