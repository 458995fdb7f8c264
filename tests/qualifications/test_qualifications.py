"""POST /v1/qualifications: what applies to a customer and a cart, in every scenario (behaviour 4.9)."""

from typing import Any

import httpx
import pytest

from tests.support.shop import (
    CART,
    amount_off,
    assign,
    created,
    gift_card,
    percent_off,
    public_code,
    redeem,
    rule,
    single_voucher,
    tier,
    unique,
)


def qualify(api: httpx.Client, **body: Any) -> dict[str, Any]:
    options = {"limit": 50, **body.pop("options", {})}
    return created(api.post("/v1/qualifications", json={"order": CART, "options": options, **body}))


def shown(api: httpx.Client, **body: Any) -> list[str]:
    return [entry["id"] for entry in qualify(api, **body)["redeemables"]["data"]]


def items_off(percent: float) -> dict[str, Any]:
    return {"type": "PERCENT", "percent_off": percent, "effect": "APPLY_TO_ITEMS"}


def test_all_that_applies_is_listed_the_newest_first(api: httpx.Client) -> None:
    """Tiers, public codes, single codes and campaigns of unique codes; each as it would apply alone."""
    code, _ = public_code(api, percent_off(10))
    single = single_voucher(api, amount_off(500))["code"]
    promotion = tier(api, amount_off(700))["id"]
    body = {
        "name": unique("codes"),
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE",
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(20)},
    }
    campaign = created(api.post("/v1/campaigns", json=body))["id"]
    answer = qualify(api)
    found = answer["redeemables"]["data"]
    assert [entry["id"] for entry in found] == [campaign, promotion, single, code]
    assert [entry["object"] for entry in found] == ["campaign", "promotion_tier", "voucher", "voucher"]
    assert [entry["order"]["total_discount_amount"] for entry in found] == [2_000, 700, 500, 1_000]
    assert answer["order"]["amount"] == 10_000
    assert "total_discount_amount" not in answer["order"]
    assert answer["redeemables"]["total"] == 4
    assert answer["redeemables"]["has_more"] is False
    assert "stacking_rules" in answer


def test_nothing_that_was_stopped_is_shown(api: httpx.Client) -> None:
    """Not once after the stop was acknowledged, on any worker."""
    code, campaign_id = public_code(api, percent_off(10))
    single = single_voucher(api, percent_off(10))["code"]
    promotion = tier(api, percent_off(10))["id"]
    for _ in range(4):
        assert set(shown(api)) == {code, single, promotion}
    created(api.post(f"/v1/campaigns/{campaign_id}/disable"))
    for _ in range(4):
        assert code not in shown(api)
    created(api.post(f"/v1/vouchers/{single}/disable"))
    created(api.post(f"/v1/promotions/tiers/{promotion}/disable"))
    for _ in range(4):
        assert shown(api) == []


def test_a_changed_rule_is_obeyed_at_once(api: httpx.Client) -> None:
    """There is no cache that a new rule would have to wait for."""
    code, campaign_id = public_code(api, percent_off(10))
    assert shown(api) == [code]
    assign(api, rule(api, "order.amount", {"$more_than": [99_000]}), "campaign", campaign_id)
    for _ in range(4):
        assert shown(api) == []


def test_what_is_used_up_is_not_shown(api: httpx.Client) -> None:
    """A code without uses left and a card without credits."""
    code, _ = public_code(api, percent_off(10), quantity=1)
    card = gift_card(api, 1_000)["code"]
    assert set(shown(api)) == {code, card}
    redeem(api, code)
    redeem(api, card)
    assert shown(api) == []


