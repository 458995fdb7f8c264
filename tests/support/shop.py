"""What a test needs of a shop, made through the public API: campaigns with one public code, rules, segments,
carts.
"""

import uuid
from typing import Any

import httpx

CART = {
    "amount": 10_000,
    "items": [
        {"source_id": "mug", "related_object": "product", "quantity": 2, "price": 2_000},
        {"source_id": "lamp", "related_object": "product", "quantity": 1, "price": 6_000},
    ],
}


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def created(response: httpx.Response) -> dict[str, Any]:
    assert 200 <= response.status_code < 300, (response.request.url, response.status_code, response.text)
    return dict(response.json())


def percent_off(percent: float) -> dict[str, Any]:
    return {"type": "PERCENT", "percent_off": percent, "effect": "APPLY_TO_ORDER"}


def amount_off(minor_units: int) -> dict[str, Any]:
    return {"type": "AMOUNT", "amount_off": minor_units, "effect": "APPLY_TO_ORDER"}


def public_code(
    api: httpx.Client, discount: dict[str, Any], *, quantity: int | None = None, **campaign: Any
) -> tuple[str, str]:
    """A STANDALONE campaign with one code: (code, campaign id)."""
    code = unique("PUBLIC").upper()
    made = created(
        api.post(
            "/v1/campaigns",
            json={
                "name": unique("campaign"),
                "campaign_type": "DISCOUNT_COUPONS",
                "type": "STANDALONE",
                "voucher": {
                    "type": "DISCOUNT_VOUCHER",
                    "discount": discount,
                    "code": code,
                    "redemption": {"quantity": quantity},
                },
                **campaign,
            },
        )
    )
    return code, made["id"]


def single_voucher(
    api: httpx.Client, discount: dict[str, Any], *, quantity: int | None = None, **more: Any
) -> dict[str, Any]:
    """A voucher without campaign."""
    return created(
        api.post(
            f"/v1/vouchers/{unique('CODE')}",
            json={
                "type": "DISCOUNT_VOUCHER",
                "discount": discount,
                "redemption": {"quantity": quantity},
                **more,
            },
        )
    )


def gift_card(api: httpx.Client, amount: int) -> dict[str, Any]:
    return created(
        api.post(
            f"/v1/vouchers/{unique('GIFT')}",
            json={"type": "GIFT_VOUCHER", "gift": {"amount": amount, "effect": "APPLY_TO_ORDER"}},
        )
    )


def tier(api: httpx.Client, discount: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A promotion with one tier."""
    campaign = created(
        api.post(
            "/v1/campaigns",
            json={"name": unique("promotion"), "campaign_type": "PROMOTION", "type": "STATIC"},
        )
    )
    return created(
        api.post(
            f"/v1/promotions/{campaign['id']}/tiers",
            json={"name": unique("tier"), "action": {"discount": discount}, **more},
        )
    )


def rule(api: httpx.Client, name: str, conditions: dict[str, Any], **more: Any) -> str:
    """A validation rule with one condition; its id."""
    made = created(
        api.post(
            "/v1/validation-rules",
            json={
                "name": unique("rule"),
                "rules": {"1": {"name": name, "conditions": conditions}, "logic": "1"},
                **more,
            },
        )
    )
    return str(made["id"])


def assign(
    api: httpx.Client, rule_id: str, related_object_type: str, related_object_id: str
) -> dict[str, Any]:
    """related_object_type: voucher, campaign or promotion_tier."""
    return created(
        api.post(
            f"/v1/validation-rules/{rule_id}/assignments",
            json={"related_object_type": related_object_type, "related_object_id": related_object_id},
        )
    )


def stack(*codes: str, **more: Any) -> dict[str, Any]:
    """The body of a validation or redemption of these codes or tiers."""
    return {
        "redeemables": [
            {"object": "promotion_tier" if code.startswith("promo_") else "voucher", "id": code}
            for code in codes
        ],
        "order": CART,
        **more,
    }


def validate(api: httpx.Client, *codes: str, **more: Any) -> dict[str, Any]:
    return created(api.post("/v1/validations", json=stack(*codes, **more)))


def redeem(api: httpx.Client, *codes: str, **more: Any) -> dict[str, Any]:
    return created(api.post("/v1/redemptions", json=stack(*codes, **more)))


def refusal(api: httpx.Client, *codes: str, **more: Any) -> dict[str, Any]:
    """The error of a redemption that must fail."""
    response = api.post("/v1/redemptions", json=stack(*codes, **more))
    assert response.status_code in (400, 404), response.text
    return dict(response.json())
