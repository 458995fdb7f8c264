"""What the client side gives away: less than the server side, as anybody can read a publishable key.

A shop's page may learn what a redeemable does to the cart it sent, and nothing that it did not send about
customers, figures, costs or other orders. Flags of the project open what is closed by default (behaviour 6).
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from app.api.call import Answer, Call
from app.http.errors import forbidden
from app.redeemables.customers import CustomerPayload
from app.redeemables.order_request import OrderPayload
from app.redeemables.request import StackRequest

REDEEM = "client_redeem_enabled"
PUBLISH = "client_publish_enabled"
LIST_VOUCHERS = "client_list_vouchers_enabled"
LOYALTY_EVENTS = "client_loyalty_events_enabled"
CREATE_CUSTOMERS = "client_create_customer_enabled"
HIDE_CODES = "hide_code_state"
TIMER_SECONDS = 0.001
ANSWER_SECONDS = 0.05
"""Where the project hides the state of codes, refusals are answered after a multiple of this: what a look at
the database costs cannot be read off the clock.
"""

_VOUCHER = (
    "id", "code", "campaign", "campaign_id", "category_id", "categories", "type", "discount", "gift",
    "loyalty_card", "start_date", "expiration_date", "validity_timeframe", "validity_day_of_week", "active",
    "is_referral_code", "object",
)  # fmt: skip
_ORDER = frozenset({"redemptions", "customer", "referrer", "extensions"})
"""Of an order: what other redemptions and other people have to do with it."""
_ITEM = frozenset({"extensions"})
_TIER = frozenset({"summary", "extensions", "validation_rule_assignments", "access_settings_assignments"})
"""Of a promotion tier: figures of the shop, and how it is set up."""


def require_flag(call: Call, flag: str) -> None:
    """Call it on routes that are not hot: there the project's flags are as new as the request.

    Raises: ApiError 403 while the project does not open this to browsers.
    """
    if not call.admission.enabled(flag):
        raise forbidden(f"The project does not open this to the client side: {flag} is off")


def public_validation(answer: Mapping[str, Any], sent: OrderPayload | None) -> dict[str, Any]:
    """Of POST /client/v1/validations."""
    wire = {name: value for name, value in answer.items() if name != "trace"}
    for name in ("redeemables", "skipped_redeemables", "inapplicable_redeemables"):
        if name in wire:
            wire[name] = [_entry(entry, sent) for entry in wire[name]]
    if "order" in wire:
        wire["order"] = public_order(wire["order"], sent)
    return wire


def public_qualification(answer: Mapping[str, Any], sent: OrderPayload | None) -> dict[str, Any]:
    """Of POST /client/v1/qualifications."""
    wire = dict(answer)
    redeemables = wire["redeemables"]
    wire["redeemables"] = {**redeemables, "data": [_entry(entry, sent) for entry in redeemables["data"]]}
    if "order" in wire:
        wire["order"] = public_order(wire["order"], sent)
    return wire


def public_redemption(answer: Mapping[str, Any] | bytes, request: StackRequest) -> dict[str, Any]:
    """Of POST /client/v1/redemptions; bytes are the kept answer of a replay."""
    read: Mapping[str, Any] = msgspec.json.decode(answer) if isinstance(answer, bytes) else answer
    wire = dict(read)
    wire["redemptions"] = [_redemption(row, request) for row in wire["redemptions"]]
    if "parent_redemption" in wire:
        wire["parent_redemption"] = _redemption(wire["parent_redemption"], request)
    if "order" in wire:
        wire["order"] = public_order(wire["order"], request.order)
    for name in ("skipped_redeemables", "inapplicable_redeemables"):
        if name in wire:
            wire[name] = [_entry(entry, request.order) for entry in wire[name]]
    return wire


def public_tiers(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Of GET /client/v1/promotions/tiers."""
    tiers = [{name: value for name, value in tier.items() if name not in _TIER} for tier in answer["tiers"]]
    return {**answer, "tiers": tiers}


def public_order(order: Mapping[str, Any], sent: OrderPayload | None) -> dict[str, Any]:
    """An order without what is stored about its products beyond name and price; of an order that was only
    named, the amounts alone.
    """
    wire = {name: value for name, value in order.items() if name not in _ORDER}
    if sent is None or sent.metadata is None:
        wire["metadata"] = {}
    if sent is None or sent.items is None:
        wire.pop("items", None)
    if "items" in wire:
        wire["items"] = [_item(item) for item in wire["items"]]
    return wire


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    wire = {name: value for name, value in item.items() if name not in _ITEM}
    for name in ("product", "sku"):
        if name in wire:
            wire[name] = {key: value for key, value in wire[name].items() if key != "metadata"}
    return wire


def _entry(entry: Mapping[str, Any], sent: OrderPayload | None) -> dict[str, Any]:
    wire = dict(entry)
    if "order" in wire:
        wire["order"] = public_order(wire["order"], sent)
    if "redeemables" in wire:
        wire["redeemables"] = [_entry(part, sent) for part in wire["redeemables"]]
    return wire


def _redemption(row: Mapping[str, Any], request: StackRequest) -> dict[str, Any]:
    wire = dict(row)
    expanded = "redeemable" in request.expand
    wire["customer"] = _customer(row.get("customer"), request.customer)
    order = wire.get("order")
    if order is not None:
        wire["order"] = public_order(order, request.order)
    voucher = wire.get("voucher")
    if isinstance(voucher, msgspec.Raw):  # Written before, for whoever may see all of it.
        voucher = msgspec.json.decode(voucher)
    if voucher is not None:
        wire["voucher"] = {name: voucher[name] for name in _VOUCHER if name in voucher}
        wire["voucher"]["metadata"] = voucher.get("metadata") if expanded else {}
    tier = wire.get("promotion_tier")
    if tier is not None:
        wire["promotion_tier"] = {**tier, "metadata": tier.get("metadata") if expanded else {}}
    return wire


def _customer(found: Mapping[str, Any] | None, sent: CustomerPayload | None) -> dict[str, Any] | None:
    """Who it is, and what the page itself said: a guessed source_id must not open a profile."""
    if found is None:
        return None
    return {
        "id": found["id"],
        "source_id": sent.source_id if sent is not None else None,
        "name": sent.name if sent is not None else None,
        "email": sent.email if sent is not None else None,
        "metadata": (sent.metadata if sent is not None else None) or {},
        "object": "customer",
    }


def changed(answer: Answer, body: Any) -> Answer:
    """The answer with another body."""
    return Answer(body, status=answer.status, headers=answer.headers)


@asynccontextmanager
async def evenly_timed(call: Call) -> AsyncIterator[None]:
    """What is answered from within takes a multiple of ANSWER_SECONDS where the project hides codes."""
    if not call.admission.enabled(HIDE_CODES):
        yield
        return
    started = time.perf_counter()
    try:
        yield
    finally:
        turns = math.ceil((time.perf_counter() - started) / ANSWER_SECONDS)
        due = started + turns * ANSWER_SECONDS
        # Timers of the loop are whole milliseconds: what they round off would still tell.
        await asyncio.sleep(due - time.perf_counter() - TIMER_SECONDS)
        while time.perf_counter() < due:
            await asyncio.sleep(0)