def test_pages_follow_one_another_without_gaps_or_repeats(api: httpx.Client) -> None:
    """By more_starting_after, and by the created_at of the last one received."""
    codes = [single_voucher(api, amount_off(number + 1))["code"] for number in range(7)]
    for cursor in ("more_starting_after", "created_at"):
        seen: list[str] = []
        options: dict[str, Any] = {"limit": 3}
        while True:
            page = qualify(api, options=options)["redeemables"]
            seen += [entry["id"] for entry in page["data"]]
            if not page["has_more"]:
                break
            after = page[cursor] if cursor in page else page["data"][-1][cursor]
            options = {"limit": 3, "starting_after": after}
        assert seen == codes[::-1]


def test_tiers_made_in_one_moment_are_all_reached(api: httpx.Client) -> None:
    """The cursor is an instant, and several redeemables may share one."""
    tiers = [{"name": f"t{n}", "action": {"discount": amount_off(n + 1)}} for n in range(5)]
    body = {
        "name": unique("p"),
        "campaign_type": "PROMOTION",
        "type": "STATIC",
        "promotion": {"tiers": tiers},
    }
    created(api.post("/v1/campaigns", json=body))
    for rule_of_order in ("DEFAULT", "BEST_DEAL"):
        amounts: list[int] = []
        options: dict[str, Any] = {"limit": 2, "sorting_rule": rule_of_order}
        for _ in range(5):
            page = qualify(api, options=options)["redeemables"]
            amounts += [entry["order"]["total_discount_amount"] for entry in page["data"]]
            if not page["has_more"]:
                break
            options["starting_after"] = page["more_starting_after"]
        assert sorted(amounts) == [1, 2, 3, 4, 5], rule_of_order
        if rule_of_order == "BEST_DEAL":
            assert amounts == [5, 4, 3, 2, 1]


def test_the_best_deal_comes_first_or_last(api: httpx.Client) -> None:
    """Sorted by what is taken off this order."""
    middle, least, best = (single_voucher(api, amount_off(amount))["code"] for amount in (500, 100, 900))
    assert shown(api, options={"sorting_rule": "BEST_DEAL"}) == [best, middle, least]
    assert shown(api, options={"sorting_rule": "LEAST_DEAL"}) == [least, middle, best]


def test_filters_narrow_what_is_shown(api: httpx.Client) -> None:
    """By type, id, campaign and code; joined by and, or by or."""
    code, campaign_id = public_code(api, percent_off(10))
    promotion = tier(api, percent_off(10))
    single = single_voucher(api, percent_off(10))["code"]

    def by(**filters: Any) -> list[str]:
        sent = {
            name: value if name == "junction" else {"conditions": value} for name, value in filters.items()
        }
        return shown(api, options={"filters": sent})

    assert by(resource_type={"$is": ["promotion_tier"]}) == [promotion["id"]]
    assert by(campaign_id={"$in": [campaign_id]}) == [code]
    assert by(code={"$is": [single]}) == [single]
    assert by(resource_id={"$is_not": [promotion["id"]]}) == [single, code]
    assert by(campaign_id={"$is_unknown": [True]}) == [single]
    assert by(campaign_type={"$not_in": ["PROMOTION"]}) == [single, code]
    assert by(voucher_type={"$has_value": [True]}, resource_type={"$is": ["promotion_tier"]}) == []
    both = by(voucher_type={"$is": ["GIFT_VOUCHER"]}, code={"$is": [code]}, junction="or")
    assert both == [code]


@pytest.mark.parametrize(
    "body",
    [
        {"scenario": "EVERYTHING"},
        {"options": {"limit": 51}},
        {"options": {"sorting_rule": "WORST"}},
        {"options": {"starting_after": "yesterday"}},
        {"options": {"expand": ["secrets"]}},
        {"options": {"filters": {"code": {"conditions": {"$is": "A"}}}}},
        {"session": {"type": "STEAL"}},
    ],
)
def test_what_cannot_be_honoured_is_refused(api: httpx.Client, body: dict[str, Any]) -> None:
    """An unknown scenario or option is an error, not a guess."""
    refused = api.post("/v1/qualifications", json=body)
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_payload")


