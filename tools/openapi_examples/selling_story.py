"""What a checkout asks: qualifications, validations, redemptions, rollbacks, orders, publications, events."""

from collections.abc import Mapping
from typing import Any, Final

from tools.openapi_examples.recorder import Recorder

CART: Final[dict[str, Any]] = {
    "items": [
        {"source_id": "kettle", "related_object": "product", "quantity": 1},
        {"source_id": "mug", "related_object": "product", "quantity": 2, "price": 900},
    ]
}
EVA: Final = {"source_id": "eva"}


def stack(code: str, **more: Any) -> dict[str, Any]:
    return {"redeemables": [{"object": "voucher", "id": code}], "customer": EVA, "order": CART, **more}


def tell_checkout(recorder: Recorder, ids: Mapping[str, str]) -> None:
    ask, refused = recorder.ask, recorder.refused
    options = {"expand": ["redeemable"], "limit": 1}
    ask("check-eligibility", {"customer": EVA, "order": CART, "scenario": "ALL", "options": options})
    ask("check-eligibility-client-side", {"customer": EVA, "order": CART, "options": options})
    ask("examine-vouchers-qualification", {"customer": EVA, "order": CART})
    ask("examine-campaign-qualification", {"customer": EVA, "order": CART})
    ask("validate-promotions", {"customer": EVA, "order": CART})
    ask("get-wallet", {"customer": EVA, "order": CART})
    ask("get-wallet-client-side", {"customer": EVA, "order": CART})
    lock = {"type": "LOCK", "key": "cart-1"}
    ask("validate-stacked-discounts", stack("TAKE-FIVE", session=lock))
    ask("validate-stacked-discounts-client-side", stack("TAKE-FIVE", session=lock))
    ask("validate-voucher", {"customer": EVA, "order": CART}, code="TAKE-FIVE")
    ask("validate-promotion-tier", {"customer": EVA, "order": CART}, tierId=ids["tier"])
    query = {"code": "TAKE-FIVE", "amount": "6700"}
    ask("validate-voucher-client-side", query=query)
    ask("release-validation-session", code="TAKE-FIVE", sessionKey="cart-1")
    taken = ask("redeem-stacked-discounts", stack("TAKE-FIVE", metadata={"till": "7"}))
    redemption = taken["redemptions"][0]["id"]
    ask("redeem-voucher", {"customer": EVA, "order": CART}, code="FAIR-1")
    ask("redeem-promotion", {"customer": EVA, "order": CART}, promotionTierId=ids["tier"])
    ask("redeem-stacked-discounts-client-side", stack("TAKE-FIVE"))
    ask("redeem-voucher-client-side", {"customer": EVA, "order": CART}, query={"code": "FAIR-2"})
    refused("redeem-stacked-discounts", stack("TAKE-FIVE"))
    refused("redeem-stacked-discounts-client-side", stack("TAKE-FIVE"))
    refused("redeem-voucher", {"customer": EVA, "order": CART}, code="TAKE-FIVE")
    failed = recorder.listed("list-redemptions", "redemptions", query={"result": "FAILURE", "limit": "1"})
    recorder.forget("list-redemptions")
    ask("list-redemptions", query={"limit": "1"})
    ask("explain-failed-redemption", redemptionId=failed[0]["id"])
    ask("get-redemption", redemptionId=redemption)
    ask("get-voucher-redemptions", code="TAKE-FIVE")
    ask("rollback-redemption", {"reason": "The kettle came back"}, redemptionId=redemption)
    refused("rollback-redemption", {"reason": "Once more"}, redemptionId=redemption)
    both = {
        "redeemables": [{"object": "voucher", "id": "TAKE-FIVE"}, {"object": "voucher", "id": "GIFT-50"}],
        "customer": EVA,
        "order": CART,
    }
    parent = ask("redeem-stacked-discounts", both)["parent_redemption"]["id"]
    ask("rollback-stacked-redemptions", {"reason": "Payment failed"}, parentRedemptionId=parent)
    ask("get-redemption-rates")


def tell_orders(recorder: Recorder) -> None:
    ask = recorder.ask
    ask("create-order", {"source_id": "web-1001", "status": "CREATED", "customer": EVA, **CART})
    ask("update-order", {"status": "PAID"}, orderId="web-1001")
    ask("get-order", orderId="web-1001")
    ask("list-orders", query={"limit": "1"})
    rows = [{"source_id": "old-1", "status": "FULFILLED", "amount": 4900, "customer": EVA}]
    recorder.done(ask("import-orders", rows))
    export = ask("create-order-export", {"parameters": {"fields": ["id", "source_id", "status"]}})
    recorder.until("get-export", "status", "DONE", exportId=export["id"])


def tell_publications(recorder: Recorder, ids: Mapping[str, str]) -> str:
    """The id of an export."""
    ask = recorder.ask
    given = ask(
        "create-publication",
        {
            "customer": EVA,
            "campaign": {"name": "Spring", "count": 1},
            "source_id": "mail-1",
            "channel": "mail",
        },
    )
    ask("list-publications", query={"limit": "1"})
    ask("publish-voucher", {"customer": {"source_id": "ann"}, "campaign": {"name": "Spring", "count": 1}})
    query = {"customer[source_id]": "ben", "campaign[name]": "Spring", "campaign[count]": "1"}
    ask("create-publication-1", query=query)
    ask("create-publication-client-side", {"customer": {"source_id": "joe"}, "campaign": {"name": "Spring"}})
    reason = {"reason": "Sent by mistake"}
    ask("revoke-publication", reason, publicationId=given["id"])
    ask("track-custom-event", {"event": "review_written", "customer": EVA, "metadata": {"stars": 5}})
    ask("track-custom-event-client-side", {"event": "review_written", "customer": EVA})
    ask("list-customer-activity", customerId="eva", query={"limit": "1"})
    ask("list-customer-activities", customerId="eva", query={"limit": "1"})
    ask("list-customer-redeemables", customerId="eva")
    ask("get-customer-data", customerId="ann")
    ask("list-campaign-transactions", campaignId=ids["gifts"])
    ask("get-campaign-summary", campaignId=ids["campaign"])
    ask("list-running-campaigns")
    ask("stop-campaign", {"reason": "Too many orders", "holds": "release"}, campaignId=ids["promotion"])
    fields = {"parameters": {"fields": ["id", "type", "amount", "created_at"]}}
    ask("export-voucher-transactions", fields, code="GIFT-50")
    ask("export-campaign-transactions", fields, campaignId=ids["gifts"])
    export = ask("create-export", {"exported_object": "voucher", "parameters": {"fields": ["code"]}})["id"]
    ask("list-exports", query={"limit": "1"})
    recorder.until("get-export", "status", "DONE", exportId=export)
    return export
