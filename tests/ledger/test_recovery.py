"""A partition opens again after whatever happened to its server, with exactly the counters that the ledger
explains (core 3.4).
"""

import asyncio
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core import keys as names
from app.core.outcome import Code
from app.core.partition_view import Meta
from app.db.models import Customer, Divergence, LedgerEvent, PartitionState
from app.ledger import recovery
from app.ledger.entries import Lock, encode_lock
from app.ledger.reconcile import reconcile
from app.ledger.recovery import close_diverged, recover
from tests.ledger.shop import FAR_MS, Shop
from tests.support.valkey import Valkey


async def restart(shop: Shop, valkey: Valkey, *, emptied: bool = False) -> None:
    """kill -9 and start on the same files, or on none."""
    connects = shop.core.connects
    valkey.kill()
    if emptied:
        for path in Path(valkey.directory).iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    valkey.start()
    while shop.core.connects == connects:
        await asyncio.sleep(0.01)


async def meta_of(shop: Shop) -> Meta:
    return await shop.core.meta(shop.partition)


async def test_a_healthy_partition_is_left_alone(any_shop: Shop) -> None:
    """Recovery of what needs none does nothing."""
    await any_shop.redeem()
    done = await any_shop.recover()
    assert (done.action, done.epoch) == ("healthy", 1)


async def test_a_restarted_server_keeps_its_namespace_and_nothing_is_lost(
    own_shop: Shop, valkey: Valkey
) -> None:
    """With a synced file, what was acknowledged before the kill is drained, and the counters go on where they
    were.
    """
    await own_shop.redeem_many(4)
    await own_shop.drain()
    await own_shop.redeem_many(3)
    before = await own_shop.counters()
    await restart(own_shop, valkey)
    done = await own_shop.recover()
    assert (done.action, done.epoch, done.drained, done.orphans) == ("kept", 2, 3, 0)
    meta = await meta_of(own_shop)
    assert (meta.is_open, meta.epoch, meta.sequence, meta.namespace) == (True, 2, 0, "e1")
    assert await own_shop.count(LedgerEvent) == 7
    assert await own_shop.counters() == before
    assert (await own_shop.redeem()).event_id == "2-1"
    await own_shop.settle()
    assert await own_shop.count(LedgerEvent) == 8


async def test_records_do_not_outlive_their_server(own_shop: Shop, valkey: Valkey) -> None:
    """Copies of vouchers and customers are no events: a file that lost the last of them would not show it. So
    they are read from SQL again, while counters and what decides with them stay.
    """
    await own_shop.redeem()
    keys = await own_shop.core.open(own_shop.partition)
    records = [
        (keys.voucher_record("SUMMER"), "SUMMER", 7, b"7:old"),
        (keys.customer_record("cust_1"), "cust_1", 7, b"7:old"),
    ]
    await own_shop.core.publish(own_shop.partition, {"s": 3}, records)
    before = await own_shop.counters()
    await restart(own_shop, valkey)
    assert (await own_shop.recover()).action == "kept"
    asked = [("HGET", key, field) for key, field, _, _ in records]
    assert await own_shop.core.read(own_shop.partition, asked) == [None, None]
    assert await own_shop.counters() == before


async def test_an_emptied_server_is_rebuilt_to_the_same_counters(own_shop: Shop, valkey: Valkey) -> None:
    """Everything that decisions count on comes back from SQL: values, what is held, who owns a source_id."""
    await own_shop.redeem_many(5, customer_id="cust_1", source_id="ada")
    await own_shop.redeem_many(3, voucher_id="v_2")
    await own_shop.spend("v_gift", 300, 1000)
    await own_shop.hold("v_1", 2)
    await own_shop.settle()
    before = await own_shop.counters()
    await restart(own_shop, valkey, emptied=True)
    done = await own_shop.recover()
    assert (done.action, done.epoch) == ("rebuilt", 2)
    assert await own_shop.counters() == before
    keys = (await own_shop.core.refresh(own_shop.partition)).keys
    (owner,) = await own_shop.core.read(own_shop.partition, [("HGET", keys.source_claim("ada"), "ada")])
    assert owner == b"cust_1"