def test_without_a_customer_what_asks_for_one_is_left_out(api: httpx.Client) -> None:
    """With one, the rule is looked at; products alone do not ask who buys."""
    code, campaign_id = public_code(api, items_off(10))
    vip = rule(api, "customer.metadata", {"$is": [True]}, rules=None)
    assert vip
    made = created(
        api.post(
            "/v1/validation-rules",
            json={
                "name": unique("vip"),
                "rules": {
                    "1": {"name": "customer.metadata", "property": "vip", "conditions": {"$is": [True]}},
                    "logic": "1",
                },
            },
        )
    )
    assign(api, made["id"], "campaign", campaign_id)
    vip_customer = {"source_id": unique("vip"), "metadata": {"vip": True}}
    assert shown(api) == []
    assert shown(api, customer=vip_customer) == [code]
    assert shown(api, scenario="AUDIENCE_ONLY") == []
    assert shown(api, scenario="AUDIENCE_ONLY", customer=vip_customer) == [code]
    assert shown(api, scenario="PRODUCTS") == [code]
    assert shown(api, scenario="PRODUCTS_BY_CUSTOMER") == []
    assert shown(api, scenario="PRODUCTS_DISCOUNT_BY_CUSTOMER", customer=vip_customer) == [code]


def test_the_audience_alone_is_asked_for(api: httpx.Client) -> None:
    """AUDIENCE_ONLY looks at no cart; the rules that were left out are named."""
    code, campaign_id = public_code(api, percent_off(10))
    rule_id = rule(api, "order.amount", {"$more_than": [99_000]})
    assign(api, rule_id, "campaign", campaign_id)
    assert shown(api) == []
    answer = qualify(api, scenario="AUDIENCE_ONLY", options={"expand": ["validation_rules"]})
    entry = answer["redeemables"]["data"][0]
    assert entry["id"] == code
    assignment = entry["validation_rules_assignments"]["data"][0]
    assert assignment["rule_id"] == rule_id == entry["validation_rule_id"]
    assert assignment["validation_status"] == "PARTIALLY_VALID"
    assert assignment["validation_omitted_rules"] == ["1"]


def test_limits_per_customer_are_left_to_the_redemption(api: httpx.Client) -> None:
    """As published: counts per customer and of the campaign do not hide a redeemable."""
    code, campaign_id = public_code(api, percent_off(10))
    assign(
        api, rule(api, "redemption.count.per_customer", {"$less_than_or_equal": [1]}), "campaign", campaign_id
    )
    customer = {"source_id": unique("one")}
    redeem(api, code, customer=customer)
    answer = qualify(api, customer=customer, options={"expand": ["validation_rules"]})
    entry = answer["redeemables"]["data"][0]
    assert entry["validation_rules_assignments"]["data"][0]["validation_omitted_rules"] == ["1"]
    refused = api.post(
        "/v1/redemptions",
        json={"redeemables": [{"object": "voucher", "id": code}], "order": CART, "customer": customer},
    )
    assert refused.status_code == 400


def test_a_daily_limit_is_looked_at(api: httpx.Client) -> None:
    """What is not on the list of lenient rules counts: nobody is shown a code that is over for today."""
    code, campaign_id = public_code(api, percent_off(10))
    assign(api, rule(api, "redemption.count.daily", {"$less_than_or_equal": [1]}), "campaign", campaign_id)
    assert shown(api) == [code]
    redeem(api, code)
    assert shown(api) == []


