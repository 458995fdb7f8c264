"""The operations on /v1/orders."""

import concurrent.futures

import pytest
import voucherify
from voucherify.models.orders_list_response_body import OrdersListResponseBody

from tests.support.shop import created, unique


def full_order(source_id: str) -> dict:
    return {
        "source_id": source_id,
        "status": "CREATED",
        "amount": 20_000,
        "metadata": {"payment_mean": ["paypal", "credit-card"], "rate": 1.5},
        "items": [
            {
                "source_id": "unknown product",
                "related_object": "product",
                "quantity": 2,
                "price": 10_000,
                "metadata": {"gift": True},
                "product": {"name": "Lamp", "metadata": {"key": "value"}},
            }
        ],
    }


def test_what_is_sent_is_read_back(api, server, project):
    """Every property of an order is answered as it was sent, by id and by source_id, on any worker."""
    sent = full_order(unique("order"))
    made = created(api.post("/v1/orders", json=sent))
    assert made["id"].startswith("ord_")
    assert made["object"] == "order"
    for name in (made["id"], sent["source_id"]):
        for _ in range(3):
            with server.client(project) as client:
                read = created(client.get(f"/v1/orders/{name}"))
            for key in ("source_id", "status", "amount", "metadata"):
                assert read[key] == sent[key]
            assert read["total_amount"] == 20_000
            item = read["items"][0]
            assert {
                key: item[key] for key in ("source_id", "related_object", "quantity", "price", "metadata")
            } == {
                key: sent["items"][0][key]
                for key in ("source_id", "related_object", "quantity", "price", "metadata")
            }
            assert (item["amount"], item["subtotal_amount"], item["object"]) == (20_000, 20_000, "order_item")
            assert item["product"]["name"] == "Lamp"
            assert item["product"]["metadata"] == {"key": "value"}


def test_amounts_by_precedence(api):
    """The order's amount, else the items' amounts, else price times quantity; numeric strings count."""
    product = created(api.post("/v1/products", json={"source_id": unique("mug"), "price": 1_000}))
    sku = created(
        api.post(f"/v1/products/{product['id']}/skus", json={"source_id": unique("sku"), "price": 900})
    )
    bare = created(api.post(f"/v1/products/{product['id']}/skus", json={"source_id": unique("sku")}))
    items = [
        {"product_id": product["id"], "quantity": "3"},
        {"sku_id": sku["id"], "quantity": 2},
        {"source_id": bare["source_id"], "related_object": "sku"},
        {"product_id": product["id"], "price": 10, "quantity": 5},
        {"source_id": "no price at all", "related_object": "product"},
        {"product_id": product["id"], "amount": 7, "price": 10, "quantity": 5},
    ]
    order = created(api.post("/v1/orders", json={"items": items}))
    assert [item.get("amount") for item in order["items"]] == [3_000, 1_800, 1_000, 50, None, 7]
    assert [item["quantity"] for item in order["items"]] == [3, 2, 1, 5, 1, 5]
    assert (order["amount"], order["total_amount"]) == (5_857, 5_857)
    assert order["items"][2]["product_id"] == product["id"]
    explicit = created(api.post("/v1/orders", json={"items": items, "amount": 1}))
    assert (explicit["amount"], explicit["total_amount"]) == (1, 1)
    assert created(api.get(f"/v1/orders/{order['id']}")) == order


def test_discounts_of_the_shop_itself_are_kept(api):
    """An order that says its discounts keeps them; the total follows."""
    order = created(
        api.post(
            "/v1/orders",
            json={
                "discount_amount": 100,
                "items": [
                    {"source_id": "a", "related_object": "product", "price": 1_000, "discount_amount": 50}
                ],
            },
        )
    )
    assert (order["discount_amount"], order["items_discount_amount"]) == (100, 50)
    assert (order["total_discount_amount"], order["total_amount"]) == (150, 850)
    assert order["items"][0]["subtotal_amount"] == 950


def test_update_overwrites_what_is_given(api):
    """PUT by either name changes what it names; a change of status alone leaves the amounts."""
    sent = full_order(unique("order"))
    made = created(api.post("/v1/orders", json=sent))
    canceled = created(api.put(f"/v1/orders/{sent['source_id']}", json={"status": "CANCELED"}))
    assert canceled["status"] == "CANCELED"
    assert canceled["amount"] == made["amount"]
    assert canceled["items"] == made["items"]
    assert canceled["updated_at"] is not None
    changed = created(
        api.put(f"/v1/orders/{made['id']}", json={"metadata": {"rate": 2}, "items": [], "amount": 5})
    )
    assert changed["metadata"] == sent["metadata"] | {"rate": 2}
    assert (changed["amount"], changed["items"]) == (5, [])
    assert changed["status"] == "CANCELED"
    assert created(api.get(f"/v1/orders/{made['id']}")) == changed


