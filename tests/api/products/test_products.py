"""The operations on /v1/products and /v1/skus."""

import concurrent.futures

import pytest
import voucherify
from voucherify.models.products_list_response_body import ProductsListResponseBody

from tests.support.shop import created, unique


def full_product(source_id: str) -> dict:
    return {
        "source_id": source_id,
        "name": "Samsung Phone",
        "price": 200_000,
        "attributes": ["color", "memory"],
        "metadata": {"test": True, "weight": 1.5, "vendor": "Online Store"},
        "image_url": "https://shop.example/phone.png",
        "extensions": {"cost": 120_000},
    }


def full_sku(source_id: str) -> dict:
    return {
        "source_id": source_id,
        "sku": "Samsung phone 256GB",
        "price": 210_000,
        "currency": "EUR",
        "attributes": {"color": "black", "memory": "256", "ranking": 1},
        "metadata": {"imported": True},
        "image_url": "https://shop.example/phone-256.png",
        "extensions": {"cost": 130_000},
    }


def test_what_is_sent_is_read_back(api):
    """Every property of a product and of its SKU is answered as it was sent, by id and by source_id."""
    sent, sent_sku = full_product(unique("phone")), full_sku(unique("phone-256"))
    product = created(api.post("/v1/products", json=sent))
    sku = created(api.post(f"/v1/products/{sent['source_id']}/skus", json=sent_sku))
    assert product["id"].startswith("prod_")
    assert sku["id"].startswith("sku_")
    assert sku["product_id"] == product["id"]
    for name in (product["id"], sent["source_id"]):
        read = created(api.get(f"/v1/products/{name}"))
        assert {key: read[key] for key in sent} == sent
        assert read["object"] == "product"
        assert read["skus"]["total"] == 1
        assert read["skus"]["data"][0]["id"] == sku["id"]
    for name in (sku["id"], sent_sku["source_id"]):
        read = created(api.get(f"/v1/skus/{name}"))
        assert {key: read[key] for key in sent_sku} == sent_sku
        assert read["product"]["id"] == product["id"]
        assert read["object"] == "sku"


def test_posting_again_merges(api):
    """The same source_id means the same product, and the same SKU."""
    source_id = unique("again")
    first = created(api.post("/v1/products", json=full_product(source_id)))
    second = created(
        api.post("/v1/products", json={"source_id": source_id, "price": 5, "metadata": {"x": 1}})
    )
    assert second["id"] == first["id"]
    assert second["price"] == 5
    assert second["name"] == first["name"]
    assert second["metadata"] == first["metadata"] | {"x": 1}
    path = f"/v1/products/{first['id']}/skus"
    sku = created(api.post(path, json={"source_id": source_id + "-sku", "price": 1}))
    again = created(api.post(path, json={"source_id": source_id + "-sku", "sku": "Named"}))
    assert (again["id"], again["price"], again["sku"]) == (sku["id"], 1, "Named")


def test_a_sku_may_be_nameless(api):
    """Clients make SKUs of a price alone."""
    product = created(api.post("/v1/products", json={"name": "Shirt"}))
    sku = created(api.post(f"/v1/products/{product['id']}/skus", json={"price": 5000, "sku": None}))
    assert (sku["price"], sku["sku"], sku["attributes"]) == (5000, None, {})


def test_one_source_id_one_product(server, project, api):
    """Requests at once with one new source_id make one product."""
    source_id = unique("race")

    def post(number: int) -> str:
        with server.client(project) as client:
            return str(
                created(client.post("/v1/products", json={"source_id": source_id, "price": number}))["id"]
            )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(post, range(8)))) == 1


def test_updates_replace_what_is_given(api):
    """PUT leaves what is not given."""
    product = created(api.post("/v1/products", json=full_product(unique("update"))))
    updated = created(
        api.put(
            f"/v1/products/{product['source_id']}",
            json={"name": "Other", "price": 0, "attributes": [], "extensions": {"cost": 7}},
        )
    )
    assert (updated["name"], updated["price"], updated["attributes"]) == ("Other", 0, [])
    assert updated["extensions"] == {"cost": 7}
    assert updated["metadata"] == product["metadata"]
    sku = created(api.post(f"/v1/products/{product['id']}/skus", json=full_sku(unique("sku"))))
    changed = created(
        api.put(
            f"/v1/products/{product['id']}/skus/{sku['source_id']}",
            json={"sku": "Other", "attributes": {"color": "red"}},
        )
    )
    assert changed["sku"] == "Other"
    assert changed["attributes"] == sku["attributes"] | {"color": "red"}
    assert changed["price"] == sku["price"]


