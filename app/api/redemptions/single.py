"""Redemption of one voucher or tier in the older way (behaviour 4.10)."""

from typing import Any

import msgspec

from app.api.call import Answer, Call
from app.api.client_side import REDEEM, changed, evenly_timed, public_redemption, require_flag
from app.api.redemptions.answers import ClientSideRedemption, SucceededRedemption
from app.api.redemptions.taking import redeem_request
from app.api.single_requests import SingleRequest, stack_of
from app.http.errors import invalid_query
from app.http.routing import Route, Scope
from app.redeemables.request import StackRequest

ERRORS = ("not_found", "invalid_order", "multiple_requests", "idempotency_key_reused")
OF_CODES = ("quantity_exceeded", "voucher_disabled", "voucher_not_active_now")


async def _redeemed(call: Call, request: StackRequest) -> Answer:
    """The answer is the redemption, with its order."""
    answer = await redeem_request(call, request)
    return changed(answer, _one(answer.body))


def _one(body: Any) -> dict[str, Any]:
    read: dict[str, Any] = msgspec.json.decode(body) if isinstance(body, bytes) else body
    redemption: dict[str, Any] = read["redemptions"][0]
    return redemption


async def redeem_voucher(call: Call) -> Answer:
    tracking_id = call.query.text("tracking_id")
    return await _redeemed(call, stack_of(call.body(), "voucher", call.path["code"], tracking_id))


async def redeem_tier(call: Call) -> Answer:
    return await _redeemed(call, stack_of(call.body(), "promotion_tier", call.path["promotionTierId"]))


async def redeem_from_browser(call: Call) -> Answer:
    """Where the project opens it; the code is in the query."""
    require_flag(call, REDEEM)
    code = call.query.text("code")
    if code is None:
        raise invalid_query("Query should have required property 'code'")
    request = stack_of(call.body(), "voucher", code, call.query.text("tracking_id"))
    async with evenly_timed(call):
        answer = await redeem_request(call, request)
    return changed(answer, public_redemption(answer.body, request)["redemptions"][0])


def _route(path: str, operation_id: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(
        method="POST",
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="redemptions.write",
        tag=more.pop("tag", "Redemptions"),
        summary=summary,
        body=SingleRequest,
        body_required=False,
        answer=more.pop("answer", SucceededRedemption),
        errors=(*ERRORS, *more.pop("errors", OF_CODES)),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "/v1/vouchers/{code}/redemption",
        "redeem-voucher",
        redeem_voucher,
        "Redeem Voucher",
        query=("tracking_id", "explain"),
        hot=True,
    ),
    _route(
        "/v1/promotions/tiers/{promotionTierId}/redemption",
        "redeem-promotion",
        redeem_tier,
        "Redeem Promotion Tier",
        query=("explain",),
        errors=("promotion_inactive",),
        hot=True,
    ),
    _route(
        "/client/v1/redeem",
        "redeem-voucher-client-side",
        redeem_from_browser,
        "Redeem Voucher (client-side)",
        query=("code", "tracking_id"),
        scope=Scope.CLIENT,
        tag="Client-side",
        answer=ClientSideRedemption,
    ),
)