@pytest.mark.parametrize("projected", [True, False])
async def test_what_sessions_hold_comes_back(own_shop: Shop, valkey: Valkey, projected: bool) -> None:
    """A lock is the same bytes after a rebuild, so that its session can be redeemed, released or swept;
    whether or not its event was projected.
    """
    await own_shop.hold("v_1", 2)
    await (own_shop.settle() if projected else own_shop.drain())
    keys = (await own_shop.core.refresh(own_shop.partition)).keys
    lock = Lock("digest", "v_1", FAR_MS, [(keys.voucher_used("v_1")[len(keys.base) :], "v_1", 2, 0)])
    await restart(own_shop, valkey, emptied=True)
    assert (await own_shop.recover()).action == "rebuilt"
    keys = (await own_shop.core.refresh(own_shop.partition)).keys
    found = await own_shop.core.read(
        own_shop.partition,
        [("HGETALL", keys.session("digest")), ("HGETALL", keys.voucher_sessions("v_1"))],
    )
    assert found == [[b"v_1", encode_lock(lock)], [b"digest", b"%d" % FAR_MS]]
    await own_shop.settle()
    assert (await reconcile(own_shop.core, own_shop.db, own_shop.partition)).differences == []


async def test_what_was_never_projected_still_owns_its_source_id(own_shop: Shop, valkey: Valkey) -> None:
    """A customer that waits for the projector cannot be made a second time after a rebuild."""
    await own_shop.redeem(customer_id="cust_1", source_id="ada")
    await own_shop.drain()
    await restart(own_shop, valkey, emptied=True)
    await own_shop.recover()
    outcome = await own_shop.redeem(customer_id="cust_other", source_id="ada")
    assert (outcome.code, outcome.name) == (Code.LIMIT, "cust_1")
    async with own_shop.db.reading() as session:
        assert (await session.scalars(select(Customer.id))).all() == []


async def test_a_request_sent_again_after_a_rebuild_finds_what_it_did(own_shop: Shop, valkey: Valkey) -> None:
    """Replay records of the last minutes are rebuilt too, so an unknown outcome is never applied twice."""
    first = await own_shop.redeem(rid="q_1")
    await own_shop.drain()
    await restart(own_shop, valkey, emptied=True)
    await own_shop.recover()
    again = await own_shop.redeem(rid="q_1")
    assert (again.code, again.event_id, again.afters) == (Code.DUP, first.event_id, first.afters)


async def test_a_server_with_an_older_file_is_rebuilt_and_its_tail_kept_for_audit(
    own_shop: Shop, valkey: Valkey, tmp_path: Path
) -> None:
    """A restored backup is never served: the ledger wins, what only the backup knew becomes divergences."""
    await own_shop.redeem_many(3)
    await asyncio.to_thread(shutil.copytree, Path(valkey.directory) / "appendonlydir", tmp_path / "backup")
    await own_shop.redeem_many(2)
    await own_shop.drain()
    # The epoch moves on while the backup waits.
    await restart(own_shop, valkey)
    await own_shop.recover()
    await own_shop.redeem_many(2)
    await own_shop.drain()
    before = await own_shop.counters()
    valkey.kill()
    shutil.rmtree(Path(valkey.directory) / "appendonlydir")
    shutil.copytree(tmp_path / "backup", Path(valkey.directory) / "appendonlydir")
    connects = own_shop.core.connects
    valkey.start()
    while own_shop.core.connects == connects:
        await asyncio.sleep(0.01)
    done = await own_shop.recover()
    assert (done.action, done.epoch, done.orphans) == ("rebuilt", 3, 0)
    assert await own_shop.counters() == before


