"""Products and SKUs in the orders of redemptions: stored when asked for, shown when a discount added them."""

from typing import Any

import httpx

from tests.support.shop import (
    amount_off,
    created,
    public_code,
    redeem,
    refusal,
    single_voucher,
    unique,
    validate,
)


def line(source_id: str, **product: Any) -> dict[str, Any]:
    return {
        "source_id": source_id,
        "related_object": "product",
        "quantity": 1,
        "price": 5_000,
        "product": {"override": True, "name": "Lamp", "price": 4_500, **product},
    }


def test_a_redemption_stores_the_products_that_ask_for_it(api: httpx.Client) -> None:
    """As an order does: only calls that keep the order; a refused or validated one changes nothing."""
    code = single_voucher(api, amount_off(100), quantity=1)["code"]
    name = unique("lamp")
    order = {"items": [line(name)]}
    validate(api, code, order=order)
    assert api.get(f"/v1/products/{name}").status_code == 404
    redeem(api, code, order=order)
    stored = created(api.get(f"/v1/products/{name}"))
    assert (stored["name"], stored["price"]) == ("Lamp", 4_500)
    refusal(api, code, order={"items": [line(name, name="Other", price=1)]})
    assert created(api.get(f"/v1/products/{name}"))["name"] == "Lamp"
    other, _ = public_code(api, amount_off(100))
    answer = validate(api, other, order={"items": [{"source_id": name, "related_object": "product"}]})
    assert answer["order"]["amount"] == 4_500


def test_a_name_that_another_product_has_is_that_product(api: httpx.Client) -> None:
    """A redemption that was taken is answered as one, whatever the order calls its products."""
    code, _ = public_code(api, amount_off(100))
    name, identifiers = unique("lamp"), [unique("p") for _ in range(3)]
    redeem(api, code, order={"items": [line(name)]})
    redeem(api, code, order={"items": [line(name, id=identifiers[0], price=4_000)]})
    assert created(api.get(f"/v1/products/{name}"))["price"] == 4_000
    for identifier in identifiers[1:]:
        redeem(api, code, order={"items": [line("", id=identifier)]})
        assert created(api.get(f"/v1/products/{identifier}"))["source_id"] is None


def test_a_unit_that_comes_free_shows_what_it_is(api: httpx.Client) -> None:
    """Its product, its SKU and the SKU's product are in the item as they are for items of the cart."""
    product = created(
        api.post("/v1/products", json={"name": "Mug", "price": 700, "metadata": {"colour": "blue"}})
    )
    sku = created(api.post(f"/v1/products/{product['id']}/skus", json={"sku": "Mug L", "price": 900}))
    units = [
        {"unit_off": 1, "unit_type": identifier, "effect": "ADD_NEW_ITEMS"}
        for identifier in (product["id"], sku["id"])
    ]
    code, _ = public_code(api, {"type": "UNIT", "effect": "ADD_MANY_ITEMS", "units": units})
    for answer in (validate(api, code), redeem(api, code)["redemptions"][0]):
        as_product, as_sku = answer["order"]["items"][2:]
        assert as_product["product"] == {
            "id": product["id"],
            "name": "Mug",
            "metadata": {"colour": "blue"},
            "price": 700,
        }
        assert "sku" not in as_product
        assert as_sku["sku"] == {"id": sku["id"], "sku": "Mug L", "price": 900}
        assert (as_sku["product_id"], as_sku["product"]["name"]) == (product["id"], "Mug")
