"""Products and SKUs in bulk: files, updates of each, one metadata for many."""

import time

import pytest
import voucherify
from voucherify import models

from tests.support.actions import ended, send_csv
from tests.support.shop import created, unique

PRODUCTS, SKUS = "/v1/products/importCSV", "/v1/skus/importCSV"


def test_a_file_of_products_is_stored_row_by_row(api):
    """What can be read is there, with columns of one's own as metadata; each other row says why not."""
    first, second = unique("p"), unique("p")
    action = ended(
        api,
        send_csv(
            api,
            PRODUCTS,
            "name,source_id,price,attributes,image_url,extensions.cost,colour\n"
            f'Mug,{first},12.50,"size,colour",https://a.example/mug.png,4.20,red\n'
            f"Cup,{second},free,,,,\n"
            f",{second},1,,,,\n"
            f"Lamp,{first}\n",
        ),
    )
    assert (action["type"], action["status"], action["progress"]) == ("PRODUCTS.IMPORT_CSV", "DONE", 100)
    assert (action["result"]["done_count"], action["result"]["failed_count"]) == (1, 3)
    assert action["result"]["message"] == "1 product(s) imported successfully, 3 failed."
    assert action["result"]["failed"] == [
        {"source_id": second, "reason": "price must be a number (actual value is 'free')", "row": 2},
        {"source_id": second, "reason": "Name is required", "row": 3},
        {"source_id": first, "reason": "The row has 2 cells, the header has 7", "row": 4},
    ]
    product = created(api.get(f"/v1/products/{first}"))
    assert (product["name"], product["price"], product["attributes"]) == ("Mug", 1250, ["size", "colour"])
    assert (product["metadata"], product["extensions"]) == ({"colour": "red"}, {"cost": 420})
    assert product["image_url"] == "https://a.example/mug.png"
    assert api.get(f"/v1/products/{second}").status_code == 404


def test_a_file_read_again_updates_what_it_made(api):
    """By source_id: what a cell says replaces, what none says stays; the price is known to the next cart."""
    name = unique("p")
    ended(api, send_csv(api, PRODUCTS, f"name,source_id,price,colour\nMug,{name},10,red\n"))
    before = created(api.get(f"/v1/products/{name}"))
    ended(api, send_csv(api, PRODUCTS, f"name,source_id,price,size\n,{name},11.99,big\n"))
    after = created(api.get(f"/v1/products/{name}"))
    assert (after["id"], after["name"], after["price"]) == (before["id"], "Mug", 1199)
    assert after["metadata"] == {"colour": "red", "size": "big"}
    order = {"items": [{"source_id": name, "related_object": "product", "quantity": 2}]}
    assert created(api.post("/v1/orders", json=order))["amount"] == 2398


def test_a_file_of_skus_needs_their_products(api):
    """By id or source_id; a SKU of another product is not taken away from it."""
    product, other, sku = unique("p"), unique("p"), unique("s")
    made = created(api.post("/v1/products", json={"source_id": product}))
    created(api.post("/v1/products", json={"source_id": other}))
    head = "product_id,sku,source_id,price,currency,image_url,attributes,shelf\n"
    rows = (
        f"{product},Small,{sku},9.99,EUR,https://a.example/s.png,\"{{'size':'S'}}\",A1\n"
        f"{made['id']},Big,{sku}-2,12,,,,\n"
        f"{other},Small,{sku},1,,,,\n"
        f"nowhere,Small,{sku}-3,1,,,,\n"
        f"{product},Nameless,,1,,,,\n"
        f",Homeless,{sku}-4,1,,,,\n"
    )
    result = ended(api, send_csv(api, SKUS, head + rows))["result"]
    assert result["message"] == "2 sku(s) imported successfully, 4 failed."
    assert [one["reason"] for one in result["failed"]] == [
        f"Resource sku with id {sku} is in use by products with ids [{made['id']}]",
        "Cannot find product with id nowhere",
        "Source_id is required",
        "Product_id is required",
    ]
    stored = created(api.get(f"/v1/skus/{sku}"))
    assert (stored["sku"], stored["price"], stored["currency"]) == ("Small", 999, "EUR")
    assert (stored["attributes"], stored["metadata"]) == ({"size": "S"}, {"shelf": "A1"})
    assert stored["product_id"] == made["id"]
    ended(api, send_csv(api, SKUS, f"product_id,source_id,price\n{product},{sku},8\n"))
    again = created(api.get(f"/v1/skus/{sku}"))
    assert (again["id"], again["price"], again["sku"]) == (stored["id"], 800, "Small")


