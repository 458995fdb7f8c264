"""Replays, guards, and that counters and events cannot part."""

from app.core import keys as names
from app.core.core import RedemptionCore
from app.core.encode import apply_command
from app.core.ops import Add
from app.core.outcome import Code
from app.core.scripts import script
from tests.core.conftest import Bench


def used(bench: Bench, **more: int) -> Add:
    return Add(bench.keys.counter("campaign", "camp_1"), "used", 1, **more)


async def test_every_success_leaves_one_event_without_a_gap(bench: Bench) -> None:
    """Ids are <epoch>-<seq>; refusals take no number (P2)."""
    for n in range(6):
        await bench.apply(
            used(bench, cap=4), event=b"event %d" % n, private=b"private %d" % n if n % 2 else b""
        )
    entries = await bench.core.read_outbox(bench.partition, "0-0", 100)
    assert [entry.event_id for entry in entries] == ["1-1", "1-2", "1-3", "1-4"]
    assert [entry.event for entry in entries] == [b"event 0", b"event 1", b"event 2", b"event 3"]
    assert [entry.private for entry in entries] == [b"", b"private 1", b"", b"private 3"]
    assert [entry.afters for entry in entries] == [(1,), (2,), (3,), (4,)]
    assert await bench.core.sequence(bench.partition) == (1, 4)


async def test_the_same_rid_is_applied_once(bench: Bench) -> None:
    """The second answer carries the first one's id and values, so a resent call answers alike."""
    first = await bench.apply(used(bench), rid="same")
    await bench.apply(used(bench))
    again = await bench.apply(used(bench), rid="same")
    assert (again.code, again.event_id, again.afters, again.name) == (
        Code.DUP,
        first.event_id,
        (1,),
        "replay",
    )
    assert await bench.counter(used(bench).key, "used") == (b"2", None)


async def test_a_replay_stands_whatever_has_changed_since(bench: Bench) -> None:
    """Guards, caps and a full outbox are not asked again: the first answer stands."""
    await bench.apply(used(bench), rid="same", guards={"s": 1})
    await bench.core.publish(bench.partition, {"s": 2}, [])
    full = RedemptionCore(bench.valkey.url, outbox_bytes_max=1)
    await full.start()
    again = await full.apply(bench.call(used(bench, cap=0), rid="same", guards={"s": 1}))
    await full.close()
    assert again.code is Code.DUP


async def test_an_idempotency_key_is_bound_to_its_body(bench: Bench) -> None:
    """Another rid with the same key and fingerprint is a duplicate; with another fingerprint a conflict."""
    key = bench.keys.idempotency("scope")
    first = await bench.apply(used(bench), idempotency_key=key, fingerprint="f|1", idempotency_ttl_seconds=60)
    again = await bench.apply(used(bench), idempotency_key=key, fingerprint="f|1")
    other = await bench.apply(used(bench), idempotency_key=key, fingerprint="f|2")
    assert (again.code, again.event_id, again.name) == (Code.DUP, first.event_id, "idempotency")
    assert (other.code, other.event_id) == (Code.CONFLICT, first.event_id)
    assert 50_000 < await bench.command("PTTL", key) <= 60_000


async def test_a_refusal_does_not_use_up_the_key(bench: Bench) -> None:
    """A raised cap lets the same request pass under the same key (D1)."""
    key = bench.keys.idempotency("scope")
    refused = await bench.apply(used(bench, cap=0), idempotency_key=key, fingerprint="f", rid="one")
    passed = await bench.apply(used(bench, cap=1), idempotency_key=key, fingerprint="f", rid="one")
    assert (refused.code, passed.code) == (Code.LIMIT, Code.OK)


async def test_an_old_guard_refuses_and_a_new_one_raises(bench: Bench) -> None:
    """carried < stored is STALE by name; carried > stored is taken and stored (D4)."""
    await bench.core.publish(bench.partition, {"s": 5, "c:1": 7}, [])
    old = await bench.apply(used(bench), guards={"s": 5, "c:1": 6})
    new = await bench.apply(used(bench), guards={"s": 6, "c:1": 7, "rule:x": 3})
    assert (old.code, old.name, old.op_index) == (Code.STALE, "c:1", -1)
    assert new.code is Code.OK
    stored = await bench.command("HMGET", bench.keys.versions, "s", "c:1", "rule:x")
    assert stored == [b"6", b"7", b"3"]
    assert (await bench.apply(used(bench), guards={"s": 5})).code is Code.STALE


