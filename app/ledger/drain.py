"""Stage 1: what waits in the outbox becomes rows of the ledger, each event exactly once (core 3.3, D10).

The cursor moves by compare-and-swap in the transaction that inserts the rows. A drain that was killed, or a
second one beside it, can therefore repeat nothing and lose nothing; an outbox with a gap stops it instead of
being papered over.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.core.outbox import Entry, Position
from app.db.database import Database
from app.db.models import Divergence, LedgerEvent, PartitionState
from app.db.scripts import Script, Write, run_alone
from app.ledger.batch import REPEATED, Batch, Problem, prepare
from app.ledger.crash_points import crash_point
from app.ledger.statements import POSTGRESQL, SQLITE, Statements

BATCH_MAX: Final = 200
"""Events of one transaction: past this, a larger batch costs latency and gains little (core 3.2)."""


class Diverged(Exception):
    """The outbox holds what cannot be ledgered. `committed` is how far the ledger came before it."""

    def __init__(self, partition: Partition, problem: Problem, committed: Position) -> None:
        super().__init__(f"{partition.name} {problem.entry.event_id}: {problem.reason}")
        self.partition = partition
        self.problem = problem
        self.committed = committed


async def cursor_of(session: AsyncSession, partition: Partition) -> Position | None:
    """How far a partition is ledgered; None for one that was never opened."""
    row = (
        await session.execute(
            select(PartitionState.cursor_epoch, PartitionState.cursor_seq).where(
                PartitionState.part == partition.name
            )
        )
    ).one_or_none()
    return None if row is None else Position(row[0], row[1])


async def ledger_entries(
    db: Database, partition: Partition, cursor: Position, entries: Sequence[Entry]
) -> Position | None:
    """Commit the entries that follow the cursor; the new cursor, or None when this drain's view is out of
    date.

    Raises: Diverged after the entries before the problem were committed and the problem was recorded.
    """
    if entries and entries[-1].position.epoch != cursor.epoch:
        return None  # a recovery has begun a new epoch meanwhile
    batch, problem = prepare(partition, cursor, entries)
    try:
        moved = await _commit(db, cursor, batch)
    except IntegrityError:
        problem = await _repeated(db, partition, entries, batch)
        if problem is None:
            raise
        batch, _ = prepare(partition, cursor, _before(entries, problem.entry))
        moved = await _commit(db, cursor, batch)
    if not moved:
        return None
    if problem is not None:
        if not batch.events and await _overtaken(db, partition, cursor):
            return None  # no gap: another drain has ledgered and trimmed what is missing
        await record_divergences(db, partition, [problem])
        raise Diverged(partition, problem, batch.last)
    return batch.last


async def _overtaken(db: Database, partition: Partition, cursor: Position) -> bool:
    async with db.reading() as session:
        return await cursor_of(session, partition) != cursor


async def _commit(db: Database, cursor: Position, batch: Batch) -> bool:
    if not batch.events:
        return True
    statements = SQLITE if db.is_sqlite else POSTGRESQL
    if not await run_alone(db, _rows(statements, cursor, batch)):
        return False
    crash_point("drain-after-commit")
    return True


def _rows(statements: Statements, cursor: Position, batch: Batch) -> Script[bool]:
    """False, and nothing is written, when the cursor is not where the batch begins."""
    part = batch.events[0][0]
    swap = (batch.last.sequence, part, cursor.epoch, cursor.epoch, cursor.sequence)
    if (yield Write(statements.cursor, [swap])) != 1:
        return False
    yield Write(statements.event, batch.events)
    yield Write(statements.posting, batch.postings)
    yield Write(statements.body, batch.bodies)
    yield Write(statements.keyed, batch.keyed)
    yield Write(statements.counter_value, list(batch.moved.values()))
    yield Write(statements.counter_held, list(batch.held.values()))
    crash_point("drain-before-commit")
    return True


async def _repeated(
    db: Database, partition: Partition, entries: Sequence[Entry], batch: Batch
) -> Problem | None:
    """The first entry whose request is ledgered under another id, or comes twice in the batch itself."""
    requests = [(row[3], Position(row[1], row[2])) for row in batch.events]
    async with db.reading() as session:
        found = await session.execute(
            select(LedgerEvent.rid, LedgerEvent.part, LedgerEvent.epoch, LedgerEvent.seq).where(
                LedgerEvent.rid.in_([rid for rid, _ in requests])
            )
        )
        ledgered = {rid: (part, Position(epoch, seq)) for rid, part, epoch, seq in found}
    by_position = {entry.position: entry for entry in entries}
    seen: set[str] = set()
    for rid, position in requests:
        if rid in seen or ledgered.get(rid, (partition.name, position)) != (partition.name, position):
            return Problem(by_position[position], REPEATED)
        seen.add(rid)
    return None


def _before(entries: Sequence[Entry], entry: Entry) -> list[Entry]:
    return [one for one in entries if one.position < entry.position]


async def record_divergences(db: Database, partition: Partition, problems: Sequence[Problem]) -> None:
    """Keep what could not be ledgered, each entry once, for whoever has to find out why."""
    if not problems:
        return
    now = datetime.now(UTC)
    positions = [problem.entry.position for problem in problems]
    async with db.writing() as session:
        known = await session.execute(
            select(Divergence.epoch, Divergence.seq).where(
                Divergence.part == partition.name,
                Divergence.seq.in_([position.sequence for position in positions]),
            )
        )
        recorded = {Position(epoch, sequence) for epoch, sequence in known}
        for problem, position in zip(problems, positions, strict=True):
            if position not in recorded:
                session.add(
                    Divergence(
                        part=partition.name,
                        epoch=position.epoch,
                        seq=position.sequence,
                        at=now,
                        reason=problem.reason,
                        body=problem.entry.event,
                    )
                )
