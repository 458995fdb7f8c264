"""Every kind of event that can happen here, with the data that is published for it (behaviour 7)."""

import json
import re
import sqlite3
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from app.cli.openapi import openapi_text
from app.webhooks.events import EVENT_TYPES, normalised
from app.webhooks.examples import example_of
from tests.support.receiver import Receiver, until
from tests.support.server import ROOT, Project, RunningServer
from tests.support.shop import created, gift_card, percent_off, redeem, rule, stack, tier, unique

from .conftest import Subscribe

REDEEMED = {
    "customer",
    "order",
    "campaign",
    "voucher",
    "holder",
    "promotion_tier",
    "promotion_stack",
    "redemption",
}
PUBLISHED = {"customer", "campaign", "publication", "voucher"}
MOVED = {"transaction", "voucher", "campaign", "holder", "balance", "order", "redemption", "rollback"}
ASSIGNED = {"rule", "assignment", "voucher", "campaign", "promotion_tier", "distribution", "earning_rule"}
DATA = {
    "business_validation_rule.created": {"rule", "created_at"},
    "business_validation_rule.updated": {"rule", "updated_at"},
    "business_validation_rule.deleted": {"rule", "deleted_at"},
    "business_validation_rule.assignment.created": ASSIGNED,
    "business_validation_rule.assignment.deleted": ASSIGNED,
    "campaign.created": {"campaign", "created_at"},
    "campaign.updated": {"campaign"},
    "campaign.deleted": {"campaign", "deleted_at"},
    "campaign.enabled": {"campaign"},
    "campaign.disabled": {"campaign"},
    "campaign.vouchers.generation.started": {"campaign"},
    "campaign.vouchers.generation.completed": {"campaign", "count", "completed_at"},
    "campaign.vouchers.generation.failed": {"campaign", "count", "completed_at"},
    "campaign.vouchers.added": {"campaign", "count"},
    "campaign.promotion_tier.created": {"campaign", "promotion_tier"},
    "campaign.promotion_tier.updated": {"campaign", "promotion_tier"},
    "campaign.promotion_tier.deleted": {"campaign", "promotion_tier"},
    "campaign.promotion_tier.enabled": {"campaign", "promotion_tier"},
    "campaign.promotion_tier.disabled": {"campaign", "promotion_tier"},
    "campaign.promotion_stack.created": {"campaign", "promotion_stack"},
    "campaign.promotion_stack.updated": {"campaign", "promotion_stack"},
    "customer.created": {"customer"},
    "customer.updated": {"customer"},
    "customer.deleted": {"customer"},
    "customer.segment.entered": {"customer", "segment"},
    "customer.segment.left": {"customer", "segment"},
    "customer.custom_event": {"event", "event_schema", "customer", "referral", "loyalty"},
    "publication.succeeded": PUBLISHED | {"user"},
    "redemption.succeeded": REDEEMED | {"created_at"},
    "redemption.failed": REDEEMED | {"created_at"},
    "redemption.rollback.succeeded": REDEEMED | {"redemption_rollback"},
    "redemption.rollback.failed": REDEEMED | {"redemption_rollback"},
    "voucher.created": {"voucher", "campaign"},
    "voucher.updated": {"voucher", "campaign"},
    "voucher.deleted": {"voucher", "campaign"},
    "voucher.enabled": {"voucher", "campaign"},
    "voucher.disabled": {"voucher", "campaign"},
    "voucher.published": PUBLISHED | {"created_at"},
    "voucher.gift.balance_added": {"voucher", "balance", "campaign", "transaction"},
    "voucher.gift.transaction.created": MOVED,
}
"""By kind, the members of its data."""
EXAMPLE: dict[str, Any] = {
    "id": "whs_1",
    "project_id": "proj_1",
    "created_at": "2026-01-02T03:04:05.678Z",
    "type": "campaign.created",
    "data": {"campaign": {"id": "camp_1"}, "created_at": "2026-01-02T03:04:05.678Z"},
    "source": {"object": "webhook", "id": "wh_1", "target_url": "https://receiver.example/"},
    "event": {
        "id": "ev_1",
        "type": "campaign.created",
        "created_at": "2026-01-02T03:04:05.678Z",
        "entity_id": "camp_1",
        "group_id": None,
        "event_source": {"channel": "INTERNAL", "user": None, "api_key": None},
    },
}
BULK = {"campaign.vouchers.generation.completed", "campaign.vouchers.added"}


