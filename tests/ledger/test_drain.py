"""Stage 1: every event of the outbox is ledgered once, in order, with what its counters were after it."""

import asyncio

import pytest
from sqlalchemy.exc import DBAPIError

from app.core import keys as names
from app.core.outbox import Position
from app.db.models import Counter, Divergence, EventBody, LedgerEvent, LedgerPosting, PartitionState
from app.ledger.batch import GAP, REPEATED
from app.ledger.drain import Diverged, ledger_entries
from tests.ledger.shop import Shop


async def test_events_postings_and_counters_are_ledgered_in_order(any_shop: Shop) -> None:
    """Each accepted call leaves one event, its postings with the values after it, and the counters' last
    values.
    """
    await any_shop.redeem_many(3)
    cursor = await any_shop.drain()
    assert cursor == Position(1, 3)
    events = await any_shop.rows(LedgerEvent)
    assert [(event.epoch, event.seq, event.kind) for event in events] == [
        (1, n, "redemption") for n in (1, 2, 3)
    ]
    postings = await any_shop.rows(LedgerPosting, LedgerPosting.field == "v_1")
    assert [posting.after for posting in postings] == [1, 2, 3]
    assert all(not posting.key.startswith("{") for posting in postings)
    counters = {counter.field: counter for counter in await any_shop.rows(Counter)}
    assert (counters["v_1"].value, counters["v_1"].epoch, counters["v_1"].seq) == (3, 1, 3)
    assert await any_shop.count(EventBody) == 3


async def test_what_is_already_ledgered_is_skipped(any_shop: Shop) -> None:
    """A drain that was killed between commit and trim reads the same entries again and repeats nothing."""
    await any_shop.redeem_many(3)
    entries = await any_shop.core.read_outbox(any_shop.partition, "0-0", 100)
    first = await ledger_entries(any_shop.db, any_shop.partition, Position(1, 0), entries)
    assert first == Position(1, 3)
    again = await ledger_entries(any_shop.db, any_shop.partition, first, entries)
    assert again == Position(1, 3)
    assert await any_shop.count(LedgerEvent) == 3


async def test_a_drain_with_an_old_cursor_changes_nothing(any_shop: Shop) -> None:
    """The cursor moves by compare-and-swap: who comes too late is told so."""
    await any_shop.redeem_many(2)
    entries = await any_shop.core.read_outbox(any_shop.partition, "0-0", 100)
    await ledger_entries(any_shop.db, any_shop.partition, Position(1, 0), entries)
    assert await ledger_entries(any_shop.db, any_shop.partition, Position(1, 0), entries) is None
    assert await any_shop.count(LedgerEvent) == 2


async def test_two_drains_at_once_are_harmless(any_shop: Shop) -> None:
    """Two processes that drain the same outbox ledger each event once."""
    await any_shop.redeem_many(30)
    entries = await any_shop.core.read_outbox(any_shop.partition, "0-0", 100)
    outcomes = await asyncio.gather(
        *(ledger_entries(any_shop.db, any_shop.partition, Position(1, 0), entries) for _ in range(4))
    )
    assert sorted(outcome is None for outcome in outcomes) == [False, True, True, True]
    assert await any_shop.count(LedgerEvent) == 30
    (state,) = await any_shop.rows(PartitionState)
    assert state.cursor_seq == 30


async def test_a_gap_is_recorded_and_stops_the_drain(any_shop: Shop) -> None:
    """An outbox that lost an entry is not papered over: what precedes the gap is ledgered, the rest waits."""
    ids = await any_shop.redeem_many(5)
    await any_shop.core.read(any_shop.partition, [("XDEL", names.outbox(any_shop.partition), ids[2])])
    with pytest.raises(Diverged) as diverged:
        await any_shop.drain()
    assert diverged.value.committed == Position(1, 2)
    (divergence,) = await any_shop.rows(Divergence)
    assert (divergence.reason, divergence.seq) == (GAP, 4)
    assert await any_shop.count(LedgerEvent) == 2


async def test_a_request_is_ledgered_once_for_ever(any_shop: Shop) -> None:
    """A rid that comes back after its replay record is gone stops the drain before it counts twice."""
    await any_shop.redeem(rid="q_same")
    await any_shop.drain()
    keys = await any_shop.core.open(any_shop.partition)
    await any_shop.core.read(any_shop.partition, [("DEL", keys.replay("q_same"))])
    await any_shop.redeem()
    await any_shop.redeem(rid="q_same")
    await any_shop.redeem()
    with pytest.raises(Diverged) as diverged:
        await any_shop.drain()
    assert diverged.value.problem.reason == REPEATED
    assert await any_shop.count(LedgerEvent) == 2


async def test_events_of_a_past_epoch_are_never_ledgered(any_shop: Shop) -> None:
    """Once SQL has ended an epoch, an old server's events stay out (I13)."""
    await any_shop.redeem_many(2)
    entries = await any_shop.core.read_outbox(any_shop.partition, "0-0", 100)
    async with any_shop.db.writing() as session:
        state = await session.get_one(PartitionState, any_shop.partition.name)
        state.epoch = 2
    assert await ledger_entries(any_shop.db, any_shop.partition, Position(1, 0), entries) is None
    assert await any_shop.count(LedgerEvent) == 0


async def test_held_amounts_are_ledgered_beside_the_value(any_shop: Shop) -> None:
    """A hold moves what is held and leaves the value; a release in the same call nets out."""
    await any_shop.redeem()
    await any_shop.hold("v_1", 3)
    await any_shop.hold("v_1", 1, release=3)
    await any_shop.drain()
    (counter,) = await any_shop.rows(Counter, Counter.field == "v_1")
    assert (counter.value, counter.held) == (1, 1)


@pytest.mark.parametrize("table", ["ledger_events", "ledger_postings"])
@pytest.mark.parametrize("change", ["UPDATE {} SET part = 'x'", "DELETE FROM {}"])
async def test_the_database_refuses_to_change_the_ledger(any_shop: Shop, table: str, change: str) -> None:
    """Not even a bug, or a person with a console, rewrites what was ledgered (D12)."""
    await any_shop.redeem()
    await any_shop.drain()
    with pytest.raises(DBAPIError, match="append-only"):
        async with any_shop.db.writing() as session:
            await (await session.connection()).exec_driver_sql(change.format(table))
    assert await any_shop.count(LedgerEvent) == 1
