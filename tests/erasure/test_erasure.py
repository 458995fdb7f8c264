"""A customer who is deleted permanently leaves nothing behind: everything is planted, then everything is
searched (D12).
"""

import json
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from app.webhooks.events import EVENT_TYPES
from tests.support.server import Project, RunningServer
from tests.support.shop import CART, created, gift_card, percent_off, public_code, stack, unique

SECONDS_MAX = 300.0
NEEDLE = f"needle{uuid.uuid4().hex}"
"""Part of everything that is planted."""


@pytest.fixture(scope="module")
def project(server: RunningServer) -> Project:
    return server.create_project(f"erasure-{uuid.uuid4().hex[:12]}")


@pytest.fixture(scope="module")
def api(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    with server.client(project) as client:
        yield client


def person(**more: Any) -> dict[str, Any]:
    return {
        "source_id": f"{NEEDLE}-crm",
        "name": f"{NEEDLE} Smith",
        "description": NEEDLE,
        "email": f"{NEEDLE}@example.com",
        "phone": NEEDLE,
        "birthdate": "1990-01-01",
        "address": {"city": NEEDLE, "line_1": NEEDLE},
        "metadata": {"note": NEEDLE, NEEDLE: True},
        **more,
    }


def finished(api: httpx.Client, path: str) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS_MAX
    while (answer := created(api.get(path)))["status"] not in ("DONE", "FAILED"):
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer


def plant(api: httpx.Client) -> str:
    """By every way in which a person's data comes in; the customer's id."""
    who = person()
    made = created(api.post("/v1/customers", json=who))
    key = {"Idempotency-Key": unique("key")}
    code, _ = public_code(api, percent_off(10))
    order = {**CART, "source_id": f"{NEEDLE}-order", "metadata": {"note": NEEDLE}}
    body = stack(code, customer=who, metadata={"note": NEEDLE}, session={"type": "LOCK", "key": NEEDLE})
    created(api.post("/v1/validations", json=body))
    body["order"] = order
    taken = created(api.post("/v1/redemptions", json=body, headers=key))
    card = gift_card(api, 1_000)
    created(
        api.post(
            "/v1/publications",
            json={
                "voucher": card["code"],
                "customer": who,
                "source_id": f"{NEEDLE}-publication",
                "metadata": {"note": NEEDLE},
                "extensions": {"reason": NEEDLE, "agent": NEEDLE},
            },
            headers={"Idempotency-Key": unique("key")},
        )
    )
    balance = {"amount": 100, "reason": NEEDLE, "source_id": NEEDLE}
    created(api.post(f"/v1/vouchers/{card['code']}/balance", json=balance))
    created(api.post(f"/v1/redemptions/{taken['redemptions'][0]['id']}/rollback?reason={NEEDLE}"))
    created(api.post("/v1/orders", json={**order, "source_id": f"{NEEDLE}-2", "customer": who}))
    created(
        api.post(
            "/v1/events",
            json={
                "event": "looked",
                "customer": who,
                "metadata": {"note": NEEDLE},
                "loyalty": {"code": NEEDLE},
            },
            headers={"Idempotency-Key": unique("key")},
        )
    )
    refused, _ = public_code(api, percent_off(10), quantity=1)
    created(api.post("/v1/redemptions", json=stack(refused)))
    failed = api.post("/v1/redemptions", json=stack(refused, customer=who, metadata={"note": NEEDLE}))
    assert failed.status_code == 400
    names = {"name": unique("s"), "type": "static", "customers": [f"{NEEDLE}-crm", "somebody-else"]}
    created(api.post("/v1/segments", json=names))
    rows = [{"source_id": f"{NEEDLE}-crm", "name": NEEDLE}, {"source_id": "bulk-other"}]
    action = created(api.post("/v1/customers/bulk/async", json=rows))["async_action_id"]
    finished(api, f"/v1/async-actions/{action}")
    export = created(api.post("/v1/exports", json={"exported_object": "customer"}))["id"]
    finished(api, f"/v1/exports/{export}")
    return str(made["id"])


def listen(server: RunningServer, project: Project) -> None:
    """A webhook that wants everything and can never be told: its backlog and its attempts stay."""
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    body = {"target_url": "http://127.0.0.1:9/nobody", "events": sorted(EVENT_TYPES)}
    path = f"{server.base_url}/management/v1/projects/{project.project_id}/webhooks"
    created(httpx.post(path, json=body, headers=headers, timeout=30))


def tables_with_needle(file: Path) -> set[str]:
    """Names of the tables of a SQLite file in which the needle is."""
    found = set()
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            for row in connection.execute(f'SELECT * FROM "{name}"'):
                cells = [cell if isinstance(cell, bytes) else str(cell).encode() for cell in row]
                if any(NEEDLE.encode() in cell for cell in cells):
                    found.add(name)
    return found


def rows_of(server: RunningServer, table: str, customer_id: str) -> list[tuple[str]]:
    with sqlite3.connect(f"file:{server.data_dir / 'vouchsafe.db'}?mode=ro", uri=True) as connection:
        return connection.execute(f"SELECT id FROM {table} WHERE customer_id = ?", (customer_id,)).fetchall()


def told_of(server: RunningServer, customer_id: str) -> None:
    """Wait until the segment that the customer entered is written down."""
    deadline = time.monotonic() + SECONDS_MAX
    while not rows_of(server, "segment_moves", customer_id):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def keys_with_needle(url: str) -> set[str]:
    """Keys of the core in whose name or value the needle is."""
    found = set()
    with redis.Redis.from_url(url) as core:
        for key in core.scan_iter(count=1_000):
            kind = core.type(key).decode()
            if kind == "none":
                continue  # Its time was over meanwhile.
            values: Any = {
                "string": core.get,
                "hash": core.hgetall,
                "stream": core.xrange,
                "set": core.smembers,
                "list": lambda name: core.lrange(name, 0, -1),
                "zset": lambda name: core.zrange(name, 0, -1),
            }[kind](key)
            if NEEDLE in repr(key) or NEEDLE in repr(values):
                found.add(repr(key))
    return found


def files_with_needle(folder: Path, *names: str) -> set[str]:
    return {
        str(file.relative_to(folder))
        for name in names
        for file in folder.rglob(name)
        if file.is_file() and NEEDLE.encode() in file.read_bytes()
    }


def search(server: RunningServer) -> dict[str, set[str]]:
    status = server.status()
    assert status is not None
    return {
        "tables": tables_with_needle(server.data_dir / "vouchsafe.db"),
        "keys": keys_with_needle(status["redis_url"]),
        "files": files_with_needle(server.data_dir, "*.aof", "*.rdb"),
    }


def none_left(server: RunningServer) -> None:
    """The server writes its file anew in the background: wait for that, and for nothing else."""
    deadline = time.monotonic() + SECONDS_MAX
    found = search(server)
    assert (found["tables"], found["keys"]) == (set(), set())
    while found["files"] and time.monotonic() < deadline:
        time.sleep(0.1)
        found = search(server)
    assert found == {"tables": set(), "keys": set(), "files": set()}


def test_whoever_is_forgotten_is_nowhere(
    server: RunningServer, project: Project, api: httpx.Client, tmp_path: Path
) -> None:
    """Not in a table, key, stream, kept answer, audit row, log line or export; counters, ledger and audit
    still agree; a backup of before forgets when it is told the list.
    """
    listen(server, project)
    everybody = {"name": {"conditions": {"$has_value": [True]}}}
    active = {"name": "Everybody", "type": "auto-update", "filter": everybody}
    created(api.post("/v1/segments", json=active))
    customer_id = plant(api)
    created(api.get("/v1/orders", params={"limit": 1}))  # what was acknowledged is projected
    told_of(server, customer_id)
    before = search(server)
    kept = {"customers", "orders", "redemptions", "event_bodies", "custom_events", "publications"}
    assert kept | {"webhook_events"} <= before["tables"]
    assert before["keys"]
    backup = tmp_path / "restored"
    backup.mkdir()
    with (
        sqlite3.connect(server.data_dir / "vouchsafe.db") as source,
        sqlite3.connect(backup / "vouchsafe.db") as copy,
    ):
        source.backup(copy)

    answer = created(api.post(f"/v1/customers/{NEEDLE}-crm/permanent-deletion"))
    assert (answer["object"], answer["related_object_id"], answer["status"]) == (
        "pernament_deletion",
        customer_id,
        "DONE",
    )
    counts = answer["data_json"]
    assert (counts["customer"], counts["orders"], counts["segments"]) == (1, 2, 1)
    assert counts["events"] >= 5
    assert counts["customer_events"] == 1

    none_left(server)
    assert rows_of(server, "segment_moves", customer_id) == []
    assert rows_of(server, "webhook_events", customer_id) == []
    assert NEEDLE not in server.log.read_text(errors="replace")
    for path in ("/v1/redemptions", "/v1/orders", "/v1/publications", "/v1/customers", "/v1/exports"):
        assert NEEDLE not in api.get(path, params={"limit": 100}).text
    for name in (customer_id, f"{NEEDLE}-crm"):
        assert api.get(f"/v1/customers/{name}").status_code == 404
    assert api.post(f"/v1/customers/{customer_id}/permanent-deletion").status_code == 404
    listed = server.command("erasure", "list").stdout
    assert customer_id in listed
    assert NEEDLE not in listed
    server.command("ledger", "reconcile", "--project", project.name)
    server.command("audit", "verify", "--project", project.name)
    _restored(backup, listed)


def _restored(folder: Path, listed: str) -> None:
    """A server of its own on the backup, brought up to the list."""
    (folder / "list").write_text(listed)
    running = RunningServer(data_dir=folder, workers=1).start()
    try:
        assert tables_with_needle(folder / "vouchsafe.db")
        answer = running.command("erasure", "apply", str(folder / "list")).stdout
        assert answer.startswith("1 of "), answer
        none_left(running)
    finally:
        running.stop()
        shutil.rmtree(folder)


def test_the_same_name_begins_anew(api: httpx.Client) -> None:
    """Under the same id, without what was known; a redemption that was erased can still be rolled back."""
    who = {"source_id": unique("again"), "name": "Before", "metadata": {"a": 1}}
    code, _ = public_code(api, percent_off(10), quantity=2)
    first = created(api.post("/v1/redemptions", json=stack(code, customer=who)))["redemptions"][0]
    old = created(api.get(f"/v1/customers/{who['source_id']}"))
    created(api.post(f"/v1/customers/{old['id']}/permanent-deletion"))
    shown = created(api.get(f"/v1/redemptions/{first['id']}"))
    assert (shown["id"], shown["customer"], shown["status"]) == (first["id"], None, "SUCCEEDED")
    rolled_back = created(api.post(f"/v1/redemptions/{first['id']}/rollback"))
    assert rolled_back["result"] == "SUCCESS"
    created(api.post("/v1/redemptions", json=stack(code, customer={"source_id": who["source_id"]})))
    new = created(api.get(f"/v1/customers/{who['source_id']}"))
    assert (new["id"], new["name"], new["metadata"]) == (old["id"], None, {})
    created(api.post(f"/v1/customers/{who['source_id']}/permanent-deletion"))


def test_a_short_name_takes_nothing_of_others_along(api: httpx.Client) -> None:
    """A customer called 7 is forgotten; the report on customer 77 stays."""
    rows = [{"source_id": "7", "name": "A"}, {"source_id": "77", "name": "B"}]
    action = created(api.post("/v1/customers/bulk/async", json=rows))["async_action_id"]
    finished(api, f"/v1/async-actions/{action}")
    created(api.post("/v1/customers/7/permanent-deletion"))
    results = created(api.get(f"/v1/async-actions/{action}"))["result"]["results"]
    assert [one["source_id"] for one in results] == ["erased", "77"]
    assert created(api.get("/v1/customers/77"))["name"] == "B"


def test_only_who_is_there_is_forgotten(api: httpx.Client, stranger: httpx.Client) -> None:
    """An unknown name and another project's customer are not found; one who was deleted still can be."""
    made = created(api.post("/v1/customers", json={"source_id": unique("gone")}))
    assert api.post("/v1/customers/nobody/permanent-deletion").status_code == 404
    assert stranger.post(f"/v1/customers/{made['id']}/permanent-deletion").status_code == 404
    assert api.delete(f"/v1/customers/{made['id']}").status_code == 204
    answer = created(api.post(f"/v1/customers/{made['source_id']}/permanent-deletion"))
    assert json.dumps(answer["data_json"]).count("0") >= 5
