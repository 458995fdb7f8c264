"""What a customer's look-ups tell of him: activities, segments, what he holds, what his orders make."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import voucherify

from tests.support.shop import created, gift_card, percent_off, public_code, redeem, unique


def segment(api, field, conditions):
    body = {"name": unique("s"), "type": "passive", "filter": {field: {"conditions": conditions}}}
    return created(api.post("/v1/segments", json=body))["id"]


def order(api, customer, amount, days_ago=0.0, status="PAID", **more):
    at = datetime.now(UTC) - timedelta(days=days_ago)
    body = {"status": status, "customer": customer, "amount": amount, "created_at": at.isoformat(), **more}
    return created(api.post("/v1/orders", json=body))


def types(answer):
    return [one["type"] for one in answer["data"]]


def pages(api, path, **params):
    """All pages of a cursor list."""
    rows, after = [], None
    while True:
        more = {"starting_after_id": after} if after else {}
        answer = created(api.get(path, params={**params, **more}))
        rows += answer["data"]
        if not answer["has_more"]:
            return rows
        after = answer["more_starting_after"]


@pytest.fixture(scope="module")
def busy(api):
    """A customer with something of everything: (customer, campaign id)."""
    customer = created(api.post("/v1/customers", json={"source_id": unique("busy"), "name": "Ann"}))
    created(api.put(f"/v1/customers/{customer['id']}", json={"name": "Anna"}))
    code, campaign_id = public_code(api, percent_off(10))
    taken = redeem(api, code, customer={"id": customer["id"]})
    created(api.post(f"/v1/redemptions/{taken['redemptions'][0]['id']}/rollback"))
    body = {"campaign": {"name": unique("none")}, "customer": {"id": customer["id"]}}
    assert api.post("/v1/publications", json=body).status_code == 404
    created(api.post("/v1/publications", json={"voucher": code, "customer": {"id": customer["id"]}}))
    created(api.post("/v1/events", json={"event": "looked", "customer": {"id": customer["id"]}}))
    product = order(api, {"id": customer["id"]}, 500, items=[{"source_id": "teapot", "quantity": 1}])
    return customer, campaign_id, product


def test_the_feed_tells_everything_newest_first(api, busy):
    """Of the customer's life, of redemptions, publications, orders and events."""
    customer, _, _ = busy
    answer = created(api.get(f"/v1/customers/{customer['id']}/activity", params={"limit": 100}))
    assert set(types(answer)) >= {
        "customer.created",
        "customer.updated",
        "customer.redemption.succeeded",
        "customer.redemption.rollback.succeeded",
        "customer.publication.succeeded",
        "customer.custom_event",
        "customer.order.created",
        "customer.order.paid",
        "customer.order.canceled",
    }
    times = [one["created_at"] for one in answer["data"]]
    assert times == sorted(times, reverse=True)
    assert types(answer)[-1] == "customer.created"
    assert all(one["data"]["data"]["customer"]["id"] == customer["id"] for one in answer["data"])
    happened = next(one for one in answer["data"] if one["type"] == "customer.custom_event")
    assert happened["data"]["data"]["event"]["type"] == "looked"


def test_every_instant_of_the_feed_is_written_as_everywhere(api, busy):
    """In UTC with milliseconds, also within what the feed tells of."""
    answer = created(api.get(f"/v1/customers/{busy[0]['id']}/activity", params={"limit": 100}))
    instants = list(instants_in(answer))
    assert len(instants) > len(answer["data"])
    assert [one for one in instants if not re.fullmatch(r"[-\d]{10}T[\d:]{8}\.\d{3}Z", one)] == []


def instants_in(node):
    if isinstance(node, dict):
        yield from (
            value for name, value in node.items() if name in {"created_at", "updated_at", "date"} and value
        )
        for value in node.values():
            yield from instants_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from instants_in(value)


def test_pages_of_the_feed_are_the_whole_feed(api, busy):
    """By cursor, in both directions, one at a time: nothing twice, nothing missing."""
    path = f"/v1/customers/{busy[0]['source_id']}/activity"
    whole = [one["id"] for one in created(api.get(path, params={"limit": 100}))["data"]]
    assert [one["id"] for one in pages(api, path, limit=1)] == whole
    assert [one["id"] for one in pages(api, path, limit=3, order="created_at")] == whole[::-1]


