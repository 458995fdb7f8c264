"""Room made in the database: rows of archived events go, and counters of archives that a newer one replaces.

All of it can be begun again at any time. Nobody reads these rows any more.
"""

import socket
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.core.outbox import Position
from app.db.database import Database
from app.db.models import ArchivedCounter, EventBody, LedgerEvent, LedgerPosting
from app.ledger.archive import ENDED, LEASE_SECONDS
from app.ledger.archived import read_archived
from app.ledger.crash_points import crash_point
from app.ledger.lease import HeldLease, LeaseLost, leased
from app.ledger.positions import beyond, up_to

CHUNK_EVENTS: Final = 200
"""Of one transaction with their postings, so that SQLite's one writer is free again within 50 ms (D17)."""
CHUNK_COUNTERS: Final = 500


async def remove_archived(db: Database, partition: Partition, now: datetime) -> int:
    """The rows of everything that is archived of a partition; how many events went now."""
    part = partition.name
    async with db.reading() as session:
        archived = await read_archived(session, part)
    if not archived.generations:
        return 0
    removed: int = 0
    after = Position(0, 0)
    while after < archived.last:
        async with db.reading() as session:
            bound = await _bound(session, part, after, archived.last)
        async with db.writing() as session:
            for model in (LedgerPosting, EventBody, LedgerEvent):
                done: Any = await session.execute(
                    delete(model).where(model.part == part, beyond(model, after), up_to(model, bound))
                )
        removed += max(0, int(done.rowcount))
        crash_point("archive-half-removed")
        after = bound
    try:
        async with leased(db, f"archive:{part}", socket.gethostname(), LEASE_SECONDS) as lease:
            if lease is not None:
                await _forget_counters(db, part, lease, now)
    except LeaseLost:
        return removed  # Another archive has begun, and does it at its end.
    return removed


async def _bound(session: AsyncSession, part: str, after: Position, last: Position) -> Position:
    """Where the next chunk ends. It begins behind the one before, or each chunk would read past all that were
    removed before it.
    """
    event = LedgerEvent
    row = (
        await session.execute(
            select(event.epoch, event.seq)
            .where(event.part == part, beyond(event, after), up_to(event, last))
            .order_by(event.epoch, event.seq)
            .offset(CHUNK_EVENTS - 1)
            .limit(1)
        )
    ).one_or_none()
    return last if row is None else Position(*row)


async def _forget_counters(db: Database, part: str, lease: HeldLease, now: datetime) -> None:
    """Rows that no reader begins with: of windows that ended, of attempts that did not end, and those of
    which there is a newer one. Under the lease, for what another process has just written looks like an
    attempt that did not end.
    """
    row = ArchivedCounter
    key = tuple_(row.key, row.field, row.generation)
    ended = int((now - ENDED).timestamp())
    after: tuple[str, str, int] | None = None
    newest: tuple[str, str, int] | None = None
    while True:
        statement = select(row.key, row.field, row.generation, row.until).where(row.part == part)
        if after is not None:
            statement = statement.where(key > after)
        async with db.writing() as session:
            await lease.confirm(session, LEASE_SECONDS)
            archived = await read_archived(session, part)
            rows = (
                await session.execute(
                    statement.order_by(row.key, row.field, row.generation).limit(CHUNK_COUNTERS)
                )
            ).all()
            gone: list[tuple[str, str, int]] = []
            for name, field, generation, until in rows:
                place = (name, field, generation)
                if generation not in archived.generations or 0 < until <= ended:
                    gone.append(place)
                    continue
                if newest is not None and newest[:2] == place[:2]:
                    gone.append(newest)
                newest = place
            if gone:
                await session.execute(delete(row).where(row.part == part, key.in_(gone)))
        if len(rows) < CHUNK_COUNTERS:
            return
        after = (rows[-1][0], rows[-1][1], rows[-1][2])
