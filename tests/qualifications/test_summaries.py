"""Qualification for those who have ordered before, or never: as of this moment."""

from typing import Any

import httpx

from tests.support.shop import CART, amount_off, created, public_code, redeem, rule, tier, unique


def newcomers_only(api: httpx.Client) -> str:
    """A rule for customers without an order."""
    condition = {"summary.orders.total_count": {"conditions": {"$is": [0]}}}
    segment = created(
        api.post("/v1/segments", json={"name": unique("s"), "type": "passive", "filter": condition})
    )
    return rule(api, "customer.segment", {"$is": [segment["id"]]})


def test_what_is_for_newcomers_is_shown_to_newcomers(api: httpx.Client) -> None:
    """A tier, a public code and a campaign of unique codes, until the first order is paid."""
    rules = {"validation_rules": [newcomers_only(api)]}
    promotion = tier(api, amount_off(100), **rules)["id"]
    code, _ = public_code(api, amount_off(200), **rules)
    campaign = created(
        api.post(
            "/v1/campaigns",
            json={
                "name": unique("unique"),
                "campaign_type": "DISCOUNT_COUPONS",
                "type": "AUTO_UPDATE",
                "voucher": {"type": "DISCOUNT_VOUCHER", "discount": amount_off(300)},
                **rules,
            },
        )
    )["id"]
    customer = {"source_id": unique("c")}

    def shown() -> set[str]:
        body: dict[str, Any] = {"order": CART, "customer": customer, "options": {"limit": 50}}
        found = created(api.post("/v1/qualifications", json=body))["redeemables"]["data"]
        return {entry["id"] for entry in found} & {promotion, code, campaign}

    assert shown() == {promotion, code, campaign}
    redeem(api, code, customer=customer)
    assert shown() == set()
