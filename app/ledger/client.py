"""What the request side asks of the ledger: is it durable yet, is it projected yet, and what may be promised
(D10, D18).
"""

import asyncio
import contextlib
import time
from typing import Final

import structlog
from sqlalchemy import select

from app.core.core import RedemptionCore
from app.core.durability import Durability
from app.core.keys import Partition
from app.core.outbox import Position
from app.core.outcome import Code, CoreUnavailable
from app.core.replicas import Replicas
from app.core.watermarks import LEDGERED
from app.db.database import Database
from app.db.models import LedgerEvent
from app.ledger.barrier import wait_projected
from app.ledger.pace import Pace

ACKNOWLEDGE_SECONDS: Final = 10.0
"""How long an applied redemption waits for its row before its effect is reported unknown."""
PROBE_SECONDS: Final = 10.0
RECONNECT_CHECK_SECONDS: Final = 0.25

AUTO, JOURNAL, REPLICA, LEDGER = "auto", "journal", "replica", "ledger"

log = structlog.get_logger("vouchsafe.ledger")


class LedgerClient:
    """One per process. `durability` is what the operator asked for; `level` is what is proven and promised
    now. `replicas` are asked at level `replica` alone.
    """

    def __init__(
        self, core: RedemptionCore, db: Database, durability: str = AUTO, replicas: Replicas | None = None
    ) -> None:
        self._core = core
        self._replicas = replicas if durability == REPLICA else None
        self._db = db
        self._wanted = durability
        self._proven: str | None = None
        self._evicts = False
        self._reasons: tuple[str, ...] = ("the server was not asked yet",)
        self._connects = -1
        self._keeper: asyncio.Task[None] | None = None
        self._pace = Pace(core.watermarks)
        self.level = LEDGER
        """journal: the server's synced file holds it. replica: those of its replicas too. ledger: SQL holds
        it. Without a proof of the first, it is the last; the second is never taken unasked.
        """
        self.unproven: tuple[str, ...] = ()
        """Why the level that was asked for cannot be promised; empty when all is well. Requests that write
        are refused.
        """
        self._judge()

    async def start(self) -> None:
        """Probe the server, and keep probing: every 10 s and after each reconnect (D18)."""
        with contextlib.suppress(CoreUnavailable):
            await self._probe()
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        if self._replicas is not None:
            await self._replicas.close()

    def _judge(self) -> None:
        """What the last probe lets be promised. Kept, because every request asks."""
        if self._wanted in (LEDGER, REPLICA):
            self.level = self._wanted
        else:
            self.level = JOURNAL if JOURNAL in (self._proven, self._wanted) else LEDGER
        self.unproven = ()
        if self._evicts:
            self.unproven = (
                "the server may drop counters when memory is short: set maxmemory-policy to noeviction",
            )
        elif self._wanted in (JOURNAL, REPLICA) and self._proven != self._wanted:
            self.unproven = self._reasons

    def require(self) -> None:
        """Raises: CoreUnavailable while the level that was asked for is not proven (D18)."""
        if self.unproven:
            raise CoreUnavailable("durability is not proven: " + "; ".join(self.unproven))

    def pause(self, partition: Partition) -> float:
        """Seconds that a taking should wait before it begins: while the projections are behind."""
        return self._pace.pause(partition, time.monotonic())

    async def acknowledged(self, partition: Partition, event_id: str) -> None:
        """Return when the event may be acknowledged: at once at level journal, when all replicas have it at
        level replica, after its commit in SQL at level ledger.

        Raises: CoreUnavailable with `unknown` when that takes too long, or when the event was lost with its
        server.
        """
        self._pace.took(partition, event_id, time.monotonic())
        if self.unproven:
            raise CoreUnavailable("durability is not proven: " + "; ".join(self.unproven), unknown=True)
        if self.level == JOURNAL:
            return
        if self._replicas is not None:
            await self._replicated(self._replicas, partition, event_id)
            return
        if not await self._core.watermarks.wait(partition, LEDGERED, event_id, ACKNOWLEDGE_SECONDS):
            raise CoreUnavailable("the ledger did not confirm in time", unknown=True)
        known = self._core.watermarks.known(partition, LEDGERED)
        position = Position.parse(event_id)
        if (
            known is not None
            and known.epoch != position.epoch
            and not await self._is_ledgered(partition, position)
        ):
            raise CoreUnavailable("the server was replaced before the event was ledgered", unknown=True)

    async def barrier(self, partition: Partition) -> None:
        """Wait until everything applied before this call is projected.

        Raises: CoreUnavailable after 2 s, or when the core cannot say what was applied.
        """
        await wait_projected(self._core, self._db, partition)

    async def _replicated(self, replicas: Replicas, partition: Partition, event_id: str) -> None:
        try:
            code = await replicas.confirm(partition, event_id)
        except CoreUnavailable:
            self._connects = -1  # Whether they are still there is looked at now, not at the next turn.
            raise
        if code is not Code.OK and not await self._is_ledgered(partition, Position.parse(event_id)):
            raise CoreUnavailable("the server was replaced before its replicas had the event", unknown=True)

    async def _is_ledgered(self, partition: Partition, position: Position) -> bool:
        async with self._db.reading() as session:
            found = await session.scalar(
                select(LedgerEvent.seq).where(
                    LedgerEvent.part == partition.name,
                    LedgerEvent.epoch == position.epoch,
                    LedgerEvent.seq == position.sequence,
                )
            )
        return found is not None

    async def _probe(self) -> None:
        connects = self._core.connects
        durability = await self._core.probe()
        level, reasons = durability.level, durability.reasons
        if self._replicas is not None:
            level, reasons = await proven_replicas(durability, self._replicas)
        if level != self._proven:
            log.info("durability", proven=level, reasons=reasons, wanted=self._wanted)
        self._connects = connects
        self._proven = level
        self._reasons = reasons
        self._evicts = durability.evicts
        self._judge()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        probed = loop.time()
        while True:
            await asyncio.sleep(RECONNECT_CHECK_SECONDS)
            if self._core.connects == self._connects and loop.time() - probed < PROBE_SECONDS:
                continue
            try:
                await self._probe()
                probed = loop.time()
            except CoreUnavailable as error:
                # Another server may answer next: what the last one proved says nothing about it.
                self._proven, self._reasons = None, (str(error),)
                self._judge()


async def proven_replicas(durability: Durability, replicas: Replicas) -> tuple[str, tuple[str, ...]]:
    """Level `replica` when a write just made has reached them all; else what the server alone proves, and
    why.
    """
    reasons = durability.lacks(replicas.count)
    if not reasons:
        try:
            await replicas.trial()
        except CoreUnavailable as error:
            reasons = (f"a write was tried: {error}",)
    return (durability.level, reasons) if reasons else (REPLICA, ())
