"""Shipping methods of an order: discounted, stored, given back, and never part of the order's amount."""

from typing import Any

import httpx
import pytest

from tests.support.shop import CART, amount_off, created, public_code, redeem, single_voucher, stack, validate

METHODS = [{"id": "courier", "amount": 900}, {"id": "post", "amount": 400}]
ORDER = {**CART, "extensions": {"shipping": METHODS, "of_the_shop": "kept"}}


def free_shipping(**discount: Any) -> dict[str, Any]:
    """A discount on shipping; on the courier alone unless told otherwise."""
    return {
        "type": "PERCENT",
        "percent_off": 100,
        "effect": "APPLY_TO_ORDER",
        "extensions": {"shipping": {"methods": ["courier"]}},
        **discount,
    }


def methods(order: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {method["id"]: method for method in order["extensions"]["shipping"]}


def test_a_discount_comes_off_the_method_alone(api: httpx.Client) -> None:
    """The order's totals stay; the answer says what each method costs less."""
    code = single_voucher(api, free_shipping())["code"]
    order = validate(api, code, order=ORDER)["order"]
    assert methods(order)["courier"] == {
        "id": "courier",
        "amount": 900,
        "discount_amount": 900,
        "applied_discount_amount": 900,
    }
    assert methods(order)["post"] == METHODS[1]
    assert (order["total_amount"], order.get("total_discount_amount")) == (10_000, None)
    plain = validate(api, code)
    assert "extensions" not in plain["order"]


def test_a_stored_order_keeps_it_and_a_rollback_gives_it_back(api: httpx.Client) -> None:
    """What was taken off is not taken off again by the next redemption, and returns with its rollback."""
    first = single_voucher(api, free_shipping(percent_off=50))["code"]
    second = single_voucher(api, free_shipping())["code"]
    done = redeem(api, first, order=ORDER)
    order_id = done["order"]["id"]
    assert done["order"]["extensions"]["of_the_shop"] == "kept"
    assert methods(done["redemptions"][0]["order"])["courier"]["discount_amount"] == 450
    again = redeem(api, second, order={"id": order_id})
    courier = methods(again["order"])["courier"]
    assert (courier["discount_amount"], courier["applied_discount_amount"]) == (900, 450)
    created(api.post(f"/v1/redemptions/{done['redemptions'][0]['id']}/rollback"))
    stored = created(api.get(f"/v1/orders/{order_id}"))
    assert methods(stored)["courier"] == {"id": "courier", "amount": 900, "discount_amount": 450}
    assert stored["extensions"]["of_the_shop"] == "kept"


def test_a_stack_shows_each_redeemables_part(api: httpx.Client) -> None:
    """Children of a stack carry the methods as they were after each of them."""
    half = single_voucher(api, free_shipping(percent_off=50))["code"]
    other = single_voucher(api, amount_off(700))["code"]
    done = redeem(api, half, other, order=ORDER)
    first, second = (methods(one["order"])["courier"] for one in done["redemptions"])
    assert (first["applied_discount_amount"], second.get("applied_discount_amount")) == (450, None)
    assert methods(done["order"])["courier"]["applied_discount_amount"] == 450
    assert done["redemptions"][1]["order"]["extensions"]["of_the_shop"] == "kept"


def test_sent_discounts_do_not_count_in_a_calculation(api: httpx.Client) -> None:
    """As those of lines: only the stored order knows what was taken off before; an order may say it."""
    code = single_voucher(api, free_shipping())["code"]
    claimed = [{"id": "courier", "amount": 900, "discount_amount": 899}]
    order = validate(api, code, order={**CART, "extensions": {"shipping": claimed}})["order"]
    assert methods(order)["courier"]["applied_discount_amount"] == 900
    made = created(api.post("/v1/orders", json={**CART, "extensions": {"shipping": claimed}}))
    assert methods(made)["courier"]["discount_amount"] == 899
    order = validate(api, code, order={"id": made["id"]})["order"]
    assert methods(order)["courier"]["applied_discount_amount"] == 1
    changed = created(api.put(f"/v1/orders/{made['id']}", json={"extensions": {"shipping": [METHODS[1]]}}))
    assert changed["extensions"]["shipping"] == [METHODS[1]]


def test_a_budget_counts_what_comes_off_shipping(api: httpx.Client) -> None:
    """Free shipping is money given away: the campaign's budget ends it."""
    budget = {"name": "campaign.orders.amount_discounted", "conditions": {"$less_than_or_equal": [1_000]}}
    made = created(api.post("/v1/validation-rules", json={"name": "budget", "rules": {"1": budget}}))
    code, _ = public_code(api, free_shipping(), validation_rules=[made["id"]])
    redeem(api, code, order=ORDER)
    response = api.post("/v1/redemptions", json=stack(code, order=ORDER))
    assert response.json()["key"] == "redemption_rules_violated"


@pytest.mark.parametrize(
    ("shipping", "details"),
    [
        ({}, "must be array of at most 50 items"),
        ([{"amount": 1}], "should have required property 'id'"),
        ([{"id": "a"}], "should have required property 'amount'"),
        ([{"id": "a", "amount": -1}], "items amount must be integer"),
        ([{"id": "a", "amount": 1.5}], "items amount must be integer"),
        ([{"id": "a", "amount": 1}] * 2, "must NOT have duplicate ids"),
        (["post"], "items must be object"),
    ],
)
def test_400_for_malformed_methods(api: httpx.Client, shipping: Any, details: str) -> None:
    """Refused before anything is decided or stored."""
    body = {**CART, "extensions": {"shipping": shipping}}
    for path, sent in (("/v1/validations", stack("ANY", order=body)), ("/v1/orders", body)):
        response = api.post(path, json=sent)
        assert (response.status_code, response.json()["key"]) == (400, "invalid_payload")
        assert details in response.json()["details"]
