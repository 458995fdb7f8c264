"""Segments of type auto-update tell who enters and who leaves, once for each move."""

import time
from datetime import UTC, datetime, timedelta

from app.jobs.segment_watch import depends_on_more
from tests.support.shop import created, percent_off, public_code, redeem, unique

SECONDS_MAX = 180.0


def segment(api, condition, kind="auto-update"):
    body = {"name": unique("active"), "type": kind, "filter": {"junction": "and", **condition}}
    return created(api.post("/v1/segments", json=body))


def synchronised(api, made):
    """Once everybody was looked at who was there before it."""
    deadline = time.monotonic() + SECONDS_MAX
    while created(api.get(f"/v1/segments/{made['id']}"))["initial_sync_status"] != "DONE":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def moves(api, source_id, made):
    """What is told of one segment, "entered" or "left", the oldest first."""
    query = {"order": "created_at", "limit": 100}
    answer = created(api.get(f"/v1/customers/{source_id}/activity", params=query))
    return [
        one["type"].removeprefix("customer.segment.")
        for one in answer["data"]
        if one["type"].startswith("customer.segment.") and one["data"]["data"]["segment"]["id"] == made["id"]
    ]


def moved(api, source_id, made, *expected):
    deadline = time.monotonic() + SECONDS_MAX
    while (seen := moves(api, source_id, made)) != list(expected):
        assert len(seen) <= len(expected), seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


def test_whoever_enters_and_leaves_is_told_of_once_each(api, stranger):
    """By profile, by redemptions, by events and by files; who was there before the segment is just in it."""
    old, new = unique("old"), unique("new")
    gold = {"metadata": {"level": "gold"}}
    created(api.post("/v1/customers", json={"source_id": old, **gold}))
    by_level = segment(api, {"metadata.level": {"conditions": {"$is": ["gold"]}}})
    buyers = segment(api, {"summary.redemptions.total_succeeded": {"conditions": {"$more_than": [0]}}})
    lookers = segment(api, {"events.looked.count": {"conditions": {"$more_than": [1]}}})
    passive = segment(api, {"metadata.level": {"conditions": {"$is": ["gold"]}}}, "passive")
    assert by_level["initial_sync_status"] == "IN_PROGRESS"
    created(api.post("/v1/customers", json={"source_id": new, **gold}))
    moved(api, new, by_level, "entered")
    for made in (by_level, buyers, lookers):
        synchronised(api, made)
    created(api.put(f"/v1/customers/{new}", json={"name": "Another"}))
    created(api.put(f"/v1/customers/{new}", json={"metadata": {"level": "tin"}}))
    moved(api, new, by_level, "entered", "left")
    created(api.put(f"/v1/customers/{old}", json={"metadata": {"level": "tin"}}))
    moved(api, old, by_level, "left")
    code, _ = public_code(api, percent_off(10))
    redeem(api, code, customer={"source_id": new, **gold})
    moved(api, new, buyers, "entered")
    moved(api, new, by_level, "entered", "left", "entered")
    for _ in range(3):
        created(api.post("/v1/events", json={"event": "looked", "customer": {"source_id": new}}))
    moved(api, new, lookers, "entered")
    assert moves(api, new, passive) == []
    file = {"file": ("customers.csv", f"Source_id,level\n{old},gold\n")}
    created(api.post("/v1/customers/importCSV", files=file))
    moved(api, old, by_level, "left", "entered")
    typed = {"type": "customer.segment.left"}
    listed = created(api.get(f"/v1/customers/{new}/activity", params=typed))["data"]
    assert [one["data"]["data"]["segment"]["name"] for one in listed] == [by_level["name"]]
    for made in (by_level, buyers, lookers, passive):
        assert api.delete(f"/v1/segments/{made['id']}").status_code == 204
    assert stranger.get(f"/v1/customers/{new}/activity").status_code == 404


def test_a_customer_who_is_deleted_leaves_without_a_word(api):
    """And one who comes back under the same name enters anew."""
    made, who = segment(api, {"name": {"conditions": {"$is": ["Ada"]}}}), unique("ada")
    sent = {"source_id": who, "name": "Ada"}
    created(api.post("/v1/customers", json=sent))
    moved(api, who, made, "entered")
    assert api.delete(f"/v1/customers/{who}").status_code == 204
    other = unique("other")
    created(api.post("/v1/customers", json={"source_id": other, "name": "Ada"}))
    moved(api, other, made, "entered")
    created(api.post("/v1/customers", json=sent))
    moved(api, who, made, "entered", "entered")
    assert api.delete(f"/v1/segments/{made['id']}").status_code == 204


def test_what_time_alone_changes_is_looked_at_every_day():
    """Filters on what is ago, on birthdays, on orders, on days' counts and places; none else."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for field, operator, value, expected in (
        ("metadata.level", "$is", "gold", False),
        ("created_at", "$after", tomorrow, False),
        ("created_at", "$more_than_ago", 30, True),
        ("birthdate", "$next_month", True, True),
        ("summary.orders.total_count", "$more_than", 3, False),
        ("summary.orders.last_order_date", "$is_days_ago", 7, True),
        ("extensions.orders.days_since_last", "$more_than", 180, True),
        ("events.looked.count", "$more_than", 2, False),
        ("events.looked.count.daily", "$more_than", 2, True),
        ("metadata.place", "$in_location", "loc_1", True),
    ):
        condition = {"junction": "and", field: {"conditions": {operator: [value]}}}
        assert depends_on_more(condition) is expected, field
