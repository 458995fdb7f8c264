"""Redemptions (behaviour 4.6, 4.7)."""

from app.api.call import Answer, Call
from app.api.client_side import REDEEM, changed, evenly_timed, public_redemption, require_flag
from app.api.idempotency import key_life
from app.api.redemptions import answers, explanation, rates, single
from app.api.redemptions.schemas import RollbackRequest
from app.api.redemptions.service import get_redemption, list_redemptions, redemptions_of_voucher
from app.api.redemptions.taking import redeem_request
from app.api.stack_requests import (
    asked_of,
    moment_of,
    refusals_as_errors,
    replayed,
)
from app.http.routing import Route, Scope
from app.redeemables.portions import WHEN_COMPLETE
from app.redeemables.request import StackRequest
from app.redeemables.roll_back import RollBack, roll_back
from app.redeemables.settle import Replayed


async def redeem_stack(call: Call) -> Answer:
    """Take all that applies, or answer 400 with the first failure (behaviour 4.6)."""
    return await redeem_request(call, call.body())


async def redeem_from_browser(call: Call) -> Answer:
    """As on the server side, where the project opens it, with less in the answer."""
    require_flag(call, REDEEM)
    async with evenly_timed(call):
        answer = await redeem_stack(call)
    return changed(answer, public_redemption(answer.body, call.body()))


async def list_all(call: Call) -> Answer:
    await call.barrier()
    async with call.read() as session:
        return Answer(await list_redemptions(session, call.project_id, call.query, call.engine.now()))


async def get_one(call: Call) -> Answer:
    await call.barrier()
    async with call.read() as session:
        return Answer(await get_redemption(session, call.project_id, call.path["redemptionId"]))


async def list_of_voucher(call: Call) -> Answer:
    await call.barrier()
    async with call.read() as session:
        return Answer(await redemptions_of_voucher(session, call.project_id, call.path["code"]))


async def _roll_back(call: Call, redemption_id: str, *, stacked: bool) -> Answer:
    body: RollbackRequest = call.body() or RollbackRequest()
    engine = call.engine
    ask = RollBack(
        redemption_id=redemption_id,
        stacked=stacked,
        reason=call.query.text("reason") or body.reason,
        tracking_id=call.query.text("tracking_id") or body.tracking_id,
        customer=body.customer,
        order_id=body.order.id if body.order else None,
        order_source_id=body.order.source_id if body.order else None,
        order_metadata=body.order.metadata if body.order else None,
        window_days=engine.settings.rollback_days,
        metadata=body.metadata,
        items=body.extensions.items if body.extensions else None,
        restore_use=body.extensions.restore_use if body.extensions else WHEN_COMPLETE,
    )
    engine.ledger.require()
    with refusals_as_errors:
        asked = asked_of(call)
        try:
            done = await roll_back(
                engine.core,
                engine.catalogue,
                engine.ledger,
                engine.db,
                asked,
                ask,
                await moment_of(call),
                call.admission.admit,
                key_life(call, asked),
            )
        except Replayed as first:
            return await replayed(call, first.event_id)
    await engine.ledger.acknowledged(call.partition, done.event_id)
    return Answer(done.answer)


async def roll_back_one(call: Call) -> Answer:
    return await _roll_back(call, call.path["redemptionId"], stacked=False)


async def roll_back_stack(call: Call) -> Answer:
    return await _roll_back(call, call.path["parentRedemptionId"], stacked=True)


REDEMPTION_ERRORS = (
    "not_found",
    "duplicated_redeemables",
    "invalid_redeemables",
    "invalid_order",
    "multiple_requests",
    "quantity_exceeded",
    "voucher_expired",
    "voucher_disabled",
    "voucher_not_active",
    "voucher_not_active_now",
    "promotion_inactive",
    "promotion_not_active_now",
    "customer_rules_violated",
    "order_rules_violated",
    "redemption_rules_violated",
    "missing_customer",
    "missing_order",
    "missing_amount",
    "missing_order_items",
    "gift_amount_exceeded",
    "idempotency_key_reused",
)
ROLLBACK_ERRORS = (
    "not_found",
    "already_rolled_back",
    "invalid_redemption_parent",
    "invalid_redemption",
    "invalid_order",
    "invalid_customer",
    "invalid_rollback_params",
    "multiple_requests",
    "idempotency_key_reused",
)

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/redemptions",
        operation_id="redeem-stacked-discounts",
        handler=redeem_stack,
        permission="redemptions.write",
        tag="Redemptions",
        summary="Redeem up to 30 redeemables, all or nothing of what applies",
        body=StackRequest,
        query=("explain",),
        answer=answers.RedemptionAnswer,
        errors=REDEMPTION_ERRORS,
        hot=True,
    ),
    Route(
        method="GET",
        path="/v1/redemptions",
        operation_id="list-redemptions",
        handler=list_all,
        permission="redemptions.read",
        tag="Redemptions",
        summary="List redemptions, rollbacks and failures",
        answer=answers.RedemptionList,
        query=("limit", "page", "order", "result", "campaign", "customer", "created_at", "filters"),
        errors=("invalid_query_params",),
    ),
    Route(
        method="GET",
        path="/v1/redemptions/{redemptionId}",
        operation_id="get-redemption",
        handler=get_one,
        permission="redemptions.read",
        tag="Redemptions",
        summary="Look up a redemption, a rollback or a failure",
        answer=answers.AnyRedemption,
        errors=("not_found",),
    ),
    Route(
        method="GET",
        path="/v1/vouchers/{code}/redemption",
        operation_id="get-voucher-redemptions",
        handler=list_of_voucher,
        permission="redemptions.read",
        tag="Redemptions",
        summary="List the redemptions of one voucher",
        answer=answers.RedemptionsOfVoucher,
        errors=("not_found",),
    ),
    Route(
        method="POST",
        path="/v1/redemptions/{redemptionId}/rollback",
        operation_id="rollback-redemption",
        handler=roll_back_one,
        permission="redemptions.write",
        tag="Redemptions",
        summary="Give back what an unstacked redemption took",
        body=RollbackRequest,
        body_required=False,
        answer=answers.RedemptionRollback,
        query=("reason", "tracking_id"),
        errors=ROLLBACK_ERRORS,
        hot=True,
    ),
    Route(
        method="POST",
        path="/v1/redemptions/{parentRedemptionId}/rollbacks",
        operation_id="rollback-stacked-redemptions",
        handler=roll_back_stack,
        permission="redemptions.write",
        tag="Redemptions",
        summary="Give back what a whole stack took",
        body=RollbackRequest,
        body_required=False,
        answer=answers.RollbackAnswer,
        query=("reason", "tracking_id"),
        errors=ROLLBACK_ERRORS,
        hot=True,
    ),
    Route(
        method="POST",
        path="/client/v1/redemptions",
        operation_id="redeem-stacked-discounts-client-side",
        handler=redeem_from_browser,
        permission="redemptions.write",
        scope=Scope.CLIENT,
        tag="Client-side",
        summary="Redeem up to 30 redeemables from a browser, where the project opens it",
        body=StackRequest,
        answer=answers.ClientSideRedemptionAnswer,
        errors=(*REDEMPTION_ERRORS, "forbidden"),
    ),
    *explanation.ROUTES,
    *rates.ROUTES,
    *single.ROUTES,
)
