"""S1 and S21: a welcome for new customers; 28 segments instead of two."""

from typing import Any

import httpx

from tests.support.server import Project, RunningServer
from tests.support.shop import CART, amount_off, created, percent_off, rule, stack, tier, unique


def segment(api: httpx.Client, **conditions: dict[str, Any]) -> str:
    body = {
        "name": unique("segment"),
        "type": "auto-update",
        "filter": {"junction": "and", **{name: {"conditions": one} for name, one in conditions.items()}},
    }
    return str(created(api.post("/v1/segments", json=body))["id"])


def segments_of(api: httpx.Client, who: str) -> set[str]:
    return {one["id"] for one in created(api.get(f"/v1/customers/{who}/segments"))["data"]}


def test_s1_a_new_customer_is_welcomed_once(
    server: RunningServer, project: Project, api: httpx.Client
) -> None:
    """In the segment without an order, given one code of their own, redeemed, and no longer new; whoever has
    bought before cannot use another one's welcome.
    """
    new = segment(api, **{"summary.orders.total_count": {"$is": [0]}})
    rule_id = rule(api, "customer.segment", {"$is": [new]})
    body = {
        "name": unique("Welcome"),
        "type": "AUTO_UPDATE",
        "join_once": True,
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": amount_off(1_000),
            "redemption": {"quantity": 1},
            "code_config": {"pattern": "HELLO-########"},
        },
        "validation_rules": [rule_id],
    }
    campaign = created(api.post("/v1/campaigns", json=body))
    name = unique("ann")
    created(api.post("/v1/customers", json={"source_id": name, "email": f"{name}@example.com"}))
    assert new in segments_of(api, name)
    publication = {"campaign": {"name": campaign["name"]}, "customer": {"source_id": name}}
    first = created(api.post("/v1/publications", json=publication))["voucher"]["code"]
    again = created(api.post("/v1/publications", json=publication))["voucher"]["code"]
    assert first == again
    held = created(api.get(f"/v1/customers/{name}/redeemables"))["data"]
    assert [one["redeemable"]["voucher"]["code"] for one in held] == [first]
    who = {"source_id": name}
    assert created(api.post("/v1/validations", json=stack(first, customer=who)))["valid"]
    taken = created(api.post("/v1/redemptions", json=stack(first, customer=who)))
    assert taken["order"]["total_discount_amount"] == 1_000
    with server.client(project) as another:
        assert new not in segments_of(another, name)
    second = {**publication, "campaign": {"name": campaign["name"]}, "customer": {"source_id": unique("bob")}}
    bobs = created(api.post("/v1/publications", json=second))["voucher"]["code"]
    refused = api.post("/v1/redemptions", json=stack(bobs, customer=who))
    assert (refused.status_code, refused.json()["key"]) == (400, "customer_rules_violated")
    types = [one["type"] for one in created(api.get(f"/v1/customers/{name}/activity"))["data"]]
    assert {"customer.created", "customer.publication.succeeded", "customer.redemption.succeeded"} <= set(
        types
    )


def test_s4_the_first_year_since_the_sign_up(api: httpx.Client) -> None:
    """365 days, counted from when the customer was made."""
    recent = segment(api, created_at={"$less_than_ago": [365]})
    offer = tier(api, percent_off(5), validation_rules=[rule(api, "customer.segment", {"$is": [recent]})])
    who = {"source_id": unique("c")}
    created(api.post("/v1/customers", json=who))

    def holds(moment: str) -> bool:
        body = stack(offer["id"], customer=who)
        return bool(
            created(api.post("/v1/validations", headers={"Vouchsafe-Now": moment}, json=body))["valid"]
        )

    year = int(created(api.get(f"/v1/customers/{who['source_id']}"))["created_at"][:4])
    assert holds(f"{year + 1}-01-01T00:00:00Z")
    assert not holds(f"{year + 2}-01-01T00:00:00Z")


def test_s21_each_of_28_segments_sees_its_own_offers(api: httpx.Client) -> None:
    """Seven cities times four plans, an offer for each: everybody qualifies for exactly one, and another one
    after moving.
    """
    offers: dict[tuple[str, str], str] = {}
    all_members = set()
    mark = unique("m")
    for city in range(7):
        for plan in range(4):
            members = segment(
                api,
                **{
                    "address.city": {"$is": [f"{mark}-city{city}"]},
                    "metadata.plan": {"$is": [f"{mark}-{plan}"]},
                },
            )
            all_members.add(members)
            rule_id = rule(api, "customer.segment", {"$is": [members]})
            made = tier(api, percent_off(1 + plan), validation_rules=[rule_id])
            offers[f"{mark}-city{city}", f"{mark}-{plan}"] = made["id"]
    ids = set(offers.values())

    def seen(who: str) -> list[str]:
        body = {"customer": {"source_id": who}, "scenario": "ALL", "order": CART, "options": {"limit": 50}}
        found = created(api.post("/v1/qualifications", json=body))["redeemables"]["data"]
        return [one["id"] for one in found if one["id"] in ids]

    who = unique("c")
    for city, plan in ((0, 0), (6, 3), (3, 1)):
        body = {
            "source_id": who,
            "address": {"city": f"{mark}-city{city}"},
            "metadata": {"plan": f"{mark}-{plan}"},
        }
        created(api.post("/v1/customers", json=body))
        assert seen(who) == [offers[f"{mark}-city{city}", f"{mark}-{plan}"]]
        assert len(segments_of(api, who) & all_members) == 1
    assert seen(unique("nobody")) == []