def test_posting_again_updates(api):
    """The same id or source_id means the same order."""
    sent = full_order(unique("order"))
    made = created(api.post("/v1/orders", json=sent))
    by_source = created(api.post("/v1/orders", json={"source_id": sent["source_id"], "status": "PAID"}))
    by_id = created(api.post("/v1/orders", json={"id": made["id"], "metadata": {"more": 1}}))
    assert by_source["id"] == by_id["id"] == made["id"]
    assert by_id["status"] == "PAID"
    assert by_id["items"] == made["items"]


def test_requests_at_once_make_one_order(server, project, api):
    """Sixteen requests at once with one new source_id make one order, and no change is lost."""
    source_id = unique("race")

    def post(number: int) -> tuple[int, str]:
        with server.client(project) as client:
            answer = client.post(
                "/v1/orders", json={"source_id": source_id, "metadata": {str(number): number}}
            )
            return number, str(answer.json().get("id") if answer.is_success else answer.json()["key"])

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        results = dict(pool.map(post, range(16)))
    accepted = {number for number, result in results.items() if result.startswith("ord_")}
    assert len({results[number] for number in accepted}) == 1
    assert set(results.values()) - {results[next(iter(accepted))]} <= {"multiple_requests"}
    assert set(created(api.get(f"/v1/orders/{source_id}"))["metadata"]) == {
        str(number) for number in accepted
    }


def test_the_customer_comes_with_the_order(api):
    """An order makes or updates its customer and its referrer; the summary counts paid orders alone."""
    source_id, referrer = unique("buyer"), unique("referrer")
    order = created(
        api.post(
            "/v1/orders",
            json={
                "amount": 1_000,
                "status": "CREATED",
                "customer": {"source_id": source_id, "name": "Ann", "metadata": {"vip": True}},
                "referrer": {"source_id": referrer, "name": "Ref"},
            },
        )
    )
    customer = created(api.get(f"/v1/customers/{source_id}"))
    assert order["customer_id"] == customer["id"]
    assert order["customer"] == {"id": customer["id"], "object": "customer"}
    assert (customer["name"], customer["metadata"]) == ("Ann", {"vip": True})
    assert created(api.get(f"/v1/customers/{referrer}"))["id"] == order["referrer_id"]
    assert customer["summary"]["orders"]["total_count"] == 0
    created(api.put(f"/v1/orders/{order['id']}", json={"status": "PAID"}))
    other = {"amount": 500, "status": "FULFILLED", "customer": {"id": customer["id"]}}
    created(api.post("/v1/orders", json=other))
    summary = created(api.get(f"/v1/customers/{source_id}"))["summary"]["orders"]
    assert (summary["total_count"], summary["total_amount"], summary["average_amount"]) == (2, 1_500, 750)
    assert summary["last_order_amount"] == 500
    created(api.put(f"/v1/orders/{order['id']}", json={"amount": 1_100}))
    created(api.put(f"/v1/orders/{order['id']}", json={"amount": 1_100}))
    assert created(api.get(f"/v1/customers/{source_id}"))["summary"]["orders"]["total_amount"] == 1_600
    created(api.put(f"/v1/orders/{order['id']}", json={"status": "CANCELED"}))
    summary = created(api.get(f"/v1/customers/{source_id}"))["summary"]["orders"]
    assert (summary["total_count"], summary["total_amount"]) == (1, 500)


def test_an_order_finds_the_owner_of_a_source_id(api):
    """A source_id that was given to an existing customer means that customer."""
    customer = created(api.post("/v1/customers", json={"name": "Nameless"}))
    source_id = unique("later")
    created(api.put(f"/v1/customers/{customer['id']}", json={"source_id": source_id}))
    order = created(api.post("/v1/orders", json={"amount": 1, "customer": {"source_id": source_id}}))
    assert order["customer_id"] == customer["id"]


