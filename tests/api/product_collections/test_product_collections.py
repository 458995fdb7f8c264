"""The operations on /v1/product-collections."""

import pytest
import voucherify
from voucherify.models.product_collections_list_response_body import ProductCollectionsListResponseBody

from tests.support.shop import created, unique


@pytest.fixture(scope="module")
def goods(api):
    """Two products, the second with a SKU."""
    cheap = created(
        api.post("/v1/products", json={"source_id": unique("cheap"), "name": "Cheap", "price": 100})
    )
    dear = created(
        api.post(
            "/v1/products",
            json={"source_id": unique("dear"), "name": "Dear", "price": 9_000, "metadata": {"brand": "Own"}},
        )
    )
    sku = created(
        api.post(
            f"/v1/products/{dear['id']}/skus",
            json={"source_id": unique("sku"), "price": 8_000, "attributes": {"size": "L"}},
        )
    )
    return cheap, dear, sku


def test_a_static_collection_is_read_back(api, goods):
    """Members are answered by id, with the product of a SKU, and listed as they are stored."""
    cheap, dear, sku = goods
    sent = {
        "name": "Static",
        "type": "STATIC",
        "products": [
            {"id": cheap["id"], "object": "product"},
            {"id": sku["id"], "product_id": dear["id"], "object": "sku"},
        ],
    }
    made = created(api.post("/v1/product-collections", json=sent))
    assert made["id"].startswith("pc_")
    assert made["object"] == "products_collection"
    assert {key: made[key] for key in sent} == sent
    assert created(api.get(f"/v1/product-collections/{made['id']}")) == made
    listed = created(
        api.get(f"/v1/product-collections/{made['id']}/products", params={"order": "created_at"})
    )
    assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "data", 2)
    assert [one["id"] for one in listed["data"]] == [cheap["id"], sku["id"]]
    assert listed["data"][1]["product"]["id"] == dear["id"]
    by_source = created(
        api.post(
            "/v1/product-collections", json={"name": "By source", "products": [{"id": cheap["source_id"]}]}
        )
    )
    assert by_source["products"] == [{"id": cheap["id"], "object": "product"}]


def test_a_filter_collection_is_evaluated_when_asked(api, goods):
    """An AUTO_UPDATE collection holds what its filter matches now, SKUs by themselves."""
    cheap, dear, sku = goods
    sent = {
        "name": "Dynamic",
        "type": "AUTO_UPDATE",
        "filter": {"junction": "and", "price": {"conditions": {"$more_than": [5_000]}}},
    }
    made = created(api.post("/v1/product-collections", json=sent))
    assert {key: made[key] for key in sent} == sent
    path = f"/v1/product-collections/{made['id']}"
    members = {one["id"] for one in created(api.get(path + "/products", params={"limit": 100}))["data"]}
    assert members >= {dear["id"], sku["id"]}
    assert cheap["id"] not in members
    own = {"junction": "and", "metadata.brand": {"conditions": {"$is": ["Own"]}}}
    changed = created(api.put(path, json={"name": "Own", "filter": own}))
    assert (changed["name"], changed["filter"]) == ("Own", own)
    assert dear["id"] in {one["id"] for one in created(api.get(path + "/products"))["data"]}


def test_delete(api, goods):
    """A collection goes once; while a rule refers to it, it stays."""
    made = created(
        api.post("/v1/product-collections", json={"name": "Used", "products": [{"id": goods[0]["id"]}]})
    )
    rule = created(
        api.post(
            "/v1/validation-rules",
            json={
                "name": unique("rule"),
                "applicable_to": {
                    "included": [{"object": "products_collection", "id": made["id"]}],
                    "excluded": [],
                    "included_all": False,
                },
            },
        )
    )
    path = f"/v1/product-collections/{made['id']}"
    refused = api.delete(path)
    assert (refused.status_code, refused.json()["key"]) == (400, "resource_in_use")
    assert refused.json()["related_object_ids"] == [rule["id"]]
    assert api.delete(f"/v1/validation-rules/{rule['id']}").status_code == 204
    assert api.delete(path).status_code == 204
    for answer in (
        api.delete(path),
        api.get(path),
        api.get(path + "/products"),
        api.put(path, json={"name": "x"}),
    ):
        assert answer.status_code == 404
        assert answer.json()["resource_type"] == "products_collection"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"type": "STATIC"}, 400),
        ({"name": ""}, 400),
        ({"name": "x", "type": "OTHER"}, 400),
        ({"name": "x", "type": "AUTO_UPDATE"}, 400),
        ({"name": "x", "type": "AUTO_UPDATE", "filter": {"price": {"conditions": {"$is": [1]}}}}, 400),
        ({"name": "x", "filter": {"junction": "and", "price": {"conditions": {"$wrong": [1]}}}}, 400),
        ({"name": "x", "products": [{"id": "prod_nothing", "object": "product"}]}, 404),
    ],
)
def test_refused_bodies(api, body, status):
    """What is no collection is refused, and nothing is made."""
    before = created(api.get("/v1/product-collections"))["total"]
    assert api.post("/v1/product-collections", json=body).status_code == status
    assert created(api.get("/v1/product-collections"))["total"] == before


def test_another_projects_collection_is_not_found(api, stranger, goods):
    """Neither the collection nor its members are another project's."""
    made = created(
        api.post("/v1/product-collections", json={"name": "Mine", "products": [{"id": goods[0]["id"]}]})
    )
    assert stranger.get(f"/v1/product-collections/{made['id']}").status_code == 404
    assert stranger.delete(f"/v1/product-collections/{made['id']}").status_code == 404
    stolen = stranger.post(
        "/v1/product-collections", json={"name": "x", "products": [{"id": goods[0]["id"]}]}
    )
    assert stolen.status_code == 404


def test_the_official_client_reads_all_of_it(official, goods):
    """The official client creates, reads, lists and deletes collections, and lists their products."""
    collections = voucherify.ProductCollectionsApi(official)
    _cheap, dear, sku = goods
    made = collections.create_product_collection(
        voucherify.ProductCollectionsCreateRequestBody.from_dict(
            {
                "name": "Official",
                "type": "STATIC",
                "products": [
                    {"id": dear["id"], "object": "product"},
                    {"id": sku["id"], "product_id": dear["id"], "object": "sku"},
                ],
            }
        )
    )
    assert collections.get_product_collection(made.id).name == "Official"
    members = collections.list_products_in_collection(made.id)
    assert {one.id for one in members.data} == {dear["id"], sku["id"]}
    listed = collections.list_product_collections(limit=10)
    assert any(one.id == made.id for one in listed.data)
    assert isinstance(listed, ProductCollectionsListResponseBody)
    collections.delete_product_collection(made.id)
    with pytest.raises(voucherify.ApiException):
        collections.get_product_collection(made.id)
