"""Customers and orders as redemptions make and change them, seen through their own operations at once."""

from tests.support.shop import amount_off, assign, created, public_code, stack, unique


def test_a_redemption_makes_its_customer(api):
    """The customer of a redemption is there for the very next request, with what the redemption said."""
    code, _ = public_code(api, amount_off(100))
    source_id = unique("buyer")
    customer = {"source_id": source_id, "name": "Ann", "metadata": {"rate": 1.5}, "address": {"city": "Rome"}}
    redeemed = created(api.post("/v1/redemptions", json=stack(code, customer=customer)))
    customer_id = redeemed["redemptions"][0]["customer_id"]
    changed = created(api.put(f"/v1/customers/{source_id}", json={"phone": "1", "metadata": {"vip": True}}))
    assert changed["id"] == customer_id
    assert (changed["name"], changed["phone"]) == ("Ann", "1")
    assert changed["metadata"] == {"rate": 1.5, "vip": True}
    assert changed["address"] == {"city": "Rome"}
    again = created(api.post("/v1/customers", json={"source_id": source_id}))
    assert again["id"] == customer_id
    second = created(api.post("/v1/redemptions", json=stack(code, customer={"source_id": source_id})))
    assert second["redemptions"][0]["customer"]["metadata"] == {"rate": 1.5, "vip": True}


def test_the_summary_follows_redemptions_and_rollbacks(api):
    """Counts and amounts of the summary are those of the redemptions and paid orders so far."""
    code, _ = public_code(api, amount_off(100))
    source_id = unique("summary")
    redeemed = [
        created(api.post("/v1/redemptions", json=stack(code, customer={"source_id": source_id})))
        for _ in range(3)
    ]
    summary = created(api.get(f"/v1/customers/{source_id}"))["summary"]
    assert summary["redemptions"]["total_succeeded"] == 3
    assert (summary["orders"]["total_count"], summary["orders"]["total_amount"]) == (3, 30_000)
    rolled_back = redeemed[0]["redemptions"][0]["id"]
    created(api.post(f"/v1/redemptions/{rolled_back}/rollback", json={}))
    summary = created(api.get(f"/v1/customers/{source_id}"))["summary"]
    assert summary["redemptions"]["total_rolled_back"] == 1
    assert (summary["orders"]["total_count"], summary["orders"]["total_amount"]) == (2, 20_000)


def test_a_deleted_customer_begins_anew(api):
    """After deletion the profile is empty for rules and for reading, also when a redemption brings him
    back.
    """
    code, _ = public_code(api, amount_off(100))
    source_id = unique("gone")
    made = created(
        api.post(
            "/v1/customers", json={"source_id": source_id, "name": "Gone", "metadata": {"level": "gold"}}
        )
    )
    assert api.delete(f"/v1/customers/{made['id']}").status_code == 204
    redeemed = created(api.post("/v1/redemptions", json=stack(code, customer={"source_id": source_id})))
    assert redeemed["redemptions"][0]["customer"]["metadata"] == {}
    back = created(api.get(f"/v1/customers/{source_id}"))
    assert (back["id"], back["name"], back["metadata"]) == (made["id"], None, {})


def test_an_edited_customer_is_seen_by_the_next_validation(api, server, project):
    """A change of metadata decides the very next validation, on any worker, a hundred times."""
    rule_id = created(
        api.post(
            "/v1/validation-rules",
            json={
                "name": unique("rule"),
                "rules": {
                    "1": {"name": "customer.metadata", "property": "level", "conditions": {"$is": ["gold"]}},
                    "logic": "1",
                },
            },
        )
    )["id"]
    code, campaign_id = public_code(api, amount_off(100))
    assign(api, rule_id, "campaign", campaign_id)
    source_id = unique("level")
    created(api.post("/v1/customers", json={"source_id": source_id}))
    body = stack(code, customer={"source_id": source_id})
    with server.client(project) as one, server.client(project) as other:
        for number in range(50):
            level = "gold" if number % 2 else "tin"
            created(one.put(f"/v1/customers/{source_id}", json={"metadata": {"level": level}}))
            assert created(other.post("/v1/validations", json=body))["valid"] is (level == "gold")


def test_a_claimed_source_id_means_its_owner(api):
    """A source_id given to an existing customer is that customer for redemptions, too."""
    code, _ = public_code(api, amount_off(100))
    customer = created(api.post("/v1/customers", json={"name": "Before"}))
    source_id = unique("claimed")
    created(api.put(f"/v1/customers/{customer['id']}", json={"source_id": source_id}))
    redeemed = created(api.post("/v1/redemptions", json=stack(code, customer={"source_id": source_id})))
    assert redeemed["redemptions"][0]["customer_id"] == customer["id"]
    newcomer = unique("newcomer")
    created(api.post("/v1/redemptions", json=stack(code, customer={"source_id": newcomer})))
    other = created(api.post("/v1/customers", json={"name": "Other"}))
    taken = api.put(f"/v1/customers/{other['id']}", json={"source_id": newcomer})
    assert (taken.status_code, taken.json()["key"]) == (409, "duplicate_found")


def test_a_redeemed_order_is_read_changed_and_redeemed_again(api):
    """The order of a redemption is an order like any other: read back, changed, and a base for the next
    one.
    """
    code, _ = public_code(api, amount_off(100))
    source_id = unique("order")
    body = stack(code) | {"order": {"source_id": source_id, "amount": 1_000, "metadata": {"a": 1}}}
    redeemed = created(api.post("/v1/redemptions", json=body))
    order = created(api.get(f"/v1/orders/{source_id}"))
    assert order["id"] == redeemed["order"]["id"]
    assert (order["status"], order["total_amount"], order["discount_amount"]) == ("PAID", 900, 100)
    fulfilled = created(
        api.put(f"/v1/orders/{order['id']}", json={"status": "FULFILLED", "metadata": {"b": 2}})
    )
    assert (fulfilled["total_amount"], fulfilled["metadata"]) == (900, {"a": 1, "b": 2})
    assert fulfilled["redemptions"] == order["redemptions"]
    other, _ = public_code(api, amount_off(50))
    again = created(api.post("/v1/redemptions", json=stack(other) | {"order": {"id": order["id"]}}))
    assert again["order"]["discount_amount"] == 150
    assert again["order"]["total_amount"] == 850
    assert again["order"]["status"] == "FULFILLED"
    assert len(again["order"]["redemptions"]) == 2
    assert created(api.get(f"/v1/orders/{source_id}"))["discount_amount"] == 150


def test_products_of_the_catalogue_price_a_validation(api, server, project):
    """A changed price is seen by the next validation on any worker."""
    code, _ = public_code(api, {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"})
    source_id = unique("priced")
    product = created(api.post("/v1/products", json={"source_id": source_id, "price": 100}))
    body = stack(code) | {
        "order": {"items": [{"source_id": source_id, "related_object": "product", "quantity": 2}]}
    }
    with server.client(project) as one, server.client(project) as other:
        for price in range(100, 2_100, 100):
            created(one.put(f"/v1/products/{product['id']}", json={"price": price}))
            order = created(other.post("/v1/validations", json=body))["order"]
            assert (order["amount"], order["total_amount"]) == (2 * price, 2 * price * 9 // 10)
