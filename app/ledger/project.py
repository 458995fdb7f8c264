"""Stage 2: ledgered events become the rows that people look at, each event exactly once (D10).

The `projected` cursor moves in the transaction that writes the rows. An event that cannot be projected is set
aside with its error and raises an alarm; the ones behind it go on.
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
import structlog
from sqlalchemy import and_, delete, or_, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.outbox import Position
from app.core.outcome import CoreUnavailable
from app.core.records import encode_record
from app.db.database import Database
from app.db.failures import passes
from app.db.models import (
    EventBody,
    LedgerEvent,
    LedgerPosting,
    ProjectionFailure,
    SnapshotDue,
)
from app.db.noted import be_quiet, touch_nobody
from app.db.scripts import Script, Values, Write, run_script
from app.ledger.batch import bare_key
from app.ledger.changes import Changes, ProjectionError, collect
from app.ledger.crash_points import crash_point
from app.ledger.customer_writes import CustomerRules, Written
from app.ledger.entries import Event, decode_event, decode_private
from app.ledger.partitions import State, announce, read_state
from app.ledger.positions import at_or_beyond, beyond, up_to
from app.ledger.projection_writes import Overtaken, write_changes
from app.ledger.recent import Ledgered, Recent
from app.ledger.statements import statements_of

BATCH_MAX: Final = 200
"""Events of one transaction, so that SQLite's one writer is free again within 50 ms (D17)."""

log = structlog.get_logger("vouchsafe.ledger")


class Left(NamedTuple):
    """What an event left behind, by voucher: redemptions counted, credits on cards."""

    used: dict[str, int]
    balances: dict[str, int]


NOTHING: Final = Left({}, {})


class Projector:
    """Projects any partition; holds nothing between calls but what was ledgered a moment ago."""

    def __init__(self, core: RedemptionCore, db: Database, customers: CustomerRules) -> None:
        self._core = core
        self._db = db
        self._customers = customers
        self.recent = Recent()
        self.caught_up = False
        """Whether the run before ended where the ledger did when it began."""

    async def project_all(self, partition: Partition) -> int:
        """Until nothing is left; the number of events."""
        total = 0
        while moved := await self.project(partition):
            total += moved
        return total

    async def project(self, partition: Partition) -> int:
        """One run; the number of events, 0 when everything ledgered is projected."""
        left: dict[Position, Left] = {}
        self.caught_up = False
        async with self._db.reading() as session:
            state = await read_state(session, partition)
            if state is None:
                self.recent.forget(partition)
            if state is None or state.projected >= state.cursor:
                return 0
            events = self.recent.after(partition, state.projected, BATCH_MAX)
            if not events:
                events = await _events_after(session, state)
                left = await _voucher_counters(session, partition, events)
        try:
            if not events:
                await self._move_on(state)
                return 0
            try:
                await self._run(state, events, left)
            except DBAPIError as error:
                if passes(error):
                    raise  # The database is full, locked or away: that says nothing of any event.
                log.warning("projecting one by one", partition=partition.name, error=str(error.orig))
                await self._one_by_one(state, events, left)
        except Overtaken:
            return len(events)
        self.caught_up = events[-1].position >= state.cursor
        return len(events)

    async def _move_on(self, state: State) -> None:
        """A new epoch has begun and nothing of the old one is left."""
        async with self._db.writing() as session:
            await _move(session, state, state.projected, state.cursor)
        await self._announce(state.partition, state.cursor)

    async def _run(self, state: State, events: list[Ledgered], left: dict[Position, Left]) -> None:
        changes, failures = Changes(), []
        for event in events:
            error = _collect(changes, state.partition, event, left)
            if error is not None:
                failures.append(_failure(state.partition, event.position, error))
        last = events[-1].position
        async with self._db.writing() as session:
            if not state.told:
                be_quiet(session)
            if not state.watched:
                touch_nobody(session)
            move = _move_of(state, state.projected, last)
            written = await write_changes(session, state.partition, move, changes, self._customers)
            for failure in failures:
                await session.merge(failure)
            crash_point("projector-before-commit")
        crash_point("projector-after-commit")
        # Whoever waits for the announcement decides by these customers next.
        is_told = await self._republish(state.partition, written)
        await self._announce(state.partition, last)
        if is_told:
            async with self._db.writing() as session:
                await session.execute(delete(SnapshotDue).where(SnapshotDue.id == written.due_id))

    async def _one_by_one(self, state: State, events: list[Ledgered], left: dict[Position, Left]) -> None:
        """The slow way round an event that the database refuses."""
        at = state.projected
        for event in events:
            single = msgspec.structs.replace(state, projected=at)
            try:
                await self._run(single, [event], left)
            except DBAPIError as error:
                if passes(error):
                    raise
                async with self._db.writing() as session:
                    await _move(session, state, at, event.position)
                    await session.merge(_failure(state.partition, event.position, str(error.orig)))
                await self._announce(state.partition, event.position)
            at = event.position

    async def _announce(self, partition: Partition, projected: Position) -> None:
        try:
            await announce(self._core, partition, projected=projected)
        except CoreUnavailable:
            log.info("projected, but nobody could be told", partition=partition.name)

    async def _republish(self, partition: Partition, written: Written) -> bool:
        """Give the core the customers as they are now; what fails here is repeated from snapshots_due."""
        if not written.customers:
            return False
        try:
            keys = await self._core.open(partition)
            await self._core.publish(
                partition,
                {},
                [
                    (keys.customer_record(record.id), record.id, record.version, encode_record(record))
                    for record in written.customers
                ],
            )
        except CoreUnavailable:
            return False
        return True


