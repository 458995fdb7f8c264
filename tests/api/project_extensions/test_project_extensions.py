"""Extensions of the whole project: /v1/engine/extensions."""

import httpx
import pytest

from tests.support.shop import amount_off, created, public_code, redeem, single_voucher, stack, validate

PATH = "/v1/engine/extensions"


@pytest.fixture(autouse=True)
def _taken_away(api: httpx.Client) -> None:
    """Each test begins with none."""
    created(api.put(PATH, json={}))


def test_they_hold_for_the_next_decision_and_are_replaced_whole(api: httpx.Client) -> None:
    """Acknowledged means in force; what is left out is taken away."""
    code, _ = public_code(api, amount_off(1_000))
    terms = {"share_order_discounts": True, "margin": {"floor_percent": 10, "missing_cost": "include"}}
    created(api.put(PATH, json=terms))
    assert created(api.get(PATH)) == terms
    items = validate(api, code)["order"]["items"]
    assert [item["extensions"] for item in items] == [{"order_share": 400}, {"order_share": 600}]
    created(api.put(PATH, json={"messages": {"quantity_exceeded": "Gone!"}}))
    assert "extensions" not in validate(api, code)["order"]["items"][0]
    last = single_voucher(api, amount_off(1), quantity=1)["code"]
    redeem(api, last)
    assert api.post("/v1/redemptions", json=stack(last)).json()["message"] == "Gone!"


def test_of_item_discounts_the_best_one_is_taken_where_the_project_says_so(api: httpx.Client) -> None:
    """Each line by itself."""
    half, other = (
        single_voucher(api, {"type": "PERCENT", "percent_off": percent, "effect": "APPLY_TO_ITEMS"})["code"]
        for percent in (50, 20)
    )
    assert validate(api, half, other)["order"]["total_discount_amount"] == 6_000
    created(api.put(PATH, json={"item_discounts": "BEST"}))
    assert validate(api, half, other)["order"]["total_discount_amount"] == 5_000


def test_400_for_malformed_ones(api: httpx.Client, stranger: httpx.Client) -> None:
    """Nothing is stored; another project is not touched by what is."""
    for wrong in ({"margin": {"floor_percent": 200}}, {"item_discounts": "WORST"}, {"messages": []}):
        refused = api.put(PATH, json=wrong)
        assert (refused.status_code, refused.json()["key"]) == (400, "invalid_payload")
    assert created(api.get(PATH)) == {}
    created(api.put(PATH, json={"share_order_discounts": True}))
    assert created(stranger.get(PATH)) == {}
