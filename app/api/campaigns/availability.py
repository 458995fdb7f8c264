"""How much of a campaign is left, for the page that says "87 % claimed" (S10). May be kept for a second."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Answer, Call
from app.api.campaigns.answers import CampaignAvailability
from app.api.campaigns.pools import free_codes
from app.api.campaigns.rule_names import cap_of, conditions_by_object, conditions_of
from app.api.lookup import campaign_named
from app.db.models import Campaign, PromotionTier, Voucher
from app.http.routing import Route, Scope
from app.http.wire import iso

COUNT = "campaign.redemptions.count"
CACHED = {"Cache-Control": "public, max-age=1"}


class _Tier(NamedTuple):
    row: PromotionTier
    cap: int | None
    """Redemptions of the whole campaign, beyond which this tier refuses."""


async def get_availability(call: Call) -> Answer:
    """`status` tells sold out from expired, stopped and not begun. Of one public code its redemptions
    count; of a pool of codes, how many were handed out; of a promotion, the redemptions of its tiers.
    """
    now = call.engine.now()
    async with call.read() as session:
        campaign = await campaign_named(session, call.project_id, call.path["campaignId"])
        is_promotion = campaign.campaign_type == "PROMOTION"
        is_pool = not is_promotion and campaign.type != "STANDALONE"
        tiers: list[_Tier] = []
        caps: list[int | None] = []
        claimed = 0
        if is_promotion:
            tiers, caps, claimed = await _promotion(call, session, campaign, now)
        elif not is_pool:
            caps, claimed = await _public(call, session, campaign)
    if is_pool:  # Without a connection in hand: whoever counts needs one.
        caps, claimed = await _pool(call, campaign)
    limits = [cap for cap in caps if cap is not None]
    limit = min(limits) if limits else None
    left = _left(limit, claimed)
    status = _status(campaign, left, now)
    if is_promotion and status == "available":
        status = _best([_status(tier.row, _left(tier.cap, claimed), now) for tier in tiers])
    answer: dict[str, Any] = {
        "object": "campaign_availability",
        "campaign_id": campaign.id,
        "status": status,
        "limit": limit,
        "claimed": claimed,
        "left": left,
        "percent_claimed": None if not limit else min(100, claimed * 100 // limit),
        "start_date": iso(campaign.start_date),
        "expiration_date": iso(campaign.expiration_date),
        "as_of": iso(now),
    }
    return Answer(answer, headers=CACHED)


def _left(limit: int | None, claimed: int) -> int | None:
    return None if limit is None else max(0, limit - claimed)


def _status(row: Campaign | PromotionTier, left: int | None, now: datetime) -> str:
    if not row.active:
        return "disabled"
    if row.expiration_date is not None and row.expiration_date < now:
        return "expired"
    if left == 0:
        return "sold_out"
    if row.start_date is not None and row.start_date > now:
        return "not_started"
    return "available"


def _best(statuses: Sequence[str]) -> str:
    """What a promotion is that is on itself: as its tier is of which most can be hoped."""
    hope = ("available", "not_started", "sold_out", "expired")
    return next((status for status in hope if status in statuses), "disabled")


async def _public(call: Call, session: AsyncSession, campaign: Campaign) -> tuple[list[int | None], int]:
    """Caps that apply to redemptions of the campaign's one code, and what is claimed of them."""
    code = await session.scalar(
        select(Voucher)
        .where(
            Voucher.project_id == campaign.project_id,
            Voucher.campaign_id == campaign.id,
            Voucher.deleted_at.is_(None),
        )
        .limit(1)
    )
    ids = [campaign.id] if code is None else [campaign.id, code.id]
    cap = cap_of(await conditions_of(session, campaign, ids), COUNT)
    used, of_campaign = await _used(call, campaign, code)
    if code is None:
        return [cap], of_campaign
    return [code.quantity, cap], max(used, of_campaign) if cap is not None else used


async def _promotion(
    call: Call, session: AsyncSession, campaign: Campaign, now: datetime
) -> tuple[list[_Tier], list[int | None], int]:
    """Its tiers; what limits the campaign: its own cap, and the highest of the caps of its tiers, when each
    one that may still be redeemed has one. All of them count the campaign's redemptions.
    """
    rows = (
        await session.scalars(
            select(PromotionTier).where(
                PromotionTier.project_id == campaign.project_id, PromotionTier.campaign_id == campaign.id
            )
        )
    ).all()
    ids = [campaign.id, *(row.id for row in rows)]
    conditions = await conditions_by_object(session, campaign.project_id, ids)
    tiers = [_Tier(row, cap_of(conditions.get(row.id, ()), COUNT)) for row in rows]
    _, claimed = await _used(call, campaign, None)
    hoped = [tier.cap for tier in tiers if _status(tier.row, None, now) in ("available", "not_started")]
    caps = [cap for cap in hoped if cap is not None]
    highest = max(caps) if caps and len(caps) == len(hoped) else None
    return tiers, [cap_of(conditions.get(campaign.id, ()), COUNT), highest], claimed


async def _pool(call: Call, campaign: Campaign) -> tuple[list[int | None], int]:
    """The campaign's row is as new as the request, the count of free codes is not: never below nothing."""
    free = await free_codes(call.engine.db, campaign.project_id, campaign.id)
    claimed = max(0, campaign.vouchers_count - free)
    return [None if campaign.type == "AUTO_UPDATE" else campaign.vouchers_count], claimed


async def _used(call: Call, campaign: Campaign, code: Voucher | None) -> tuple[int, int]:
    """Redemptions of the code and of the campaign, as the core counts them at this moment."""
    core, partition = call.engine.core, call.partition
    keys = await core.open(partition)
    commands: list[tuple[str, ...]] = [("HGET", keys.counter("campaign", campaign.id), "used")]
    if code is not None:
        commands.append(("HGET", keys.voucher_used(code.id), code.id))
    replies = await core.read(partition, commands)
    of_campaign = int(replies[0] or 0)
    if code is None:
        return of_campaign, of_campaign
    return (code.redeemed_base if replies[1] is None else int(replies[1])), of_campaign


def _route(path: str, operation_id: str, scope: Scope) -> Route:
    return Route(
        method="GET",
        path=path,
        operation_id=operation_id,
        handler=get_availability,
        permission="campaigns.read",
        scope=scope,
        tag="Campaigns",
        summary="How much of a campaign is left",
        answer=CampaignAvailability,
        errors=("not_found",),
    )


ROUTES: tuple[Route, ...] = (
    _route("/v1/engine/campaigns/{campaignId}/availability", "get-campaign-availability", Scope.PROJECT),
    _route(
        "/client/v1/engine/campaigns/{campaignId}/availability",
        "get-campaign-availability-client-side",
        Scope.CLIENT,
    ),
)