async def test_events_of_an_ended_epoch_are_kept_as_divergences(any_shop: Shop) -> None:
    """What a server accepted after SQL had ended its epoch is reported, never applied."""
    await any_shop.redeem_many(2)
    await any_shop.drain()
    before = await any_shop.counters()
    async with any_shop.db.writing() as session:
        state = await session.get_one(PartitionState, any_shop.partition.name)
        state.epoch, state.cursor_epoch, state.cursor_seq = 2, 2, 0
    await any_shop.redeem_many(3)
    done = await any_shop.recover()
    assert (done.action, done.epoch, done.orphans) == ("rebuilt", 3, 3)
    assert await any_shop.count(Divergence) == 3
    assert await any_shop.counters() == before
    assert await any_shop.count(LedgerEvent) == 2


async def test_a_lost_tail_is_rebuilt_from_the_ledger(own_shop: Shop, valkey: Valkey) -> None:
    """Redis behind SQL in the same epoch: the ledger's counters hold."""
    await own_shop.redeem_many(4)
    await own_shop.drain()
    before = await own_shop.counters()
    keys = await own_shop.core.open(own_shop.partition)
    await own_shop.core.read(
        own_shop.partition,
        [("HSET", names.meta(own_shop.partition), "seq", 2), ("HSET", keys.voucher_used("v_1"), "v_1", 2)],
    )
    done = await own_shop.recover()
    assert done.action == "rebuilt"
    assert await own_shop.counters() == before


async def test_a_partition_that_diverged_opens_only_after_a_rebuild(any_shop: Shop) -> None:
    """A gap closes the partition at once; the rebuild returns to what the ledger knows."""
    await any_shop.redeem_many(2)
    await any_shop.drain()
    before = await any_shop.counters()
    ids = await any_shop.redeem_many(3)
    await any_shop.core.read(any_shop.partition, [("XDEL", names.outbox(any_shop.partition), ids[0])])
    await close_diverged(any_shop.core, any_shop.partition)
    assert not (await meta_of(any_shop)).is_open
    done = await any_shop.recover()
    assert (done.action, done.orphans) == ("rebuilt", 2)
    assert await any_shop.counters() == before
    assert (await any_shop.redeem()).code is Code.OK


async def test_a_recovery_on_two_connections_opens_nothing(
    own_shop: Shop, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was filled before and after may be on two servers that took turns: it is done once more."""
    await own_shop.redeem_many(3)
    await own_shop.drain()
    before = await own_shop.counters()
    await restart(own_shop, valkey, emptied=True)

    def cut(place: str) -> None:
        if place == "recovery-after-epoch":
            own_shop.core._client.drop("somebody cut it")

    with monkeypatch.context() as patched:
        patched.setattr(recovery, "crash_point", cut)
        done = await recover(own_shop.core, own_shop.db, own_shop.partition)
    assert done.action == "busy"
    assert not (await meta_of(own_shop)).is_open
    assert (await own_shop.recover()).action == "rebuilt"
    assert await own_shop.counters() == before


async def test_only_one_leader_recovers(own_shop: Shop, valkey: Valkey) -> None:
    """Many processes that notice the restart make one recovery."""
    await own_shop.redeem_many(2)
    await restart(own_shop, valkey)
    done = await asyncio.gather(*(recover(own_shop.core, own_shop.db, own_shop.partition) for _ in range(5)))
    assert sum(one.action == "kept" for one in done) == 1
    assert {one.action for one in done} <= {"kept", "busy", "healthy"}
    (state,) = await own_shop.rows(PartitionState)
    assert state.epoch == 2


async def test_old_namespaces_are_removed_after_a_rebuild(any_shop: Shop) -> None:
    """A rebuild leaves no copy of the counters behind."""
    await any_shop.redeem_many(2)
    await any_shop.recover(rebuild=True)
    (found,) = await any_shop.core.read(any_shop.partition, [("KEYS", any_shop.partition.tag + ":e1:*")])
    assert found == []
    assert (await any_shop.counters())["n:campaign:camp_summer used"] == 2
