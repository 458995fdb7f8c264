"""A request for each refusal that operations on customers, orders, products, collections, segments, events,
locations and schemas declare: what the shop is made to be, and what is sent then.
"""

from collections.abc import Callable
from typing import Any

from tests.support.shop import created, rule, unique
from tests.wire.official_data import a_collection, a_customer, a_dear_collection, a_product, a_sku
from tests.wire.refusals import CSV, NOBODY, Ask, Desk, Refusals
from tests.wire.refusals_of_decisions import strict_of

WRONG = {"lot": "five"}
"""Metadata where the project has a schema for a number."""
STALE = {"If-Match": '"1"'}
Said = dict[str, Any]


def _named(desk: Desk) -> Said:
    body = {"source_id": unique("buyer"), "name": "Ada"}
    return created(desk.api.post("/v1/customers", json=body))


def _nameless(desk: Desk) -> str:
    return str(created(desk.api.post("/v1/customers", json={"name": "Ada"}))["id"])


def _product(desk: Desk, **more: Any) -> Said:
    return created(desk.api.post("/v1/products", json={"name": "Mug"} | more))


def _named_product(desk: Desk) -> Said:
    return _product(desk, source_id=unique("mug"))


def _order(desk: Desk) -> str:
    return str(created(desk.api.post("/v1/orders", json={"amount": 500}))["id"])


def _collection_in_use(desk: Desk) -> Ask:
    collection_id = a_collection(desk.api)
    rule(desk.api, "product.id", {"$is": [{"id": collection_id, "object": "products_collection"}]})
    return Ask({"productCollectionId": collection_id})


def _sku_of_another(desk: Desk) -> Ask:
    return Ask({"productId": a_product(desk.api)}, body={"id": a_sku(desk.api)[1], "sku": "Red"})


def _plain_sku(desk: Desk) -> tuple[str, str]:
    """Product id, SKU id, without metadata."""
    product_id = _product(desk)["id"]
    return product_id, created(desk.api.post(f"/v1/products/{product_id}/skus", json={"sku": "Red"}))["id"]


def _definition(kind: str) -> Said:
    return {"lot": {"type": kind, "optional": True, "array": False}}


def _schema(desk: Desk, room: str, body: Said) -> tuple[Said, Said]:
    """What was sent, and what it made."""
    path = f"/management/v1/projects/{desk.project_id}/{room}"
    return body, created(desk.sides["management"].post(path, json=body))


def _metadata_schema(desk: Desk) -> tuple[Said, Said]:
    body = {"related_object": unique("parcel"), "properties": _definition("number")}
    return _schema(desk, "metadata-schemas", body)


def _event_schema(desk: Desk) -> tuple[Said, Said]:
    properties = {"lot": {"type": "number", "optional": True}}
    body = {"name": unique("event"), "schema": {"properties": properties}}
    return _schema(desk, "custom-event-schemas", body)


def _of_schema(desk: Desk, made: Said, member: str, body: Said) -> Ask:
    return Ask({"projectId": desk.project_id, member: made["id"]}, body=body)


ALIKE: dict[tuple[str, ...], dict[str, Callable[[Desk], Ask]]] = {
    ("create-customer", "create-product", "create-order"): {
        "metadata_validation_failed": lambda desk: Ask(
            body={"name": "Ada", "metadata": WRONG}, by=strict_of(desk)
        ),
    },
    tuple(f"import-{rows}-using-csv" for rows in ("customers", "products", "SKUs", "locations")): {
        "invalid_payload": lambda _: Ask(files={"another": ("rows.csv", CSV, "text/csv")}),
    },
    (
        "list-customers",
        "list-orders",
        "list-products",
        "list-product-collections",
        "list-segment",
        "list-locations",
    ): {"invalid_query_params": lambda _: Ask(params={"order": "weather"})},
}
"""What is refused in the same words by several operations."""

