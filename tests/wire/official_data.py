"""What the official Python client is made to call of customers, orders, products, collections, segments,
events and locations: how the shop is prepared, and what is sent.
"""

from collections.abc import Callable
from typing import Any

import httpx

from tests.support.shop import created, gift_card, percent_off, public_code, redeem, unique
from tests.wire.official_shop import END, Sent, a_campaign, customer

BERLIN = {
    "type": "circle",
    "format": "distance",
    "distance": {"center": "geo:52.52,13.4", "radius": "5 km"},
}
NAMED_ADA = {"junction": "and", "name": {"conditions": {"$is": ["Ada"]}}}
DEAR = {"junction": "and", "price": {"conditions": {"$more_than": [100]}}}
PRODUCT: Sent = {
    "name": "Mug",
    "price": 1_200,
    "attributes": ["colour"],
    "image_url": "https://shop.example/mug.png",
    "metadata": {"lot": 1},
}
SKU: Sent = {
    "sku": "Red mug",
    "price": 1_300,
    "currency": "EUR",
    "attributes": {"colour": "red"},
    "image_url": "https://shop.example/red.png",
    "metadata": {"lot": 1},
}


def a_customer(api: httpx.Client) -> str:
    return str(created(api.post("/v1/customers", json=customer()))["id"])


def a_busy_customer(api: httpx.Client) -> str:
    """Of whom there is something of everything to tell: redeemed, rolled back, published, ordered, done."""
    known = {"id": a_customer(api)}
    created(api.put(f"/v1/customers/{known['id']}", json={"description": "Regular"}))
    code = public_code(api, percent_off(10))[0]
    card = gift_card(api, 900)["code"]
    taken = redeem(api, code, card, customer=known, order={"amount": 1_000})
    created(api.post(f"/v1/redemptions/{taken['parent_redemption']['id']}/rollbacks"))
    created(api.post("/v1/publications", json={"customer": known, "campaign": {"name": a_campaign(api)}}))
    created(api.post("/v1/publications", json={"customer": known, "voucher": card}))
    created(api.post("/v1/events", json={"event": "looked", "customer": known, "metadata": {"lot": 1}}))
    created(api.post("/v1/orders", json=an_order_of(known)))
    refused = {"redeemables": [{"object": "voucher", "id": "NO-SUCH-CODE"}], "customer": known}
    assert api.post("/v1/redemptions", json=refused).is_error
    return known["id"]


def an_order_of(buyer: Sent) -> Sent:
    """With one product by its source_id, one made on the way, and metadata on either."""
    items = [
        {"source_id": unique("mug"), "related_object": "product", "quantity": 2, "price": 500},
        {
            "source_id": unique("lamp"),
            "related_object": "sku",
            "quantity": 1,
            "amount": 700,
            "product": {"name": "Lamp", "override": True},
            "sku": {"sku": "Red lamp", "override": True},
            "metadata": {"lot": 1},
        },
    ]
    return {
        "source_id": unique("order"),
        "status": "PAID",
        "amount": 1_700,
        "items": items,
        "metadata": {"lot": 1},
        "customer": buyer,
    }


def an_order(api: httpx.Client) -> str:
    return str(created(api.post("/v1/orders", json=an_order_of(customer())))["id"])


def a_redeemed_order(api: httpx.Client) -> str:
    """That knows what it was taken off by."""
    made = redeem(api, public_code(api, percent_off(10))[0], gift_card(api, 500)["code"], customer=customer())
    return str(made["order"]["id"])


def a_product(api: httpx.Client) -> str:
    body = PRODUCT | {"source_id": unique("mug")}
    return str(created(api.post("/v1/products", json=body))["id"])


def a_sku(api: httpx.Client) -> tuple[str, str]:
    """Product id, SKU id."""
    product_id = a_product(api)
    body = SKU | {"source_id": unique("red")}
    return product_id, str(created(api.post(f"/v1/products/{product_id}/skus", json=body))["id"])


def of_a_sku(api: httpx.Client) -> Sent:
    return dict(zip(("product_id", "sku_id"), a_sku(api), strict=True))


def members(api: httpx.Client) -> list[Sent]:
    """A product and a SKU of another."""
    product_id, sku_id = a_sku(api)
    return [
        {"id": a_product(api), "object": "product"},
        {"id": sku_id, "product_id": product_id, "object": "sku"},
    ]