def described() -> dict[str, Draft202012Validator]:
    """By kind, what the OpenAPI document says of the body."""
    document = json.loads(openapi_text())
    bodies = {
        kind: said["post"]["requestBody"]["content"]["application/json"]["schema"]
        for kind, said in document["webhooks"].items()
    }
    parts = {"components": document["components"]}
    return {kind: Draft202012Validator({**body, **parts}) for kind, body in bodies.items()}


def by_hand(api: httpx.Client) -> str:
    """The catalogue: rules, promotions, vouchers, customers. The customer's source id."""
    rule_id = rule(api, "order.amount", {"$more_than": [1]})
    created(api.put(f"/v1/validation-rules/{rule_id}", json={"name": unique("renamed")}))
    voucher = created(api.post("/v1/vouchers", json={"type": "DISCOUNT_VOUCHER", "discount": percent_off(5)}))
    assigned = created(
        api.post(
            f"/v1/validation-rules/{rule_id}/assignments",
            json={"related_object_type": "voucher", "related_object_id": voucher["id"]},
        )
    )
    api.delete(f"/v1/validation-rules/{rule_id}/assignments/{assigned['id']}")
    api.delete(f"/v1/validation-rules/{rule_id}")
    path = f"/v1/vouchers/{voucher['code']}"
    created(api.put(path, json={"metadata": {"a": 1}}))
    created(api.post(f"{path}/disable"))
    created(api.post(f"{path}/enable"))
    assert api.delete(path, params={"force": True}).status_code == 204
    promotion = tier(api, percent_off(5))
    one = f"/v1/promotions/tiers/{promotion['id']}"
    created(api.put(one, json={"banner": "Save"}))
    created(api.post(f"{one}/disable"))
    created(api.post(f"{one}/enable"))
    stacks = f"/v1/promotions/{promotion['campaign']['id']}/stacks"
    made = created(api.post(stacks, json={"name": unique("stack"), "tiers": {"ids": [promotion["id"]]}}))
    created(api.put(f"{stacks}/{made['id']}", json={"name": unique("stack")}))
    assert api.delete(one).status_code == 204
    source_id = unique("customer")
    created(api.post("/v1/customers", json={"source_id": source_id, "email": "a@example.com"}))
    created(api.put(f"/v1/customers/{source_id}", json={"name": "Ada"}))
    created(api.post("/v1/events", json={"event": "review", "customer": {"source_id": source_id}}))
    gone = created(api.post("/v1/customers", json={"source_id": unique("customer")}))
    assert api.delete(f"/v1/customers/{gone['id']}").status_code == 204
    return source_id


def by_campaign(api: httpx.Client, receiver: Receiver, source_id: str) -> str:
    """A campaign from its first code to its end; a code of a second one, given to the customer."""
    body = {
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE",
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10), "redemption": {"quantity": 1}},
        "vouchers_count": 3,
    }
    first, second = (
        created(api.post("/v1/campaigns", json={"name": unique("campaign"), **body})) for _ in "ab"
    )
    receiver.wait_for("campaign.vouchers.generation.completed", 2)
    path = f"/v1/campaigns/{first['id']}"
    created(api.put(path, json={"description": "more"}))
    created(api.post(f"{path}/disable"))
    created(api.post(f"{path}/enable"))
    created(api.post(f"{path}/vouchers", params={"vouchers_count": 2}, json={}))
    receiver.wait_for("campaign.vouchers.added")
    assert api.delete(path).status_code == 202
    published = created(
        api.post(
            "/v1/publications",
            json={"customer": {"source_id": source_id}, "campaign": {"name": second["name"]}},
        )
    )
    return str(published["voucher"]["code"])