DATA_REFUSALS: Refusals = {
    **{(one, key): ask for many, asks in ALIKE.items() for key, ask in asks.items() for one in many},
    ("list-customers", "not_found"): lambda _: Ask(params={"segment_id": NOBODY}),
    ("create-customer", "not_found"): lambda _: Ask(body={"id": NOBODY}),
    ("create-customer", "invalid_customer"): lambda desk: Ask(
        body={"id": _named(desk)["id"], "source_id": unique("buyer")}
    ),
    ("create-customer", "duplicate_found"): lambda desk: Ask(
        body={"id": _nameless(desk), "source_id": _named(desk)["source_id"]}
    ),
    ("create-customer", "invalid_payload"): lambda _: Ask(body={"birthdate": "yesterday"}),
    ("update-customer", "invalid_customer"): lambda desk: Ask(
        {"customerId": _named(desk)["id"]}, body={"source_id": unique("buyer")}
    ),
    ("update-customer", "duplicate_found"): lambda desk: Ask(
        {"customerId": _nameless(desk)}, body={"source_id": _named(desk)["source_id"]}
    ),
    ("update-customer", "metadata_validation_failed"): lambda desk: Ask(
        {"customerId": _nameless(strict_of(desk))}, body={"metadata": WRONG}, by=desk.strict
    ),
    ("update-customers-in-bulk", "invalid_payload"): lambda _: Ask(body=[{"name": "Nobody"}]),
    ("customer-permanently-deletion", "precondition_failed"): lambda desk: Ask(
        {"customerId": a_customer(desk.api)}, headers=STALE
    ),
    ("list-customer-activity", "invalid_query_params"): lambda desk: Ask(
        {"customerId": a_customer(desk.api)}, params={"starting_after_id": NOBODY}
    ),
    # Whoever is unknown is somebody new; this is nobody's name.
    ("list-customer-segments", "not_found"): lambda _: Ask({"customerId": "\x00"}),
    ("list-customer-redeemables", "invalid_query_params"): lambda desk: Ask(
        {"customerId": a_customer(desk.api)}, params={"starting_after_id": NOBODY}
    ),
    ("create-order", "invalid_payload"): lambda _: Ask(body={"status": "LOST"}),
    ("update-order", "metadata_validation_failed"): lambda desk: Ask(
        {"orderId": _order(strict_of(desk))}, body={"metadata": WRONG}, by=desk.strict
    ),
    ("import-orders", "invalid_payload"): lambda _: Ask(body=[]),
    ("create-order-export", "invalid_export_fields"): lambda _: Ask(
        body={"parameters": {"fields": ["weather"]}}
    ),
    ("create-order-export", "invalid_payload"): lambda _: Ask(body={"parameters": {"order": "weather"}}),
    ("create-product", "invalid_product"): lambda desk: Ask(
        body={"id": _named_product(desk)["id"], "source_id": unique("mug")}
    ),
    ("create-product", "duplicate_found"): lambda desk: Ask(
        body={"id": _product(desk)["id"], "source_id": _named_product(desk)["source_id"]}
    ),
    ("update-product", "metadata_validation_failed"): lambda desk: Ask(
        {"productId": _product(strict_of(desk))["id"]}, body={"metadata": WRONG}, by=desk.strict
    ),
    ("create-sku", "duplicate_found"): _sku_of_another,
    ("create-sku", "metadata_validation_failed"): lambda desk: Ask(
        {"productId": _product(strict_of(desk))["id"]}, body={"metadata": WRONG}, by=desk.strict
    ),
    ("update-sku", "metadata_validation_failed"): lambda desk: Ask(
        dict(zip(("productId", "skuId"), _plain_sku(strict_of(desk)), strict=True)),
        body={"metadata": WRONG},
        by=desk.strict,
    ),
    ("create-product-collection", "not_found"): lambda _: Ask(
        body={"name": "pc", "type": "STATIC", "products": [{"id": NOBODY, "object": "product"}]}
    ),
    ("create-product-collection", "invalid_payload"): lambda _: Ask(
        body={"name": "pc", "type": "AUTO_UPDATE"}
    ),
    ("put-product-collection", "invalid_payload"): lambda desk: Ask(
        {"productCollectionId": a_dear_collection(desk.api)},
        body={"name": "pc", "filter": {"price": {"conditions": {"$more_than": [1]}}}},
    ),
    ("delete-product-collection", "resource_in_use"): _collection_in_use,
    ("create-segment", "invalid_payload"): lambda _: Ask(
        body={"name": "s", "type": "passive", "filter": {"name": {"conditions": {"$huh": [1]}}}}
    ),
    ("track-custom-event", "not_found"): lambda _: Ask(
        body={"event": "looked", "customer": {"id": "cust_nobody"}}
    ),
    ("track-custom-event", "invalid_payload"): lambda _: Ask(body={"event": "looked"}),
    ("track-custom-event", "metadata_validation_failed"): lambda desk: Ask(
        body={"event": "counted", "customer": {"source_id": unique("buyer")}, "metadata": WRONG},
        by=desk.strict,
    ),
    ("create-location", "invalid_payload"): lambda _: Ask(body={"name": "shop", "shape": {"type": "star"}}),
    ("update-location", "invalid_payload"): lambda _: Ask(
        {"locationId": NOBODY}, body={"shape": {"type": "star"}}
    ),
    ("create-metadata-schema", "duplicate_found"): lambda desk: Ask(
        {"projectId": desk.project_id}, body=_metadata_schema(desk)[0]
    ),
    ("create-metadata-schema", "invalid_payload"): lambda desk: Ask(
        {"projectId": desk.project_id}, body={"related_object": "x", "properties": _definition("weather")}
    ),
    ("update-metadata-schema", "invalid_payload"): lambda desk: _of_schema(
        desk, _metadata_schema(desk)[1], "metadataSchemaId", {"properties": _definition("string")}
    ),
    ("create-custom-event-schema", "duplicate_found"): lambda desk: Ask(
        {"projectId": desk.project_id}, body=_event_schema(desk)[0]
    ),
    ("update-custom-event-schema", "invalid_payload"): lambda desk: _of_schema(
        desk, _event_schema(desk)[1], "customEventSchemaId", {"schema": {"properties": {"lot": {}}}}
    ),
}
