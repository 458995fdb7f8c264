"""Months that leave the ledger: written to a file, read back, and replaced by the counters as they stood.

What makes events archived is one row, committed after the file is on the disk and the counters are written.
Before it nothing has changed; after it every reader begins with those counters and looks at later events
alone, whether or not the rows are already gone. So a process may be killed anywhere.
"""

import asyncio
import secrets
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.outbox import Position
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.db.models import ArchivedCounter, LedgerArchive, LedgerEvent, LedgerPosting, PartitionState, Project
from app.identifiers import next_version
from app.ledger.archive_check import check_file
from app.ledger.archive_file import (
    SUFFIX,
    ArchivedEvent,
    ArchivedPosting,
    ArchiveError,
    ArchiveWriter,
    Footer,
    Header,
    written_whole,
)
from app.ledger.archive_reasons import first_instant, reasons_of, too_young
from app.ledger.archived import TABLES, Archived, read_archived
from app.ledger.crash_points import crash_point
from app.ledger.drain import Diverged
from app.ledger.lease import HeldLease, LeaseLost, leased
from app.ledger.partitions import read_state
from app.ledger.positions import at_or_beyond, before, beyond, up_to
from app.ledger.reconcile import reconcile
from app.ledger.replay import Place, Replay, Replayed, begun, replay

PAGE_EVENTS: Final = 1_000
CHUNK_ROWS: Final = 500
"""Of one transaction (D17)."""
LEASE_SECONDS: Final = 120
RENEW_SECONDS: Final = 5.0
ENDED: Final = timedelta(days=7)
"""A window that has ended so long ago needs no counter any more: Redis and the table have dropped theirs."""


class Archiving(Struct, kw_only=True):
    """What became of one partition. action: archived, nothing (no event is so old), refused, busy (another
    process does it) or stopped (the file could not be written, or does not say what the database says).
    """

    partition: str
    action: str
    reasons: list[str] = []
    file: str = ""
    first: str = ""
    last: str = ""
    events: int = 0
    postings: int = 0
    counters: int = 0
    """That the events moved."""
    bytes: int = 0
    sha256: str = ""
    removed: int = 0
    """Events whose rows are gone from the database."""


async def archive(
    core: RedemptionCore,
    db: Database,
    partition: Partition,
    month: str,
    folder: Path,
    *,
    rollback_days: int,
    now: datetime,
    version: str,
) -> Archiving:
    """Archive every event of before a month. month: the first that stays, as "2026-08", in UTC. The rows are
    still there afterwards; `remove_archived` removes them.

    Raises: ValueError for what is no month.
    """
    young = too_young(month, now, rollback_days)
    if young:
        return Archiving(partition=partition.name, action="refused", reasons=[young])
    async with db.reading() as session:
        archived = await read_archived(session, partition.name)
        if await _last_event(session, partition, archived, first_instant(month)) is None:
            return Archiving(partition=partition.name, action="nothing")
    try:
        compared = await reconcile(core, db, partition)
    except (Diverged, CoreUnavailable) as error:
        return Archiving(partition=partition.name, action="refused", reasons=[str(error)])
    if compared.difference_count:
        reason = f"`vouchsafe ledger reconcile` finds {compared.difference_count} differences"
        return Archiving(partition=partition.name, action="refused", reasons=[reason])
    try:
        async with leased(db, f"archive:{partition.name}", socket.gethostname(), LEASE_SECONDS) as lease:
            if lease is None:
                return Archiving(partition=partition.name, action="busy")
            return await _Archive(db, partition, month, folder, lease, now, version).run()
    except LeaseLost:
        return Archiving(partition=partition.name, action="busy")
    except ArchiveError as error:
        return Archiving(partition=partition.name, action="stopped", reasons=[str(error)])