def by_want(api: httpx.Client) -> None:
    """A campaign that wants a code of a pattern of which none is left."""
    few, voucher = unique("few"), {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10)}
    for digit in range(10):
        created(api.post(f"/v1/vouchers/{few}-{digit}", json=voucher))
    config = {"pattern": f"{few}-#", "charset": "0123456789"}
    body = {"name": few, "campaign_type": "DISCOUNT_COUPONS", "vouchers_count": 1}
    created(api.post("/v1/campaigns", json={**body, "voucher": {**voucher, "code_config": config}}))


def by_ledger(api: httpx.Client, code: str, source_id: str) -> dict[str, Any]:
    """A stack of a code and a card, rolled back; a refusal; credits added to the card."""
    card = gift_card(api, 1_000)["code"]
    created(api.post("/v1/publications", json={"customer": {"source_id": source_id}, "voucher": card}))
    created(api.post(f"/v1/vouchers/{card}/balance", json={"amount": 500}))
    taken = redeem(api, code, card, customer={"source_id": source_id})
    again = api.post("/v1/redemptions", json=stack(code))
    assert again.status_code == 400
    parent = taken["parent_redemption"]["id"]
    created(api.post(f"/v1/redemptions/{parent}/rollbacks"))
    assert api.post(f"/v1/redemptions/{parent}/rollbacks").status_code == 400
    return taken


