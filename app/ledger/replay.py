"""Counters as the postings alone tell them: base + sum of postings, checked step by step (D13). Postings that
were archived count as the counters that the archive left in their place.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from msgspec import Struct, structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.outbox import Position
from app.db.models import ArchivedCounter, LedgerPosting
from app.ledger.archived import Archived, read_archived
from app.ledger.batch import HOLDING
from app.ledger.positions import beyond, up_to

PAGE_ROWS: Final = 2000
PROBLEMS_MAX: Final = 100
"""More lines would not be read; how many there are is always told."""

NOWHERE: Final = Position(0, 0)
"""Before all events."""

Place = tuple[str, str]


class Replayed(Struct):
    """One counter after its postings. value None: only held, never moved, so its base is what it is."""

    base: int | None = None
    value: int | None = None
    held: int = 0
    until: int = 0
    at: Position = NOWHERE

    def ended(self, now_seconds: int) -> bool:
        """Whether its window is over: it counts nothing any more and may be gone (D7)."""
        return bool(self.until) and self.until <= now_seconds


class Replay(Struct):
    """Counters by key and field, and where a posting contradicts the one before it."""

    counters: dict[Place, Replayed] = {}
    problems: list[str] = []
    problem_count: int = 0
    postings: int = 0

    def blame(self, sentence: str) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(sentence)


def _columns() -> Any:
    return select(
        LedgerPosting.epoch,
        LedgerPosting.seq,
        LedgerPosting.key,
        LedgerPosting.field,
        LedgerPosting.delta,
        LedgerPosting.kind,
        LedgerPosting.after,
        LedgerPosting.until,
    )


async def _rows(session: AsyncSession, statement: Any) -> AsyncIterator[Any]:
    streamed = await session.stream(
        statement.order_by(LedgerPosting.epoch, LedgerPosting.seq, LedgerPosting.n),
        execution_options={"yield_per": PAGE_ROWS},
    )
    async for row in streamed:
        yield row


async def replay(session: AsyncSession, part: str, last: Position | None = None) -> Replay:
    """All postings of a partition, from the first to `last`."""
    archived = await read_archived(session, part)
    statement = _columns().where(LedgerPosting.part == part, beyond(LedgerPosting, archived.last))
    if last is not None:
        statement = statement.where(up_to(LedgerPosting, last))
    return await follow(_rows(session, statement), await begun(session, part, archived))


class Moved(Struct):
    """What events left of a counter; None: they say nothing of it."""

    value: int | None = None
    held: int | None = None
    until: int = 0


async def moved_since(session: AsyncSession, part: str, verified: Position) -> dict[Place, Moved]:
    """The counters that moved after a verified checkpoint, as the postings since then left them. They are
    read in the order of events, so that it takes as long as what happened since, whatever there was before.
    """
    archived = await read_archived(session, part)
    moved: dict[Place, Moved] = {}
    if archived.last > verified:
        for place, left in (await begun(session, part, archived, verified)).items():
            moved[place] = Moved(left.value, left.held, left.until)
    statement = _columns().where(
        LedgerPosting.part == part, beyond(LedgerPosting, max(archived.last, verified))
    )
    async for _, _, key, field, _, kind, after, until in _rows(session, statement):
        one = moved.get((key, field))
        if one is None:
            one = moved[key, field] = Moved()
        if kind in HOLDING:
            one.held = after
        else:
            one.value = after
        one.until = until
    return moved


async def value_as_of(
    session: AsyncSession,
    part: str,
    place: Place,
    position: Position,
    known: tuple[Position, Replayed | None],
) -> Replayed | None:
    """One counter as it was at an event; None when it had no posting by then. known: what it was at an
    earlier event that is not archived, so that only what came between is read.
    """
    since, before = known
    key, field = place
    statement = (
        _columns()
        .where(LedgerPosting.part == part, LedgerPosting.key == key, LedgerPosting.field == field)
        .where(beyond(LedgerPosting, since), up_to(LedgerPosting, position))
    )
    begins = {} if before is None else {place: structs.replace(before)}
    return (await follow(_rows(session, statement), begins)).counters.get(place)


async def begun(
    session: AsyncSession, part: str, archived: Archived, after: Position = NOWHERE
) -> dict[Place, Replayed]:
    """Counters as the newest archive left them, of those that moved beyond `after`; empty when nothing was
    archived.
    """
    if not archived.generations:
        return {}
    row = ArchivedCounter
    connection = await session.connection()
    streamed = await connection.stream(
        select(row.key, row.field, row.base, row.value, row.held, row.until, row.epoch, row.seq)
        .where(row.part == part, row.generation.in_(archived.generations), beyond(row, after))
        .order_by(row.generation),
        execution_options={"yield_per": PAGE_ROWS},
    )
    return {
        (key, field): Replayed(base, value, held, until, Position(epoch, sequence))
        async for key, field, base, value, held, until, epoch, sequence in streamed
    }


async def follow(rows: AsyncIterator[Any], counters: dict[Place, Replayed] | None = None) -> Replay:
    """rows: of postings in their order: epoch, seq, key, field, delta, kind, after, until. counters: as they
    stood before the first row; they are moved.
    """
    replay = Replay(counters={} if counters is None else counters)
    counters = replay.counters
    current = NOWHERE
    holding: dict[Place, tuple[int, int]] = {}
    async for epoch, sequence, key, field, delta, kind, after, until in rows:
        position = Position(epoch, sequence)
        if position != current:
            _settle(replay, holding, current)
            current = position
        replay.postings += 1
        place = (key, field)
        counter = counters.get(place)
        if counter is None:
            counter = counters[place] = Replayed()
        counter.until = until
        counter.at = position
        if kind in HOLDING:
            moved, _ = holding.get(place, (0, 0))
            holding[place] = (moved + (abs(delta) if kind == "h" else -abs(delta)), after)
        else:
            _move(replay, place, counter, delta, after)
    _settle(replay, holding, current)
    return replay


def _move(replay: Replay, place: Place, counter: Replayed, delta: int, after: int) -> None:
    if counter.value is None:
        # A return into an ended window moves nothing, and can be a counter's first posting.
        counter.base = after - delta
    elif counter.value + delta != after and not (counter.until and delta < 0 and after == counter.value):
        replay.blame(
            f"{place[0]} {place[1]} at {counter.at}: {counter.value} and {delta} do not make {after}"
        )
    counter.value = after


def _settle(replay: Replay, holding: dict[Place, tuple[int, int]], position: Position) -> None:
    """What is held is compared once per event: a release and a hold of one call are one step."""
    for place, (moved, after) in holding.items():
        counter = replay.counters[place]
        if counter.held + moved != after:
            replay.blame(
                f"{place[0]} {place[1]} at {position}: held {counter.held} and {moved} do not make {after}"
            )
        counter.held = after
    holding.clear()