class _Archive:
    """One attempt, under the lease."""

    def __init__(
        self,
        db: Database,
        partition: Partition,
        month: str,
        folder: Path,
        lease: HeldLease,
        now: datetime,
        version: str,
    ) -> None:
        self.db = db
        self.partition = partition
        self.part = partition.name
        self.month = month
        self.folder = folder
        self.lease = lease
        self.now = now
        self.version = version
        self._renewed = asyncio.get_running_loop().time()

    async def run(self) -> Archiving:
        async with self.db.snapshot(TABLES) as session:
            state = await read_state(session, self.partition)
            archived = await read_archived(session, self.part)
            last = await _last_event(session, self.partition, archived, first_instant(self.month))
            if state is None or last is None:
                return Archiving(partition=self.part, action="nothing")
            await self.beat()
            replayed = await replay(session, self.part, last)
            reasons = await reasons_of(session, state, last, replayed, self.now)
            reasons += replayed.problems
            if reasons:
                return Archiving(partition=self.part, action="refused", reasons=reasons)
            await self.beat()
            generation = next_version(max(archived.generations, default=0))
            # A name of its own for every attempt: nobody writes into the file of one that another began.
            name = f"{self.part}_before-{self.month}_{last}_{secrets.token_hex(4)}{SUFFIX}"
            file = self.folder / name
            try:
                footer = await self._write(session, archived, last, file)
            except OSError as error:
                raise ArchiveError(f"{file} cannot be written: {error}") from error
            await self._compare(session, archived, file, footer, replayed)
        moved = self._moved(replayed, archived)
        try:
            await self._keep_counters(generation, moved)
            await self._commit(generation, last, len(moved), file, footer)
        except (LeaseLost, ArchiveError):
            file.unlink(missing_ok=True)  # Another process was faster, and has its own.
            raise
        crash_point("archive-after-commit")
        first = next(iter(footer.epochs))[0]
        return Archiving(
            partition=self.part,
            action="archived",
            file=str(file),
            first=str(Position(first, archived.ends.get(first, 0) + 1)),
            last=str(last),
            events=footer.events,
            postings=footer.postings,
            counters=len(moved),
            bytes=file.stat().st_size,
            sha256=footer.sha256,
        )

    async def beat(self) -> None:
        """Keep the lease through what takes long. Raises: LeaseLost."""
        now = asyncio.get_running_loop().time()
        if now - self._renewed > RENEW_SECONDS:
            await self.lease.renew(LEASE_SECONDS)
            self._renewed = now

    async def _write(self, session: AsyncSession, archived: Archived, last: Position, file: Path) -> Footer:
        header = Header(
            version=self.version,
            partition=self.part,
            before=self.month,
            after=str(archived.last),
            last=str(last),
            follows=archived.sha256,
        )
        with written_whole(file) as raw:
            writer = ArchiveWriter(raw, header)
            after = archived.last
            while page := await _page(session, self.part, after, last):
                for event in page:
                    writer.add(event)
                after = Position(page[-1].epoch, page[-1].seq)
                crash_point("archive-half-a-file")
                await self.beat()
            return writer.end()

    async def _compare(
        self, session: AsyncSession, archived: Archived, file: Path, footer: Footer, replayed: Replay
    ) -> None:
        """Raises: ArchiveError unless the file, read back from the disk, leads to the very same counters."""
        counters = await begun(session, self.part, archived)
        checked, _, read, again = await check_file(file, counters, self.beat)
        if checked.problem_count:
            raise ArchiveError(f"{file}: {checked.problems[0]}")
        rows = await session.scalar(
            select(func.count())
            .select_from(LedgerEvent)
            .where(
                LedgerEvent.part == self.part,
                beyond(LedgerEvent, archived.last),
                up_to(LedgerEvent, Position.parse(checked.last)),
            )
        )
        if read != footer or footer.events != rows or again.counters != replayed.counters:
            raise ArchiveError(f"{file} does not say what the database says: it is not used")

    def _moved(self, replayed: Replay, archived: Archived) -> dict[Place, Replayed]:
        """Counters that the next reader has to begin with and does not know from an archive before."""
        ended = int((self.now - ENDED).timestamp())
        return {
            place: counter
            for place, counter in replayed.counters.items()
            if counter.at > archived.last and not counter.ended(ended)
        }

    async def _keep_counters(self, generation: int, moved: dict[Place, Replayed]) -> None:
        table: Any = ArchivedCounter.__table__
        places = iter(sorted(moved))
        while chunk := list(islice(places, CHUNK_ROWS)):
            rows = [self._row(generation, place, moved[place]) for place in chunk]
            async with self.db.writing() as session:
                await self.lease.confirm(session, LEASE_SECONDS)
                await (await session.connection()).execute(insert(table), rows)
            crash_point("archive-half-the-counters")

    def _row(self, generation: int, place: Place, counter: Replayed) -> dict[str, Any]:
        return {
            "part": self.part,
            "key": place[0],
            "field": place[1],
            "generation": generation,
            "base": counter.base,
            "value": counter.value,
            "held": counter.held,
            "until": counter.until,
            "epoch": counter.at.epoch,
            "seq": counter.at.sequence,
        }

    async def _commit(
        self, generation: int, last: Position, counters: int, file: Path, footer: Footer
    ) -> None:
        """The moment at which it is archived. Raises: LeaseLost, ArchiveError."""
        async with self.db.writing() as session:
            await self.lease.confirm(session, LEASE_SECONDS)
            row = ArchivedCounter
            kept = await session.scalar(
                select(func.count())
                .select_from(row)
                .where(row.part == self.part, row.generation == generation)
            )
            alive = await session.scalar(
                select(Project.id)
                .join(PartitionState, PartitionState.project_id == Project.id)
                .where(PartitionState.part == self.part, Project.deleted_at.is_(None))
            )
            if kept != counters or alive is None:
                raise ArchiveError("somebody removed what was written: nothing is archived")
            session.add(
                LedgerArchive(
                    part=self.part,
                    generation=generation,
                    before=self.month,
                    epoch=last.epoch,
                    seq=last.sequence,
                    epochs=footer.epochs,
                    events=footer.events,
                    postings=footer.postings,
                    file=file.name,
                    sha256=footer.sha256,
                    at=datetime.now(UTC),
                )
            )
            await session.flush()
            crash_point("archive-before-commit")


