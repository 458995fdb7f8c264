"""The older operations that list what applies: public codes, campaigns, promotion tiers."""

from typing import Any

import httpx
import pytest

from tests.support.shop import (
    CART,
    amount_off,
    assign,
    created,
    percent_off,
    public_code,
    rule,
    single_voucher,
    tier,
    unique,
)


def asked(api: httpx.Client, path: str, query: str = "", **body: Any) -> dict[str, Any]:
    return created(api.post(f"/v1/{path}?{query}", json={"order": CART, **body}))


def codes_of(answer: dict[str, Any]) -> list[str]:
    return [one["code"] for one in answer["data"]]


def campaign(api: httpx.Client, name: str, **more: Any) -> str:
    body = {
        "name": name,
        "campaign_type": "DISCOUNT_COUPONS",
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(20)},
        **more,
    }
    return str(created(api.post("/v1/campaigns", json=body))["id"])


def big_carts_only(api: httpx.Client, kind: str, object_id: str) -> None:
    assign(api, rule(api, "order.amount", {"$more_than": [1_000_000]}), kind, object_id)


def test_public_codes_that_apply(api: httpx.Client) -> None:
    """Whole vouchers, the newest first or as asked; neither what the cart forbids nor what somebody holds."""
    public, _ = public_code(api, percent_off(10))
    single = single_voucher(api, amount_off(500))
    refused = single_voucher(api, amount_off(500))
    big_carts_only(api, "voucher", refused["id"])
    held = single_voucher(api, amount_off(500))
    holder = {"source_id": unique("holder")}
    created(api.post("/v1/publications", json={"voucher": held["code"], "customer": holder}))
    answer = asked(api, "vouchers/qualification", customer=holder)
    assert codes_of(answer) == [single["code"], public]
    assert (answer["object"], answer["data_ref"], answer["total"]) == ("list", "data", 2)
    assert answer["id"].startswith("qfl_")
    assert answer["tracking_id"].startswith("track_")
    assert answer["data"][0]["discount"]["amount_off"] == 500
    assert answer["data"][0]["applicable_to"]["data"] == []
    in_order = sorted([single["code"], public])
    assert codes_of(asked(api, "vouchers/qualification", "order=code")) == in_order
    assert codes_of(asked(api, "vouchers/qualification", "order=-code&limit=1")) == in_order[::-1][:1]
    api.post(f"/v1/vouchers/{public}/disable")
    assert codes_of(asked(api, "vouchers/qualification")) == [single["code"]]


def test_the_audience_alone_can_be_asked_for(api: httpx.Client) -> None:
    """Rules about the cart are left out, rules about the customer are not."""
    by_cart = single_voucher(api, amount_off(500))
    big_carts_only(api, "voucher", by_cart["id"])
    by_customer = single_voucher(api, amount_off(500))
    vips = {"name": "customer.metadata", "property": "vip", "conditions": {"$is": [True]}}
    assign(api, rule(api, "", {}, rules={"1": vips, "logic": "1"}), "voucher", by_customer["id"])
    assert codes_of(asked(api, "vouchers/qualification")) == []
    audience = asked(api, "vouchers/qualification", "audienceRulesOnly=true")
    assert codes_of(audience) == [by_cart["code"]]
    customer = {"source_id": unique("vip"), "metadata": {"vip": True}}
    assert codes_of(asked(api, "vouchers/qualification", customer=customer)) == [by_customer["code"]]


def test_campaigns_that_apply(api: httpx.Client) -> None:
    """Campaigns of unique codes; public codes and promotions are not among them."""
    public_code(api, percent_off(10))
    tier(api, percent_off(10))
    second, first = unique("b"), unique("a")
    ids = [campaign(api, second), campaign(api, first)]
    refused = campaign(api, unique("c"))
    big_carts_only(api, "campaign", refused)
    answer = asked(api, "campaigns/qualification")
    assert [one["id"] for one in answer["data"]] == ids[::-1]
    assert answer["data"][0]["object"] == "campaign"
    by_name = asked(api, "campaigns/qualification", "order=campaign&limit=1")
    assert [one["name"] for one in by_name["data"]] == [first]
    assert by_name["total"] == 1


def test_tiers_that_apply(api: httpx.Client) -> None:
    """The most important first, each with what it takes off; `valid` says whether there is one."""
    late = tier(api, percent_off(10), hierarchy=5, metadata={"kind": "late"}, banner="Ten per cent")
    early = tier(api, amount_off(500), hierarchy=1, metadata={"kind": "early"})
    refused = tier(api, amount_off(900))
    big_carts_only(api, "promotion_tier", refused["id"])
    answer = asked(api, "promotions/validation", customer={"source_id": unique("buyer")})
    assert answer["valid"] is True
    assert [one["id"] for one in answer["promotions"]] == [early["id"], late["id"]]
    shown = answer["promotions"][1]
    assert (shown["valid"], shown["object"], shown["banner"]) == (True, "promotion_tier", "Ten per cent")
    assert (shown["discount_amount"], shown["order"]["total_amount"]) == (1_000, 9_000)
    assert shown["discount"]["percent_off"] == 10
    assert shown["tracking_id"] == answer["tracking_id"]
    assert "categories" not in shown["campaign"]
    for query, found in (
        (f"filters[promotion_id][conditions][$is]={early['campaign']['id']}", [early["id"]]),
        ("filters[metadata.kind][conditions][$is]=late", [late["id"]]),
    ):
        answer = asked(api, "promotions/validation", query)
        assert [one["id"] for one in answer["promotions"]] == found
    nothing = asked(api, "promotions/validation", "filters[promotion_id][conditions][$is]=camp_none")
    assert nothing == {"valid": False, "promotions": []}
    expanded = asked(api, "promotions/validation", options={"expand": ["category"]})
    assert expanded["promotions"][0]["campaign"]["categories"] == []


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("vouchers/qualification", "limit=51", 400),
        ("vouchers/qualification", "order=campaign", 400),
        ("campaigns/qualification", "order=colour", 400),
        ("promotions/validation", "filters[colour][conditions][$is]=red", 400),
        ("vouchers/qualification", "audienceRulesOnly=maybe", 400),
    ],
)
def test_what_cannot_be_honoured_is_refused(api: httpx.Client, path: str, query: str, status: int) -> None:
    """With the key of bad queries."""
    tier(api, percent_off(10))
    answer = api.post(f"/v1/{path}?{query}", json={"order": CART})
    assert (answer.status_code, answer.json()["key"]) == (status, "invalid_query_params")


def test_another_project_is_shown_nothing(api: httpx.Client, stranger: httpx.Client) -> None:
    """Neither codes nor campaigns nor tiers."""
    single_voucher(api, amount_off(500))
    campaign(api, unique("campaign"))
    tier(api, percent_off(10))
    assert asked(stranger, "vouchers/qualification")["data"] == []
    assert asked(stranger, "campaigns/qualification")["data"] == []
    assert asked(stranger, "promotions/validation")["promotions"] == []


def test_a_body_is_not_needed(api: httpx.Client) -> None:
    """Without cart or customer, what asks for neither is shown."""
    code = single_voucher(api, amount_off(500))["code"]
    assert codes_of(created(api.post("/v1/vouchers/qualification"))) == [code]
    assert created(api.post("/v1/promotions/validation"))["valid"] is False