async def test_a_rollback_asks_no_guard(bench: Bench) -> None:
    """What was redeemed can be given back after the campaign has changed (D4)."""
    await bench.core.publish(bench.partition, {"s": 5}, [])
    outcome = await bench.apply(Add(used(bench).key, "used", -1), mode="B", guards={"s": 1, "new": 9})
    assert outcome.code is Code.OK
    assert await bench.command("HGETALL", bench.keys.versions) == [b"s", b"5"]


async def test_the_outbox_is_bounded_in_bytes(bench: Bench) -> None:
    """At the limit nothing is taken any more; trimming frees the bytes (I14)."""
    small = RedemptionCore(bench.valkey.url, outbox_bytes_max=2000)
    await small.start()
    codes = []
    while not codes or codes[-1] is Code.OK:
        codes.append((await small.apply(bench.call(used(bench), event=b"e" * 300))).code)
    assert codes[-1] is Code.BUSY
    assert await bench.counter(used(bench).key, "used") == (b"%d" % (len(codes) - 1), None)
    assert (await small.apply(bench.call(used(bench), mode="V"))).code is Code.OK
    meta = await bench.core.meta(bench.partition)
    assert 2000 <= meta.outbox_bytes <= 2400
    await small.trim(bench.partition, "1-3")
    assert (await small.apply(bench.call(used(bench), event=b"e" * 300))).code is Code.OK
    await small.close()


async def test_trimming_again_changes_nothing(bench: Bench) -> None:
    """The drain may send it twice, also with an older id; only what is ledgered goes."""
    for _ in range(5):
        await bench.apply(used(bench))
    assert await bench.core.trim(bench.partition, "1-3") == 3
    after = await bench.fingerprint()
    assert [await bench.core.trim(bench.partition, last) for last in ("1-3", "1-2", "0-0")] == [0, 0, 0]
    assert await bench.fingerprint() == after
    assert [e.event_id for e in await bench.core.read_outbox(bench.partition, "0-0", 9)] == ["1-4", "1-5"]
    await bench.core.trim(bench.partition, "1-5")
    assert (await bench.core.meta(bench.partition)).outbox_bytes == 0
    await bench.apply(used(bench))
    assert (await bench.core.meta(bench.partition)).outbox_bytes > 0


async def test_a_write_that_the_server_refuses_leaves_nothing_behind(own_bench: Bench) -> None:
    """Out of memory is said before the first write, never between two (rule 1 of the script)."""
    bench = own_bench
    await bench.apply(used(bench))
    before = await bench.fingerprint()
    await bench.command("CONFIG", "SET", "maxmemory", "1")
    try:
        await bench.apply(used(bench))
    except Exception as error:
        refusal = error
    await bench.command("CONFIG", "SET", "maxmemory", "0")
    assert (type(refusal).__name__, getattr(refusal, "unknown", None)) == ("CoreUnavailable", False)
    assert await bench.fingerprint() == before


async def test_an_id_below_the_streams_last_stops_everything(bench: Bench) -> None:
    """A sequence that was tampered with cannot overwrite an event, and moves no counter."""
    await bench.apply(used(bench))
    await bench.apply(used(bench))
    await bench.command("HSET", names.meta(bench.partition), "seq", 0)
    before = await bench.fingerprint()
    call = bench.call(used(bench))
    reply = await bench.command(*apply_command(script("apply").sha, call, bench.keys, 1, 0, 10**6))
    assert isinstance(reply, Exception)
    assert await bench.fingerprint() == before


async def test_events_of_several_partitions_are_awaited_at_once(bench: Bench) -> None:
    """The one that comes wakes the reader; the others stay as they are."""
    other = bench.keys.partition._replace(part=7)
    await bench.apply(used(bench))
    found = await bench.core.wait_outbox({bench.partition: "0-0", other: "0-0"}, 10, 500)
    assert {partition: [e.event_id for e in entries] for partition, entries in found.items()} == {
        bench.partition: ["1-1"]
    }
    assert await bench.core.wait_outbox({bench.partition: "1-1"}, 10, 20) == {}
