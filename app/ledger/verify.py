"""The ledger checked against itself: no gap, no posting astray, every counter a chain without a break."""

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.core.outbox import Position
from app.db.database import Database
from app.db.models import Divergence, LedgerEvent, LedgerPosting, ProjectionFailure
from app.ledger.archived import TABLES, Archived, read_archived
from app.ledger.batch import bare_key
from app.ledger.entries import decode_event
from app.ledger.partitions import State, read_state
from app.ledger.positions import at_or_beyond, beyond, up_to
from app.ledger.replay import PAGE_ROWS, PROBLEMS_MAX, replay


class Verified(Struct):
    """divergences and projection_failures are told, not counted as problems: they are on record."""

    partition: str
    events: int = 0
    archived: int = 0
    """Events before those, which are in files."""
    postings: int = 0
    epochs: int = 0
    divergences: int = 0
    projection_failures: int = 0
    problems: list[str] = []
    problem_count: int = 0

    def blame(self, sentence: str) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(sentence)


async def verify(db: Database, partition: Partition) -> Verified | None:
    """Read the whole ledger of a partition in one snapshot; None when there is no such partition."""
    part = partition.name
    async with db.snapshot(TABLES) as session:
        state = await read_state(session, partition)
        if state is None:
            return None
        archived = await read_archived(session, part)
        found = Verified(part, archived=archived.events)
        await _sequence(session, state, archived, found)
        await _bodies(session, part, archived, found)
        replayed = await replay(session, part)
        found.postings = replayed.postings
        for problem in replayed.problems:
            found.blame(problem)
        found.problem_count += replayed.problem_count - len(replayed.problems)
        for model, member in ((Divergence, "divergences"), (ProjectionFailure, "projection_failures")):
            count = await session.scalar(select(func.count()).select_from(model).where(model.part == part))
            setattr(found, member, int(count or 0))
    return found


async def _sequence(session: AsyncSession, state: State, archived: Archived, found: Verified) -> None:
    """Each epoch counts 1, 2, 3, …, from where its archive ends, and the newest ends at the cursor (I4)."""
    rows = await session.execute(
        select(LedgerEvent.epoch, func.count(), func.min(LedgerEvent.seq), func.max(LedgerEvent.seq))
        .where(LedgerEvent.part == state.partition.name, beyond(LedgerEvent, archived.last))
        .group_by(LedgerEvent.epoch)
        .order_by(LedgerEvent.epoch)
    )
    last = Position(state.epoch, archived.ends.get(state.epoch, 0))
    for epoch, count, first, highest in rows:
        found.epochs += 1
        found.events += count
        before = archived.ends.get(epoch, 0)
        if first != before + 1 or highest != before + count:
            found.blame(f"epoch {epoch}: {count} events between {first} and {highest}")
        if epoch > state.epoch:
            found.blame(f"epoch {epoch} is ledgered, but the partition is at {state.epoch}")
        if epoch == state.epoch:
            last = Position(epoch, highest)
    if state.cursor != last:
        found.blame(f"the cursor is at {state.cursor}, the last event is {last}")
    if state.projected > state.cursor:
        found.blame(f"projected to {state.projected}, beyond the cursor at {state.cursor}")


async def _bodies(session: AsyncSession, part: str, archived: Archived, found: Verified) -> None:
    """The rows of an event's postings say what its body says."""
    after = archived.last
    while True:
        events = (
            await session.execute(
                select(LedgerEvent.epoch, LedgerEvent.seq, LedgerEvent.rid, LedgerEvent.body)
                .where(LedgerEvent.part == part, beyond(LedgerEvent, after))
                .order_by(LedgerEvent.epoch, LedgerEvent.seq)
                .limit(PAGE_ROWS)
            )
        ).all()
        if not events:
            return
        first, after = Position(*events[0][:2]), Position(*events[-1][:2])
        rows = await _postings_between(session, part, first, after)
        for epoch, sequence, rid, body in events:
            event = decode_event(body)
            expected = [
                (bare_key(posting.key), posting.field, posting.delta, posting.kind)
                for posting in event.postings
            ]
            if event.rid != rid or expected != rows.pop(Position(epoch, sequence), []):
                found.blame(f"{epoch}-{sequence}: the rows contradict the event's body")
        for position in rows:
            found.blame(f"{position}: postings without their event")


async def _postings_between(
    session: AsyncSession, part: str, first: Position, last: Position
) -> dict[Position, list[tuple[str, str, int, str]]]:
    rows = await session.execute(
        select(
            LedgerPosting.epoch,
            LedgerPosting.seq,
            LedgerPosting.key,
            LedgerPosting.field,
            LedgerPosting.delta,
            LedgerPosting.kind,
        )
        .where(LedgerPosting.part == part)
        .where(at_or_beyond(LedgerPosting, first), up_to(LedgerPosting, last))
        .order_by(LedgerPosting.epoch, LedgerPosting.seq, LedgerPosting.n)
    )
    found: dict[Position, list[tuple[str, str, int, str]]] = {}
    for epoch, sequence, key, field, delta, kind in rows:
        found.setdefault(Position(epoch, sequence), []).append((key, field, delta, kind))
    return found