def test_every_kind_of_event_is_told_with_its_data(
    server: RunningServer, project: Project, api: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """One tour through the shop, and nothing of it is missing or has other members than published."""
    subscribe(*sorted(EVENT_TYPES))
    schemas = described()
    adas = {"name": {"conditions": {"$is": ["Ada"]}}}
    segment = created(api.post("/v1/segments", json={"name": "A", "type": "auto-update", "filter": adas}))
    source_id = by_hand(api)
    receiver.wait_for("customer.segment.entered")
    created(api.put(f"/v1/customers/{source_id}", json={"name": "Eve"}))
    assert receiver.wait_for("customer.segment.left")[0]["data"]["segment"]["id"] == segment["id"]
    by_want(api)
    code = by_campaign(api, receiver, source_id)
    taken = by_ledger(api, code, source_id)
    for kind in DATA:
        receiver.wait_for(kind)
    receiver.wait_for("redemption.succeeded", 3)
    for event in receiver.events():
        kind = event["type"]
        assert set(event["data"]) == DATA[kind], kind
        schemas[kind].validate(event)
        assert event["event"]["type"] == kind
        assert event["event"]["entity_id"]
        assert set(event["event"]["event_source"]) == {"channel", "user", "api_key"}
        assert (kind in BULK) <= (event["data"].get("count", 0) > 0)
    told = [one["data"] for one in receiver.events() if one["type"] == "redemption.succeeded"]
    ids = {one["id"] for one in taken["redemptions"]} | {taken["parent_redemption"]["id"]}
    assert {one["redemption"]["id"] for one in told} == ids, "a stack of two tells three"
    (back,) = (one["data"] for one in receiver.wait_for("redemption.rollback.failed"))
    assert back["redemption"]["id"] == back["redemption_rollback"]["redemption"]
    assert back["redemption_rollback"]["failure_code"] == "already_rolled_back"
    assert back["redemption"]["status"] == "ROLLED_BACK"
    kinds = receiver.kinds()
    assert kinds.index("redemption.rollback.succeeded") < kinds.index("redemption.rollback.failed")
    (short,) = (one["data"] for one in receiver.wait_for("campaign.vouchers.generation.failed"))
    assert short["campaign"]["voucher"]["code_config"]["charset"] == "0123456789"
    cause = next(one["data"] for one in receiver.events() if one["data"].get("rollback"))
    assert cause["rollback"]["redemption"] == cause["redemption"]["id"]
    assert cause["order"]["id"] == taken["order"]["id"]
    used = next(one for one in told if one["voucher"] and one["voucher"]["code"] == code)
    assert used["voucher"]["redemption"] == {**used["voucher"]["redemption"], "quantity": 1}
    assert used["customer"]["source_id"] == used["holder"]["source_id"] == source_id
    assert used["order"]["id"] == taken["order"]["id"]
    moved = [one["data"]["transaction"]["type"] for one in receiver.events() if "transaction" in one["data"]]
    assert set(moved) == {"CREDITS_ADDITION", "CREDITS_REDEMPTION", "CREDITS_REFUND"}
    assert kept_of(server, project, "a@example.com")
    created(api.post(f"/v1/customers/{source_id}/permanent-deletion"))
    until(lambda: erased(server, project), "the erasure is done")
    assert kept_of(server, project, "a@example.com") == []


def kept_of(server: RunningServer, project: Project, text: str) -> list[tuple[str, str]]:
    """Kinds and persons of events that hold a text."""
    with sqlite3.connect(server.data_dir / "vouchsafe.db", timeout=60) as database:
        return database.execute(
            "SELECT type, customer_id FROM webhook_events "
            "WHERE project_id = ? AND instr(body, CAST(? AS BLOB))",
            (project.project_id, text),
        ).fetchall()


def erased(server: RunningServer, project: Project) -> bool:
    with sqlite3.connect(server.data_dir / "vouchsafe.db", timeout=60) as database:
        rows = database.execute("SELECT status FROM erasures WHERE project_id = ?", (project.project_id,))
        return [status for (status,) in rows] == ["DONE"]


def test_who_did_it_is_told(
    server: RunningServer, api: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """The key by its id, the request by its own."""
    subscribe("voucher.created")
    answer = api.post("/v1/vouchers", json={"type": "DISCOUNT_VOUCHER", "discount": percent_off(5)})
    (event,) = receiver.wait_for("voucher.created")
    assert event["event"]["group_id"] == answer.headers["X-Request-Id"]
    source = event["event"]["event_source"]
    assert (source["channel"], source["api_key"]["app_id"]) == ("API", api.headers["X-App-Id"])


def test_only_what_was_asked_for_is_told(
    api: httpx.Client, stranger: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """Neither other kinds, nor what a transaction did that was taken back, nor what happens elsewhere."""
    subscribe("voucher.disabled")
    body = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(5)}
    elsewhere = created(stranger.post("/v1/vouchers", json=body))
    created(stranger.post(f"/v1/vouchers/{elsewhere['code']}/disable"))
    made = created(api.post("/v1/vouchers", json=body))
    assert api.post(f"/v1/vouchers/{made['code']}", json=body).status_code == 409
    created(api.post(f"/v1/vouchers/{made['code']}/enable"))
    created(api.post(f"/v1/vouchers/{made['code']}/disable"))
    (event,) = receiver.wait_for("voucher.disabled")
    assert event["data"]["voucher"]["id"] == made["id"]
    assert event["data"]["voucher"]["active"] is False
    assert receiver.different() == [event]


def test_history_is_told_to_nobody(api: httpx.Client, receiver: Receiver, subscribe: Subscribe) -> None:
    """Neither imported orders nor a file of customers; a bulk update is, of those whom it makes too."""
    subscribe("customer.created", "customer.updated")
    known, bought, listed, new = (unique(name) for name in ("known", "bought", "listed", "new"))
    created(api.post("/v1/customers", json={"source_id": known}))
    order = {"source_id": unique("o"), "amount": 100, "customer": {"source_id": bought, "name": "B"}}
    file = {"file": ("customers.csv", f"Source_id,Name\n{known},K\n{listed},L\n")}
    rows = [{"source_id": new}, {"source_id": known, "email": "k@example.com"}]
    for sent in (
        api.post("/v1/orders/import", json=[order]),
        api.post("/v1/customers/importCSV", files=file),
        api.post("/v1/customers/bulk/async", json=rows),
    ):
        action = created(sent)["async_action_id"]
        until(lambda one=action: is_done(api, one), f"{action} is done")
    assert created(api.get(f"/v1/customers/{bought}"))["name"] == "B"
    receiver.wait_for("customer.created", 2)
    receiver.wait_for("customer.updated")
    told = [(one["type"], one["data"]["customer"]["source_id"]) for one in receiver.different()]
    assert sorted(told) == sorted(
        [("customer.created", known), ("customer.created", new), ("customer.updated", known)]
    )


def is_done(api: httpx.Client, action_id: str) -> bool:
    return bool(created(api.get(f"/v1/async-actions/{action_id}"))["status"] == "DONE")


@pytest.mark.parametrize(
    "misspelt",
    ["campaign.vouchers.aded", "voucher.gift.balance_aded", "voucher.loyalty_card.pending_points.aded"],
)
def test_the_published_misspellings_are_understood(misspelt: str) -> None:
    """The management enum of the contract writes them so; events are sent in the right spelling."""
    assert normalised(misspelt) == misspelt.replace("aded", "added")
    assert normalised(misspelt + "x") is None


def test_the_tour_knows_all_kinds_of_what_is_built() -> None:
    """What is missing belongs to loyalty, rewards and referrals, or is never kept; none is forgotten."""
    elsewhere = (
        "campaign.earning_rule.", "campaign.loyalty_tier.", "campaign.referral_tier.", "campaign.reward.",
        "customer.rewarded", "customer.confirmed", "voucher.loyalty_card.",
    )  # fmt: skip
    assert {kind for kind in EVENT_TYPES if not kind.startswith(elsewhere)} == set(DATA)


def test_the_document_describes_them_and_their_envelope() -> None:
    """The section `webhooks` of the OpenAPI document has each kind with the members of its data, in full."""
    document = json.loads(openapi_text())
    for kind, said in document["webhooks"].items():
        parts = said["post"]["requestBody"]["content"]["application/json"]["schema"]["allOf"]
        named = parts[1]["properties"]["data"]["$ref"].rsplit("/", 1)[1]
        data = document["components"]["schemas"][named]
        assert set(data["properties"]) == set(data["required"]) == DATA[kind], kind
        assert parts[1]["properties"]["type"] == {"const": kind}
    assert document["webhooks"].keys() == DATA.keys()
    wrong = {**EXAMPLE, "data": {"campaign": EXAMPLE["data"]["campaign"]}}
    schema = described()["campaign.created"]
    assert schema.is_valid(EXAMPLE)
    assert not schema.is_valid(wrong)
    assert not schema.is_valid({**EXAMPLE, "type": "campaign.deleted"})


def test_examples_look_like_what_they_are_examples_of() -> None:
    """A receiver that is tried with one of a kind is tried with all that the document promises of it."""
    for kind, schema in described().items():
        data = example_of(kind)
        assert set(data) == DATA[kind], kind
        schema.validate({**EXAMPLE, "type": kind, "data": data})


def test_the_page_of_events_names_all_of_them() -> None:
    """docs/reference/events.md has a row for every kind that is told, with the members of its data."""
    text = (ROOT / "docs/reference/events.md").read_text()
    rows = {
        line.split("`")[1]: set(re.findall(r"`(\w+)`", line.rsplit("|", 2)[1]))
        for line in text.splitlines()
        if line.startswith("| `") and "." in line.split("`")[1]
    }
    assert rows == DATA
    assert set(re.findall(r"`([a-z_]+\.[a-z_.]+)`", text)) >= EVENT_TYPES
