"""Offer pressure on publications: how many codes a customer may be given in a day, week or month over all
campaigns. Counted in the publication's own transaction, with the customer's row locked, so that two at once
cannot both be the last.
"""

from datetime import UTC, date, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Campaign, Category, Customer, Project, Publication, PublicationVoucher, Voucher
from app.http.errors import ApiError
from app.redeemables.loading import zone_of
from rules.moment import calendar_window
from rules.pressure import PUBLICATIONS, OfferLimit
from rules.terms import terms_of


async def check_pressure(
    session: AsyncSession,
    project: Project,
    customer_id: str,
    campaign: Campaign | None,
    voucher: Voucher | None,
    count: int,
    now: datetime,
) -> None:
    """Raises: ApiError 400 offer_limit_exceeded. voucher: the chosen one, if one was named."""
    limits = [
        limit
        for limit in terms_of(project.settings.get("extensions") or {}).pressure
        if limit.what == PUBLICATIONS
    ]
    if not limits:
        return
    category = (voucher.category_id if voucher is not None else None) or (
        campaign.category_id if campaign is not None else None
    )
    names = await _names(session, project.id, category)
    await session.scalar(
        select(Customer.id)
        .where(Customer.project_id == project.id, Customer.id == customer_id)
        .with_for_update()
    )
    for limit in limits:
        if limit.exempts(names):
            continue
        given = await _given(session, project, customer_id, limit, now)
        if given + count > limit.limit:
            raise ApiError(
                400, "offer_limit_exceeded", "The customer was given enough", f"{limit.sentence}; {given} are"
            )


async def _names(session: AsyncSession, project_id: str, category_id: str | None) -> list[str]:
    if category_id is None:
        return []
    category = await session.get(Category, (project_id, category_id))
    return [category_id] if category is None else [category_id, category.name]


async def _given(
    session: AsyncSession, project: Project, customer_id: str, limit: OfferLimit, now: datetime
) -> int:
    """Codes that were published to the customer since the window began, but for those of exempt
    categories.
    """
    zone = zone_of(project.timezone)
    window, _ = calendar_window(limit.window, now.astimezone(zone).date(), zone, 0)
    first = date.fromisoformat(window[1:])
    since = datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
    statement = (
        select(func.count())
        .select_from(PublicationVoucher)
        .join(
            Publication,
            (Publication.project_id == PublicationVoucher.project_id)
            & (Publication.id == PublicationVoucher.publication_id),
        )
        .where(
            Publication.project_id == project.id,
            Publication.customer_id == customer_id,
            Publication.created_at >= since,
        )
    )
    if limit.exempt:
        of_exempt = select(Category.id).where(
            Category.project_id == project.id,
            Category.id.in_(limit.exempt) | Category.name.in_(limit.exempt),
        )
        category = func.coalesce(Voucher.category_id, Campaign.category_id, "")
        statement = (
            statement.join(
                Voucher,
                (Voucher.project_id == PublicationVoucher.project_id)
                & (Voucher.id == PublicationVoucher.voucher_id),
            )
            .outerjoin(
                Campaign, (Campaign.project_id == Voucher.project_id) & (Campaign.id == Voucher.campaign_id)
            )
            .where(category.not_in(of_exempt))
        )
    return await session.scalar(statement) or 0