def test_many_products_are_updated_in_one_request(api):
    """Each by its own row; unknown source_ids make products, and the report says which."""
    known, fresh = unique("p"), unique("p")
    created(api.post("/v1/products", json={"source_id": known, "name": "Old", "metadata": {"a": 1, "b": 1}}))
    rows = [
        {
            "source_id": known,
            "name": "New",
            "price": 500,
            "attributes": ["size"],
            "image_url": "https://a.example/n.png",
            "metadata": {"b": 2},
        },
        {"source_id": fresh, "price": 100},
    ]
    answer = api.post("/v1/products/bulk/async", json=rows)
    assert answer.status_code == 202
    action = ended(api, answer)
    assert action["type"] == "PRODUCTS.BULK_UPDATE"
    assert action["result"]["results"] == [
        {"source_id": known, "found": True, "updated": True},
        {"source_id": fresh, "found": False, "updated": True},
    ]
    assert (action["result"]["done_count"], action["result"]["errors"]) == (2, [])
    product = created(api.get(f"/v1/products/{known}"))
    assert (product["name"], product["price"], product["metadata"]) == ("New", 500, {"a": 1, "b": 2})
    assert (product["attributes"], product["image_url"]) == (["size"], "https://a.example/n.png")
    assert created(api.get(f"/v1/products/{fresh}"))["price"] == 100


def test_one_metadata_for_many_products(api):
    """Laid over what each has; unknown ones are made."""
    known, fresh = unique("p"), unique("p")
    created(api.post("/v1/products", json={"source_id": known, "metadata": {"a": 1}}))
    sent = {"source_ids": [known, fresh], "metadata": {"season": "winter"}}
    action = ended(api, api.post("/v1/products/metadata/async", json=sent))
    assert (action["type"], action["result"]["done_count"]) == ("PRODUCTS.METADATA_UPDATE", 2)
    assert created(api.get(f"/v1/products/{known}"))["metadata"] == {"a": 1, "season": "winter"}
    assert created(api.get(f"/v1/products/{fresh}"))["metadata"] == {"season": "winter"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/products/bulk/async", []),
        ("/v1/products/bulk/async", [{"name": "nameless"}]),
        ("/v1/products/bulk/async", [{"source_id": "x", "price": -1}]),
        ("/v1/products/metadata/async", {"source_ids": [], "metadata": {}}),
        ("/v1/products/metadata/async", {"source_ids": ["x"]}),
    ],
    ids=str,
)
def test_what_cannot_be_an_update_is_refused_whole(api, path, body):
    """400 invalid_payload, and nothing is started."""
    before = created(api.get("/v1/async-actions", params={"limit": 1}))
    answer = api.post(path, json=body)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")
    assert created(api.get("/v1/async-actions", params={"limit": 1})) == before


@pytest.mark.parametrize("path", [PRODUCTS, SKUS])
def test_a_file_that_is_none_is_refused(api, path):
    """400 invalid_payload, with what is missing."""
    empty = api.post(path, files={"other": ("a.csv", b"x", "text/csv")})
    assert empty.json()["details"] == "Payload should have required property 'file'"
    answer = send_csv(api, path, "colour\nred\n")
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")
    assert "The file has no column" in answer.json()["details"]


def test_a_request_that_is_sent_again_starts_one_action(api):
    """Under one Idempotency-Key."""
    headers = {"Idempotency-Key": unique("key")}
    rows = [{"source_id": unique("p"), "price": 1}]
    first, second = (api.post("/v1/products/bulk/async", json=rows, headers=headers) for _ in range(2))
    assert created(first) == created(second)


def test_the_official_client_starts_and_watches(official, api):
    """It names the published properties alone."""
    products = voucherify.ProductsApi(official)
    name = unique("p")
    row = models.ProductsUpdateInBulkRequestBody(source_id=name, name="Mug", price=5)
    started = products.update_products_in_bulk([row])
    actions = voucherify.AsyncActionsApi(official)
    while actions.get_async_action(started.async_action_id).status != "DONE":
        time.sleep(0.05)
    assert created(api.get(f"/v1/products/{name}"))["price"] == 5
