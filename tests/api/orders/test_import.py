"""Orders that were placed before: /v1/orders/import."""

import os
import signal
import time

import httpx
import pytest

from tests.support.actions import ended
from tests.support.shop import created, unique

PATH = "/v1/orders/import"


def test_orders_are_imported_with_all_that_they_bring(api):
    """Amounts by the contract's precedence, statuses, customers, referrers, products and SKUs that ask to be
    stored.
    """
    buyer, referrer, product, sku = unique("b"), unique("r"), unique("p"), unique("s")
    names = [unique("o") for _ in range(4)]
    action = ended(
        api,
        api.post(
            PATH,
            json=[
                {
                    "source_id": names[0],
                    "status": "PAID",
                    "metadata": {"shop": "L1"},
                    "created_at": "2024-02-29T10:00:00.000Z",
                    "customer": {"source_id": buyer, "name": "Bob", "metadata": {"lang": "en"}},
                    "referrer": {"source_id": referrer, "name": "Jane"},
                    "items": [
                        {
                            "source_id": product,
                            "related_object": "product",
                            "quantity": 2,
                            "product": {"name": "Phone", "price": 70_000, "override": True},
                        },
                        {
                            "source_id": sku,
                            "related_object": "sku",
                            "quantity": 1,
                            "product": {"source_id": product + "-books", "name": "Books", "override": True},
                            "sku": {"sku": "Comics", "price": 1_600, "override": True},
                        },
                    ],
                },
                {"source_id": names[1], "status": "CANCELED", "amount": 7_000},
                {"source_id": names[2], "items": [{"amount": 900}, {"amount": 2_000}]},
                {
                    "source_id": names[3],
                    "status": "FULFILLED",
                    "customer": {"source_id": buyer},
                    "items": [{"price": 900, "quantity": 2}, {"price": 2_000, "quantity": 3}],
                },
            ],
        ),
    )
    assert (action["type"], action["status"]) == ("ORDERS.IMPORT", "DONE")
    assert action["result"]["message"] == "4 order(s) imported successfully, 0 failed."
    orders = [created(api.get(f"/v1/orders/{name}")) for name in names]
    assert [order["amount"] for order in orders] == [141_600, 7_000, 2_900, 7_800]
    assert [order["status"] for order in orders] == ["PAID", "CANCELED", "CREATED", "FULFILLED"]
    assert (orders[0]["created_at"], orders[0]["metadata"]) == ("2024-02-29T10:00:00.000Z", {"shop": "L1"})
    customer = created(api.get(f"/v1/customers/{buyer}"))
    assert (customer["name"], customer["metadata"]) == ("Bob", {"lang": "en"})
    assert customer["summary"]["orders"]["total_count"] == 2
    assert customer["summary"]["orders"]["total_amount"] == 141_600 + 7_800
    assert orders[0]["referrer_id"] == created(api.get(f"/v1/customers/{referrer}"))["id"]
    assert created(api.get(f"/v1/products/{product}"))["price"] == 70_000
    assert created(api.get(f"/v1/skus/{sku}"))["price"] == 1_600


def test_an_order_that_is_there_is_updated_and_its_redemptions_stay(api):
    """By source_id, as everywhere."""
    name = unique("o")
    before = created(api.post("/v1/orders", json={"source_id": name, "amount": 500, "metadata": {"a": 1}}))
    ended(api, api.post(PATH, json=[{"source_id": name, "status": "FULFILLED", "metadata": {"b": 2}}]))
    after = created(api.get(f"/v1/orders/{name}"))
    assert (after["id"], after["status"], after["amount"]) == (before["id"], "FULFILLED", 500)
    assert after["metadata"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ([], "fewer than 1 items"),
        ([{"amount": 1}] * 2_001, "more than 2000 items"),
        ([{"status": "LOST"}], "Property [0].status"),
        ([{"items": [{"initial_quantity": 0, "price": 1}]}], "initial_quantity"),
        ([{"amount": -1}], "Property [0].amount"),
        ({"amount": 1}, "must be array"),
    ],
    ids=["none", "too many", "status", "initial quantity", "amount", "no list"],
)
def test_what_cannot_be_an_import_is_refused_whole(api, body, details):
    """400 invalid_payload."""
    answer = api.post(PATH, json=body)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")
    assert details in answer.json()["details"]