def test_override_stores_the_product(api):
    """With override the order's details of products and SKUs become the catalogue's."""
    product, sku = unique("prod"), unique("sku")
    order = created(
        api.post(
            "/v1/orders",
            json={
                "items": [
                    {
                        "source_id": sku,
                        "related_object": "sku",
                        "product": {"source_id": product, "name": "Book", "price": 2_100, "override": True},
                        "sku": {"sku": "Comic", "price": 1_700, "metadata": {"a": 1}, "override": True},
                    },
                    {
                        "source_id": unique("not stored"),
                        "related_object": "product",
                        "product": {"name": "Ghost", "price": 1},
                    },
                ]
            },
        )
    )
    stored = created(api.get(f"/v1/products/{product}"))
    assert (stored["name"], stored["price"]) == ("Book", 2_100)
    stored_sku = created(api.get(f"/v1/skus/{sku}"))
    assert (stored_sku["sku"], stored_sku["price"], stored_sku["product_id"]) == (
        "Comic",
        1_700,
        stored["id"],
    )
    assert order["items"][0]["product_id"] == stored["id"]
    assert order["items"][0]["amount"] == 1_700
    assert api.get(f"/v1/products/{order['items'][1]['source_id']}").status_code == 404


def test_404_for_orders_that_are_not_there(api, stranger):
    """Unknown orders and another project's orders are the same answer."""
    made = created(api.post("/v1/orders", json=full_order(unique("mine"))))
    for client, name in ((api, "ord_nothing"), (stranger, made["id"]), (stranger, made["source_id"])):
        for answer in (
            client.get(f"/v1/orders/{name}"),
            client.put(f"/v1/orders/{name}", json={"status": "PAID"}),
        ):
            assert answer.status_code == 404
            assert (answer.json()["key"], answer.json()["resource_type"]) == ("not_found", "order")
    assert created(stranger.get("/v1/orders"))["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"status": "DONE"},
        {"amount": -1},
        {"amount": 1.5},
        {"amount": "5"},
        {"amount": 10**13 + 1},
        {"items": {}},
        {"items": [{"quantity": "two"}]},
        {"items": [{"quantity": 0}]},
        {"items": [{"quantity": 10**6 + 1}]},
        {"items": [{"price": 10**12, "quantity": 1_000}]},
        {"items": [{"price": "5"}]},
        {"items": [{"related_object": "thing"}]},
        {"items": [{"source_id": "x"}] * 501},
        {"metadata": "x"},
        {"customer": {"metadata": 1}},
        {"source_id": 5},
    ],
)
def test_400_for_what_cannot_be_stored(api, body):
    """Wrong types and amounts out of bounds are refused, and nothing is made."""
    before = created(api.get("/v1/orders"))["total"]
    answer = api.post("/v1/orders", json=body)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")
    assert created(api.get("/v1/orders"))["total"] == before


def test_bodies_that_real_clients_send(api):
    """Unknown properties are ignored, nulls mean absent, an order may be empty."""
    assert created(api.post("/v1/orders", json={"currency": "USD"}))["status"] == "CREATED"
    assert created(api.post("/v1/orders", json={"items": None, "customer": None, "metadata": None, "x": 1}))
    assert created(api.post("/v1/orders", json={}))["metadata"] == {}


def test_lists_page_oldest_first(server):
    """Orders are listed oldest first unless an order is asked for."""
    project = server.create_project(unique("listing"))
    with server.client(project) as api:
        made = [
            created(api.post("/v1/orders", json={"amount": n, "source_id": unique("o")})) for n in range(3)
        ]
        listed = created(api.get("/v1/orders"))
        assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "orders", 3)
        assert listed["orders"] == made
        assert OrdersListResponseBody.from_dict(listed) is not None
        newest = created(api.get("/v1/orders", params={"order": "-created_at", "limit": 1}))
        assert newest["orders"] == made[-1:]


def test_the_official_client_reads_all_of_it(official):
    """The official client creates, reads, lists and updates an order."""
    orders = voucherify.OrdersApi(official)
    sent = full_order(unique("official")) | {"customer": {"source_id": unique("buyer"), "name": "Zoe"}}
    made = orders.create_order(voucherify.OrdersCreateRequestBody.from_dict(sent))
    assert made.amount == 20_000
    assert orders.get_order(made.id).items[0].quantity == 2
    paid = orders.update_order(made.id, voucherify.OrdersUpdateRequestBody.from_dict({"status": "PAID"}))
    assert paid.status == "PAID"
    assert any(one.id == made.id for one in orders.list_orders(limit=100, order="-created_at").orders)
