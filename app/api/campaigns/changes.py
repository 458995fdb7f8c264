"""New terms for a campaign's codes: the discount, a gift's effect, the redemption limit.

By the contract they are for codes that are neither published nor redeemed. A code reads its terms from its
campaign, so before the
campaign changes, every code that was handed out gets the terms it was handed out with as its own. The one
code of a STANDALONE
campaign is the campaign itself and follows it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.campaigns.definition import gift_effect_of, quantity_of
from app.api.campaigns.schemas import CampaignUpdate, GiftBody, RedemptionBody
from app.api.lookup import campaign_named
from app.api.publishing import CatalogueWrite
from app.api.terms import checked_discount, refusal
from app.db.models import Campaign, Voucher
from app.db.noted import be_quiet
from app.identifiers import next_version
from app.redeemables.issuing import BATCH_MAX


def changes_terms(body: CampaignUpdate) -> bool:
    return _discount_of(body) is not None or _gift_of(body) is not None


def _discount_of(body: CampaignUpdate) -> dict[str, Any] | None:
    if body.discount is not None:
        return body.discount
    return body.voucher.discount if body.voucher is not None else None


def _gift_of(body: CampaignUpdate) -> GiftBody | None:
    if body.gift is not None:
        return body.gift
    return body.voucher.gift if body.voucher is not None else None


def _redemption_of(body: CampaignUpdate) -> RedemptionBody | None:
    if body.redemption is not None:
        return body.redemption
    return body.voucher.redemption if body.voucher is not None else None


async def keep_terms_of_issued(call: Call, id_or_name: str) -> None:
    """Give codes that were handed out their campaign's terms as their own, 500 a transaction, until few are
    left.
    """
    while True:
        async with call.write() as write:
            be_quiet(write.session)  # What anybody sees of the codes stays the same.
            campaign = await campaign_named(write.session, call.project_id, id_or_name, lock=True)
            if await _keep_some(write, campaign) < BATCH_MAX:
                return


async def _keep_some(write: CatalogueWrite, campaign: Campaign) -> int:
    part = _part_of(campaign)
    if part is None or campaign.type == "STANDALONE":
        return 0
    document = campaign.body["voucher"][part]
    rows = await _issued_without(write.session, campaign, part)
    for row in rows:
        own = {"effect": document.get("effect")} if part == "gift" else document
        row.body = {**row.body, part: own}
        row.version = next_version(row.version)
        write.voucher(row.id)
    return len(rows)


def _part_of(campaign: Campaign) -> str | None:
    voucher = campaign.body.get("voucher") or {}
    return next((part for part in ("discount", "gift") if voucher.get(part)), None)


async def _issued_without(session: AsyncSession, campaign: Campaign, part: str) -> Sequence[Voucher]:
    rows = await session.scalars(
        select(Voucher)
        .where(
            Voucher.project_id == campaign.project_id,
            Voucher.campaign_id == campaign.id,
            or_(Voucher.publish_count > 0, Voucher.holder_id.is_not(None), Voucher.redeemed_quantity > 0),
            Voucher.body[part].as_string().is_(None),
        )
        .limit(BATCH_MAX)
        .with_for_update()
    )
    return rows.all()


async def apply_terms(
    write: CatalogueWrite, campaign: Campaign, body: CampaignUpdate, document: dict[str, Any], now: datetime
) -> None:
    """Lay new terms over `document["voucher"]`. Name, type of discount, code settings and a gift's amount
    stay.

    Raises: ApiError 400.
    """
    voucher = document.get("voucher")
    if voucher is None:
        return
    voucher = dict(voucher)
    discount, gift, redemption = _discount_of(body), _gift_of(body), _redemption_of(body)
    if discount is not None and voucher.get("discount") is not None:
        sent = {"type": voucher["discount"].get("type"), **discount}
        if sent["type"] != voucher["discount"].get("type"):
            raise refusal("invalid_campaign", "It is not possible to change Campaign discount type")
        await _keep_some(write, campaign)
        voucher["discount"] = checked_discount(sent)
    if gift is not None and gift.effect is not None and voucher.get("gift") is not None:
        await _keep_some(write, campaign)
        voucher["gift"] = {**voucher["gift"], "effect": gift_effect_of(gift)}
    if redemption is not None and redemption.quantity is not UNSET:
        quantity = quantity_of(redemption)
        if quantity != (voucher.get("redemption") or {}).get("quantity"):
            voucher["redemption"] = {"quantity": quantity}
            await _limit_codes(write, campaign, quantity, now)
    document["voucher"] = voucher


async def _limit_codes(
    write: CatalogueWrite, campaign: Campaign, quantity: int | None, now: datetime
) -> None:
    """A generic code takes its campaign's new limit at once; other codes keep the limit that they were made
    with.
    """
    if campaign.type != "STANDALONE":
        return
    rows = await write.session.scalars(
        select(Voucher).where(
            Voucher.project_id == campaign.project_id,
            Voucher.campaign_id == campaign.id,
            Voucher.deleted_at.is_(None),
        )
    )
    for row in rows:
        row.quantity = quantity
        row.updated_at = now
        row.version = next_version(row.version)
        write.voucher(row.id)
