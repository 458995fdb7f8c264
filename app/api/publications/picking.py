"""Which codes are handed out: a chosen one, free ones of a campaign's pool, or new ones where the pool may
grow.

Runs inside the publication's transaction with the rows locked, so that nobody else is given the same code.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.publishing import CatalogueWrite
from app.api.terms import Windows
from app.api.vouchers.service import Own, issue
from app.db.models import Campaign, Project, Voucher
from app.http.errors import ApiError
from app.redeemables.codes import code_config_of


def is_generic(voucher: Voucher, campaign: Campaign | None) -> bool:
    """One code for everybody: it is published to many and held by nobody."""
    return campaign is not None and campaign.type == "STANDALONE"


def check_free(voucher: Voucher, campaign: Campaign | None, now: datetime) -> None:
    """Raises: ApiError 400 voucher_already_published or no_voucher_suitable_for_publication."""
    if not is_generic(voucher, campaign) and (voucher.holder_id is not None or voucher.publish_count):
        raise ApiError(
            400,
            "voucher_already_published",
            "Voucher already published",
            f"Voucher '{voucher.id}' has already been published",
        )
    ended = voucher.expiration_date is not None and voucher.expiration_date < now
    if not voucher.active or ended:
        raise nothing_suitable(f"Voucher '{voucher.id}' is disabled or expired")


def nothing_suitable(details: str) -> ApiError:
    return ApiError(
        400,
        "no_voucher_suitable_for_publication",
        "Couldn't find any voucher suitable for publication",
        details,
    )


async def pick(
    write: CatalogueWrite, project: Project, campaign: Campaign, count: int, now: datetime
) -> list[Voucher]:
    """`count` codes of a campaign.

    Raises: ApiError 400 no_voucher_suitable_for_publication when the pool is empty and may not grow.
    """
    if campaign.campaign_type == "PROMOTION":
        raise ApiError(400, "invalid_campaign", "Invalid Campaign", "A PROMOTION campaign has no vouchers.")
    if campaign.type == "STANDALONE":
        return await _generic(write.session, campaign, count, now)
    picked = list(await _unpublished(write.session, campaign, count, now))
    if len(picked) < count and campaign.type != "AUTO_UPDATE":
        raise nothing_suitable(
            f"Campaign '{campaign.name}' has {len(picked)} vouchers left, {count} are wanted"
        )
    config = code_config_of((campaign.body.get("voucher") or {}).get("code_config"))
    while len(picked) < count:
        own = Own(windows=Windows())
        picked.append(await issue(write, project, campaign, own, now, code=None, config=config))
    return picked


async def _generic(session: AsyncSession, campaign: Campaign, count: int, now: datetime) -> list[Voucher]:
    if count > 1:
        raise ApiError(
            400, "too_many_vouchers_requested", "Too many vouchers requested", "Only up to 1 can be published"
        )
    row = await session.scalar(
        select(Voucher)
        .where(
            Voucher.project_id == campaign.project_id,
            Voucher.campaign_id == campaign.id,
            Voucher.deleted_at.is_(None),
        )
        .limit(1)
        .with_for_update()
    )
    if row is None:
        raise nothing_suitable(f"Campaign '{campaign.name}' has no voucher")
    check_free(row, campaign, now)
    return [row]


async def _unpublished(
    session: AsyncSession, campaign: Campaign, count: int, now: datetime
) -> Sequence[Voucher]:
    """Rows that others have locked are theirs."""
    rows = await session.scalars(
        select(Voucher)
        .where(
            Voucher.project_id == campaign.project_id,
            Voucher.campaign_id == campaign.id,
            Voucher.publish_count == 0,
            Voucher.holder_id.is_(None),
            Voucher.deleted_at.is_(None),
            Voucher.active,
            Voucher.redeemed_quantity == 0,
            or_(Voucher.expiration_date.is_(None), Voucher.expiration_date > now),
        )
        .order_by(Voucher.id)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    return rows.all()
