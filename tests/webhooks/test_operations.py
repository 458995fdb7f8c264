"""The operations on webhooks: those of the contract, and secrets, attempts, replays and examples."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import voucherify

from app.webhooks.signature import signature
from tests.support.receiver import Receiver, until
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, single_voucher

from .conftest import Subscribe, beyond

TARGET = "https://receiver.example/hooks"


def make(manage: httpx.Client, **more: Any) -> dict[str, Any]:
    body = {"target_url": TARGET, "events": ["redemption.succeeded"], **more}
    return created(manage.post("webhooks", json=body))


def test_a_webhook_is_made_shown_changed_and_removed(manage: httpx.Client) -> None:
    """The five operations of the contract, and nothing of the secret but in the first answer."""
    made = make(manage)
    assert made["id"].startswith("wh_")
    secret = made.pop("extensions")["secret"]
    assert secret.startswith("whsec_")
    assert {name: made[name] for name in ("object", "target_url", "events", "active")} == {
        "object": "webhook",
        "target_url": TARGET,
        "events": ["redemption.succeeded"],
        "active": True,
    }
    path = f"webhooks/{made['id']}"
    assert created(manage.get(path)) == made
    listed = created(manage.get("webhooks"))
    assert listed == {"object": "list", "data_ref": "data", "data": [made], "total": 1}
    changed = created(
        manage.put(path, json={"target_url": TARGET + "2", "events": ["voucher.created"], "active": False})
    )
    assert (changed["target_url"], changed["events"], changed["active"]) == (
        TARGET + "2",
        ["voucher.created"],
        False,
    )
    assert changed["extensions"]["disabled"]["reason"] == "paused"
    kept = created(manage.put(path, json={"target_url": TARGET, "events": ["voucher.created"]}))
    assert kept["active"] is False, "what is not sent stays"
    assert manage.delete(path).status_code == 204
    assert manage.get(path).status_code == 404
    assert created(manage.get("webhooks"))["total"] == 0


def test_the_official_client_manages_webhooks(server: RunningServer, project: Project) -> None:
    """Its closed enum has the misspelt names: they are answered as they were sent."""
    configuration = voucherify.Configuration(
        host=server.base_url,
        api_key={"X-Management-Id": project.management_id, "X-Management-Token": project.management_token},
    )
    with voucherify.ApiClient(configuration) as client:
        management = voucherify.ManagementApi(client)
        body = voucherify.ManagementProjectsWebhooksCreateRequestBody(
            target_url=TARGET, events=["campaign.vouchers.aded", "voucher.gift.balance_aded"]
        )
        made = management.create_webhook(project.project_id, body)
        assert made.events == ["campaign.vouchers.aded", "voucher.gift.balance_aded"]
        update = voucherify.ManagementProjectsWebhooksUpdateRequestBody(
            target_url=TARGET, events=["redemption.failed"], active=False
        )
        assert management.update_webhook(project.project_id, made.id, update).active is False
        assert management.get_webhook(project.project_id, made.id).events == ["redemption.failed"]
        assert [one.id for one in management.list_webhooks(project.project_id).data] == [made.id]
        management.delete_webhook(project.project_id, made.id)
        assert management.list_webhooks(project.project_id).data == []
        client.rest_client.pool_manager.clear()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"target_url": TARGET},
        {"events": ["voucher.created"]},
        {"target_url": TARGET, "events": []},
        {"target_url": TARGET, "events": ["voucher.exploded"]},
        {"target_url": TARGET, "events": ["voucher.created"], "active": "yes"},
        {"target_url": "your_url", "events": ["voucher.created"]},
        {"target_url": "http://127.0.0.9/", "events": ["voucher.created"]},
        {"target_url": "http://169.254.169.254/latest", "events": ["voucher.created"]},
        {"target_url": TARGET, "events": ["voucher.created"], "extensions": {"headers": {"Host": "x"}}},
        {"target_url": TARGET, "events": ["voucher.created"], "extensions": {"headers": {"A": "b\r\nC: d"}}},
        {"target_url": TARGET, "events": ["voucher.created"], "extensions": {"headers": {"A B": "c"}}},
        {"target_url": TARGET, "events": ["voucher.created"], "extensions": {"secret": "short"}},
        {"target_url": TARGET, "events": ["voucher.created"], "extensions": {"colour": "red"}},
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(manage: httpx.Client, body: dict[str, Any]) -> None:
    """400 invalid_payload, and there is no webhook."""
    answer = manage.post("webhooks", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["key"] == "invalid_payload"
    assert created(manage.get("webhooks"))["total"] == 0


def test_a_project_has_twenty_webhooks_at_most(manage: httpx.Client) -> None:
    """The twenty-first is refused."""
    for _ in range(20):
        make(manage)
    assert (
        manage.post("webhooks", json={"target_url": TARGET, "events": ["voucher.created"]}).status_code == 400
    )


def test_another_project_s_webhooks_are_nobody_else_s(server: RunningServer, manage: httpx.Client) -> None:
    """Under another project's path the same id is unknown, in every operation."""
    made = make(manage)
    other = server.create_project("webhooks-stranger")
    path = f"projects/{other.project_id}/webhooks/{made['id']}"
    body = {"target_url": TARGET, "events": ["voucher.created"]}
    since = {"since": "2026-01-01T00:00:00Z"}
    for method, end, sent in (
        ("GET", "", None), ("PUT", "", body), ("DELETE", "", None), ("GET", "/secret", None),
        ("POST", "/secret/rotate", {}), ("DELETE", "/secret/previous", None), ("GET", "/attempts", None),
        ("POST", "/replay", since), ("POST", "/example", {}),
    ):  # fmt: skip
        place = f"/management/v1/{'engine/' if end else ''}{path}{end}"
        assert manage.request(method, server.base_url + place, json=sent).status_code == 404, place


