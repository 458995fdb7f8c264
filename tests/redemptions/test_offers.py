"""Offers that look at the catalogue: free units at their stored price, and offers on collections."""

from typing import Any

import httpx
import pytest

from tests.support.shop import (
    created,
    public_code,
    redeem,
    single_voucher,
    tier,
    unique,
    validate,
)


def free_unit(unit_type: str) -> dict[str, Any]:
    return {"type": "UNIT", "unit_off": 1, "unit_type": unit_type, "effect": "ADD_NEW_ITEMS"}


def bag(api: httpx.Client, price: int) -> dict[str, Any]:
    return created(api.post("/v1/products", json={"name": "Bag", "source_id": unique("bag"), "price": price}))


def second_free(collection_id: str) -> dict[str, Any]:
    """Buy one of the collection and get another of it for nothing."""
    items = [{"id": collection_id, "object": "products_collection"}]
    offer = {
        "buy": {"items": items, "quantity": 1},
        "get": {"items": items, "quantity": 1, "percent_off": 100},
    }
    return {
        "type": "PERCENT",
        "percent_off": 100,
        "effect": "APPLY_TO_ITEMS",
        "extensions": {"buy_x_get_y": offer},
    }


def collection(api: httpx.Client, *product_ids: str) -> dict[str, Any]:
    members = [{"id": product_id, "object": "product"} for product_id in product_ids]
    return created(
        api.post(
            "/v1/product-collections", json={"name": unique("set"), "type": "STATIC", "products": members}
        )
    )


def cart_of(product: dict[str, Any], quantity: int) -> dict[str, Any]:
    return {"items": [{"product_id": product["id"], "quantity": quantity}]}


def test_a_free_unit_costs_what_is_stored(api: httpx.Client) -> None:
    """The unit comes into the order at its stored price and goes out of it as a discount."""
    product = bag(api, 700)
    code, _ = public_code(api, free_unit(product["id"]))
    for answer in (validate(api, code), redeem(api, code)):
        order = answer["order"]
        assert (order["amount"], order["initial_amount"], order["total_amount"]) == (10_700, 10_000, 10_000)
        assert order["items"][-1]["product_id"] == product["id"]
        assert order["items"][-1]["discount_amount"] == 700


def test_a_free_unit_of_a_sku_without_a_price_costs_its_products(api: httpx.Client) -> None:
    """A SKU has its product's price when it has none of its own."""
    product = bag(api, 900)
    sku = created(api.post(f"/v1/products/{product['id']}/skus", json={"sku": "red"}))
    code, _ = public_code(api, free_unit(sku["id"]))
    assert validate(api, code)["order"]["amount"] == 10_900


def test_a_unit_that_is_not_in_the_catalogue_is_refused(api: httpx.Client) -> None:
    """Nobody is promised a product that the shop does not have."""
    code, _ = public_code(api, free_unit("prod_gone"))
    answer = validate(api, code)
    assert answer["valid"] is False
    entries = answer["inapplicable_redeemables"]
    assert entries[0]["result"]["error"]["details"] == "Cannot find product with id prod_gone"


@pytest.mark.parametrize("kind", ["campaign", "voucher", "tier"])
def test_an_offer_on_a_collection_knows_its_products(api: httpx.Client, kind: str) -> None:
    """Collections that a discount names are read with it, whoever owns the discount."""
    product, other = bag(api, 500), bag(api, 500)
    discount = second_free(collection(api, product["id"])["id"])
    if kind == "campaign":
        code, _ = public_code(api, discount)
    elif kind == "voucher":
        code = single_voucher(api, discount)["code"]
    else:
        code = tier(api, discount)["id"]
    assert validate(api, code, order=cart_of(product, 2))["order"]["total_amount"] == 500
    assert validate(api, code, order=cart_of(other, 2)).get("order", {}).get("total_amount") in (None, 1_000)


def test_an_offer_follows_its_collection(api: httpx.Client) -> None:
    """After the collection's filter has changed no worker decides by the old one."""
    product = bag(api, 500)
    path = "/v1/product-collections"
    cheap = {"junction": "and", "price": {"conditions": {"$less_than": [400]}}}
    made = created(api.post(path, json={"name": unique("set"), "type": "AUTO_UPDATE", "filter": cheap}))
    code = single_voucher(api, second_free(made["id"]))["code"]
    before = validate(api, code, order=cart_of(product, 2))
    assert before.get("order", {}).get("total_discount_amount") is None
    dear = {"junction": "and", "price": {"conditions": {"$less_than": [600]}}}
    created(api.put(f"{path}/{made['id']}", json={"filter": dear}))
    for _ in range(4):
        after = validate(api, code, order=cart_of(product, 2))
        assert after["order"]["total_discount_amount"] == 500
