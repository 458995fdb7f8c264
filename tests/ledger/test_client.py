"""What the request side may rely on: acknowledged is in SQL, read after the barrier is projected, unproven is
refused.
"""

import asyncio

import pytest

from app.core.outcome import CoreUnavailable
from app.db.models import LedgerEvent, PartitionState, Redemption
from app.ledger.client import JOURNAL, LEDGER, LedgerClient
from app.ledger.entries import REDEMPTION, Private
from app.redeemables.replay import first_answer
from tests.ledger.shop import Shop, open_core
from tests.support.valkey import Valkey


async def started(shop: Shop, durability: str = "auto") -> LedgerClient:
    client = LedgerClient(shop.core, shop.db, durability)
    await client.start()
    return client


async def test_a_synced_server_is_a_journal_by_itself(shop: Shop) -> None:
    """auto takes what is proven: one server that syncs every write."""
    client = await started(shop)
    assert (client.level, client.unproven) == (JOURNAL, ())
    await client.acknowledged(shop.partition, (await shop.redeem()).event_id)
    assert await shop.count(LedgerEvent) == 0
    await client.close()


async def test_a_server_that_does_not_sync_is_not_a_journal() -> None:
    """auto falls back to the ledger, and an explicit journal is refused rather than pretended."""
    with Valkey(appendfsync="everysec") as server:
        async with open_core(server.url) as core:
            auto = LedgerClient(core, None)  # type: ignore[arg-type]  # neither asks the database here
            journal = LedgerClient(core, None, JOURNAL)  # type: ignore[arg-type]
            for client in (auto, journal):
                await client.start()
            assert (auto.level, auto.unproven) == (LEDGER, ())
            assert journal.unproven == ("appendfsync is not always",)
            with pytest.raises(CoreUnavailable, match="appendfsync"):
                journal.require()
            for client in (auto, journal):
                await client.close()


async def test_at_level_ledger_the_acknowledgement_waits_for_sql(any_shop: Shop) -> None:
    """Nobody is told of a redemption before its row is committed."""
    client = await started(any_shop, LEDGER)
    event_id = (await any_shop.redeem()).event_id
    waiting = asyncio.create_task(client.acknowledged(any_shop.partition, event_id))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await any_shop.drain()
    await waiting
    assert await any_shop.count(LedgerEvent) == 1
    await client.close()


async def test_an_event_that_was_lost_with_its_server_is_never_acknowledged(any_shop: Shop) -> None:
    """When the epoch moved on without the event, the caller hears that the outcome is unknown."""
    client = await started(any_shop, LEDGER)
    event_id = (await any_shop.redeem()).event_id
    async with any_shop.db.writing() as session:
        state = await session.get_one(PartitionState, any_shop.partition.name)
        state.epoch, state.cursor_epoch = 2, 2
    waiting = asyncio.create_task(client.acknowledged(any_shop.partition, event_id))
    await any_shop.recover()
    with pytest.raises(CoreUnavailable) as refused:
        await waiting
    assert refused.value.unknown
    await client.close()


async def test_a_first_answer_does_not_wait_for_the_projection(any_shop: Shop) -> None:
    """From the outbox, and after the trim from SQL: a request sent again is answered while nothing is
    projected.
    """
    client = await started(any_shop)
    private = Private(answer=b'{"first": true}')
    outcome = await any_shop.apply(REDEMPTION, [], "R", [], private)

    async def asked() -> bytes:
        return await first_answer(any_shop.core, client, any_shop.db, any_shop.partition, outcome.event_id)

    assert await asked() == b'{"first": true}'
    await any_shop.drain()
    await any_shop.core.trim(any_shop.partition, outcome.event_id)
    assert await asked() == b'{"first": true}'
    await client.close()


async def test_after_the_barrier_one_reads_what_was_done_before(
    any_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The barrier returns when what was applied before it is projected, at once when nothing is open."""
    monkeypatch.setattr("app.ledger.barrier.BARRIER_SECONDS", 120.0)
    client = await started(any_shop)
    await client.barrier(any_shop.partition)
    await any_shop.redeem()
    waiting = asyncio.create_task(client.barrier(any_shop.partition))
    await any_shop.settle()
    await waiting
    assert await any_shop.count(Redemption) == 1
    await any_shop.recover(rebuild=True)
    waiting = asyncio.create_task(client.barrier(any_shop.partition))
    await any_shop.project()
    await waiting
    await client.close()


async def test_a_barrier_that_takes_too_long_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Better 503 than a stale answer."""
    monkeypatch.setattr("app.ledger.barrier.BARRIER_SECONDS", 0.05)
    client = await started(shop)
    await shop.redeem()
    with pytest.raises(CoreUnavailable, match="behind"):
        await client.barrier(shop.partition)
    await client.close()
