"""What guards the minting of codes for single people: budgets of a key per day, and a look at the last days.

A key's budgets are `settings.mint` of its row: `codes_per_day` and `value_per_day` (minor units), counted
in the project's zone. A campaign's `extensions.minting` says how long after a code another one for the same
customer is worth a look (`duplicate_days`), which campaigns count as the same (`family`), and whether it is
refused until it is confirmed (`duplicates: "refuse"`) or only pointed out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import ApiKey, Campaign, Customer, Project, Publication, Voucher
from app.http.errors import ApiError
from app.redeemables.loading import zone_of

DUPLICATE_DAYS_MAX = 3_660
SHOWN_MAX = 10


def value_of(voucher: Voucher, campaign: Campaign | None) -> int:
    """What one code is worth at most, in minor units, as far as its terms say so without an order; else 0."""
    if voucher.type == "GIFT_VOUCHER":
        return voucher.gift_opening
    shared = (campaign.body.get("voucher") or {}) if campaign is not None else {}
    discount = voucher.body.get("discount") or shared.get("discount") or {}
    for name in ("amount_off", "amount_limit", "aggregated_amount_limit"):
        if isinstance(discount.get(name), int):
            return int(discount[name])
    return 0


async def check_budget(
    session: AsyncSession, project: Project, key_id: str, codes: int, value: int, now: datetime
) -> None:
    """Raises: ApiError 403 mint_budget_exceeded, with the numbers. The key's row is locked until the
    publication is committed, so two agents of one key cannot both have the last of it.
    """
    key = await session.get(ApiKey, key_id)
    mint = (key.settings.get("mint") or {}) if key is not None else {}
    if not mint:
        return
    await session.refresh(key, with_for_update=True)
    local = now.astimezone(zone_of(project.timezone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    row = (
        await session.execute(
            select(
                func.coalesce(func.sum(Publication.codes), 0), func.coalesce(func.sum(Publication.value), 0)
            ).where(
                Publication.project_id == project.id,
                Publication.actor_key_id == key_id,
                Publication.created_at >= midnight,
            )
        )
    ).one()
    for name, used, more in (("codes_per_day", int(row[0]), codes), ("value_per_day", int(row[1]), value)):
        limit = mint.get(name)
        if limit is not None and used + more > limit:
            raise ApiError(
                403,
                "mint_budget_exceeded",
                "Budget of the key exceeded",
                f"{name} is {limit}: {used} are used today, {more} more are wanted",
            )


async def earlier_codes(
    session: AsyncSession, campaign: Campaign | None, customer_id: str, now: datetime
) -> list[dict[str, Any]]:
    """Publications of the last days to the same customer from the same family of campaigns, newest first.

    Two agents who give to one customer at the same moment come one after the other: the customer's row is
    locked until the publication is committed.
    """
    minting = minting_of(campaign)
    days = minting.get("duplicate_days")
    if campaign is None or not isinstance(days, int) or days <= 0:
        return []
    await session.execute(
        select(Customer.id)
        .where(Customer.project_id == campaign.project_id, Customer.id == customer_id)
        .with_for_update()
    )
    since = now - timedelta(days=min(days, DUPLICATE_DAYS_MAX))
    rows = await session.scalars(
        select(Publication)
        .where(
            Publication.project_id == campaign.project_id,
            Publication.customer_id == customer_id,
            Publication.created_at >= since,
            Publication.campaign_id.in_(await _family(session, campaign, minting)),
        )
        .order_by(Publication.created_at.desc(), Publication.id.desc())
        .limit(SHOWN_MAX)
    )
    return [
        {
            "publication_id": row.id,
            "voucher": row.voucher_code,
            "created_at": row.created_at,
            "reason": row.reason,
            "agent": row.agent,
        }
        for row in rows
    ]


def minting_of(campaign: Campaign | None) -> dict[str, Any]:
    found = (campaign.body.get("extensions") or {}).get("minting") if campaign is not None else None
    return found if isinstance(found, dict) else {}


async def _family(session: AsyncSession, campaign: Campaign, minting: dict[str, Any]) -> Sequence[str]:
    family = minting.get("family")
    if not isinstance(family, str) or not family:
        return [campaign.id]
    rows = await session.scalars(
        select(Campaign.id).where(
            Campaign.project_id == campaign.project_id,
            Campaign.body["extensions"]["minting"]["family"].as_string() == family,
        )
    )
    return rows.all()


def check_confirmed(campaign: Campaign | None, earlier: list[dict[str, Any]], *, confirmed: bool) -> None:
    """Raises: ApiError 400 duplicate_needs_confirmation where the campaign asks for it."""
    if earlier and not confirmed and minting_of(campaign).get("duplicates") == "refuse":
        last = earlier[0]
        raise ApiError(
            400,
            "duplicate_needs_confirmation",
            "The customer has a code already",
            f"Publication {last['publication_id']} gave {last['voucher']}: send extensions.confirmed",
        )