def test_imports_of_a_project_run_one_after_the_other(api):
    """The second one waits for the first, and both are done."""
    one, two = unique("o"), unique("o")
    first = api.post(PATH, json=[{"source_id": f"{one}-{n}", "amount": n} for n in range(150)])
    second = api.post(PATH, json=[{"source_id": two, "amount": 7}])
    assert ended(api, second)["result"]["done_count"] == 1
    assert created(api.get(f"/v1/async-actions/{created(first)['async_action_id']}"))["status"] == "DONE"
    assert created(api.get(f"/v1/orders/{one}-149"))["amount"] == 149


def test_an_order_whose_metadata_is_not_as_defined_is_refused_alone(server):
    """The report names it; the others are there, and nothing of it is."""
    project = server.create_project(unique("import"))
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    number = {"type": "number", "optional": True, "array": False}
    created(
        httpx.post(
            f"{server.base_url}/management/v1/projects/{project.project_id}/metadata-schemas",
            headers=headers,
            json={"related_object": "order", "properties": {"size": number}},
        )
    )
    buyer = unique("b")
    with server.client(project) as api:
        rows = [
            {"source_id": "a", "amount": 1, "metadata": {"size": 1}},
            {"source_id": "b", "amount": 2, "metadata": {"size": "big"}, "customer": {"source_id": buyer}},
            {"source_id": "c", "amount": 3},
        ]
        result = ended(api, api.post(PATH, json=rows))["result"]
        assert (result["done_count"], result["failed_count"]) == (2, 1)
        reason = "size: must be a number (actual value is 'big')"
        assert result["failed"] == [{"source_id": "b", "reason": reason}]
        statuses = [api.get(f"/v1/orders/{name}").status_code for name in "abc"]
        assert statuses == [200, 404, 200]
        assert api.get(f"/v1/customers/{buyer}").status_code == 404


def test_an_import_goes_on_after_kill_9_and_stores_every_order_once(server):
    """Orders without any name of their own, counted by the buyer's summary: the background process is killed
    on the way.
    """
    count = 600
    buyer = unique("b")
    with server.client(server.create_project(unique("kill"))) as api:
        row = {"status": "PAID", "amount": 5, "customer": {"source_id": buyer}}
        killed, imports = False, 0
        while not killed and imports < 10:  # Until one is met half-way: this process may be the slower one.
            imports += 1
            action_id = created(api.post(PATH, json=[row] * count))["async_action_id"]
            while True:
                action = created(api.get(f"/v1/async-actions/{action_id}"))
                if action["status"] == "DONE":
                    break
                if not killed and action["progress"] > 0:
                    killed = True
                    os.kill(server.status()["background"], signal.SIGKILL)
                time.sleep(0.02)
            assert (action["result"]["done_count"], action["result"]["failed_count"]) == (count, 0)
        assert killed
        stored = imports * count
        summary = patient(api, f"/v1/customers/{buyer}")["summary"]["orders"]
        assert (summary["total_count"], summary["total_amount"]) == (stored, 5 * stored)
        assert patient(api, "/v1/orders")["total"] == stored


def patient(api, path):
    """What a client does that is told to come back: the projections lag behind while nobody projects."""
    while True:
        answer = api.get(path)
        if answer.status_code != 503:
            return created(answer)
        time.sleep(0.2)


def test_an_order_under_a_new_id_is_not_the_one_that_has_no_source_id(api):
    """An order is found by the names that it was given, and by none that it was not."""
    nameless = created(api.post("/v1/orders", json={"amount": 100}))
    patient(api, "/v1/orders")
    named = created(api.post("/v1/orders", json={"id": unique("own"), "amount": 200}))
    assert named["id"] != nameless["id"]
    assert created(api.get(f"/v1/orders/{nameless['id']}"))["amount"] == 100
