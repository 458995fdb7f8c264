"""S27: the tenth look at the same product; bought X, offer Y; prefers gifts to discounts."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.answers import LOOKED_AT
from tests.support.server import Project, RunningServer
from tests.support.shop import amount_off, created, percent_off, public_code, redeem, unique, validate

VIEWED = "product_viewed"


@pytest.fixture(scope="module")
def management(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    base = f"{server.base_url}/management/v1/projects/{project.project_id}"
    with httpx.Client(base_url=base, headers=headers, timeout=30, event_hooks=LOOKED_AT) as client:
        yield client


def rule_code(api: httpx.Client, body: dict[str, Any], **campaign: Any) -> str:
    made = created(api.post("/v1/validation-rules", json={"name": unique("rule"), "rules": {"1": body}}))
    return public_code(
        api, campaign.pop("discount", percent_off(10)), validation_rules=[made["id"]], **campaign
    )[0]


def track(api: httpx.Client, who: dict[str, Any], event: str, **metadata: Any) -> None:
    created(api.post("/v1/events", json={"event": event, "customer": who, "metadata": metadata}))


def order(product: str) -> dict[str, Any]:
    return {"items": [{"source_id": product, "related_object": "product", "quantity": 1, "price": 5_000}]}


def test_s27_the_tenth_look_at_the_same_product(api: httpx.Client, management: httpx.Client) -> None:
    """Ten looks at the lamp take ten per cent off the lamp, this month: nine do not, nor do ten at different
    things, and not off the mug.
    """
    schema = {
        "name": VIEWED,
        "schema": {
            "properties": {
                "product_id": {"type": "string", "optional": False, "extensions": {"counted": True}}
            }
        },
    }
    created(management.post("/custom-event-schemas", json=schema))
    code = rule_code(
        api,
        {
            "name": "customer.events.count.monthly",
            "property": VIEWED,
            "where": {"product_id": "$order.items"},
            "conditions": {"$more_than_or_equal": [10]},
        },
    )
    who, browsing = {"source_id": unique("looker")}, {"source_id": unique("browsing")}
    for number in range(9):
        track(api, who, VIEWED, product_id="lamp")
        track(api, browsing, VIEWED, product_id=f"thing-{number}")
    track(api, browsing, VIEWED, product_id="lamp")
    assert not validate(api, code, customer=who, order=order("lamp"))["valid"]
    track(api, who, VIEWED, product_id="lamp")
    assert validate(api, code, customer=who, order=order("lamp"))["valid"]
    assert not validate(api, code, customer=who, order=order("mug"))["valid"]
    assert not validate(api, code, customer=browsing, order=order("lamp"))["valid"]
    taken = redeem(api, code, customer=who, order=order("lamp"))
    assert taken["order"]["total_discount_amount"] == 500
    body = {"redeemables": [{"object": "voucher", "id": code}], "customer": who, "order": order("lamp")}
    headers = {"Vouchsafe-Now": "2092-05-01T12:00:00Z"}
    assert not created(api.post("/v1/validations", headers=headers, json=body))["valid"]


def test_s27_who_bought_tea_is_offered_the_pot(api: httpx.Client) -> None:
    """From the order that was stored one request earlier on."""
    tea = created(api.post("/v1/products", json={"name": "Tea", "source_id": unique("tea")}))
    code = rule_code(
        api,
        {
            "name": "customer.extensions",
            "property": "orders.top_products",
            "conditions": {"$in": [tea["id"]]},
        },
    )
    who = {"source_id": unique("drinker")}
    assert not validate(api, code, customer=who)["valid"]
    items = [{"product_id": tea["id"], "quantity": 2, "price": 900}]
    created(api.post("/v1/orders", json={"customer": who, "status": "PAID", "items": items}))
    assert validate(api, code, customer=who)["valid"]


def test_s27_who_prefers_gifts_is_offered_a_gift(api: httpx.Client) -> None:
    """Three times a gift chosen: the discount gives way to the free mug."""
    chosen = unique("chose_gift")
    counted = {"name": "customer.events.count", "property": chosen}
    gift = rule_code(api, {**counted, "conditions": {"$more_than_or_equal": [3]}}, discount=amount_off(700))
    discount = rule_code(api, {**counted, "conditions": {"$less_than": [3]}})
    who = {"source_id": unique("c")}

    def offered() -> list[bool]:
        return [validate(api, code, customer=who)["valid"] for code in (gift, discount)]

    track(api, who, chosen)
    track(api, who, chosen)
    assert offered() == [False, True]
    track(api, who, chosen)
    assert offered() == [True, False]