def test_products_asks_for_an_item_in_the_cart(api: httpx.Client) -> None:
    """A discount on items of the cart, or a rule that wants one of them; an order discount is neither."""
    mug = created(api.post("/v1/products", json={"name": "Mug", "source_id": unique("mug"), "price": 500}))
    other = created(api.post("/v1/products", json={"name": "Pot", "source_id": unique("pot"), "price": 900}))
    on_items, _ = public_code(api, items_off(10))
    on_order, _ = public_code(api, percent_off(10))
    wants, campaign_id = public_code(api, percent_off(10))
    required = rule(api, "order.items.any", {"$is": [{"id": mug["id"], "object": "product"}]})
    assign(api, required, "campaign", campaign_id)
    cart = {"items": [{"product_id": mug["id"], "quantity": 1}]}
    assert set(shown(api, order=cart)) == {on_items, on_order, wants}
    assert set(shown(api, order=cart, scenario="PRODUCTS")) == {on_items, wants}
    assert shown(api, order=cart, scenario="PRODUCTS_DISCOUNT") == [on_items]
    pots = {"items": [{"product_id": other["id"], "quantity": 1}]}
    assert shown(api, order=pots, scenario="PRODUCTS") == [on_items]


def test_an_incomplete_bundle_is_shown_where_products_are_browsed(api: httpx.Client) -> None:
    """With quantity 0 and what is missing; a cart at checkout must hold all of it."""
    mug, pot = (
        created(api.post("/v1/products", json={"name": name, "source_id": unique(name), "price": 500}))
        for name in ("mug", "pot")
    )
    code, campaign_id = public_code(api, items_off(10))
    parts = {
        str(number + 1): {
            "name": "order.items.any",
            "conditions": {"$is": [{"id": product["id"], "object": "product"}]},
        }
        for number, product in enumerate((mug, pot))
    }
    made = created(
        api.post(
            "/v1/validation-rules",
            json={"name": unique("bundle"), "rules": {}, "bundle_rules": {**parts, "limit": 1}},
        )
    )
    assign(api, made["id"], "campaign", campaign_id)
    half = {"items": [{"product_id": mug["id"], "quantity": 1}]}
    whole = {"items": [{"product_id": one["id"], "quantity": 1} for one in (mug, pot)]}
    assert shown(api, order=whole) == [code]
    assert shown(api, order=half) == []
    entry = qualify(api, order=half, scenario="PRODUCTS")["redeemables"]["data"][0]
    assert entry["id"] == code
    assert entry["result"]["bundle"]["quantity"] == 0
    assert [part["id"] for part in entry["result"]["bundle"]["missing"]] == [pot["id"]]
    assert entry["order"]["total_amount"] == 500
    assert shown(api, order=half, scenario="PRODUCTS_DISCOUNT") == [code]


def test_expand_adds_what_was_asked_for(api: httpx.Client) -> None:
    """Names and metadata only on request."""
    code, campaign_id = public_code(api, percent_off(10), metadata={"season": "winter"})
    plain = qualify(api)["redeemables"]["data"][0]
    assert plain["metadata"] == {}
    assert not {"campaign_id", "validation_rules_assignments"} & set(plain)
    entry = qualify(api, options={"expand": ["redeemable"]})["redeemables"]["data"][0]
    assert (entry["id"], entry["campaign_id"]) == (code, campaign_id)
    assert entry["metadata"] == {"season": "winter"}


def test_a_card_says_what_it_pays(api: httpx.Client) -> None:
    """Balance and credits, and with a session what others hold of it."""
    card = gift_card(api, 3_000)["code"]
    entry = qualify(api, session={"type": "LOCK"})["redeemables"]["data"][0]
    assert entry["id"] == card
    assert entry["result"]["gift"] == {"balance": 3_000, "credits": 3_000, "locked_credits": 0}


def test_another_project_is_shown_nothing(api: httpx.Client, stranger: httpx.Client) -> None:
    """Not even by id or code (P9)."""
    code, _ = public_code(api, percent_off(10))
    assert shown(stranger, options={"filters": {"code": {"conditions": {"$is": [code]}}}}) == []
    assert shown(stranger) == []


def test_a_body_is_not_needed(api: httpx.Client) -> None:
    """Everything is optional: without an order, what needs none is shown."""
    code, _ = public_code(api, percent_off(10))
    answer = created(api.post("/v1/qualifications"))
    assert [entry["id"] for entry in answer["redeemables"]["data"]] == [code]
