"""The older way: one voucher or tier per request, its id in the path (behaviour 4.10). Asked and answered
through the same decisions as a stack of one.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.redeemables.customers import CustomerPayload
from app.redeemables.order_request import OrderPayload
from app.redeemables.request import (
    GiftRequest,
    OptionsRequest,
    RedeemableRequest,
    RewardRequest,
    SessionRequest,
    StackRequest,
)


class SingleRequest(Struct):
    """What a stack's request says beside its redeemables."""

    customer: CustomerPayload | None = None
    order: OrderPayload | None = None
    gift: GiftRequest | None = None
    reward: RewardRequest | None = None
    session: SessionRequest | None = None
    tracking_id: Annotated[str, Meta(max_length=500)] | None = None
    metadata: dict[str, Any] | None = None
    options: OptionsRequest | None = None


def stack_of(
    sent: SingleRequest, kind: str, redeemable_id: str, tracking_id: str | None = None
) -> StackRequest:
    """kind: voucher or promotion_tier. tracking_id: of the query, where the body says none."""
    return StackRequest(
        redeemables=[RedeemableRequest(id=redeemable_id, object=kind, gift=sent.gift, reward=sent.reward)],
        order=sent.order,
        customer=sent.customer,
        session=sent.session,
        tracking_id=sent.tracking_id or tracking_id,
        metadata=sent.metadata,
        options=OptionsRequest(expand=["order", "redeemable", "redemption"]),
    )


def validated_one(answer: dict[str, Any], code: str | None) -> dict[str, Any]:
    """One redeemable's entry of a validation as the older operations answer it. code: of a voucher."""
    entries = [*answer.get("redeemables", ()), *answer.get("inapplicable_redeemables", ())]
    entries += answer.get("skipped_redeemables", ())
    entry: dict[str, Any] = entries[0]
    result = entry["result"]
    wire: dict[str, Any] = {"code": code} if code is not None else {"id": entry["id"]}
    wire["valid"] = entry["status"] == "APPLICABLE"
    for name in ("tracking_id", "session"):
        if answer.get(name) is not None:
            wire[name] = answer[name]
    for name, shown in (("campaign_name", "campaign"), ("campaign_id", "campaign_id"), ("name", "name")):
        if entry.get(name) is not None:
            wire[shown] = entry[name]
    wire["metadata"] = entry.get("metadata") or {}
    if not wire["valid"]:
        error = result.get("error") or {}
        wire["reason"] = error.get("message") or result["details"]["message"]
        if error.get("error"):
            wire["error"] = error["error"]
        return wire
    for name, shown in (("discount", "discount"), ("gift", "gift"), ("loyalty_card", "loyalty")):
        if result.get(name) is not None:
            wire[shown] = result[name]
    for name in ("order", "applicable_to", "inapplicable_to"):
        if entry.get(name) is not None:
            wire[name] = entry[name]
    return wire
