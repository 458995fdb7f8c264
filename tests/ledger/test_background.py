"""The background process, killed at every step of its way: nothing twice, nothing lost, and it finds its own
way back.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.outcome import Code, CoreUnavailable
from app.db.models import LedgerEvent, PartitionState, Redemption, Voucher
from app.ledger.client import LedgerClient
from app.ledger.reconcile import reconcile
from app.ledger.refusals import refusal_command
from app.ledger.verify import verify
from tests.ledger.shop import Shop, now_us, open_core
from tests.support.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (
    "import asyncio\n"
    "from app.jobs.background import run_background\n"
    "from app.settings import load_settings\n"
    "asyncio.run(run_background(load_settings()))\n"
)
PATIENCE_SECONDS = 120.0


class Background:
    """The real process, started and killed by the test."""

    def __init__(self, redis_url: str, database_url: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VOUCHSAFE_")},
            "VOUCHSAFE_REDIS_URL": redis_url,
            "VOUCHSAFE_DATABASE_URL": database_url,
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, crash_point: str = "") -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={**self.environment, "VOUCHSAFE_CRASH_POINT": crash_point},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def background(valkey: Valkey, database_url: str) -> Iterator[Background]:
    running = Background(valkey.url, database_url)
    yield running
    running.stop()


@pytest.fixture
async def small_shop(own_shop: Shop) -> Shop:
    await own_shop.add_voucher("v_1")
    return own_shop


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"never happened: {what}")


async def check_all_agree(shop: Shop, redemptions: int) -> None:
    """Each redemption once in the ledger and once in the projections, and all counters explained."""
    await until(lambda: projected(shop), "everything is projected")
    assert await shop.count(LedgerEvent) == redemptions
    assert await shop.count(Redemption) == redemptions
    (voucher,) = await shop.rows(Voucher)
    assert voucher.redeemed_quantity == redemptions
    found = await reconcile(shop.core, shop.db, shop.partition)
    assert found.differences == []
    verified = await verify(shop.db, shop.partition)
    assert verified is not None
    assert verified.problems == []


async def projected(shop: Shop) -> bool:
    epoch, sequence = await shop.core.sequence(shop.partition)
    (state,) = await shop.rows(PartitionState)
    return (state.projected_epoch, state.projected_seq) >= (epoch, sequence)


async def test_it_ledgers_projects_and_trims(small_shop: Shop, background: Background) -> None:
    """What is redeemed shows up in SQL by itself, and the outbox does not grow."""
    background.start()
    await small_shop.redeem_many(25)
    await check_all_agree(small_shop, 25)

    async def trimmed() -> bool:
        return (await small_shop.core.meta(small_shop.partition)).outbox_bytes == 0

    await until(trimmed, "the outbox is trimmed")


@pytest.mark.parametrize(
    ("database_url", "crash_point"),
    [
        ("sqlite", "drain-before-commit:2"),
        ("sqlite", "drain-after-commit:2"),
        ("sqlite", "drain-before-announce"),
        ("sqlite", "projector-before-commit"),
        ("sqlite", "projector-after-commit:2"),
        ("sqlite", "trim"),
        ("postgresql", "drain-after-commit:2"),
        ("postgresql", "projector-after-commit:2"),
    ],
    indirect=["database_url"],
)
async def test_killed_anywhere_it_does_nothing_twice(
    small_shop: Shop, background: Background, crash_point: str
) -> None:
    """Between any two of its steps a kill costs time, never an event and never a second one."""
    doomed = background.start(crash_point)
    count = 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    while doomed.poll() is None and time.monotonic() < deadline:
        await small_shop.redeem()
        count += 1
        await asyncio.sleep(0.002)
    assert doomed.returncode == -signal.SIGKILL
    await small_shop.redeem_many(3)
    background.start()
    await check_all_agree(small_shop, count + 3)


async def test_two_at_once_are_harmless(small_shop: Shop, background: Background) -> None:
    """A second background process changes nothing about the result."""
    background.start()
    background.start()
    await small_shop.redeem_many(60)
    await check_all_agree(small_shop, 60)


async def test_a_killed_valkey_is_open_again_within_moments(
    small_shop: Shop, background: Background, valkey: Valkey
) -> None:
    """After kill -9 of the server the partition reopens by itself, with everything that was acknowledged."""
    background.start()
    await small_shop.redeem_many(10)
    valkey.kill()
    valkey.start()
    for number in range(10):

        async def accepted(rid: str = f"q_{number}") -> bool:
            """Sent again under its id: what was not answered may have had its effect."""
            with contextlib.suppress(CoreUnavailable):
                return (await small_shop.redeem(rid=rid)).code in (Code.OK, Code.DUP)
            return False

        await until(accepted, "the partition is open again")
    await check_all_agree(small_shop, 20)


@pytest.mark.parametrize(
    ("database_url", "crash_point"),
    [
        ("sqlite", "recovery-after-epoch"),
        ("sqlite", "recovery-before-certify"),
        ("postgresql", "recovery-before-certify"),
    ],
    indirect=["database_url"],
)
async def test_killed_while_recovering_it_recovers_again(
    small_shop: Shop, background: Background, valkey: Valkey, crash_point: str
) -> None:
    """A recovery that stops half-way is finished by the next one, with the same counters."""
    await small_shop.redeem_many(10)
    valkey.kill()
    valkey.start()
    doomed = background.start(crash_point)
    await asyncio.to_thread(doomed.wait, PATIENCE_SECONDS)
    assert doomed.returncode == -signal.SIGKILL
    background.start()

    async def is_open() -> bool:
        return (await small_shop.core.meta(small_shop.partition)).is_open

    await until(is_open, "the partition is open again")
    await small_shop.core.refresh(small_shop.partition)
    assert (await small_shop.redeem()).code is Code.OK
    await check_all_agree(small_shop, 11)


async def test_a_project_made_later_is_found(small_shop: Shop, background: Background) -> None:
    """New projects are drained without a restart, and their first read barrier lets readers pass."""
    background.start()
    await small_shop.redeem_many(1)
    await check_all_agree(small_shop, 1)
    other = Shop(small_shop.core, small_shop.db, f"p_{uuid.uuid4().hex[:10]}")
    await other.found()
    await other.redeem()
    client = LedgerClient(other.core, other.db)

    async def behind_the_barrier() -> bool:
        with contextlib.suppress(CoreUnavailable):
            await client.barrier(other.partition)
            return True
        return False

    await until(behind_the_barrier, "its first redemption is projected")
    assert await other.count(Redemption, Redemption.project_id == other.partition.project_id) == 1


async def test_refusals_reach_sql(small_shop: Shop, background: Background) -> None:
    """A failed redemption can be looked up soon after, outside the ledger's sequence (D14)."""
    background.start()
    refusal = {
        "id": "rf_1",
        "project_id": small_shop.partition.project_id,
        "date_us": now_us(),
        "failure_code": "quantity_exceeded",
        "voucher_id": "v_1",
        "body": {"id": "rf_1", "object": "redemption", "result": "FAILURE", "status": "FAILED"},
    }
    command = refusal_command(small_shop.partition, refusal)
    await small_shop.core.read(small_shop.partition, [command, command])

    async def stored() -> int:
        return await small_shop.count(Redemption)

    await until(stored, "the refusal is stored")
    (row,) = await small_shop.rows(Redemption)
    assert (row.id, row.result, row.failure_code, row.epoch) == ("rf_1", "FAILURE", "quantity_exceeded", None)
    assert await small_shop.count(LedgerEvent) == 0


async def test_sigterm_ends_it_in_order(valkey: Valkey, own_shop: Shop, database_url: str) -> None:
    """run_background returns when it is told to stop, and gives its lease back."""
    from app.jobs.background import run_background
    from app.settings import load_settings

    stop = asyncio.Event()
    settings = load_settings({}, redis_url=valkey.url, database_url=database_url)
    running = asyncio.create_task(run_background(settings, stop))
    await own_shop.redeem()
    await until(lambda: projected(own_shop), "the event is projected")
    stop.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await running
    async with open_core(valkey.url) as core:
        assert (await core.meta(own_shop.partition)).is_open
    async with own_shop.db.reading() as session:
        rows = await (await session.connection()).exec_driver_sql("SELECT name FROM leases")
        assert [row[0] for row in rows] == []
