"""Connections that break, servers that die or stand still: every call is answered once, and applied once."""

import asyncio
import random
import uuid
from pathlib import Path

import pytest

from app.core import sender
from app.core.core import RedemptionCore
from app.core.ops import Add
from app.core.outcome import Code, CoreUnavailable
from app.core.partition_view import PartitionClosed
from tests.core.conftest import Bench
from tests.core.cutting_proxy import CuttingProxy


def used(bench: Bench) -> Add:
    return Add(bench.keys.counter("campaign", "camp_1"), "used", 1)


async def test_a_cut_reply_is_asked_for_again_and_found(bench: Bench, tmp_path: Path) -> None:
    """The request arrived, its reply did not: the same rid finds what it did (DUP), and nothing twice."""
    left = 3

    def cut(chunk: bytes) -> bool:
        nonlocal left
        hit = b"EVALSHA" in chunk and left > 0
        left -= hit
        return hit

    async with CuttingProxy(bench.valkey.socket, tmp_path / "p", cut) as proxy:
        core = RedemptionCore(proxy.url, resend_seconds=60.0)
        await core.start()
        await core.open(bench.partition)
        outcome = await core.apply(bench.call(used(bench)))
        await core.close()
    assert proxy.cuts == 3
    assert (outcome.code, outcome.event_id, outcome.afters) == (Code.DUP, "1-1", (1,))
    assert await bench.counter(used(bench).key, "used") == (b"1", None)


async def test_an_outcome_that_stays_unknown_says_so(bench: Bench, tmp_path: Path) -> None:
    """After the budget: CoreUnavailable with `unknown`, so that the client keeps its idempotency key."""
    async with CuttingProxy(bench.valkey.socket, tmp_path / "p", lambda chunk: b"EVALSHA" in chunk) as proxy:
        core = RedemptionCore(proxy.url, resend_seconds=0.3)
        await core.start()
        await core.open(bench.partition)
        call = bench.call(used(bench))
        with pytest.raises(CoreUnavailable) as refused:
            await core.apply(call)
        await core.close()
    assert refused.value.unknown
    assert (await bench.core.apply(call)).code is Code.DUP


async def test_a_validation_is_never_unknown(bench: Bench, tmp_path: Path) -> None:
    """It has no effect that could be."""
    async with CuttingProxy(bench.valkey.socket, tmp_path / "p", lambda chunk: b"EVALSHA" in chunk) as proxy:
        core = RedemptionCore(proxy.url, resend_seconds=0.3)
        await core.start()
        await core.open(bench.partition)
        with pytest.raises(CoreUnavailable) as refused:
            await core.apply(bench.call(used(bench), mode="V"))
        await core.close()
    assert not refused.value.unknown


async def test_a_server_that_stands_still_is_left_and_asked_again(own_bench: Bench) -> None:
    """SIGSTOP: the connection counts as stalled, the call is resent, and applied once when the server goes
    on.
    """
    bench = own_bench
    bench.core._sender._resend_seconds = 60.0
    await bench.apply(used(bench))
    bench.valkey.pause()
    call = asyncio.create_task(bench.apply(used(bench)))
    await asyncio.sleep(1.8)
    assert not call.done()
    bench.valkey.resume()
    assert (await call).code in {Code.OK, Code.DUP}
    assert await bench.counter(used(bench).key, "used") == (b"2", None)


async def test_without_a_server_a_call_ends_in_time(own_bench: Bench) -> None:
    """Neither for ever nor as an unknown outcome: nothing was sent."""
    bench = own_bench
    bench.core._sender._resend_seconds = 0.2
    bench.valkey.kill()
    await asyncio.sleep(0.1)
    for asked in (bench.apply(used(bench)), bench.core.read(bench.partition, [("PING",)])):
        with pytest.raises(CoreUnavailable) as refused:
            await asked
        assert not refused.value.unknown


async def test_flushed_scripts_are_loaded_again(bench: Bench) -> None:
    """NOSCRIPT is one more trip, and nobody notices."""
    await bench.command("SCRIPT", "FLUSH")
    outcomes = await asyncio.gather(*(bench.apply(used(bench)) for _ in range(20)))
    assert {outcome.code for outcome in outcomes} == {Code.OK}


async def test_killed_connections_lose_nothing(bench: Bench) -> None:
    """CLIENT KILL under load: every call answered, every one applied once."""

    async def killer() -> None:
        kills = 0
        while kills < 15 or bench.core.connects <= 5:
            kills += 1
            await asyncio.sleep(0.02)
            admin.command("CLIENT KILL TYPE normal SKIPME yes")

    admin = bench.valkey
    bench.core._sender._resend_seconds = 60.0
    killing = asyncio.create_task(killer())
    answered = 0
    while not killing.done():
        outcomes = await asyncio.gather(*(bench.apply(used(bench)) for _ in range(16)))
        assert {outcome.code for outcome in outcomes} <= {Code.OK, Code.DUP}
        answered += len(outcomes)
    assert await bench.counter(used(bench).key, "used") == (b"%d" % answered, None)
    assert bench.core.connects > 5


async def test_kill_9_of_the_server_loses_nothing_acknowledged(
    own_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at random moments under 16 clients: each acknowledged event is there, each rid once, no gap
    (I2, I4).
    """
    monkeypatch.setattr(sender, "READ_SECONDS", 60.0)
    bench = own_bench
    key = used(bench).key
    acknowledged: dict[str, str] = {}
    unknown: list[str] = []
    stop = False

    async def client() -> None:
        while not stop:
            rid = uuid.uuid4().hex
            try:
                outcome = await bench.core.apply(bench.call(used(bench), rid=rid, event=rid.encode()))
            except PartitionClosed as closed:
                (unknown.append(rid) if closed.unknown else None)
                await asyncio.sleep(0.01)
            except CoreUnavailable as away:
                (unknown.append(rid) if away.unknown else None)
            else:
                acknowledged[rid] = outcome.event_id

    async def recover() -> None:
        """What recovery does after a plain restart: everything is still there, open the next epoch."""
        meta = await bench.core.meta(bench.partition)
        await bench.core.certify(
            bench.partition,
            expected_epoch=meta.epoch,
            server=meta.server,
            epoch=meta.epoch + 1,
            sequence=0,
            namespace="n1",
        )

    async def acknowledge(count: int) -> None:
        goal = len(acknowledged) + count
        async with asyncio.timeout(120):
            while len(acknowledged) < goal:
                await asyncio.sleep(0.01)

    clients = [asyncio.create_task(client()) for _ in range(16)]
    for _ in range(4):
        await acknowledge(50)
        await asyncio.sleep(random.uniform(0.0, 0.2))
        bench.valkey.kill()
        bench.valkey.start()
        await recover()
    await acknowledge(50)
    stop = True
    await asyncio.gather(*clients)
    entries = await bench.core.read_outbox(bench.partition, "0-0", 1_000_000)
    rid_of = {entry.event_id: entry.event.decode() for entry in entries}
    assert len(acknowledged) > 200
    assert {rid: rid_of.get(event_id) for rid, event_id in acknowledged.items()} == {
        rid: rid for rid in acknowledged
    }
    assert len(set(rid_of.values())) == len(entries)
    assert set(rid_of.values()) <= set(acknowledged) | set(unknown)
    by_epoch: dict[int, list[int]] = {}
    for entry in entries:
        by_epoch.setdefault(entry.position.epoch, []).append(entry.position.sequence)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_epoch.values())
    assert await bench.counter(key, "used") == (b"%d" % len(entries), None)
