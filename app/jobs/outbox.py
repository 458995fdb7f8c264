"""The work on the outboxes of all partitions: recover, drain, project, trim. One step per call; the caller
repeats them.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import func, select

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.outbox import Position
from app.core.partition_view import Meta
from app.db.database import Database
from app.db.models import PartitionState, Project
from app.ledger.crash_points import crash_point
from app.ledger.drain import BATCH_MAX, Diverged, ledger_entries
from app.ledger.lease import LeaseLost
from app.ledger.leftovers import drop_namespaces, drop_records
from app.ledger.partitions import State, announce, live_partitions
from app.ledger.project import Projector
from app.ledger.recovery import close_diverged, is_healthy, recover

BLOCK_MILLISECONDS: Final = 100
"""How long the one reader waits before it looks for new partitions."""
FULL_CHECK_SECONDS: Final = 2.0
METAS_PER_TRIP: Final = 200
BUSY_EVENTS: Final = 4
"""A step that found as many did not meet a lone request: the next ones are worth gathering."""
GATHER_SECONDS: Final = 0.02
"""How long a busy step lets events gather: one commit, trim and announcement for dozens instead of for each.
It delays a read's barrier by as much, and nothing else: at level `ledger`, where acknowledgements wait for
the ledger's commit, that does not wait, and only projections gather.
"""
MANY_EVENTS: Final = 16
GATHER_MANY_SECONDS: Final = 0.1
"""The same for a step that found many: a commit and a dozen statements are then shared by a hundred."""

RECOVERER: Final = f"background@{socket.gethostname()}"
"""After a crash in the midst of a recovery, this machine's next process need not wait for the lease to run
out.
"""

log = structlog.get_logger("vouchsafe.background")


class OutboxWork:
    """`cursors` names every live partition and how far it is ledgered."""

    def __init__(
        self,
        core: RedemptionCore,
        db: Database,
        projector: Projector,
        acknowledges: Callable[[], bool] = lambda: True,
        soft_bytes: int = 64 << 20,
    ) -> None:
        """acknowledges: whether callers wait for the ledger's commit now.

        soft_bytes: how much may wait in one outbox before it is said.
        """
        self._soft_bytes = soft_bytes
        self.core = core
        self.db = db
        self.projector = projector
        self._acknowledges = acknowledges
        self.cursors: dict[Partition, Position] = {}
        self._trimmed: dict[Partition, Position] = {}
        self._behind: dict[Partition, None] = {}
        self._has_behind = asyncio.Event()
        self._bare: dict[Partition, str] = {}
        """Closed partitions whose records are gone, with the server process they were on."""
        self._server: tuple[str, ...] = ()
        self._suspect = True
        self._checked = 0.0

    # Watching

    async def watch(self) -> None:
        """Find new partitions, and open those that their server closed: after a restart within one step."""
        loop = asyncio.get_running_loop()
        server = await self.core.servers()
        due = loop.time() - self._checked > FULL_CHECK_SECONDS
        if (
            not due
            and not self._suspect
            and server == self._server
            and await self._count() == len(self.cursors)
        ):
            return
        self._suspect = False
        await self._check_all()
        self._server = server
        self._checked = loop.time()

    async def _count(self) -> int:
        async with self.db.reading() as session:
            statement = (
                select(func.count())
                .select_from(PartitionState)
                .join(Project, Project.id == PartitionState.project_id)
                .where(Project.deleted_at.is_(None))
            )
            return int(await session.scalar(statement) or 0)

    async def _check_all(self) -> None:
        connects = self.core.connects
        async with self.db.reading() as session:
            states = await live_partitions(session)
        live = {state.partition for state in states}
        for gone in [partition for partition in self.cursors if partition not in live]:
            del self.cursors[gone]
            self._trimmed.pop(gone, None)
        closed: list[tuple[State, Meta]] = []
        for start in range(0, len(states), METAS_PER_TRIP):
            page = states[start : start + METAS_PER_TRIP]
            for state, meta in zip(
                page, await self.core.metas([one.partition for one in page]), strict=True
            ):
                if meta is None:
                    continue
                if meta.outbox_bytes > self._soft_bytes:
                    log.warning("the outbox fills", partition=state.partition.name, bytes=meta.outbox_bytes)
                if is_healthy(state, meta):
                    self._know(state)
                else:
                    closed.append((state, meta))
        await self._drop_records(closed, connects)
        rebuilt: dict[Partition, str] = {}
        for state, _ in closed:
            if namespace := await self._recover(state):
                rebuilt[state.partition] = namespace
        await drop_namespaces(self.core, rebuilt)

    async def _drop_records(self, closed: list[tuple[State, Meta]], connects: int) -> None:
        """Of all partitions that are to be opened again, in one pass over the server's keys. connects: as of
        when the partitions were read; on another connection it may have been another server's keys.
        """
        found = {
            state.partition: meta
            for state, meta in closed
            if meta.epoch and not meta.is_open and self._bare.get(state.partition) != meta.server
        }
        await drop_records(self.core, {partition: meta.namespace for partition, meta in found.items()})
        if self.core.connects == connects:
            self._bare.update({partition: meta.server for partition, meta in found.items()})

    async def _recover(self, state: State) -> str:
        """The namespace that was filled anew; empty when none had to be."""
        try:
            done = await recover(
                self.core,
                self.db,
                state.partition,
                owner=RECOVERER,
                sweep=False,
                records_dropped=self._bare.pop(state.partition, ""),
            )
        except LeaseLost:
            self._suspect = True
            return ""
        if done.action == "busy":
            self._suspect = True
        else:
            await self._reload(state.partition)
        return done.namespace if done.action == "rebuilt" else ""

    def _know(self, state: State) -> None:
        """The cursor as SQL has it, unless this process has moved it on meanwhile."""
        known = self.cursors.get(state.partition)
        if known is None or known < state.cursor:
            self.cursors[state.partition] = state.cursor
        if state.projected < state.cursor:
            self._fell_behind(state.partition)

    async def _reload(self, partition: Partition) -> None:
        async with self.db.reading() as session:
            states = {state.partition: state for state in await live_partitions(session)}
        state = states.get(partition)
        if state is None:
            self.cursors.pop(partition, None)
            return
        self.cursors[partition] = state.cursor
        self._fell_behind(partition)

    # Draining

    async def drain(self) -> None:
        """Ledger what has come since the last step, of all partitions; wait a moment when nothing has."""
        after = {partition: str(cursor) for partition, cursor in self.cursors.items()}
        found = await self.core.wait_outbox(after, BATCH_MAX, BLOCK_MILLISECONDS)
        for partition, entries in found.items():
            cursor = self.cursors.get(partition)
            if cursor is None or not entries:
                continue
            try:
                moved = await ledger_entries(self.db, partition, cursor, entries)
            except Diverged as diverged:
                log.error("outbox diverged from the ledger", reason=str(diverged))  # noqa: TRY400  all is said
                await close_diverged(self.core, partition)
                self.cursors[partition] = diverged.committed
                self._suspect = True
                moved = diverged.committed
            if moved is None:
                await self._reload(partition)
                self._suspect = True
                continue
            self.projector.recent.keep(partition, cursor, moved, entries)
            self.cursors[partition] = max(moved, self.cursors.get(partition, moved))
            crash_point("drain-before-announce")
            await announce(self.core, partition, ledgered=moved)
            self._fell_behind(partition)
        if not self._acknowledges():
            await _gather(sum(map(len, found.values())))

    # Projecting

    def _fell_behind(self, partition: Partition) -> None:
        self._behind[partition] = None
        self._has_behind.set()

    async def project(self) -> None:
        """One run for the partition that has waited longest."""
        if not self._behind:
            self._has_behind.clear()
            try:
                async with asyncio.timeout(BLOCK_MILLISECONDS / 1000):
                    await self._has_behind.wait()
            except TimeoutError:
                return
        partition = next(iter(self._behind))
        del self._behind[partition]
        try:
            moved = await self.projector.project(partition)
        except BaseException:
            self._fell_behind(partition)
            raise
        if moved and not self.projector.caught_up:  # What is ledgered meanwhile says so itself.
            self._fell_behind(partition)
        await _gather(moved)

    # Trimming

    async def trim(self) -> None:
        """Drop from the outboxes what is committed in SQL. After the commit, never before."""
        for partition, cursor in list(self.cursors.items()):
            due = cursor.sequence and self._trimmed.get(partition) != cursor
            if due and self.core.reachable(partition):
                crash_point("trim")
                await self.core.trim(partition, str(cursor))
                self._trimmed[partition] = cursor


async def _gather(found: int) -> None:
    """Let events gather after a step that found so many; one that could not take all goes on at once."""
    if BUSY_EVENTS <= found < BATCH_MAX:
        await asyncio.sleep(GATHER_MANY_SECONDS if found >= MANY_EVENTS else GATHER_SECONDS)
