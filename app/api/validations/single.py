"""Validation of one voucher or tier in the older way (behaviour 4.10)."""

from typing import Any

import msgspec

from app.api.call import Answer, Call
from app.api.client_side import changed, evenly_timed, public_validation
from app.api.single_requests import SingleRequest, stack_of, validated_one
from app.api.validations.answers import PromotionTierValidation, VoucherValidation
from app.api.validations.service import validate_request
from app.http.decode import sentence
from app.http.errors import invalid_query
from app.http.routing import Route, Scope
from app.redeemables.request import StackRequest

ERRORS = ("not_found", "invalid_order", "metadata_validation_failed", "multiple_requests")


async def _validated(call: Call, request: StackRequest, code: str | None) -> Answer:
    answer = await validate_request(call, request)
    return changed(answer, validated_one(answer.body, code))


async def validate_voucher(call: Call) -> Answer:
    """200 also when it does not apply: `valid` and `reason` say it."""
    code = call.path["code"]
    return await _validated(call, stack_of(call.body(), "voucher", code), code)


async def validate_tier(call: Call) -> Answer:
    """200 also when it does not apply: `valid` and `reason` say it."""
    return await _validated(call, stack_of(call.body(), "promotion_tier", call.path["tierId"]), None)


async def validate_by_query(call: Call) -> Answer:
    """From a browser, everything in the query string; credits and points are as many as possible."""
    code = call.query.text("code")
    if code is None:
        raise invalid_query("Query should have required property 'code'")
    request = stack_of(_body_of_query(call), "voucher", code)
    async with evenly_timed(call):
        answer = await validate_request(call, request)
        public = public_validation(answer.body, request.order)
        return changed(answer, validated_one(public, code))


def _body_of_query(call: Call) -> SingleRequest:
    """customer[source_id], order metadata as `metadata` or `order[metadata]`, item[0][product_id],
    session_key.
    """
    query, tree = call.query, call.query.tree
    document: dict[str, Any] = {"tracking_id": query.text("tracking_id")}
    customer, sent = tree.get("customer"), tree.get("order")
    if isinstance(customer, dict):
        document["customer"] = customer
    order: dict[str, Any] = dict(sent) if isinstance(sent, dict) else {}
    amount = query.integer("amount")
    if amount is not None:
        order["amount"] = amount
    elif isinstance(order.get("amount"), str):
        order["amount"] = int(order["amount"]) if order["amount"].isdigit() else order["amount"]
    items = tree.get("items") or tree.get("item") or order.get("items")
    if isinstance(items, dict):
        order["items"] = [_item(items[key]) for key in sorted(items, key=lambda key: (len(key), key))]
    if isinstance(tree.get("metadata"), dict):
        document["metadata"] = tree["metadata"]
    if order:
        document["order"] = order
    if query.text("session_type") or query.text("session_key"):
        ttl = query.integer("session_ttl")
        document["session"] = {
            "type": query.text("session_type") or "LOCK",
            "key": query.text("session_key"),
            "ttl": ttl,
            "ttl_unit": query.text("session_ttl_unit"),
        }
    try:
        return msgspec.convert(document, SingleRequest)
    except msgspec.ValidationError as error:
        raise invalid_query(sentence(str(error))) from None


def _item(sent: Any) -> Any:
    if not isinstance(sent, dict):
        return sent
    numbers = {"price", "amount"}
    return {
        name: int(value) if name in numbers and isinstance(value, str) and value.isdigit() else value
        for name, value in sent.items()
    }


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/vouchers/{code}/validate",
        operation_id="validate-voucher",
        handler=validate_voucher,
        permission="validations.write",
        tag="Validations",
        summary="Validate Voucher",
        body=SingleRequest,
        body_required=False,
        query=("explain",),
        answer=VoucherValidation,
        errors=ERRORS,
        hot=True,
    ),
    Route(
        method="POST",
        path="/v1/promotions/tiers/{tierId}/validation",
        operation_id="validate-promotion-tier",
        handler=validate_tier,
        permission="validations.write",
        tag="Validations",
        summary="Validate Promotion Tier",
        body=SingleRequest,
        body_required=False,
        query=("explain",),
        answer=PromotionTierValidation,
        errors=ERRORS,
        hot=True,
    ),
    Route(
        method="GET",
        path="/client/v1/validate",
        operation_id="validate-voucher-client-side",
        handler=validate_by_query,
        permission="validations.write",
        scope=Scope.CLIENT,
        tag="Client-side",
        summary="Validate Voucher (client-side)",
        query=(
            "code",
            "tracking_id",
            "amount",
            "items",
            "item",
            "customer",
            "order",
            "metadata",
            "session_type",
            "session_key",
            "session_ttl",
            "session_ttl_unit",
        ),
        answer=VoucherValidation,
        errors=ERRORS,
    ),
)
