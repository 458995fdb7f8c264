"""What left the ledger, as the database knows it: up to which event, in which files."""

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.outbox import Position
from app.db.models import LedgerArchive

TABLES = ("ledger_events", "ledger_postings", "event_bodies")
"""Of which an archive takes rows away: whoever reads history locks them (Database.snapshot)."""


class Archived(Struct, frozen=True):
    """All archives of one partition. generations: of its archives, oldest first. last: the last event that is
    archived; 0-0 when none is. ends: epoch to the last sequence of it that is archived.
    """

    generations: tuple[int, ...] = ()
    last: Position = Position(0, 0)
    ends: dict[int, int] = {}
    events: int = 0
    sha256: str = ""
    """Of the newest file."""

    def holds(self, position: Position) -> bool:
        """Whether an event was ledgered and then archived."""
        return position.sequence <= self.ends.get(position.epoch, 0)


async def read_archived(session: AsyncSession, part: str) -> Archived:
    rows = (
        await session.scalars(
            select(LedgerArchive).where(LedgerArchive.part == part).order_by(LedgerArchive.generation)
        )
    ).all()
    if not rows:
        return Archived()
    ends: dict[int, int] = {}
    for row in rows:
        ends.update((epoch, last) for epoch, last in row.epochs)
    newest = rows[-1]
    return Archived(
        generations=tuple(row.generation for row in rows),
        last=Position(newest.epoch, newest.seq),
        ends=ends,
        events=sum(row.events for row in rows),
        sha256=newest.sha256,
    )