def a_collection(api: httpx.Client, **more: Any) -> str:
    body = more or {"type": "STATIC", "products": members(api)}
    return str(created(api.post("/v1/product-collections", json={"name": unique("pc")} | body))["id"])


def a_dear_collection(api: httpx.Client) -> str:
    """Whatever costs more, SKUs too."""
    a_sku(api)
    return a_collection(api, type="AUTO_UPDATE", filter=DEAR)


def a_segment(api: httpx.Client, kind: str, **more: Any) -> str:
    return str(created(api.post("/v1/segments", json={"name": unique("s"), "type": kind} | more))["id"])


def a_location(api: httpx.Client) -> str:
    body = {"name": unique("shop"), "shape": BERLIN}
    return str(created(api.post("/v1/engine/locations", json=body))["id"])


def file_of(head: str, row: str) -> bytes:
    """Without a newline at its end, as the clients' own examples."""
    return f"{head}\n{row.format(unique('csv'))}".encode()


DATA: dict[str, tuple[Callable[[httpx.Client], Sent], ...]] = {
    "CustomersApi.create_customer": (
        lambda _: {"body": customer() | {"phone": "+49 1", "description": "Regular"}},
        lambda _: {"body": {"name": "Nameless otherwise"}},
    ),
    "CustomersApi.get_customer": (
        lambda api: {"customer_id": a_busy_customer(api)},
        lambda api: {"customer_id": a_customer(api)},
    ),
    "CustomersApi.update_customer": (
        lambda api: {"customer_id": a_customer(api), "body": {"name": "Eve", "metadata": {"lot": 2}}},
    ),
    "CustomersApi.list_customers": (
        lambda api: {"limit": a_busy_customer(api) and 100, "order": "-created_at", "name": "Ada"},
    ),
    "CustomersApi.delete_customer": (lambda api: {"customer_id": a_customer(api)},),
    "CustomersApi.customer_permanently_deletion": (lambda api: {"customer_id": a_busy_customer(api)},),
    "CustomersApi.import_customers_using_csv": (
        lambda _: {"file": file_of("Name,Source_id,Email,Address_City", "Ada,{},ada@example.com,Bonn")},
    ),
    "CustomersApi.update_customers_in_bulk": (
        lambda _: {"body": [customer(), {"source_id": unique("buyer"), "name": "Eve"}]},
    ),
    "CustomersApi.update_customers_metadata_in_bulk": (
        lambda _: {"body": {"source_ids": [unique("buyer")], "metadata": {"lot": 2}}},
    ),
    "CustomersApi.list_customer_activity": (
        lambda api: {"customer_id": a_busy_customer(api), "limit": 100, "order": "-created_at"},
    ),
    "CustomersApi.list_customer_redeemables": (
        lambda api: {"customer_id": a_busy_customer(api), "limit": 50},
    ),
    "CustomersApi.list_customer_segments": (
        lambda api: {
            "customer_id": a_segment(api, "passive", filter=NAMED_ADA) and a_customer(api),
        },
    ),
    "OrdersApi.create_order": (
        lambda _: {"body": an_order_of(customer()) | {"referrer": customer()}},
        lambda _: {"body": {"amount": 500}},
    ),
    "OrdersApi.get_order": (
        lambda api: {"order_id": an_order(api)},
        lambda api: {"order_id": a_redeemed_order(api)},
    ),
    "OrdersApi.update_order": (
        lambda api: {"order_id": an_order(api), "body": {"status": "FULFILLED", "metadata": {"lot": 2}}},
    ),
    "OrdersApi.list_orders": (
        lambda api: {"limit": a_redeemed_order(api) and 100, "order": "-created_at"},
        lambda api: {"limit": an_order(api) and 10, "page": 1},
    ),
    "OrdersApi.import_orders": (
        lambda _: {"body": [an_order_of(customer()) | {"created_at": "2020-01-01T00:00:00Z"}]},
    ),
    "OrdersApi.create_order_export": (
        lambda _: {"body": {"parameters": {"order": "-created_at", "fields": ["id", "status"]}}},
        lambda _: {"body": {}},
    ),
    "ProductsApi.create_product": (
        lambda _: {"body": PRODUCT | {"source_id": unique("mug")}},
        lambda _: {"body": {"name": "Cup"}},
    ),
    "ProductsApi.get_product": (lambda api: {"product_id": a_sku(api)[0]},),
    "ProductsApi.update_product": (
        lambda api: {"product_id": a_product(api), "body": {"name": "Cup", "price": 900}},
    ),
    "ProductsApi.list_products": (
        lambda api: {"limit": a_sku(api) and 100, "order": "-created_at", "end_date": END},
    ),
    "ProductsApi.delete_product": (lambda api: {"product_id": a_sku(api)[0], "force": True},),
    "ProductsApi.create_sku": (
        lambda api: {"product_id": a_product(api), "body": SKU | {"source_id": unique("red")}},
        lambda api: {"product_id": a_product(api), "body": {"sku": "Blue mug"}},
    ),
    "ProductsApi.get_sku": (lambda api: {"sku_id": a_sku(api)[1]},),
    "ProductsApi.update_sku": (
        lambda api: of_a_sku(api) | {"body": {"price": 1_400, "attributes": {"colour": "dark red"}}},
    ),
    "ProductsApi.list_skus_in_product": (lambda api: {"product_id": a_sku(api)[0], "order": "-created_at"},),
    "ProductsApi.delete_sku": (of_a_sku,),
    "ProductsApi.import_products_using_csv": (
        lambda _: {"file": file_of("name,source_id,price", "Mug,{},12.50")},
    ),
    "ProductsApi.import_skus_using_csv": (
        lambda api: {"file": file_of("product_id,sku,source_id", f"{a_product(api)},Red,{{}}")},
    ),
    "ProductsApi.update_products_in_bulk": (
        lambda _: {"body": [PRODUCT | {"source_id": unique("mug")}, {"source_id": unique("cup")}]},
    ),
    "ProductsApi.update_products_metadata_in_bulk": (
        lambda _: {"body": {"source_ids": [unique("mug")], "metadata": {"lot": 2}}},
    ),
    "ProductCollectionsApi.create_product_collection": (
        lambda api: {"body": {"name": unique("pc"), "type": "STATIC", "products": members(api)}},
        lambda _: {"body": {"name": unique("pc"), "type": "AUTO_UPDATE", "filter": DEAR}},
    ),
    "ProductCollectionsApi.get_product_collection": (
        lambda api: {"product_collection_id": a_collection(api)},
        lambda api: {"product_collection_id": a_dear_collection(api)},
    ),
    "ProductCollectionsApi.list_product_collections": (
        lambda api: {"limit": a_collection(api) and a_dear_collection(api) and 100, "order": "-created_at"},
    ),
    "ProductCollectionsApi.delete_product_collection": (
        lambda api: {"product_collection_id": a_collection(api)},
    ),
    "ProductCollectionsApi.list_products_in_collection": (
        lambda api: {"product_collection_id": a_collection(api), "limit": 100},
        lambda api: {"product_collection_id": a_dear_collection(api), "order": "created_at"},
    ),
    "SegmentsApi.create_segment": (
        lambda api: {"body": {"name": unique("s"), "type": "static", "customers": [a_customer(api)]}},
        lambda _: {"body": {"name": unique("s"), "type": "passive", "filter": NAMED_ADA}},
        lambda _: {"body": {"name": unique("s"), "type": "auto-update", "filter": NAMED_ADA}},
    ),
    "SegmentsApi.get_segment": (
        lambda api: {"segment_id": a_segment(api, "auto-update", filter=NAMED_ADA)},
        lambda api: {"segment_id": a_segment(api, "static", customers=[a_customer(api)])},
    ),
    "SegmentsApi.delete_segment": (lambda api: {"segment_id": a_segment(api, "passive", filter=NAMED_ADA)},),
    "EventsApi.track_custom_event": (
        lambda _: {
            "body": {
                "event": "looked",
                "customer": customer(),
                "referral": {"code": "FRIEND", "referrer_id": "grace"},
                "loyalty": {"code": "CARD"},
                "metadata": {"lot": 1},
            }
        },
        lambda api: {"body": {"event": "looked", "customer": {"id": a_customer(api)}}},
    ),
    "LocationsApi.list_locations": (lambda api: {"limit": a_location(api) and 100, "order": "-created_at"},),
    "LocationsApi.get_location": (lambda api: {"location_id": a_location(api)},),
}
"""Class and method → the calls that are made, each by what it prepares and sends."""
