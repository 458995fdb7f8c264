"""Stopping a campaign at once, with a reason, and with what becomes of what carts hold of its codes.

Nobody redeems after the answer, whatever is held: what is kept only keeps its place, for a campaign that goes
on before the locks have run out.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from sqlalchemy import select, tuple_

from app.api.call import Answer, Call
from app.api.campaigns.answers import StoppedCampaign
from app.api.lookup import campaign_named
from app.api.promotions.service import touch_campaign
from app.db.models import Campaign, SessionLock, Voucher
from app.http.errors import ApiError
from app.http.routing import Route
from app.redeemables.auto_stop import stopped_by_hand
from app.redeemables.locking import release_held

PAGE_ROWS: Final = 200
HOLDS_MAX: Final = 2_000
"""Released within one request; where there are more, the answer says so and the next one goes on."""


class CampaignStop(Struct, kw_only=True):
    """`holds`: what sessions hold of the campaign's codes is kept until it runs out, or released now."""

    reason: Annotated[str, Meta(min_length=1, max_length=1_000)]
    holds: Literal["keep", "release"] = "keep"


async def stop_campaign(call: Call) -> Answer:
    """The campaign is disabled as by `disable`, and says why until it is enabled. Sent again, it releases
    what is still held.
    """
    body: CampaignStop = call.body()
    now = call.engine.now()
    async with call.write() as write:
        campaign = await campaign_named(write.session, call.project_id, call.path["campaignId"], lock=True)
        if campaign.active:
            campaign.active = False
            campaign.body = stopped_by_hand(campaign.body, body.reason, call.principal.key_id, now)
            touch_campaign(write, campaign, now)
        stopped = (campaign.body.get("extensions") or {}).get("stopped")
    released, complete = await _release(call, campaign) if body.holds == "release" else (0, True)
    return Answer(
        {
            "object": "campaign_stop",
            "campaign_id": campaign.id,
            "active": False,
            "stopped": stopped,
            "holds": body.holds,
            "holds_released": released,
            "holds_complete": complete,
        }
    )


async def _release(call: Call, campaign: Campaign) -> tuple[int, bool]:
    """How many holds were given back, and whether that is all: a stopped campaign takes no new ones."""
    complete = True
    try:
        await call.barrier()
    except ApiError:
        complete = False  # the table of locks is behind: what it has is released, and the rest runs out
    engine, released, seen = call.engine, 0, 0
    after = ("", "")
    event_id = None
    while seen < HOLDS_MAX:
        page = await _page(call, campaign.id, after)
        for digest, voucher_id in page:
            given_back = await release_held(
                engine.core, call.partition, digest, voucher_id, call.principal.key_id, engine.now()
            )
            event_id = given_back or event_id
            released += given_back is not None
        seen += len(page)
        if len(page) < PAGE_ROWS:
            break
        after = page[-1]
    else:
        complete = False
    if event_id is not None:
        await engine.ledger.acknowledged(call.partition, event_id)
    return released, complete


async def _page(call: Call, campaign_id: str, after: tuple[str, str]) -> list[tuple[str, str]]:
    lock = SessionLock
    async with call.read() as session:
        rows = await session.execute(
            select(lock.digest, lock.voucher_id)
            .join(Voucher, (Voucher.project_id == lock.project_id) & (Voucher.id == lock.voucher_id))
            .where(
                lock.project_id == call.project_id,
                Voucher.campaign_id == campaign_id,
                tuple_(lock.digest, lock.voucher_id) > tuple_(*after),
            )
            .order_by(lock.digest, lock.voucher_id)
            .limit(PAGE_ROWS)
        )
        return [(row[0], row[1]) for row in rows]


def _route(path: str, operation_id: str, handler: Any, summary: str) -> Route:
    return Route(
        method="POST",
        path="/v1/engine/campaigns/{campaignId}" + path,
        operation_id=operation_id,
        handler=handler,
        permission="campaigns.write",
        tag="Campaigns",
        summary=summary,
        body=CampaignStop,
        answer=StoppedCampaign,
        errors=("not_found",),
    )


ROUTES: tuple[Route, ...] = (
    _route("/stop", "stop-campaign", stop_campaign, "Stop a campaign with a reason"),
)