def test_the_feed_is_filtered(api, busy):
    """By type, category, campaign and time; another customer's or project's feed is another."""
    customer, campaign_id, _ = busy
    path = f"/v1/customers/{customer['id']}/activity"

    def found(**params):
        return types(created(api.get(path, params={"limit": 100, **params})))

    assert found(type="customer.redemption.succeeded") == ["customer.redemption.succeeded"]
    assert found(type="customer.redemption.rollback.succeeded") == ["customer.redemption.rollback.succeeded"]
    assert found(type="customer.redemption.failed") == []
    assert found(type="customer.order.paid") == ["customer.order.paid"]
    assert found(category="EFFECT") == ["customer.publication.succeeded"]
    assert set(found(campaign_id=campaign_id)) == {
        "customer.publication.succeeded",
        "customer.redemption.succeeded",
        "customer.redemption.rollback.succeeded",
    }
    assert found(campaign_type="GIFT_VOUCHERS") == []
    assert found(start_date="2092-01-01") == found(end_date="2001-01-01T00:00:00Z") == []
    assert api.get(path, params={"starting_after_id": "evcus_x"}).status_code == 400
    assert api.get(path, params={"category": "BOTH"}).status_code == 400
    other = created(api.post("/v1/customers", json={"source_id": unique("other")}))
    answer = created(api.get(f"/v1/customers/{other['id']}/activity"))
    assert types(answer) == ["customer.created"]


def test_the_older_feed_has_a_total_and_an_instant_for_a_cursor(api, busy):
    """And looks into the items of orders."""
    path = f"/v1/customers/{busy[0]['id']}/activities"
    whole = created(api.get(path, params={"limit": 100}))
    assert whole["total"] == len(whole["data"]) > 6
    middle = whole["data"][3]["created_at"]
    rest = created(api.get(path, params={"limit": 100, "starting_after": middle}))["data"]
    assert {one["id"] for one in rest} < {one["id"] for one in whole["data"]}
    assert all(one["created_at"] < middle for one in rest)
    with_product = created(api.get(path, params={"limit": 100, "product_id": "teapot"}))
    assert set(types(with_product)) == {"customer.order.created", "customer.order.paid"}
    assert with_product["total"] == 2


def test_a_stranger_sees_nothing(stranger, busy):
    """None of the look-ups of another project's customer is found; its segments are nobody's."""
    customer = busy[0]["id"]
    for part in ("activity", "activities", "redeemables"):
        assert stranger.get(f"/v1/customers/{customer}/{part}").status_code == 404
    assert created(stranger.get(f"/v1/customers/{customer}/segments"))["data"] == []


def test_segments_of_a_customer_and_of_one_who_could_be(api):
    """Filters on what is stored and on what was done, lists; an unknown name is looked at as a customer of
    that name.
    """
    name = unique("pat")
    made = created(api.post("/v1/customers", json={"source_id": name, "metadata": {"plan": "gold"}}))
    gold = segment(api, "metadata.plan", {"$is": ["gold"]})
    buyers = segment(api, "summary.orders.total_count", {"$more_than_or_equal": [1]})
    named = segment(api, "source_id", {"$starts_with": ["pat-"]})
    body = {"name": unique("s"), "type": "static", "customers": [name]}
    listed = created(api.post("/v1/segments", json=body))["id"]

    def found(who):
        answer = created(api.get(f"/v1/customers/{who}/segments"))
        assert answer["total"] == len(answer["data"])
        assert all(one["object"] == "segment" and one["name"] for one in answer["data"])
        return {one["id"] for one in answer["data"]} & {gold, buyers, named, listed}

    assert found(name) == {gold, named, listed}
    order(api, {"id": made["id"]}, 1_000)
    assert found(made["id"]) == {gold, buyers, named, listed}
    assert found("pat-nobody") == {named}


def test_the_list_of_a_segment_is_paged(api):
    """Of a filter as of a list of names: every member once, whatever the order; a page that ends early says
    where to go on.
    """
    plan = unique("plan")
    members = [{"source_id": unique(f"m{number}"), "metadata": {"plan": plan}} for number in range(5)]
    for number, member in enumerate(members):
        created(api.post("/v1/customers", json=member))
        created(api.post("/v1/customers", json={"source_id": unique("other"), "name": f"{number}"}))
    order(api, {"source_id": members[2]["source_id"]}, 700)
    names = [one["source_id"] for one in members]
    filtered = segment(api, "metadata.plan", {"$is": [plan]})
    body = {"name": unique("s"), "type": "static", "customers": names}
    listed = created(api.post("/v1/segments", json=body))["id"]
    for segment_id in (filtered, listed):
        for ordering, expected in (("created_at", names), ("-created_at", names[::-1])):
            found, after = [], None
            while True:
                more = {"starting_after": after} if after else {}
                params = {"segment_id": segment_id, "limit": 2, "order": ordering, **more}
                answer = created(api.get("/v1/customers", params=params))
                found += [one["source_id"] for one in answer["customers"]]
                if not answer["has_more"]:
                    break
                after = answer["more_starting_after"]
            assert found == expected
    second = created(api.get("/v1/customers", params={"segment_id": filtered, "limit": 2, "page": 2}))
    assert [one["source_id"] for one in second["customers"]] == names[::-1][2:4]
    by_name = created(api.get("/v1/customers", params={"segment_id": filtered, "order": "source_id"}))
    assert [one["source_id"] for one in by_name["customers"]] == sorted(names)
    rich = segment(api, "summary.orders.total_amount", {"$more_than_or_equal": [700]})
    buyers = created(api.get("/v1/customers", params={"segment_id": rich, "limit": 100}))["customers"]
    assert names[2] in [one["source_id"] for one in buyers]
    assert names[1] not in [one["source_id"] for one in buyers]


