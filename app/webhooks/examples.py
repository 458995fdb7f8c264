"""Data that an event of a kind could carry, to try a receiver with."""

from typing import Any, Final

from app.webhooks.payloads import PAYLOADS

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
_BALANCE: Final = {
    "type": "gift_voucher",
    "total": 5_000,
    "object": "balance",
    "amount": 1_000,
    "balance": 4_000,
    "operation_type": "MANUAL",
    "related_object": {"type": "voucher", "id": "v_example"},
}
_MEMBERS: Final[dict[str, Any]] = {
    "assignment": {
        "id": "asgm_example",
        "rule_id": "val_example",
        "related_object_id": "v_example",
        "related_object_type": "voucher",
        "created_at": _AT,
        "object": "validation_rules_assignment",
    },
    "balance": _BALANCE,
    "campaign": _CAMPAIGN,
    "completed_at": _AT,
    "count": 100,
    "created_at": _AT,
    "customer": _CUSTOMER,
    "deleted_at": _AT,
    "event": {
        "id": "evt_example",
        "object": "event",
        "type": "example",
        "customer": _CUSTOMER,
        "referral": None,
        "loyalty": None,
        "metadata": {},
        "created_at": _AT,
    },
    "event_schema": {"id": None, "name": "example"},
    "holder": _CUSTOMER,
    "order": _ORDER,
    "promotion_stack": {
        "id": "stack_example",
        "name": "Example",
        "tiers": {"ids": ["promo_example"]},
        "campaign_id": "camp_example",
        "created_at": _AT,
        "object": "promotion_stack",
    },
    "promotion_tier": _TIER,
    "publication": _PUBLICATION,
    "redemption": _REDEMPTION,
    "redemption_rollback": {
        **_REDEMPTION,
        "id": "rr_example",
        "redemption": "r_example",
        "object": "redemption_rollback",
    },
    "rule": _RULE,
    "segment": {"id": "seg_example", "name": "Example", "object": "segment"},
    "transaction": {
        "id": "vtx_example",
        "source_id": None,
        "voucher_id": "v_example",
        "campaign_id": "camp_example",
        "source": "API",
        "reason": None,
        "type": "CREDITS_ADDITION",
        "details": {"balance": _BALANCE},
        "related_transaction_id": None,
        "created_at": _AT,
    },
    "updated_at": _AT,
    "voucher": _VOUCHER,
}
_NOTHING: Final[dict[str, tuple[str, ...]]] = {
    "redemption.": ("promotion_tier", "promotion_stack"),
    "voucher.gift.": ("order", "redemption", "rollback"),
    "business_validation_rule.assignment.": ("campaign", "promotion_tier"),
}
"""By the beginning of the kind, members that do not apply to what these examples tell."""
_FAILED: Final = {"result": "FAILURE", "status": "FAILED"}


def example_of(kind: str) -> dict[str, Any]:
    """Made up, and recognisable as such: every id ends in `example`. Of a kind that nothing here raises yet,
    the object that it is of.
    """
    payload = PAYLOADS.get(kind)
    if payload is None:
        name = kind.partition(".")[0]
        return {name: _MEMBERS[name]}
    nothing = next((names for begin, names in _NOTHING.items() if kind.startswith(begin)), ())
    data: dict[str, Any] = {
        name: None if name in nothing else _MEMBERS.get(name) for name in payload.data.__struct_fields__
    }
    if kind.endswith(".failed") and kind.startswith("redemption."):
        name = "redemption_rollback" if ".rollback." in kind else "redemption"
        data[name] = {**data[name], **_FAILED}
    return data
