"""Data that an event of a kind could carry, to try a receiver with."""

from typing import Any, Final

_AT: Final = "2026-01-02T03:04:05.678Z"
_CUSTOMER: Final = {
    "id": "cust_example",
    "source_id": "example-customer",
    "name": "Ada Example",
    "email": "ada@example.com",
    "metadata": {},
    "object": "customer",
}
_CAMPAIGN: Final = {
    "id": "camp_example",
    "name": "Example",
    "campaign_type": "DISCOUNT_COUPONS",
    "type": "AUTO_UPDATE",
    "active": True,
    "metadata": {},
    "created_at": _AT,
    "object": "campaign",
}
_VOUCHER: Final = {
    "id": "v_example",
    "code": "EXAMPLE-10",
    "campaign": "Example",
    "campaign_id": "camp_example",
    "type": "DISCOUNT_VOUCHER",
    "discount": {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"},
    "redemption": {"quantity": 1, "redeemed_quantity": 0},
    "holder_id": "cust_example",
    "active": True,
    "metadata": {},
    "created_at": _AT,
    "object": "voucher",
}
_ORDER: Final = {
    "id": "ord_example",
    "source_id": "example-order",
    "status": "PAID",
    "amount": 10_000,
    "total_discount_amount": 1_000,
    "total_amount": 9_000,
    "items": [],
    "metadata": {},
    "object": "order",
}
_REDEMPTION: Final = {
    "id": "r_example",
    "customer_id": "cust_example",
    "date": _AT,
    "result": "SUCCESS",
    "status": "SUCCEEDED",
    "metadata": {},
    "object": "redemption",
}
_RULE: Final = {"id": "val_example", "name": "Example", "created_at": _AT, "object": "validation_rules"}
_TIER: Final = {"id": "promo_example", "name": "Example", "metadata": {}, "object": "promotion_tier"}
_PUBLICATION: Final = {
    "id": "pub_example",
    "customer_id": "cust_example",
    "channel": "API",
    "result": "SUCCESS",
    "vouchers_id": ["v_example"],
    "metadata": {},
    "created_at": _AT,
    "object": "publication",
}
_PARTS: Final[dict[str, dict[str, Any]]] = {
    "redemption": {
        "customer": _CUSTOMER,
        "order": _ORDER,
        "campaign": _CAMPAIGN,
        "voucher": _VOUCHER,
        "holder": _CUSTOMER,
        "promotion_tier": None,
        "redemption": _REDEMPTION,
    },
    "customer": {"customer": _CUSTOMER},
    "publication": {
        "customer": _CUSTOMER,
        "campaign": _CAMPAIGN,
        "publication": _PUBLICATION,
        "voucher": _VOUCHER,
    },
    "voucher": {"voucher": _VOUCHER, "campaign": _CAMPAIGN},
    "campaign": {"campaign": _CAMPAIGN},
    "business_validation_rule": {"rule": _RULE},
}


def example_of(kind: str) -> dict[str, Any]:
    """Made up, and recognisable as such: every id ends in `example`."""
    data = dict(_PARTS[kind.partition(".")[0]])
    if kind.startswith("redemption.rollback."):
        data["redemption_rollback"] = {
            **_REDEMPTION, "id": "rr_example", "redemption": "r_example", "object": "redemption_rollback"
        }  # fmt: skip
    elif kind == "voucher.published":
        data |= _PARTS["publication"]
    elif kind.startswith("customer.segment."):
        data["segment"] = {"id": "seg_example", "name": "Example", "object": "segment"}
    elif kind.startswith("campaign.promotion_tier."):
        data["promotion_tier"] = _TIER
    return data
