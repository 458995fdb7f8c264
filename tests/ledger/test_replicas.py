"""Level `replica`: what is acknowledged is on the disks of all replicas, and nothing else is promised."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from app.core import keys as names
from app.core.outcome import CoreUnavailable
from app.core.replicas import Replicas
from app.db.database import Database
from app.db.models import LedgerEvent
from app.ledger.client import JOURNAL, LEDGER, REPLICA, LedgerClient
from tests.ledger.shop import Shop, open_core
from tests.support.topologies import Listening, wait
from tests.support.valkey import server_binaries

SECONDS = 120.0
"""Within which a replica that is there has confirmed, on any machine. SHORT: one that stands has not."""
SHORT = 0.3


class Pair:
    """A primary and the replica that follows it; both sync every write."""

    def __init__(self, binary: str) -> None:
        self.primary = Listening(appendfsync="always", binary=binary)
        self.replica = Listening(appendfsync="always", binary=binary)

    def start(self) -> None:
        self.primary.start()
        self.primary.command("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        self.follow()

    def follow(self) -> None:
        self.replica.start()
        self.replica.command("REPLICAOF", "127.0.0.1", str(self.primary.port))
        wait(lambda: b"state=online" in self.primary.command("INFO", "replication"), "no replica")
        self.replica_writes()

    def replica_writes(self) -> None:
        """Wait for the file that a replica begins when it has copied everything."""
        writes = b"aof_rewrite_in_progress:0", b"aof_rewrite_scheduled:0"
        wait(lambda: all(one in self.replica.command("INFO", "persistence") for one in writes), "no file")

    def stop(self) -> None:
        self.primary.stop()
        self.replica.stop()


@pytest.fixture(scope="module", params=server_binaries(), ids=lambda path: path.rsplit("/", 1)[-1])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    servers = Pair(request.param)
    servers.start()
    yield servers
    servers.stop()


@pytest.fixture
async def shop(pair: Pair, sqlite: Database) -> AsyncIterator[Shop]:
    async with open_core(pair.primary.url) as core:
        shop = Shop(core, sqlite, f"p_{uuid.uuid4().hex[:10]}")
        await shop.found()
        yield shop


@contextlib.asynccontextmanager
async def promised(
    shop: Shop, pair: Pair, count: int = 1, seconds: float = SECONDS
) -> AsyncIterator[LedgerClient]:
    """A ledger client that was told to promise replicas, and has looked."""
    replicas = Replicas(pair.primary.url, count, seconds)
    client = LedgerClient(shop.core, shop.db, REPLICA, replicas)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def test_what_is_acknowledged_is_at_the_replica(shop: Shop, pair: Pair) -> None:
    """It is promoted right after the answer, and has every event: the recovery drains them from it."""
    async with promised(shop, pair) as client:
        assert (client.level, client.unproven) == (REPLICA, ())
        events = await shop.redeem_many(20)
        await asyncio.gather(*(client.acknowledged(shop.partition, event_id) for event_id in events))
        assert await shop.count(LedgerEvent) == 0
    outbox = pair.replica.command("XLEN", names.outbox(shop.partition))
    assert outbox == b":20\r\n"


async def test_nothing_is_acknowledged_while_the_replica_stands_still(shop: Shop, pair: Pair) -> None:
    """The caller hears that the outcome is unknown; asked again when the replica is back, it is there."""
    async with promised(shop, pair, seconds=SHORT) as client:
        pair.replica.pause()
        try:
            event_id = (await shop.redeem()).event_id
            with pytest.raises(CoreUnavailable) as refused:
                await client.acknowledged(shop.partition, event_id)
            assert refused.value.unknown
        finally:
            pair.replica.resume()
    async with promised(shop, pair) as client:
        await client.acknowledged(shop.partition, event_id)


async def test_an_event_of_an_epoch_that_is_over_needs_the_ledger(shop: Shop, pair: Pair) -> None:
    """A replay names an old event: it is acknowledged when SQL has it, and not when it was lost."""
    async with promised(shop, pair) as client:
        event_id = (await shop.redeem()).event_id
        await shop.recover(rebuild=True)
        await client.acknowledged(shop.partition, event_id)
        with pytest.raises(CoreUnavailable, match="replaced") as refused:
            await client.acknowledged(shop.partition, "1-2")
        assert refused.value.unknown
        with pytest.raises(CoreUnavailable, match="replaced"):
            await client.acknowledged(shop.partition, "2-77")


async def test_a_server_that_forgot_the_script_is_told_again(shop: Shop, pair: Pair) -> None:
    """SCRIPT FLUSH costs nobody an acknowledgement."""
    async with promised(shop, pair) as client:
        await client.acknowledged(shop.partition, (await shop.redeem()).event_id)
        pair.primary.command("SCRIPT", "FLUSH")
        await client.acknowledged(shop.partition, (await shop.redeem()).event_id)


async def test_another_number_of_replicas_is_refused(shop: Shop, pair: Pair) -> None:
    """More or fewer than were declared: one that nobody waits for may be the one that is promoted."""
    async with promised(shop, pair, 2) as client:
        assert client.unproven == ("1 replicas follow the server, VOUCHSAFE_REPLICAS says 2",)
        with pytest.raises(CoreUnavailable, match="VOUCHSAFE_REPLICAS"):
            client.require()


async def test_a_replica_without_a_file_proves_nothing(pair: Pair, shop: Shop) -> None:
    """Where servers can tell what is synced, a replica that syncs nothing is found out by the trial."""
    if b"WAITAOF" not in pair.primary.command("COMMAND", "INFO", "WAITAOF").upper():
        pytest.skip("this server knows only what replicas have received")
    pair.replica.command("CONFIG", "SET", "appendonly", "no")
    try:
        async with promised(shop, pair, seconds=SHORT) as client:
            assert client.unproven == ("a write was tried: 0 of 1 replicas confirmed in time",)
    finally:
        pair.replica.command("CONFIG", "SET", "appendonly", "yes")
        pair.replica_writes()


async def test_replicas_are_never_promised_unasked(shop: Shop, pair: Pair) -> None:
    """auto beside a replica is the ledger, and journal is refused."""
    auto, journal = LedgerClient(shop.core, shop.db), LedgerClient(shop.core, shop.db, JOURNAL)
    for client in (auto, journal):
        await client.start()
    assert (auto.level, auto.unproven) == (LEDGER, ())
    assert journal.unproven == ("a replica may be promoted without the last writes",)
    for client in (auto, journal):
        await client.close()