def _collect(
    changes: Changes, partition: Partition, event: Ledgered, left: dict[Position, Left]
) -> str | None:
    """Why the event cannot be projected; None when it was collected."""
    try:
        decoded = decode_event(event.body)
        private = decode_private(event.private) if event.private is not None else None
        afters = event.afters
        after = left.get(event.position, NOTHING) if afters is None else _left_by(decoded, afters)
        collect(changes, partition, event.position, decoded, private, after.balances)
    except (msgspec.MsgspecError, ProjectionError, KeyError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    changes.redeemed_quantity.update(after.used)
    return None


def _left_by(event: Event, afters: tuple[int, ...]) -> Left:
    """The same as the ledger's postings tell, from what the script said after each."""
    left = Left({}, {})
    for posting, after in zip(event.postings, afters, strict=True):
        key = bare_key(posting.key)
        if posting.kind == "a" and key.startswith(("v:", "g:")):
            (left.used if key[0] == "v" else left.balances)[posting.field] = after
    return left


def _failure(partition: Partition, position: Position, error: str) -> ProjectionFailure:
    log.error("event cannot be projected", partition=partition.name, position=str(position), error=error)
    return ProjectionFailure(
        part=partition.name,
        epoch=position.epoch,
        seq=position.sequence,
        at=datetime.now(UTC),
        error=error[:2000],
    )


async def _events_after(session: AsyncSession, state: State) -> list[Ledgered]:
    rows = await session.execute(
        select(LedgerEvent.epoch, LedgerEvent.seq, LedgerEvent.body, EventBody.body)
        .outerjoin(
            EventBody,
            and_(
                EventBody.part == LedgerEvent.part,
                EventBody.epoch == LedgerEvent.epoch,
                EventBody.seq == LedgerEvent.seq,
            ),
        )
        .where(
            LedgerEvent.part == state.partition.name,
            beyond(LedgerEvent, state.projected),
        )
        .order_by(LedgerEvent.epoch, LedgerEvent.seq)
        .limit(BATCH_MAX)
    )
    return [Ledgered(Position(epoch, seq), body, private, None) for epoch, seq, body, private in rows]


async def _voucher_counters(
    session: AsyncSession, partition: Partition, events: list[Ledgered]
) -> dict[Position, Left]:
    """What the run left in the vouchers' counters of redemptions and in their balances, by event."""
    if not events:
        return {}
    first, last = events[0].position, events[-1].position
    posting = LedgerPosting
    statement = (
        select(posting.epoch, posting.seq, posting.key, posting.field, posting.after)
        .where(
            posting.part == partition.name,
            posting.kind == "a",
            or_(posting.key.startswith("v:"), posting.key.startswith("g:")),
        )
        .where(at_or_beyond(posting, first), up_to(posting, last))
    )
    found: dict[Position, Left] = {}
    for epoch, sequence, key, field, after in await session.execute(statement):
        left = found.setdefault(Position(epoch, sequence), Left({}, {}))
        (left.used if key[0] == "v" else left.balances)[field] = after
    return found


def _move_of(state: State, before: Position, after: Position) -> Values:
    return (*after, state.partition.name, *before)


async def _move(session: AsyncSession, state: State, before: Position, after: Position) -> None:
    """Raises: Overtaken when the cursor is not where this run began."""

    def moving() -> Script[None]:
        if (yield Write(statements_of(session).projected, [_move_of(state, before, after)])) != 1:
            raise Overtaken

    await run_script(session, moving())