async def _last_event(
    session: AsyncSession, partition: Partition, archived: Archived, boundary: datetime
) -> Position | None:
    """The last one before the first that was decided at or after the boundary: clocks of workers differ, but
    what is archived has no holes. None when nothing is so old.
    """
    event = LedgerEvent
    kept = (
        await session.execute(
            select(event.epoch, event.seq)
            .where(
                event.project_id == partition.project_id,
                event.part == partition.name,
                beyond(event, archived.last),
                event.at_us >= int(boundary.timestamp() * 1_000_000),
            )
            .order_by(event.epoch, event.seq)
            .limit(1)
        )
    ).one_or_none()
    older = select(event.epoch, event.seq).where(event.part == partition.name, beyond(event, archived.last))
    if kept is not None:
        older = older.where(before(event, Position(*kept)))
    last = (
        await session.execute(older.order_by(event.epoch.desc(), event.seq.desc()).limit(1))
    ).one_or_none()
    return None if last is None else Position(*last)


async def _page(session: AsyncSession, part: str, after: Position, last: Position) -> Sequence[ArchivedEvent]:
    event, posting = LedgerEvent, LedgerPosting
    columns = (
        event.epoch, event.seq, event.rid, event.project_id, event.kind, event.schema, event.at_us,
        event.actor_key_id, event.body,
    )  # fmt: skip
    events = (
        await session.execute(
            select(*columns)
            .where(event.part == part, beyond(event, after), up_to(event, last))
            .order_by(event.epoch, event.seq)
            .limit(PAGE_EVENTS)
        )
    ).all()
    if not events:
        return []
    first, end = Position(*events[0][:2]), Position(*events[-1][:2])
    rows = await session.execute(
        select(
            posting.epoch, posting.seq, posting.n, posting.key, posting.field, posting.delta, posting.kind,
            posting.after, posting.until, posting.redeemable_no,
        )
        .where(posting.part == part, at_or_beyond(posting, first), up_to(posting, end))
        .order_by(posting.epoch, posting.seq, posting.n)
    )  # fmt: skip
    postings: dict[Position, list[ArchivedPosting]] = {}
    for epoch, sequence, *values in rows:
        postings.setdefault(Position(epoch, sequence), []).append(ArchivedPosting(*values))
    page = [ArchivedEvent(*row, postings.pop(Position(*row[:2]), [])) for row in events]
    if postings:
        raise ArchiveError(f"{min(postings)}: postings without their event")
    return page
