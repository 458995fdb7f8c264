"""Delivery: at least once, in order per object, whoever dies; and nobody waits for anybody."""

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from chaos.webhook_outage import Outage
from tests.support.receiver import Receiver, running_receiver, until
from tests.support.server import RunningServer
from tests.support.shop import created, percent_off, single_voucher, unique

from .conftest import Subscribe, beyond


def shown(manage: httpx.Client, webhook: dict[str, Any]) -> dict[str, Any]:
    return created(manage.get(f"webhooks/{webhook['id']}"))


def attempts(manage: httpx.Client, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    return list(created(manage.get(beyond(manage, webhook, "attempts"), params={"limit": 100}))["data"])


def test_every_event_arrives_in_order_though_everybody_is_killed(
    server: RunningServer, receiver: Receiver
) -> None:
    """The background process and the receiver are killed while redemptions, rollbacks and changes go on:
    each event arrives at least once, those of one object in their order, and as many as the ledger has.
    `make webhook-outage` is the same for ten minutes.
    """
    outage = Outage(server, server.create_project(unique("outage")), receiver)
    figures = outage.run(seconds=4.0, strikes=3, seed="suite", pause=0.05, least=24)
    print(figures)
    assert figures.faults == []
    assert (figures.kills_of_background, figures.kills_of_receiver) == (2, 2)
    assert figures.happened == figures.told >= 24


def test_a_receiver_that_hangs_delays_nobody_else(
    api: httpx.Client, manage: httpx.Client, receiver: Receiver, subscribe: Subscribe, tmp_path: Path
) -> None:
    """While one takes its ten seconds and more, another is told everything."""
    with running_receiver(tmp_path / "slow") as slow:
        slow.behave(seconds=3_600.0)
        body = {"target_url": slow.url, "events": ["voucher.created"]}
        hanging = created(manage.post("webhooks", json=body))
        subscribe("voucher.created")
        codes = [single_voucher(api, percent_off(5))["code"] for _ in range(12)]
        told = receiver.wait_for("voucher.created", 12)
        assert {one["data"]["voucher"]["code"] for one in told} == set(codes)
        assert not slow.events()
        late = [one["at"] - stamp(json_of(one)["event"]["created_at"]) for one in receiver.received()]
        print(f"with another receiver hanging, told after {max(late):.2f} s at most")
        until(lambda: any(one["error"] == "timed out" for one in attempts(manage, hanging)), "ten seconds")
        assert "failing_since" in shown(manage, hanging)["extensions"]


def json_of(request: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(request["body"]))


def stamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_an_event_that_is_refused_holds_up_its_object_alone(
    api: httpx.Client, manage: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """Later events of the same voucher wait for it; those of others do not. A retry sends the same bytes."""
    made = subscribe("voucher.created", "voucher.disabled")
    receiver.behave(status=422)
    first = single_voucher(api, percent_off(5))["code"]
    until(lambda: attempts(manage, made), "it was refused")
    created(api.post(f"/v1/vouchers/{first}/disable"))
    receiver.behave()
    second = single_voucher(api, percent_off(5))["code"]
    until(lambda: len(receiver.different()) == 3, "all is told")
    told = [(one["type"], one["data"]["voucher"]["code"]) for one in receiver.different()]
    assert told.index(("voucher.created", first)) < told.index(("voucher.disabled", first))
    assert ("voucher.created", second) in told
    tries = [one for one in reversed(attempts(manage, made)) if one["error"] == "answered 422"]
    assert {one["event_type"] for one in tries} == {"voucher.created"}
    assert [one["attempt"] for one in tries] == list(range(1, len(tries) + 1))
    lines = (receiver.folder / "refused").read_text().splitlines()
    bodies = {json.loads(line)["body"] for line in lines}
    assert bodies & {one["body"] for one in receiver.received()}, "the same bytes"


def test_redirects_are_not_followed_and_retry_after_is_honoured(
    api: httpx.Client, manage: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """A redirect is a failure: it could lead to where nobody may go. Who asks for time gets it."""
    made = subscribe("voucher.created")
    receiver.behave(status=302, headers={"Location": receiver.url})
    single_voucher(api, percent_off(5))
    until(lambda: [one["error"] for one in attempts(manage, made)][:1] == ["answered 302"], "refused")
    receiver.behave(status=503, headers={"Retry-After": "3"})
    until(lambda: [one["error"] for one in attempts(manage, made)][:1] == ["answered 503"], "asked for time")
    receiver.behave()
    until(lambda: attempts(manage, made)[0]["status"] == 200, "it has arrived and is on record")
    answered, asked = attempts(manage, made)[:2]
    assert stamp(answered["at"]) - stamp(asked["at"]) >= 2.9


def test_a_receiver_that_is_gone_is_not_called_again(
    api: httpx.Client, manage: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """410 disables at once, and says since when something is missing."""
    made = subscribe("voucher.created")
    receiver.behave(status=410)
    single_voucher(api, percent_off(5))
    until(lambda: not shown(manage, made)["active"], "it is disabled")
    disabled = shown(manage, made)["extensions"]["disabled"]
    assert disabled["reason"] == "gone"
    receiver.behave()
    body = {"target_url": receiver.url, "events": made["events"], "active": True}
    created(manage.put(f"webhooks/{made['id']}", json=body))
    again = {"since": disabled["undelivered_since"]}
    assert created(manage.post(beyond(manage, made, "replay"), json=again))["count"] == 1
    receiver.wait_for("voucher.created")


def test_after_the_last_retry_the_webhook_is_disabled(
    server: RunningServer, api: httpx.Client, manage: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """The thirteenth failure of one event is the end, and the audit has it."""
    made = subscribe("voucher.created")
    receiver.behave(status=500)
    single_voucher(api, percent_off(5))
    until(lambda: attempts(manage, made), "the first attempt")

    def is_given_up() -> bool:
        """One attempt is left, also when another one was under way as that was written."""
        with sqlite3.connect(server.data_dir / "vouchsafe.db", timeout=60) as database:
            database.execute(
                "UPDATE webhook_deliveries SET attempts = 12 WHERE webhook_id = ?", (made["id"],)
            )
        return not shown(manage, made)["active"]

    until(is_given_up, "it is disabled")
    assert shown(manage, made)["extensions"]["disabled"]["reason"] == "retries_exhausted"
    with sqlite3.connect(server.data_dir / "vouchsafe.db", timeout=60) as database:
        entries = database.execute(
            "SELECT actor_kind, operation FROM audit_entries WHERE object_id = ? ORDER BY seq", (made["id"],)
        ).fetchall()
    assert entries == [("management", "create-webhook"), ("rule", "disable-webhook")]


def test_a_name_that_leads_inside_is_not_called(
    server: RunningServer, api: httpx.Client, manage: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """What is checked when a webhook is made is checked again at every call."""
    made = subscribe("voucher.created")
    inside = receiver.url.replace("127.0.0.1", "127.0.0.2")
    with sqlite3.connect(server.data_dir / "vouchsafe.db", timeout=60) as database:
        database.execute("UPDATE webhooks SET target_url = ? WHERE id = ?", (inside, made["id"]))
    single_voucher(api, percent_off(5))
    until(lambda: attempts(manage, made), "it was tried")
    assert attempts(manage, made)[0]["error"].startswith("refused: its address")
    assert receiver.received() == []


def test_metrics_tell_what_is_owed(
    server: RunningServer, api: httpx.Client, manage: httpx.Client, receiver: Receiver, subscribe: Subscribe
) -> None:
    """Backlog, overdue, failing and disabled, for an alarm."""

    def gauge(name: str) -> float:
        """What takes a busy server too long it leaves out: asked again."""
        while True:
            text = manage.get(f"{server.base_url}/management/v1/engine/metrics").text
            for line in text.splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])

    made = subscribe("voucher.created")
    receiver.behave(status=500)
    single_voucher(api, percent_off(5))
    until(lambda: gauge("vouchsafe_webhook_failing") >= 1, "it fails")
    assert gauge("vouchsafe_webhook_backlog") >= 1
    assert gauge("vouchsafe_webhook_overdue_seconds") >= 0
    assert gauge("vouchsafe_webhook_disabled") >= 0
    assert shown(manage, made)["extensions"]["backlog"] == 1
    receiver.behave()
    receiver.wait_for("voucher.created")
