"""How much of a campaign is left, for the page that says "87 % claimed" (S10). May be kept for a second."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Answer, Call
from app.api.campaigns.pools import free_codes
from app.api.campaigns.rule_names import cap_of, conditions_of
from app.api.lookup import campaign_named
from app.db.models import Campaign, PromotionTier, Voucher
from app.http.routing import Route, Scope
from app.http.wire import iso

CACHED = {"Cache-Control": "public, max-age=1"}


async def get_availability(call: Call) -> Answer:
    """`status` tells sold out from expired, stopped and not begun. Of one public code its redemptions
    count; of a pool of codes, how many were handed out; of a promotion, its redemptions.
    """
    now = call.engine.now()
    async with call.read() as session:
        campaign = await campaign_named(session, call.project_id, call.path["campaignId"])
        is_pool = campaign.campaign_type != "PROMOTION" and campaign.type != "STANDALONE"
        caps, claimed = ([], 0) if is_pool else await _claims(call, session, campaign)
    if is_pool:  # Without a connection in hand: whoever counts needs one.
        caps, claimed = await _pool(call, campaign)
    limits = [cap for cap in caps if cap is not None]
    limit = min(limits) if limits else None
    left = None if limit is None else max(0, limit - claimed)
    answer: dict[str, Any] = {
        "object": "campaign_availability",
        "campaign_id": campaign.id,
        "status": _status(campaign, left, now),
        "limit": limit,
        "claimed": claimed,
        "left": left,
        "percent_claimed": None if not limit else min(100, claimed * 100 // limit),
        "start_date": iso(campaign.start_date),
        "expiration_date": iso(campaign.expiration_date),
        "as_of": iso(now),
    }
    return Answer(answer, headers=CACHED)


def _status(campaign: Campaign, left: int | None, now: datetime) -> str:
    if not campaign.active:
        return "disabled"
    if campaign.expiration_date is not None and campaign.expiration_date < now:
        return "expired"
    if left == 0:
        return "sold_out"
    if campaign.start_date is not None and campaign.start_date > now:
        return "not_started"
    return "available"


async def _claims(call: Call, session: AsyncSession, campaign: Campaign) -> tuple[list[int | None], int]:
    """Caps that apply to redemptions, and what is claimed of them."""
    ids = [campaign.id]
    code: Voucher | None = None
    if campaign.type == "STANDALONE":
        code = await session.scalar(
            select(Voucher)
            .where(
                Voucher.project_id == campaign.project_id,
                Voucher.campaign_id == campaign.id,
                Voucher.deleted_at.is_(None),
            )
            .limit(1)
        )
    if code is not None:
        ids.append(code.id)
    else:
        ids += await session.scalars(
            select(PromotionTier.id).where(
                PromotionTier.project_id == campaign.project_id, PromotionTier.campaign_id == campaign.id
            )
        )
    cap = cap_of(await conditions_of(session, campaign, ids), "campaign.redemptions.count")
    used, of_campaign = await _used(call, campaign, code)
    if code is None:
        return [cap], of_campaign
    return [code.quantity, cap], max(used, of_campaign) if cap is not None else used


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
        answer=dict,
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
