"""P2 and P5: whatever dies, every acknowledged redemption is in the ledger once, and counters equal the
ledger.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.durability.load import (
    Load,
    assert_nothing_lost,
    counters_of,
    kill,
    status,
    taken_once,
    valkey_of,
    valkey_pid,
    wait_until,
)
from tests.support.server import Project, RunningServer
from tests.support.shop import (
    created,
    percent_off,
    public_code,
    redeem,
    single_voucher,
    unique,
    validate,
)

KILLS = 3
BETWEEN = 150
"""Redemptions acknowledged between two kills, so that each hits a busy system."""


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of the test's own: it will be hurt."""
    running = RunningServer(data_dir=tmp_path / "data", workers=2)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def shop(own_server: RunningServer) -> Project:
    return own_server.create_project(unique("kills"))


def test_a_killed_worker_loses_nothing(own_server: RunningServer, shop: Project) -> None:
    """kill -9 of web workers while 16 clients redeem."""
    with own_server.client(shop) as api:
        code, _ = public_code(api, percent_off(10))
    with Load(own_server, shop, code) as load:
        for _ in range(KILLS):
            load.progress(BETWEEN)
            kill(status(own_server)["web"][0])
        load.progress(BETWEEN)
    assert_nothing_lost(own_server, shop, load)


def test_a_killed_valkey_loses_nothing(own_server: RunningServer, shop: Project) -> None:
    """kill -9 of the embedded server: it is restarted, certified anew, and the answers go on."""
    with own_server.client(shop) as api:
        code, _ = public_code(api, percent_off(10))
    killed = set()
    with Load(own_server, shop, code) as load:
        for _ in range(KILLS):
            load.progress(BETWEEN)
            killed.add(valkey_pid(own_server))
            kill(valkey_pid(own_server))
        load.progress(BETWEEN)
        assert valkey_pid(own_server) not in killed
    assert len(killed) == KILLS
    assert_nothing_lost(own_server, shop, load)


def test_a_killed_background_process_loses_nothing(own_server: RunningServer, shop: Project) -> None:
    """kill -9 of the drain: its successor goes on from the cursor in SQL."""
    with own_server.client(shop) as api:
        code, _ = public_code(api, percent_off(10))
    with Load(own_server, shop, code) as load:
        for _ in range(KILLS):
            load.progress(BETWEEN)
            pid = status(own_server)["background"]
            kill(pid)
            wait_until(
                lambda pid=pid: status(own_server)["background"] not in (None, pid), own_server.log_tail
            )
        load.progress(BETWEEN)
    assert_nothing_lost(own_server, shop, load)


def test_a_killed_parent_is_followed_by_one_that_adopts_the_server(
    own_server: RunningServer, shop: Project
) -> None:
    """kill -9 of the parent under load, then a new start on the same directory: one server, nothing lost."""
    with own_server.client(shop) as api:
        code, _ = public_code(api, percent_off(10))
    with Load(own_server, shop, code) as load:
        load.progress(BETWEEN)
        before = valkey_pid(own_server)
        own_server.kill()
        own_server.start()
        load.progress(BETWEEN)
        assert valkey_pid(own_server) == before
    assert_nothing_lost(own_server, shop, load)


def test_counters_are_rebuilt_from_the_ledger_into_an_emptied_server(
    own_server: RunningServer, shop: Project
) -> None:
    """P5: FLUSHALL under no load, then recovery: the same counters, from the ledger alone."""
    with own_server.client(shop) as api:
        code, _ = public_code(api, percent_off(10), quantity=100)
        for number in range(30):
            redeem(api, code, customer={"source_id": f"buyer-{number % 7}"})
        created(api.get(f"/v1/vouchers/{code}"))
        before = counters_of(own_server, shop)
        assert before
        with valkey_of(own_server) as client:
            client.flushall()
        wait_until(lambda: _serves(own_server, shop, code), own_server.log_tail)
        assert counters_of(own_server, shop) == before
        taken_once(api, code)
        used = created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"]
        assert used == 31
    own_server.assert_ledger_agrees(shop)


def test_holds_of_a_rebuilt_partition_are_released_when_they_are_due(
    own_server: RunningServer, shop: Project
) -> None:
    """D8: the sweeper finds the locks where a rebuild has put them, and nobody has to ask for the unit."""
    with own_server.client(shop) as api:
        code = single_voucher(api, percent_off(10), quantity=2)["code"]
        lock = {"type": "LOCK", "ttl": 1, "ttl_unit": "SECONDS"}
        assert validate(api, code, session=lock)["valid"]
        wait_until(lambda: not _held(own_server, shop), own_server.log_tail)
        for seconds in (15, 60, 240):  # A rebuild must be done before the lock is due.
            began = time.monotonic()
            assert validate(api, code, session={**lock, "ttl": seconds})["valid"]
            own_server.command("ledger", "rebuild")
            is_held = _held(own_server, shop)
            if is_held or time.monotonic() - began < seconds:
                break
        assert is_held
        wait_until(lambda: not _held(own_server, shop), own_server.log_tail)
    own_server.assert_ledger_agrees(shop)


def _held(server: RunningServer, project: Project) -> bool:
    return any(field.endswith(b"~h") for values in counters_of(server, project).values() for field in values)


def _serves(server: RunningServer, project: Project, code: str) -> bool:
    with server.client(project) as api:
        response = api.post("/v1/validations", json={"redeemables": [{"object": "voucher", "id": code}]})
        return response.status_code == 200
