"""Sixteen customers who redeem without end while a test kills things, and a list of all that was
acknowledged.
"""

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

import httpx
import redis

from tests.support.server import Project, RunningServer
from tests.support.shop import created, stack, unique

CLIENTS = 16
PROGRESS_SECONDS_MAX = 300.0
"""Far more than any recovery takes: reaching it means that the engine did not come back."""


class Load:
    """Use as a context manager; `acknowledged` holds the ids of redemptions that were answered 200."""

    def __init__(self, server: RunningServer, project: Project, code: str) -> None:
        self.server = server
        self.project = project
        self.code = code
        self.acknowledged: list[str] = []
        self.refused: list[dict[str, Any]] = []
        self.unanswered = 0
        self.unavailable = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._buy, args=(number,)) for number in range(CLIENTS)]

    def _buy(self, number: int) -> None:
        turn = 0
        with self.server.client(self.project) as api:
            while not self._stop.is_set():
                turn += 1
                body = stack(self.code, customer={"source_id": f"buyer-{number}-{turn % 5}"})
                try:
                    response = api.post("/v1/redemptions", json=body)
                except httpx.HTTPError:
                    self.unanswered += 1
                    time.sleep(0.02)
                    continue
                if response.status_code == 200:
                    self.acknowledged.append(response.json()["redemptions"][0]["id"])
                elif response.status_code == 503:
                    assert int(response.headers["Retry-After"]) >= 1
                    self.unavailable += 1
                    time.sleep(0.02)
                else:
                    self.refused.append(response.json())

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def progress(self, count: int) -> None:
        """Wait until so many more redemptions are acknowledged."""
        goal = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= goal, self.server.log_tail)


def ledgered_ids(server: RunningServer, project: Project) -> Counter[str]:
    ids: Counter[str] = Counter()
    with server.client(project) as api:
        page = 1
        while True:
            listed = created(
                api.get("/v1/redemptions", params={"limit": 100, "page": page, "result": "SUCCESS"})
            )
            ids.update(row["id"] for row in listed["redemptions"])
            if len(listed["redemptions"]) < 100:
                return ids
            page += 1


def assert_nothing_lost(server: RunningServer, project: Project, load: Load) -> None:
    assert not load.refused, load.refused[:3]
    assert len(load.acknowledged) == len(set(load.acknowledged))
    ids = ledgered_ids(server, project)
    assert [one for one in load.acknowledged if ids[one] != 1] == []
    assert max(ids.values()) == 1
    with server.client(project) as api:
        used = created(api.get(f"/v1/vouchers/{load.code}"))["redemption"]["redeemed_quantity"]
    assert used == len(ids)
    server.assert_ledger_agrees(project)


def taken_once(api: httpx.Client, code: str) -> None:
    """One redemption. A worker that has not heard of a recovery yet answers 503: sent again under its key."""
    headers = {"Idempotency-Key": unique("once")}

    def is_taken() -> bool:
        answer = api.post("/v1/redemptions", json=stack(code), headers=headers)
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200

    wait_until(is_taken, lambda: "it was never taken")


def wait_until(reached: Callable[[], bool], explain: Callable[[], str]) -> None:
    deadline = time.monotonic() + PROGRESS_SECONDS_MAX
    while not reached():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.02)


def status(server: RunningServer) -> dict[str, Any]:
    found = server.status()
    assert found is not None
    return found


def kill(pid: int) -> None:
    """Also one that has died since the status was written."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def valkey_of(server: RunningServer) -> "redis.Redis":
    return redis.Redis.from_url(status(server)["redis_url"])


def valkey_pid(server: RunningServer) -> int:
    with valkey_of(server) as client:
        server_facts: Any = client.info("server")
        return int(server_facts["process_id"])


def counters_of(server: RunningServer, project: Project) -> dict[str, dict[bytes, bytes]]:
    """Every counter of the project by its key without tag and namespace: voucher uses, balances, n:*."""
    found: dict[str, dict[bytes, bytes]] = {}
    with valkey_of(server) as client:
        tag = f"{{{project.project_id}.0}}"
        namespace = client.hget(f"{tag}:m", "ns")
        assert isinstance(namespace, bytes)
        base = f"{tag}:{namespace.decode()}:"
        for key in client.scan_iter(match=f"{base}*", count=1000):
            name = key.decode().removeprefix(base)
            if name.split(":")[0] in ("v", "g", "n"):
                values: Any = client.hgetall(key)
                found[name] = {field: value for field, value in values.items() if value != b"0"}
    return {name: values for name, values in found.items() if values}
