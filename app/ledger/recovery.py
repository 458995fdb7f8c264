"""Opening a partition again after its server was restarted, replaced, restored or emptied (core 3.4, D5,
D13).

One leader per partition. SQL ends the old epoch first; only then is anything opened. What cannot be proven to
be whole is rebuilt from the ledger in a fresh namespace, and what the ledger never saw is kept for audit,
never applied.
"""

import socket
import time
from typing import Final

import structlog
from msgspec import Struct, structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.outbox import Entry, Position
from app.core.outcome import Code
from app.core.partition_view import OPEN, Meta
from app.db.database import Database
from app.db.models import LedgerEvent
from app.ledger.archived import read_archived
from app.ledger.batch import ORPHAN, Problem
from app.ledger.crash_points import crash_point
from app.ledger.drain import BATCH_MAX, Diverged, ledger_entries, record_divergences
from app.ledger.lease import HeldLease, leased
from app.ledger.leftovers import drop_namespaces, drop_records
from app.ledger.partitions import State, announce, move_epoch, namespace_of, read_state, recovery_lease
from app.ledger.positions import at_or_beyond, up_to
from app.ledger.rebuild import fill_namespace
from app.ledger.versions import catalogue_versions

CLOSED: Final = "recovering"
NO_SERVER: Final = "0" * 40
"""master_replid2 of a server that never followed another: it was not promoted."""

log = structlog.get_logger("vouchsafe.ledger")


class Recovery(Struct, frozen=True):
    """What was done. action: unknown (no such partition), healthy, busy (somebody else does it), opened, kept
    or rebuilt.
    """

    partition: str
    action: str
    epoch: int = 0
    drained: int = 0
    """Events that waited in the outbox and are ledgered now."""
    orphans: int = 0
    """Events that will never be ledgered; each is a row of divergences."""
    counters: int = 0
    seconds: float = 0.0
    namespace: str = ""


async def recover(
    core: RedemptionCore,
    db: Database,
    partition: Partition,
    *,
    owner: str | None = None,
    rebuild: bool = False,
    from_genesis: bool = False,
    sweep: bool = True,
    records_dropped: str = "",
) -> Recovery:
    """Make the partition open, unless it is. `rebuild` closes even an open one and writes all its counters
    anew. Without `sweep` the caller removes old namespaces, for many partitions at once; records_dropped:
    of which server process (Meta.server) it has removed the records in the same way.

    Raises: CoreUnavailable when the server is away; nothing is half open then, and the next attempt goes on.
    """
    started = time.monotonic()
    async with db.reading() as session:
        state = await read_state(session, partition)
    if state is None:
        return Recovery(partition.name, "unknown")
    meta = await core.meta(partition)
    if not rebuild and is_healthy(state, meta):
        return Recovery(partition.name, "healthy", state.epoch)
    async with leased(
        db, recovery_lease(partition), owner or f"{socket.gethostname()}:{time.time_ns()}"
    ) as lease:
        if lease is None:
            return Recovery(partition.name, "busy")
        attempt = _Recovery(core, db, partition, lease, rebuild=rebuild, from_genesis=from_genesis)
        attempt.records_dropped = records_dropped
        done = await attempt.run()
    if sweep and done.action == "rebuilt":
        await drop_namespaces(core, {partition: done.namespace})
    done = structs.replace(done, seconds=round(time.monotonic() - started, 3))
    if done.action not in ("healthy", "busy"):
        log.info("partition recovered", **{name: getattr(done, name) for name in done.__struct_fields__})
    return done


def is_healthy(state: State, meta: Meta) -> bool:
    """Whether the partition is open on this server under the epoch that SQL knows, and no shorter than the
    ledger.
    """
    return meta.is_open and meta.epoch == state.epoch and meta.sequence >= state.cursor.sequence


