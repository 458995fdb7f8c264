"""S2, S6, S13: what goods may be discounted, for what others, and paid with what."""

from typing import Any

import httpx

from tests.support.shop import amount_off, created, percent_off, public_code, redeem, unique, validate


def product(api: httpx.Client, price: int, cost: int | None = None) -> str:
    body: dict[str, Any] = {"name": unique("product"), "price": price}
    if cost is not None:
        body["extensions"] = {"cost": cost}
    return str(created(api.post("/v1/products", json=body))["id"])


def cart(*lines: tuple[str, int]) -> dict[str, Any]:
    return {"items": [{"product_id": name, "quantity": quantity} for name, quantity in lines]}


def off(answer: dict[str, Any]) -> list[int]:
    """Item-level discounts, line by line."""
    return [item.get("discount_amount", 0) for item in answer["order"]["items"]]


def collection(api: httpx.Client, *products: str) -> dict[str, str]:
    members = [{"id": name, "object": "product"} for name in products]
    body = {"name": unique("collection"), "type": "STATIC", "products": members}
    identifier = created(api.post("/v1/product-collections", json=body))["id"]
    return {"object": "products_collection", "id": identifier}


def applicable(api: httpx.Client, *entries: dict[str, Any]) -> str:
    body = {"name": unique("rule"), "rules": {}, "applicable_to": {"included": list(entries)}}
    return str(created(api.post("/v1/validation-rules", json=body))["id"])


def test_s2_thin_goods_take_no_discount(api: httpx.Client) -> None:
    """A line whose margin is under the bound pays in full, whatever the code; the others do not."""
    thin, rich = product(api, 1_000, cost=950), product(api, 1_000, cost=300)
    discount = {**percent_off(20), "effect": "APPLY_TO_ITEMS"}
    code, _ = public_code(api, discount, extensions={"margin": {"exclude_below_percent": 10}})
    assert off(validate(api, code, order=cart((thin, 1), (rich, 1)))) == [0, 200]


def test_s2_no_stack_goes_under_the_floor(api: httpx.Client) -> None:
    """Each code alone stays above it; together the last one is cut, or refused where the shop wants that."""
    goods = product(api, 1_000, cost=600)
    first, _ = public_code(api, {**percent_off(20), "effect": "APPLY_TO_ITEMS"})
    for on_floor in ("cut", "refuse"):
        margin = {"floor_percent": 20, "on_floor": on_floor}
        second, _ = public_code(api, amount_off(200), extensions={"margin": margin})
        assert validate(api, second, order=cart((goods, 1)))["order"]["total_amount"] == 800
        answer = validate(api, first, second, order=cart((goods, 1)))
        if on_floor == "cut":
            # 600 are 80 per cent of 750: below that the margin is under 20 per cent.
            assert answer["order"]["total_amount"] == 750
        else:
            refused = answer["inapplicable_redeemables"][0]["result"]["error"]["key"]
            assert (refused, answer["order"]["total_amount"]) == ("margin_floor_reached", 800)


def offer(**parts: Any) -> dict[str, Any]:
    return {"type": "PERCENT", "effect": "APPLY_TO_ITEMS", "extensions": {"buy_x_get_y": parts}}


def test_s6_buy_one_get_one(api: httpx.Client) -> None:
    """For each shirt that is bought a pair of socks comes free, as many as are in the cart."""
    shirt, socks = product(api, 3_000), product(api, 500)
    code, _ = public_code(
        api,
        offer(
            buy={"items": [{"object": "product", "id": shirt}], "quantity": 1},
            get={"items": [{"object": "product", "id": socks}], "quantity": 1, "percent_off": 100},
            repeat=True,
        ),
    )
    assert off(validate(api, code, order=cart((shirt, 2), (socks, 3)))) == [0, 1_000]
    assert off(validate(api, code, order=cart((shirt, 4), (socks, 3)))) == [0, 1_500]


def test_s6_three_for_two_the_cheapest_free(api: httpx.Client) -> None:
    """Of each three units the cheapest costs nothing."""
    dear, cheap = product(api, 2_000), product(api, 700)
    any_of = {"items": [{"object": "product", "id": name} for name in (dear, cheap)]}
    code, _ = public_code(
        api,
        offer(
            buy={**any_of, "quantity": 3},
            get={**any_of, "quantity": 1, "percent_off": 100},
            buy_includes_get=True,
            selection="cheapest",
            repeat=True,
        ),
    )
    assert off(validate(api, code, order=cart((dear, 2), (cheap, 1)))) == [0, 700]
    assert off(validate(api, code, order=cart((dear, 4), (cheap, 2)))) == [0, 1_400]
    assert not validate(api, code, order=cart((dear, 1), (cheap, 1))).get("order", {}).get(
        "total_discount_amount"
    )


def test_s6_one_product_a_collection_the_dearest_item(api: httpx.Client) -> None:
    """Nothing else in the cart is touched."""
    mug, lamp, rug = product(api, 1_000), product(api, 4_000), product(api, 9_000)
    order = cart((mug, 1), (lamp, 1), (rug, 1))
    tenth = {**percent_off(10), "effect": "APPLY_TO_ITEMS"}
    homely = collection(api, lamp, rug)
    dearest = {**homely, "effect": "APPLY_TO_MOST_EXPENSIVE"}
    for entry, expected in (
        ({"object": "product", "id": mug}, [100, 0, 0]),
        (homely, [0, 400, 900]),
        (dearest, [0, 0, 900]),
    ):
        code, _ = public_code(api, tenth, validation_rules=[applicable(api, entry)])
        assert off(validate(api, code, order=order)) == expected


def test_s13_a_returned_articles_card_pays_for_its_collection_only(api: httpx.Client) -> None:
    """Whatever else is in the cart is paid otherwise; what is left on the card stays there."""
    shoes, boots, hat = product(api, 6_000), product(api, 9_000), product(api, 2_000)
    rule_id = applicable(api, collection(api, shoes, boots))
    card = created(
        api.post(
            f"/v1/vouchers/{unique('RETURN')}",
            json={
                "type": "GIFT_VOUCHER",
                "gift": {"amount": 10_000, "effect": "APPLY_TO_ITEMS"},
                "validation_rules": [rule_id],
            },
        )
    )["code"]
    assert off(validate(api, card, order=cart((shoes, 1), (hat, 1)))) == [6_000, 0]
    redeem(api, card, order=cart((shoes, 1), (hat, 1)))
    assert off(validate(api, card, order=cart((boots, 1)))) == [4_000]
    only_hat = validate(api, card, order=cart((hat, 1)))
    assert not only_hat["valid"] or off(only_hat) == [0]
