"""Rows by what paths and bodies name them: a campaign by id or name, a voucher by code or id. What is in the
bin is not found.
"""

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Campaign, Project, PromotionTier, ValidationRule, Voucher
from app.http.errors import not_found
from app.redeemables.issuing import fold


async def project_of(session: AsyncSession, project_id: str) -> Project:
    """The project whose key opened the request."""
    project = await session.get(Project, project_id)
    if project is None:
        raise not_found("project", project_id)
    return project


async def campaign_named(
    session: AsyncSession, project_id: str, id_or_name: str, *, lock: bool = False
) -> Campaign:
    """The id wins over a name that looks like one.

    Raises: ApiError 404.
    """
    statement = select(Campaign).where(
        Campaign.project_id == project_id,
        or_(Campaign.id == id_or_name, Campaign.name == id_or_name),
        Campaign.deleted_at.is_(None),
    )
    rows = (await session.scalars(statement.with_for_update() if lock else statement)).all()
    for row in sorted(rows, key=lambda row: row.id != id_or_name):
        return row
    raise not_found("campaign", id_or_name)


def live_vouchers(project_id: str) -> Select[Voucher, Campaign]:
    """Vouchers with their campaigns; neither may be in the bin."""
    return (
        select(Voucher, Campaign)
        .outerjoin(
            Campaign, (Campaign.project_id == Voucher.project_id) & (Campaign.id == Voucher.campaign_id)
        )
        .where(
            Voucher.project_id == project_id,
            Voucher.deleted_at.is_(None),
            or_(Voucher.campaign_id.is_(None), (Campaign.id.is_not(None)) & (Campaign.deleted_at.is_(None))),
        )
    )


async def voucher_named(
    session: AsyncSession, project_id: str, code_or_id: str, *, lock: bool = False
) -> tuple[Voucher, Campaign | None]:
    """A code wins over an id.

    Raises: ApiError 404.
    """
    folded = fold(await project_of(session, project_id), code_or_id)
    statement = live_vouchers(project_id).where(or_(Voucher.folded_code == folded, Voucher.id == code_or_id))
    if lock:
        statement = statement.with_for_update(of=Voucher)
    rows = (await session.execute(statement)).all()
    for voucher, campaign in sorted(rows, key=lambda pair: pair[0].folded_code != folded):
        return voucher, campaign
    raise not_found("voucher", code_or_id)


async def tier_named(
    session: AsyncSession, project_id: str, tier_id: str, *, lock: bool = False
) -> tuple[PromotionTier, Campaign]:
    """A tier with its campaign.

    Raises: ApiError 404.
    """
    statement = (
        select(PromotionTier, Campaign)
        .join(
            Campaign,
            (Campaign.project_id == PromotionTier.project_id) & (Campaign.id == PromotionTier.campaign_id),
        )
        .where(
            PromotionTier.project_id == project_id,
            PromotionTier.id == tier_id,
            Campaign.deleted_at.is_(None),
        )
    )
    row = (await session.execute(statement.with_for_update() if lock else statement)).first()
    if row is None:
        raise not_found("promotion_tier", tier_id)
    return row[0], row[1]


async def rule_named(
    session: AsyncSession, project_id: str, rule_id: str, *, lock: bool = False
) -> ValidationRule:
    """Raises: ApiError 404."""
    row = await session.get(ValidationRule, (project_id, rule_id), with_for_update=lock or None)
    if row is None:
        raise not_found("validation_rules", rule_id)
    return row