def test_a_webhook_that_changed_meanwhile_is_not_overwritten(manage: httpx.Client) -> None:
    """If-Match with an old version is 412."""
    made = make(manage)
    path = f"webhooks/{made['id']}"
    body = {"target_url": TARGET, "events": ["voucher.created"]}
    tag = manage.get(path).headers["ETag"]
    assert manage.put(path, json=body, headers={"If-Match": tag}).status_code == 200
    assert manage.put(path, json=body, headers={"If-Match": tag}).status_code == 412
    assert manage.delete(path, headers={"If-Match": tag}).status_code == 412


def test_secrets_are_shown_rotated_and_forgotten(manage: httpx.Client) -> None:
    """During the grace both hold; it can be ended; one's own secret may be brought."""
    own = "0c4cd0a5-7b3f-44b6-8f4e-2f3a5a5d0e11"
    made = make(manage, extensions={"secret": own})
    path = beyond(manage, made, "secret")
    assert created(manage.get(path))["secret"] == own
    rotated = created(manage.post(path + "/rotate", json={"grace_hours": 2}))
    assert rotated["secret"] not in (own, made["extensions"]["secret"])
    assert rotated["previous_secret_until"] > datetime.now(UTC).isoformat()
    shown = created(manage.get(f"webhooks/{made['id']}"))
    assert shown["extensions"] == {"previous_secret_until": rotated["previous_secret_until"]}
    assert manage.delete(path + "/previous").status_code == 204
    assert created(manage.get(path))["previous_secret_until"] is None
    at_once = created(manage.post(path + "/rotate", json={"grace_hours": 0, "secret": own}))
    assert at_once == {**created(manage.get(path)), "secret": own, "previous_secret_until": None}


def test_an_example_arrives_with_headers_of_one_s_own(
    manage: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """It says at once what came of it, is signed like any other, and is on record."""
    made = subscribe("voucher.created", extensions={"headers": {"Authorization": "Bearer mine"}})
    assert created(manage.get(f"webhooks/{made['id']}"))["extensions"] == {"headers": ["Authorization"]}
    answer = created(manage.post(beyond(manage, made, "example"), json={"event": "voucher.published"}))
    assert (answer["status"], answer["error"], answer["event_type"]) == (200, None, "voucher.published")
    (sent,) = receiver.received()
    assert sent["path"] == "/hooks?of=shop"
    assert sent["headers"]["authorization"] == "Bearer mine"
    assert sent["headers"]["content-type"] == "application/json"
    secret = made["extensions"]["secret"]
    assert sent["headers"]["x-voucherify-signature"] == signature(secret, sent["body"].encode())
    body = json.loads(sent["body"])
    assert body["type"] == "voucher.published"
    assert body["id"] == sent["headers"]["webhook-id"] == answer["sendout_id"]
    assert body["source"] == {"object": "webhook", "id": made["id"], "target_url": receiver.url}
    attempts = created(manage.get(beyond(manage, made, "attempts")))
    assert attempts["data"] == [answer]
    receiver.kill()
    failed = created(manage.post(beyond(manage, made, "example")))
    assert (failed["status"], failed["error"]) == (None, "could not connect")
    page = created(manage.get(beyond(manage, made, "attempts"), params={"limit": 1}))
    assert (page["data"], page["has_more"]) == ([failed], True)
    after = {"limit": 1, "starting_after_id": page["more_starting_after"]}
    assert created(manage.get(beyond(manage, made, "attempts"), params=after))["data"] == [answer]


def owes_nothing(manage: httpx.Client, path: str) -> bool:
    return "backlog" not in created(manage.get(path)).get("extensions", {})


def test_what_was_told_can_be_told_again(
    api: httpx.Client, manage: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """Since an instant, each object in its order, under the old ids; also what happened while it paused."""
    made = subscribe("voucher.created", "voucher.disabled")
    path = f"webhooks/{made['id']}"
    began = datetime.now(UTC).isoformat()
    first = single_voucher(api, percent_off(5))["code"]
    receiver.wait_for("voucher.created")
    until(lambda: owes_nothing(manage, path), "that it was told is on record")
    body = {"target_url": receiver.url, "events": made["events"]}
    created(manage.put(path, json={**body, "active": False}))
    second = single_voucher(api, percent_off(5))["code"]
    created(api.post(f"/v1/vouchers/{second}/disable"))
    assert manage.post(beyond(manage, made, "replay"), json={"since": began}).status_code == 400, (
        "it is not active"
    )
    created(manage.put(path, json={**body, "active": True}))
    assert created(manage.post(beyond(manage, made, "replay"), json={"since": began}))["count"] == 3
    until(lambda: owes_nothing(manage, path), "all is told again, and on record")
    again = [(one["type"], one["data"]["voucher"]["code"]) for one in receiver.events()]
    assert again.count(("voucher.created", first)) >= 2
    told = [(one["type"], one["data"]["voucher"]["code"]) for one in receiver.different()]
    assert [kind for kind, code in told if code == first] == ["voucher.created"]
    assert [kind for kind, code in told if code == second] == ["voucher.created", "voucher.disabled"]
    ids = {one["headers"]["webhook-id"] for one in receiver.received()}
    assert len(ids) == 3, "what is told again has the id that it had"
    only = {"since": began, "events": ["voucher.disabled"], "until": datetime.now(UTC).isoformat()}
    assert created(manage.post(beyond(manage, made, "replay"), json=only))["count"] == 1
    assert manage.post(beyond(manage, made, "replay"), json={"since": "yesterday"}).status_code == 400