def test_deleting_twice_is_not_found(api):
    """A deleted product is gone with its SKUs; deleting again is 404."""
    product = created(api.post("/v1/products", json=full_product(unique("gone"))))
    first = created(api.post(f"/v1/products/{product['id']}/skus", json=full_sku(unique("sku"))))
    second = created(api.post(f"/v1/products/{product['id']}/skus", json=full_sku(unique("sku"))))
    assert api.delete(f"/v1/products/{product['id']}/skus/{first['id']}").status_code == 204
    assert api.delete(f"/v1/products/{product['id']}/skus/{first['id']}").status_code == 404
    assert api.delete(f"/v1/products/{product['id']}", params={"force": "true"}).status_code == 204
    for path, kind in (
        (f"/v1/products/{product['id']}", "product"),
        (f"/v1/skus/{second['id']}", "sku"),
        (f"/v1/products/{product['id']}/skus", "product"),
    ):
        answer = api.get(path)
        assert answer.status_code == 404
        assert answer.json()["resource_type"] == kind
    assert api.delete(f"/v1/products/{product['id']}").status_code == 404


def test_another_projects_products_are_not_found(api, stranger):
    """Neither id nor source_id opens another project's product or SKU."""
    product = created(api.post("/v1/products", json=full_product(unique("mine"))))
    sku = created(api.post(f"/v1/products/{product['id']}/skus", json=full_sku(unique("sku"))))
    for answer in (
        stranger.get(f"/v1/products/{product['id']}"),
        stranger.get(f"/v1/products/{product['source_id']}"),
        stranger.put(f"/v1/products/{product['id']}", json={"name": "x"}),
        stranger.delete(f"/v1/products/{product['id']}"),
        stranger.get(f"/v1/skus/{sku['id']}"),
        stranger.post(f"/v1/products/{product['id']}/skus", json={"price": 1}),
        stranger.put(f"/v1/products/{product['id']}/skus/{sku['id']}", json={"sku": "x"}),
    ):
        assert answer.status_code == 404
    assert created(api.get(f"/v1/skus/{sku['id']}"))["sku"] == sku["sku"]


def test_a_sku_belongs_to_one_product(api):
    """A SKU is not found under another product, and its source_id is not given away."""
    first = created(api.post("/v1/products", json={"name": "First"}))
    second = created(api.post("/v1/products", json={"name": "Second"}))
    sku = created(api.post(f"/v1/products/{first['id']}/skus", json=full_sku(unique("sku"))))
    assert api.put(f"/v1/products/{second['id']}/skus/{sku['id']}", json={"sku": "x"}).status_code == 404
    taken = api.post(f"/v1/products/{second['id']}/skus", json={"source_id": sku["source_id"]})
    assert (taken.status_code, taken.json()["key"]) == (409, "duplicate_found")


def test_lists_page_oldest_first(server):
    """Products and SKUs are listed oldest first unless an order is asked for."""
    project = server.create_project(unique("listing"))
    with server.client(project) as api:
        made = [created(api.post("/v1/products", json={"name": f"Product {n}"})) for n in range(3)]
        skus = [
            created(api.post(f"/v1/products/{made[0]['id']}/skus", json={"sku": f"SKU {n}"}))
            for n in range(3)
        ]
        listed = created(api.get("/v1/products"))
        assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "products", 3)
        assert [one["id"] for one in listed["products"]] == [one["id"] for one in made]
        assert listed["products"][0]["skus"]["total"] == 3
        assert ProductsListResponseBody.from_dict(listed) is not None
        newest = created(api.get("/v1/products", params={"order": "-created_at", "limit": 2, "page": 2}))
        assert [one["id"] for one in newest["products"]] == [made[0]["id"]]
        of_product = created(api.get(f"/v1/products/{made[0]['id']}/skus"))
        assert (of_product["data_ref"], of_product["total"]) == ("skus", 3)
        assert [one["id"] for one in of_product["skus"]] == [one["id"] for one in skus]
        late = {"start_date": "2999-01-01"}
        assert created(api.get("/v1/products", params=late))["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"price": "5"},
        {"price": -1},
        {"price": 1.5},
        {"price": 10**12 + 1},
        {"attributes": "color"},
        {"metadata": "x"},
        {"name": ["x"]},
        {"extensions": {"cost": -1}},
    ],
)
def test_400_for_what_cannot_be_stored(api, body):
    """A wrong type or an amount out of bounds is refused."""
    answer = api.post("/v1/products", json=body)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")


def test_the_official_client_reads_all_of_it(official):
    """The official client creates, reads, lists, updates and deletes products and SKUs."""
    products = voucherify.ProductsApi(official)
    sent = {key: value for key, value in full_product(unique("official")).items() if key != "extensions"}
    made = products.create_product(voucherify.ProductsCreateRequestBody(**sent))
    assert products.get_product(made.id).price == 200_000
    assert (
        products.update_product(made.id, voucherify.ProductsUpdateRequestBody(name="Other")).name == "Other"
    )
    sku_sent = {key: value for key, value in full_sku(unique("sku")).items() if key != "extensions"}
    sku = products.create_sku(made.id, voucherify.ProductsSkusCreateRequestBody(**sku_sent))
    assert products.get_sku(sku.id).attributes["color"] == "black"
    assert products.list_skus_in_product(made.id).total == 1
    assert any(one.id == made.id for one in products.list_products(limit=100, order="-created_at").products)
    products.delete_sku(made.id, sku.id)
    products.delete_product(made.id)
    with pytest.raises(voucherify.ApiException):
        products.get_product(made.id)
