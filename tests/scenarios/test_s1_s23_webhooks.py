"""Scenarios that others hear of: the welcome of a new customer (S1), a channel nobody thought of (S23)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.webhooks.signature import signature
from tests.support.answers import LOOKED_AT
from tests.support.receiver import Receiver, running_receiver
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, public_code, redeem, rule, unique, validate


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with running_receiver(tmp_path / "mailer") as running:
        yield running


@pytest.fixture
def project(server: RunningServer) -> Project:
    """Of each test's own: webhooks hear of everybody."""
    return server.create_project(unique("heard"), is_sandbox=True)


@pytest.fixture
def api(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    with server.client(project) as client:
        yield client


@pytest.fixture
def manage(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    path = f"{server.base_url}/management/v1/projects/{project.project_id}/"
    with httpx.Client(base_url=path, headers=headers, timeout=30, event_hooks=LOOKED_AT) as client:
        yield client


def segment(api: httpx.Client, field: str, conditions: dict[str, Any]) -> str:
    filters = {"junction": "and", field: {"conditions": conditions}}
    body = {"name": unique("segment"), "type": "auto-update", "filter": filters}
    return str(created(api.post("/v1/segments", json=body))["id"])


def segments_of(api: httpx.Client, customer: str) -> set[str]:
    return {one["id"] for one in created(api.get(f"/v1/customers/{customer}/segments"))["data"]}


def test_s1_a_new_customer_is_welcomed_and_the_mailer_hears_of_it(
    api: httpx.Client, manage: httpx.Client, receiver: Receiver
) -> None:
    """Enters the segment, gets one code, sees it valid, redeems it, leaves the segment; each is told."""
    heard = (
        "customer.created",
        "customer.segment.entered",
        "voucher.published",
        "redemption.succeeded",
        "customer.segment.left",
    )
    hook = {"target_url": receiver.url, "events": heard}
    secret = created(manage.post("webhooks", json=hook))["extensions"]["secret"]
    newcomers = segment(api, "summary.orders.total_count", {"$less_than": [1]})
    campaign = created(
        api.post(
            "/v1/campaigns",
            json={
                "name": unique("Welcome"),
                "campaign_type": "DISCOUNT_COUPONS",
                "join_once": True,
                "voucher": {
                    "type": "DISCOUNT_VOUCHER",
                    "discount": percent_off(10),
                    "redemption": {"quantity": 1},
                },
                "vouchers_count": 2,
                "validation_rules": [rule(api, "customer.segment", {"$is": [newcomers]})],
            },
        )
    )
    ada = unique("ada")
    created(api.post("/v1/customers", json={"source_id": ada, "email": "ada@example.com"}))
    assert newcomers in segments_of(api, ada)
    (entered,) = receiver.wait_for("customer.segment.entered")
    assert (entered["data"]["segment"]["id"], entered["data"]["customer"]["source_id"]) == (newcomers, ada)
    body = {"customer": {"source_id": ada}, "campaign": {"name": campaign["name"]}}
    code = created(api.post("/v1/publications", json=body))["voucher"]["code"]
    assert created(api.post("/v1/publications", json=body))["voucher"]["code"] == code, "one code each"
    (mail,) = receiver.wait_for("voucher.published")
    assert mail["data"]["voucher"]["code"] == code
    assert mail["data"]["customer"]["email"] == "ada@example.com"
    assert validate(api, code, customer={"source_id": ada})["valid"] is True
    taken = redeem(api, code, customer={"source_id": ada})
    assert taken["order"]["total_amount"] == 9_000
    assert newcomers not in segments_of(api, ada)
    (used,) = receiver.wait_for("redemption.succeeded")
    assert used["data"]["redemption"]["id"] == taken["redemptions"][0]["id"]
    assert used["data"]["voucher"]["redemption"]["redeemed_quantity"] == 1
    assert used["data"]["holder"]["source_id"] == ada
    (left,) = receiver.wait_for("customer.segment.left")
    assert left["data"]["segment"]["id"] == newcomers
    told = {one["event"]["id"]: one["type"] for one in receiver.events()}
    assert sorted(told.values()) == sorted(heard), "each happened once"
    for one in receiver.received():
        assert one["headers"]["x-voucherify-signature"] == signature(secret, one["body"].encode())


def test_s23_a_channel_of_one_s_own_sends_events_and_gets_its_answer(
    api: httpx.Client, manage: httpx.Client, receiver: Receiver
) -> None:
    """A loudspeaker in the shop tells of visits; it hears of each, asks, and at the third says a code."""
    hook = {"target_url": receiver.url, "events": ["customer.custom_event"]}
    created(manage.post("webhooks", json=hook))
    visitor = {"source_id": unique("visitor")}
    regular = created(
        api.post(
            "/v1/validation-rules",
            json={
                "name": unique("third visit"),
                "rules": {
                    "1": {
                        "name": "customer.events.count",
                        "property": "shop_entered",
                        "conditions": {"$more_than_or_equal": [3]},
                    },
                    "logic": "1",
                },
            },
        )
    )["id"]
    code, _ = public_code(api, percent_off(15), validation_rules=[regular])
    said = []
    for visit in range(1, 4):
        body = {"event": "shop_entered", "customer": visitor, "metadata": {"door": f"north {visit}"}}
        created(api.post("/v1/events", json=body))
        told = receiver.wait_for("customer.custom_event", visit)[-1]
        assert told["data"]["event"]["type"] == "shop_entered"
        assert told["data"]["event"]["metadata"] == {"door": f"north {visit}"}
        said.append(validate(api, code, customer={"id": told["data"]["customer"]["id"]})["valid"])
    assert said == [False, False, True]
    assert json.loads(receiver.received()[0]["body"])["data"]["customer"]["source_id"] == visitor["source_id"]
