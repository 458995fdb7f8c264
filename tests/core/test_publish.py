"""Publishing, certifying and opening: versions only grow, and nothing opens a partition by accident."""

import pytest

from app.core import keys as names
from app.core.core import RedemptionCore
from app.core.keys import Keys
from app.core.ops import Add
from app.core.outcome import Code, CoreUnavailable
from app.core.partition_view import PartitionClosed
from tests.core.conftest import Bench


async def test_a_record_is_replaced_only_by_a_newer_one(bench: Bench) -> None:
    """Hydration that comes late never undoes a publication (D5)."""
    bucket = bench.keys.voucher_record("CODE")

    async def publish(version: int, body: bytes) -> int:
        return await bench.core.publish(bench.partition, {}, [(bucket, "CODE", version, body)])

    assert [await publish(5, b"5:a"), await publish(4, b"4:b"), await publish(5, b"5:c")] == [1, 0, 0]
    assert await bench.command("HGET", bucket, "CODE") == b"5:a"
    assert await publish(6, b"6:d") == 1
    assert await bench.command("HGET", bucket, "CODE") == b"6:d"
    assert 86_000_000 < await bench.command("PTTL", bucket) <= 86_400_000


async def test_what_has_no_version_is_always_written(bench: Bench) -> None:
    """A voucher's code is one: version 0."""
    bucket = bench.keys.voucher_code("v_1")
    for value in (b"9:looks-like-a-version", b"code"):
        assert await bench.core.publish(bench.partition, {}, [(bucket, "v_1", 0, value)]) == 1
    assert await bench.command("HGET", bucket, "v_1") == b"code"


async def test_guards_only_rise(bench: Bench) -> None:
    """Publishing again, in any order, ends at the highest version."""
    for version in (3, 9, 4):
        await bench.core.publish(bench.partition, {"s": version}, [])
    assert await bench.command("HGET", bench.keys.versions, "s") == b"9"


async def test_a_closed_partition_takes_no_publication(bench: Bench) -> None:
    """Else it would be lost with the namespace that recovery leaves behind."""
    await bench.command("HSET", names.meta(bench.partition), "state", "fenced")
    with pytest.raises(PartitionClosed):
        await bench.core.publish(bench.partition, {"s": 9}, [])
    assert await bench.command("EXISTS", bench.keys.versions) == 0


async def test_recovery_fills_a_namespace_before_it_opens(bench: Bench) -> None:
    """`fill` asks no certificate, and the open namespace does not notice."""
    fresh = Keys(bench.partition, "n2")
    await bench.core.fill(fresh, {"s": 4}, [(fresh.voucher_record("A"), "A", 3, b"3:x")])
    assert await bench.command("HGET", fresh.versions, "s") == b"4"
    assert await bench.command("EXISTS", bench.keys.versions) == 0


async def test_a_partition_without_meta_is_closed(bench: Bench) -> None:
    """Nobody may write into a partition that was never certified."""
    unknown = bench.partition._replace(part=9)
    assert (await bench.core.meta(unknown)).epoch == 0
    with pytest.raises(PartitionClosed):
        await bench.core.open(unknown)


async def test_certifying_is_compare_and_set(bench: Bench) -> None:
    """Only from the expected epoch, only for the server that was verified; a resend is OK again."""
    core, partition = bench.core, bench.partition
    server = (await core.meta(partition)).server

    async def certify(expected: int, epoch: int, on: str = server) -> Code:
        return await core.certify(
            partition, expected_epoch=expected, server=on, epoch=epoch, sequence=0, namespace="n1"
        )

    assert await certify(1, 2, "0" * 40) is Code.FENCED
    assert await certify(0, 2) is Code.EPOCH
    assert await certify(1, 2) is Code.OK
    assert await certify(1, 2) is Code.OK
    assert await certify(1, 3) is Code.EPOCH
    assert (await core.meta(partition)).epoch == 2


async def test_a_new_epoch_is_met_on_the_next_call(bench: Bench) -> None:
    """A worker that was away during recovery goes on by itself when the namespace stayed."""
    key = bench.keys.counter("campaign", "a")
    await bench.apply(Add(key, "used", 1))
    server = (await bench.core.meta(bench.partition)).server
    other = RedemptionCore(bench.valkey.url)
    await other.start()
    await other.certify(bench.partition, expected_epoch=1, server=server, epoch=2, sequence=0, namespace="n1")
    await other.close()
    outcome = await bench.apply(Add(key, "used", 1))
    assert (outcome.code, outcome.event_id, outcome.afters) == (Code.OK, "2-1", (2,))


async def test_a_new_namespace_makes_the_caller_read_again(bench: Bench) -> None:
    """Key names of the old namespace are never written to; STALE makes the worker gather anew."""
    key = bench.keys.counter("campaign", "a")
    server = (await bench.core.meta(bench.partition)).server
    await bench.core.certify(
        bench.partition, expected_epoch=1, server=server, epoch=2, sequence=0, namespace="n2"
    )
    outcome = await bench.apply(Add(key, "used", 1))
    assert (outcome.code, outcome.name) == (Code.STALE, "namespace")
    assert (await bench.core.open(bench.partition)).namespace == "n2"
    assert await bench.command("EXISTS", key) == 0


async def test_keys_made_before_a_rebuild_are_refused_after_it(bench: Bench) -> None:
    """Another caller has met the new namespace meanwhile: old keys must not slip through."""
    old = bench.keys.counter("campaign", "a")
    server = (await bench.core.meta(bench.partition)).server
    await bench.core.certify(
        bench.partition, expected_epoch=1, server=server, epoch=2, sequence=0, namespace="n2"
    )
    await bench.core.refresh(bench.partition)
    outcomes = [
        await bench.apply(Add(old, "used", 1)),
        await bench.apply(idempotency_key=bench.keys.idempotency("scope"), fingerprint="f"),
    ]
    assert [(one.code, one.name) for one in outcomes] == [(Code.STALE, "namespace")] * 2
    with pytest.raises(CoreUnavailable):
        await bench.core.publish(bench.partition, {}, [(bench.keys.voucher_record("A"), "A", 1, b"1:")])
    assert await bench.command("KEYS", f"{bench.keys.base}*") == []
    assert await bench.core.sequence(bench.partition) == (2, 0)


async def test_a_lost_tail_closes_the_partition_on_the_first_call(bench: Bench) -> None:
    """The worker has seen sequence 3; a server that knows only 1 has lost acknowledged events."""
    key = bench.keys.counter("campaign", "a")
    for _ in range(3):
        await bench.apply(Add(key, "used", 1))
    await bench.command("HSET", names.meta(bench.partition), "seq", 1)
    with pytest.raises(CoreUnavailable, match="lost events") as refused:
        await bench.apply(Add(key, "used", 1))
    assert not refused.value.unknown
    assert await bench.counter(key, "used") == (b"3", None)


async def test_another_process_of_the_server_is_fenced(own_bench: Bench) -> None:
    """After a restart nothing is taken until recovery has certified what is there (P3 of the core)."""
    key = own_bench.keys.counter("campaign", "a")
    await own_bench.apply(Add(key, "used", 1))
    own_bench.valkey.kill()
    own_bench.valkey.start()
    with pytest.raises(PartitionClosed):
        await own_bench.apply(Add(key, "used", 1))
    meta = await own_bench.core.meta(own_bench.partition)
    await own_bench.core.certify(
        own_bench.partition,
        expected_epoch=1,
        server=meta.server,
        epoch=2,
        sequence=0,
        namespace="n1",
    )
    assert (await own_bench.apply(Add(key, "used", 1))).afters == (2,)
