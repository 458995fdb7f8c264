"""Reconcile and verify: they agree when all is well, and name what is not."""

import asyncio

from sqlalchemy import text

from app.core import keys as names
from app.core.outbox import Position
from app.db.models import Counter, PartitionState
from app.ledger.partitions import read_state
from app.ledger.reconcile import reconcile
from app.ledger.verify import verify
from tests.ledger.shop import Shop, now_us


async def busy_shop(shop: Shop) -> None:
    """Redemptions, rollbacks, credits, holds, an ended window."""
    await shop.redeem_many(4, customer_id="cust_1")
    await shop.redeem(redemption_id="r_undone", voucher_id="v_2")
    await shop.roll_back("r_undone", "v_2")
    await shop.spend("v_gift", 250, 1000)
    await shop.hold("v_1", 2)
    await shop.hold("v_1", 1, release=2)
    await shop.redeem(until=now_us() // 1_000_000 + 3600)


async def test_everything_agrees_after_ordinary_work(any_shop: Shop) -> None:
    """Redis = counters = base + sum of postings, and the result is kept as the verified checkpoint."""
    await busy_shop(any_shop)
    found = await reconcile(any_shop.core, any_shop.db, any_shop.partition)
    assert (found.differences, found.difference_count) == ([], 0)
    assert found.counters == 6
    async with any_shop.db.reading() as session:
        state = await read_state(session, any_shop.partition)
    assert state is not None
    assert state.verified == state.cursor == Position.parse(found.at)


async def test_reconcile_works_while_redemptions_go_on(any_shop: Shop) -> None:
    """A counter that moves while it is compared is compared at the event at which it was read."""
    await any_shop.redeem_many(5)

    async def keep_on() -> None:
        for _ in range(150):
            await any_shop.redeem()

    working = asyncio.create_task(keep_on())
    for _ in range(3):
        found = await reconcile(any_shop.core, any_shop.db, any_shop.partition)
        assert found.differences == []
    await working


async def test_a_counter_changed_by_hand_is_named(any_shop: Shop) -> None:
    """Whatever changed Redis past the script is told, for values, for what is held and for counters without a
    posting.
    """
    await busy_shop(any_shop)
    keys = await any_shop.core.open(any_shop.partition)
    await any_shop.core.read(
        any_shop.partition,
        [
            ("HSET", keys.voucher_used("v_1"), "v_1", 99),
            ("HSET", keys.counter("campaign", "camp_x"), "used", 1),
            ("HSET", keys.balance("v_gift"), "v_gift~h", 5),
        ],
    )
    found = await reconcile(any_shop.core, any_shop.db, any_shop.partition)
    assert found.difference_count == 3
    assert any("Redis has 99" in difference for difference in found.differences)
    assert any("camp_x" in difference and "nothing" in difference for difference in found.differences)


async def test_a_changed_checkpoint_is_named_and_not_trusted(any_shop: Shop) -> None:
    """A row of the counters table that the postings do not explain is a difference."""
    await busy_shop(any_shop)
    await any_shop.drain()
    async with any_shop.db.writing() as session:
        await session.execute(text("UPDATE counters SET value = 77 WHERE field = 'v_1'"))
    found = await reconcile(any_shop.core, any_shop.db, any_shop.partition)
    assert found.difference_count == 1
    assert "the table has 77" in found.differences[0]
    (state,) = await any_shop.rows(PartitionState)
    assert state.verified_epoch == 0


async def test_a_base_that_is_not_the_vouchers_is_named(any_shop: Shop) -> None:
    """A counter must begin at its voucher's immutable columns."""
    await any_shop.add_voucher("v_gift", gift_opening=2000)
    await any_shop.spend("v_gift", 250, 1000)
    found = await reconcile(any_shop.core, any_shop.db, any_shop.partition)
    place = names.Keys(any_shop.partition, "x").balance("v_gift").split(":", 2)[2]
    assert found.differences == [
        f"{place} v_gift: the first posting began at 1000, the voucher says 2000",
    ]


async def test_a_rebuild_trusts_only_what_was_verified(any_shop: Shop) -> None:
    """A checkpoint is used when reconcile had verified it, unless the rebuild begins at genesis (D13)."""
    await any_shop.redeem_many(3)
    await any_shop.redeem_many(2, voucher_id="v_2")
    await reconcile(any_shop.core, any_shop.db, any_shop.partition)
    await any_shop.redeem(voucher_id="v_2")
    await any_shop.drain()
    async with any_shop.db.writing() as session:
        await session.execute(text("UPDATE counters SET value = 50 WHERE field IN ('v_1', 'v_2')"))
    await any_shop.recover(rebuild=True)
    counters = await any_shop.counters()
    assert {place.split()[1]: value for place, value in counters.items() if " v_" in place} == {
        "v_1": 50,
        "v_2": 3,
    }
    await any_shop.recover(rebuild=True, from_genesis=True)
    counters = await any_shop.counters()
    assert {place.split()[1]: value for place, value in counters.items() if " v_" in place} == {
        "v_1": 3,
        "v_2": 3,
    }


async def test_reconcile_is_clean_after_a_rebuild(any_shop: Shop) -> None:
    """What rebuild writes is what the ledger says, nothing more and nothing less."""
    await busy_shop(any_shop)
    before = await any_shop.counters()
    done = await any_shop.recover(rebuild=True)
    assert done.counters == 6
    assert await any_shop.counters() == before
    found = await reconcile(any_shop.core, any_shop.db, any_shop.partition)
    assert found.differences == []


async def test_what_was_only_held_is_no_difference_after_a_rebuild(any_shop: Shop) -> None:
    """A code in carts that nobody has redeemed: rebuilt with its base, which is what absent means too."""
    await any_shop.hold("v_3", 2)
    await any_shop.redeem()
    for _ in range(2):
        found = await reconcile(any_shop.core, any_shop.db, any_shop.partition)
        assert found.differences == []
        await any_shop.recover(rebuild=True)
    keys = await any_shop.core.open(any_shop.partition)
    await any_shop.core.read(any_shop.partition, [("HSET", keys.voucher_used("v_3"), "v_3", 1)])
    found = await reconcile(any_shop.core, any_shop.db, any_shop.partition)
    assert found.difference_count == 1


async def test_an_ended_window_is_neither_rebuilt_nor_compared(any_shop: Shop) -> None:
    """A counter whose window is over may be gone from Redis (D7)."""
    await any_shop.redeem(until=now_us() // 1_000_000 - 10)
    await any_shop.drain()
    await any_shop.recover(rebuild=True)
    assert not any("w=d" in place for place in await any_shop.counters())
    found = await reconcile(any_shop.core, any_shop.db, any_shop.partition)
    assert found.differences == []


async def test_verify_reads_the_whole_ledger(any_shop: Shop) -> None:
    """Sequences, bodies and chains agree over several epochs."""
    await busy_shop(any_shop)
    await any_shop.recover(rebuild=True)
    await any_shop.redeem_many(2)
    await any_shop.drain()
    found = await verify(any_shop.db, any_shop.partition)
    assert found is not None
    assert (found.problems, found.epochs, found.events) == ([], 2, 12)


async def test_verify_names_a_broken_chain(any_shop: Shop) -> None:
    """A posting that was slipped in, or a counter row that never was, does not pass."""
    await any_shop.redeem_many(2)
    await any_shop.drain()
    async with any_shop.db.writing() as session:
        await session.execute(
            text(
                "INSERT INTO ledger_postings "
                "(part, epoch, seq, n, key, field, delta, kind, after, until, redeemable_no) "
                "SELECT part, epoch, seq, 7, key, field, 5, kind, 9, until, 0 FROM ledger_postings "
                "WHERE seq = 2 AND n = 0"
            )
        )
    found = await verify(any_shop.db, any_shop.partition)
    assert found is not None
    assert any("do not make 9" in problem for problem in found.problems)
    assert any("contradict" in problem for problem in found.problems)
    assert await any_shop.count(Counter, Counter.value == 9) == 0


async def test_a_forgotten_window_is_no_difference(any_shop: Shop) -> None:
    """The checkpoint of a window that has ended may be gone: its postings stay, and nothing counts on it."""
    await any_shop.redeem(until=now_us() // 1_000_000 - 10)
    await any_shop.redeem()
    await any_shop.drain()
    assert (await reconcile(any_shop.core, any_shop.db, any_shop.partition)).differences == []
    async with any_shop.db.writing() as session:
        await session.execute(text("DELETE FROM counters WHERE until > 0"))
    assert (await reconcile(any_shop.core, any_shop.db, any_shop.partition)).differences == []
    await any_shop.recover(rebuild=True)
    assert (await reconcile(any_shop.core, any_shop.db, any_shop.partition)).differences == []