class _Recovery:
    """One attempt, under the lease."""

    def __init__(
        self,
        core: RedemptionCore,
        db: Database,
        partition: Partition,
        lease: HeldLease,
        *,
        rebuild: bool,
        from_genesis: bool,
    ) -> None:
        self.core = core
        self.db = db
        self.partition = partition
        self.lease = lease
        self.rebuild = rebuild
        self.from_genesis = from_genesis
        self.records_dropped = ""
        self.drained = 0

    async def run(self) -> Recovery:
        connects = self.core.connects
        state, meta = await self._read()
        if not self.rebuild and is_healthy(state, meta):
            return Recovery(self.partition.name, "healthy", state.epoch)
        meta = await self._close(meta)
        whole = await self._drain(state, meta)
        keep = whole and not self.rebuild and meta.state != CLOSED_FOR_GOOD and await self._proven(meta)
        async with self.db.reading() as session:
            current = await read_state(session, self.partition)
        assert current is not None
        epoch = max(current.epoch, meta.epoch) + 1
        namespace = meta.namespace if keep else namespace_of(epoch)
        if not await move_epoch(self.db, current, epoch, namespace):
            return Recovery(self.partition.name, "busy")
        crash_point("recovery-after-epoch")
        orphans = await self._keep_orphans(meta)
        if keep and self.records_dropped != meta.server:
            await drop_records(self.core, {self.partition: namespace})
        counters = await self._fill(current, Keys(self.partition, namespace), keep=keep)
        crash_point("recovery-before-certify")
        if self.core.connects != connects:
            # Some of it may be on another server: one that was primary between two turns of this one.
            log.info("the connection changed during a recovery", partition=self.partition.name)
            return Recovery(self.partition.name, "busy")
        code = await self.core.certify(
            self.partition,
            expected_epoch=meta.epoch,
            server=meta.server,
            epoch=epoch,
            sequence=0,
            namespace=namespace,
        )
        if code is not Code.OK:
            return Recovery(self.partition.name, "busy")
        await announce(self.core, self.partition, ledgered=Position(epoch, 0))
        if not keep and meta.epoch:
            await self.core.trim(self.partition, str(Position(meta.epoch, meta.sequence)))
        action = "kept" if keep else "rebuilt" if counters or meta.epoch else "opened"
        return Recovery(
            self.partition.name, action, epoch, self.drained, orphans, counters, namespace=namespace
        )

    async def _read(self) -> tuple[State, Meta]:
        async with self.db.reading() as session:
            state = await read_state(session, self.partition)
        assert state is not None
        return state, await self.core.meta(self.partition)

    async def _close(self, meta: Meta) -> Meta:
        """Stop a partition that this server still serves: what is drained next must be all there is."""
        if not meta.is_open:
            return meta
        await self.core.certify(
            self.partition,
            expected_epoch=meta.epoch,
            server=meta.server,
            epoch=meta.epoch,
            sequence=meta.sequence,
            namespace=meta.namespace,
            state=CLOSED,
        )
        return await self.core.meta(self.partition)

    async def _drain(self, state: State, meta: Meta) -> bool:
        """Ledger what waits in the outbox of the current epoch; whether nothing is missing."""
        if meta.epoch != state.epoch:
            return False
        cursor = state.cursor
        while True:
            entries = await self.core.read_outbox(self.partition, str(cursor), BATCH_MAX)
            entries = [entry for entry in entries if entry.position.epoch == cursor.epoch]
            if not entries:
                break
            try:
                moved = await ledger_entries(self.db, self.partition, cursor, entries)
            except Diverged as diverged:
                log.error("outbox diverged from the ledger", reason=str(diverged))  # noqa: TRY400  all is said
                return False
            if moved is None:  # a drain was faster
                async with self.db.reading() as session:
                    again = await read_state(session, self.partition)
                assert again is not None
                if again.epoch != state.epoch:
                    return False
                moved = again.cursor
            self.drained += moved.sequence - cursor.sequence
            cursor = moved
            await self.lease.renew()
        return cursor == Position(meta.epoch, meta.sequence)

    async def _proven(self, meta: Meta) -> bool:
        """Whether this is the old server on its own synced file, and not a promoted copy of it (D5)."""
        if (await self.core.probe()).level != "journal":
            return False
        (replication,) = await self.core.read(self.partition, [("INFO", "replication")])
        return f"master_replid2:{NO_SERVER}".encode() in replication

    async def _keep_orphans(self, meta: Meta) -> int:
        """Events in the outbox that are not in the ledger and never will be."""
        after, found = "0-0", 0
        while True:
            entries = await self.core.read_outbox(self.partition, after, BATCH_MAX)
            if not entries:
                return found
            async with self.db.reading() as session:
                ledgered = await self._ledgered(session, entries)
            orphans = [Problem(entry, ORPHAN) for entry in entries if entry.position not in ledgered]
            await record_divergences(self.db, self.partition, orphans)
            found += len(orphans)
            after = entries[-1].event_id
            await self.lease.renew()

    async def _ledgered(self, session: AsyncSession, entries: list[Entry]) -> set[Position]:
        first, last = entries[0].position, entries[-1].position
        rows = await session.execute(
            select(LedgerEvent.epoch, LedgerEvent.seq).where(
                LedgerEvent.part == self.partition.name,
                at_or_beyond(LedgerEvent, first),
                up_to(LedgerEvent, last),
            )
        )
        archived = await read_archived(session, self.partition.name)
        positions = {Position(epoch, sequence) for epoch, sequence in rows}
        return positions | {entry.position for entry in entries if archived.holds(entry.position)}

    async def _fill(self, state: State, keys: Keys, *, keep: bool) -> int:
        if not keep:
            return await fill_namespace(
                self.core, self.db, state, keys, self.lease, from_genesis=self.from_genesis
            )
        async with self.db.reading() as session:
            versions = await catalogue_versions(session, self.partition.project_id)
        await self.core.fill(keys, versions, ())
        return 0


CLOSED_FOR_GOOD: Final = "diverged"
"""State of a partition whose outbox and ledger contradict each other: only a rebuild opens it again."""


async def close_diverged(core: RedemptionCore, partition: Partition) -> None:
    """Stop a partition at once, so that nothing is answered on counters that the ledger cannot explain."""
    meta = await core.meta(partition)
    if meta.state == OPEN and meta.certificate == meta.server:
        await core.certify(
            partition,
            expected_epoch=meta.epoch,
            server=meta.server,
            epoch=meta.epoch,
            sequence=meta.sequence,
            namespace=meta.namespace,
            state=CLOSED_FOR_GOOD,
        )