def test_what_a_customer_holds(api, project):
    """Codes that were published to him, newest or oldest first, filtered, with whether each can be used."""
    holder = {"source_id": unique("holder")}
    body = {
        "name": unique("campaign"),
        "type": "AUTO_UPDATE",
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10), "redemption": {"quantity": 1}},
    }
    campaign = created(api.post("/v1/campaigns", json=body))
    codes = []
    for _ in range(2):
        publication = {"campaign": {"name": campaign["name"]}, "customer": holder}
        codes.append(created(api.post("/v1/publications", json=publication))["voucher"]["code"])
    card = gift_card(api, 1_000)
    created(api.post("/v1/publications", json={"voucher": card["code"], "customer": holder}))
    redeem(api, codes[0], customer=holder)
    created(api.post(f"/v1/vouchers/{codes[1]}/disable"))
    redeem(api, card["code"], customer=holder)
    path = f"/v1/customers/{holder['source_id']}/redeemables"
    answer = created(api.get(path))
    found = {one["redeemable"]["voucher"]["code"]: one for one in answer["data"]}
    assert answer["total"] == 3
    assert {code: one["redeemable"]["status"] for code, one in found.items()} == {
        codes[0]: "USED",
        codes[1]: "DISABLED",
        card["code"]: "NO_BALANCE",
    }
    one = found[codes[0]]
    assert (one["holder_role"], one["campaign_id"], one["campaign_type"]) == (
        "OWNER",
        campaign["id"],
        "DISCOUNT_COUPONS",
    )
    assert one["id"].startswith("rh_")
    whole = [entry["id"] for entry in answer["data"]]
    assert [entry["id"] for entry in pages(api, path, limit=1)] == whole
    assert [entry["id"] for entry in pages(api, path, limit=2, order="id")] == whole[::-1]
    gifts = created(api.get(path, params={"filters[voucher_type][conditions][$is][0]": "GIFT_VOUCHER"}))
    assert [entry["redeemable_id"] for entry in gifts["data"]] == [card["id"]]
    late = created(api.get(path, params={"filters[created_at][conditions][$after][0]": "2092-01-01"}))
    assert late["total"] == 0


def test_what_is_worked_out_from_orders(api):
    """Count, value, first and last, how far apart, what is bought most, from which collections."""
    tea = created(api.post("/v1/products", json={"name": "Tea", "source_id": unique("tea")}))
    mug = created(api.post("/v1/products", json={"name": "Mug", "source_id": unique("mug")}))
    body = {"name": unique("col"), "type": "STATIC", "products": [{"id": mug["id"], "object": "product"}]}
    collection = created(api.post("/v1/product-collections", json=body))
    who = {"source_id": unique("worker")}

    def line(product, quantity):
        return {"product_id": product["id"], "quantity": quantity, "price": 100}

    order(api, who, None, 20, items=[line(tea, 1), line(mug, 2)])
    last = order(api, who, None, 10, items=[line(mug, 3)])
    order(api, who, 5_000, 1, status="CREATED")
    seen = created(api.get(f"/v1/customers/{who['source_id']}"))
    orders = seen["extensions"]["orders"]
    assert (orders["count"], orders["lifetime_value"], orders["average_amount"]) == (2, 600, 300)
    assert (orders["next_number"], orders["days_since_last"], orders["interval_days"]) == (3, 10, 10)
    assert orders["last_order_amount"] == seen["summary"]["orders"]["last_order_amount"] == 300
    assert orders["top_products"] == [mug["id"], tea["id"]]
    assert orders["top_collections"] == [collection["id"]]
    created(api.put(f"/v1/orders/{last['id']}", json={"status": "CANCELED"}))
    orders = created(api.get(f"/v1/customers/{who['source_id']}"))["extensions"]["orders"]
    assert (orders["count"], orders["days_since_last"], orders["interval_days"]) == (1, 20, None)
    listed = created(api.get("/v1/customers", params={"name": "nobody", "limit": 1}))
    assert listed["customers"] == []


def test_the_official_client_reads_the_lists(official):
    """Through its own models."""
    client = voucherify.CustomersApi(official)
    made = client.create_customer(voucherify.CustomersCreateRequestBody(source_id=unique("c")))
    assert client.list_customer_segments(made.id).data == []
    assert client.list_customer_redeemables(made.id).total == 0
    assert client.list_customer_activity(made.id).data[0].type == "customer.created"
