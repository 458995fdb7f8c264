"""A rolling restart: every process is replaced under load, and no client that never tries again notices."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import Project, RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.service]

RESTARTS = 3
CLIENTS = 3
WAIT_SECONDS_MAX = 300.0
"""Far more than a restart takes: nothing here is timed."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One web worker: while it is replaced there is nobody else."""
    running = RunningServer(tmp_path_factory.mktemp("restart") / "data").start()
    yield running
    running.stop()


class Shopper(threading.Thread):
    """Redeems over connections that stay open, and never sends anything twice."""

    def __init__(self, server: RunningServer, project: Project, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._client = server.client(project)
        self._number = number
        self._stop_asked = stop
        self.done = 0
        self.failed: list[str] = []

    def run(self) -> None:
        with self._client as client:
            while not self._stop_asked.is_set():
                body = {
                    "redeemables": [{"object": "voucher", "id": "MANY"}],
                    "order": {"amount": 1000},
                    "customer": {"source_id": f"shopper-{self._number}"},
                }
                try:
                    answer = client.post("/v1/redemptions", json=body)
                except httpx.HTTPError as error:
                    self.failed.append(f"{type(error).__name__}: {error}")
                    continue
                if answer.status_code != 200:
                    self.failed.append(answer.text)
                self.done += 1
                time.sleep(0.01)  # The machine has other work; what is asked is that none fails.


def until(what, seconds: float = WAIT_SECONDS_MAX) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def pids(server: RunningServer) -> set[int]:
    status = server.status()
    assert status is not None
    return {*status["web"], status["background"]}


def restarts_of(server: RunningServer) -> int:
    status = server.status()
    assert status is not None
    return int(status["restarts"])


def test_no_request_fails_while_everything_is_replaced(server: RunningServer) -> None:
    """Three restarts under load: each of the processes is another one, each redemption is in the ledger."""
    project = server.create_project("restart")
    with server.client(project) as api:
        code = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 1}}
        api.post("/v1/vouchers/MANY", json={**code, "redemption": {"quantity": None}}).raise_for_status()
        stop = threading.Event()
        shoppers = [Shopper(server, project, number, stop) for number in range(CLIENTS)]
        for shopper in shoppers:
            shopper.start()
        until(lambda: all(shopper.done for shopper in shoppers))
        for _ in range(RESTARTS):
            before, restarts = pids(server), restarts_of(server)
            finished = server.command("restart")
            assert "1 web workers and the background process were replaced" in finished.stdout
            assert restarts_of(server) > restarts
            until(lambda known=before: not known & pids(server))
            served = [shopper.done for shopper in shoppers]
            until(lambda known=served: all(s.done > k for s, k in zip(shoppers, known, strict=True)))
        stop.set()
        for shopper in shoppers:
            shopper.join(WAIT_SECONDS_MAX)
        assert [shopper.failed for shopper in shoppers] == [[]] * CLIENTS
        taken = sum(shopper.done for shopper in shoppers)
        assert api.get("/v1/vouchers/MANY").json()["redemption"]["redeemed_quantity"] == taken
    print(f"{taken} redemptions during {RESTARTS} restarts, none failed")


def test_a_restart_asked_for_twice_at_once_is_done(server: RunningServer) -> None:
    """By an impatient operator: the parent goes on, and the server answers."""
    process = server.process
    assert process is not None
    before = restarts_of(server)
    os.kill(process.pid, signal.SIGHUP)
    os.kill(process.pid, signal.SIGHUP)
    until(lambda: restarts_of(server) > before)
    assert process.poll() is None
    server.wait_ready()


def test_a_folder_that_nobody_serves_is_named(server: RunningServer, tmp_path: Path) -> None:
    """Nothing is signalled."""
    finished = server.command("restart", "--data-dir", str(tmp_path), check=False)
    assert finished.returncode == 1
    assert "nothing serves" in finished.stderr
