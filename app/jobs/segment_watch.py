"""Who enters and leaves the active segments (type auto-update) is found out behind the requests: customers
who were touched are looked at, and all of them when a segment is new and, where its filter speaks of time,
when the day turns. Members, moves and what webhooks are told are written in one transaction, so that a
move is told once, whoever dies in between.

Decisions do not wait for this and never look at it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.db.models import Customer, Segment, SegmentCheck, SegmentMember, SegmentMove, SegmentWalk
from app.db.noted import note_rows, touch_nobody
from app.engine import Engine
from app.identifiers import new_id
from app.redeemables.customers import customer_facts, record_of
from app.redeemables.memberships import worked_out_of
from app.redeemables.referred import SEGMENT, load_referred
from rules.facts import Moment
from rules.happenings import happening_of_field
from rules.moment import Now
from rules.operators import read_operators
from rules.operators_of_time import TIME_OPERATORS
from rules.segments import KEY, OF_ORDERS

LOOK_SECONDS: Final = 0.2
IDLE_SECONDS: Final = 2.0
"""Between two looks while no project has an active segment."""
BUSY_SECONDS: Final = 0.5
"""Of one look; then others have their turn."""
CHUNK: Final = 100
"""Customers of one transaction (D17)."""
FORGET_MAX: Final = 500
FIRST_AFTER: Final = timedelta(seconds=2)
"""Before the first walk: transactions that began without knowing of the segment have ended by then."""
MOVES: Final = "segment_moves"
_OF_OTHERS: Final = frozenset({"$in_location", "$not_in_location"})


def first_walk(project_id: str, segment_id: str, now: datetime) -> SegmentWalk:
    """With a new segment, in its transaction."""
    return SegmentWalk(
        project_id=project_id, segment_id=segment_id, at=now + FIRST_AFTER, after="", is_first=True
    )


def depends_on_more(condition: Mapping[str, Any]) -> bool:
    """Whether a customer may enter or leave while nothing of him changes: time passes, an order grows old, a
    day's count ends, a location or a collection is changed.
    """
    for field, body in condition.items():
        if field == "junction":
            continue
        happening = happening_of_field(field)
        if field.startswith(OF_ORDERS) or field == "segments" or (happening and happening.window):
            return True
        names = {name for name, _ in read_operators(body.get("conditions"), KEY, field)}
        if names & (TIME_OPERATORS.keys() | _OF_OTHERS):
            return True
    return False


class SegmentWatch:
    """Holds nothing that a new process could not read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle_until = 0.0

    async def look(self) -> None:
        """As much as there is to do, for half a second at most."""
        clock = asyncio.get_running_loop().time
        began = clock()
        if began < self._idle_until:
            return
        async with self._engine.db.reading() as session:
            is_any = await session.scalar(select(SegmentWalk.segment_id).limit(1)) is not None
            is_any = is_any or await session.scalar(select(SegmentCheck.n).limit(1)) is not None
        if not is_any:
            self._idle_until = began + IDLE_SECONDS
            return
        while await self._step():
            if clock() - began > BUSY_SECONDS:
                return
            await asyncio.sleep(0)

    async def _step(self) -> bool:
        """Whether there was anything to do."""
        try:
            has_checked = await self._check()
            return await self._walk() or has_checked
        except _Deleted as deleted:
            async with self._engine.db.writing() as session:
                for model in (SegmentCheck, SegmentWalk):
                    await session.execute(delete(model).where(model.project_id == deleted.project_id))
            return True

    async def _check(self) -> bool:
        """The customers that were touched first."""
        async with self._engine.db.reading() as session:
            rows = (await session.scalars(select(SegmentCheck).order_by(SegmentCheck.n).limit(CHUNK))).all()
            if not rows:
                return False
            project_id = rows[0].project_id
            rows = [row for row in rows if row.project_id == project_id]
            ids = {row.customer_id for row in rows}
            customers = await _customers(session, project_id, Customer.id.in_(ids))
            walks = (
                await session.scalars(select(SegmentWalk).where(SegmentWalk.project_id == project_id))
            ).all()
            look = await _Look.prepared(self._engine, session, project_id, walks)
        found = await look.at(customers)
        async with self._engine.db.writing() as session:
            touch_nobody(session)
            await look.settle(session, ids, customers, found, is_walk=False)
            await session.execute(delete(SegmentCheck).where(SegmentCheck.n.in_([row.n for row in rows])))
        return True

    async def _walk(self) -> bool:
        """The next customers of a project, for all its segments that have come as far."""
        engine, now = self._engine, self._engine.now()
        async with engine.db.reading() as session:
            due = SegmentWalk.at.is_not(None) & (SegmentWalk.at <= now)
            first = await session.scalar(select(SegmentWalk).where(due).order_by(SegmentWalk.at).limit(1))
            if first is None:
                return False
            project_id, after = first.project_id, first.after
            walks = (
                await session.scalars(
                    select(SegmentWalk).where(
                        SegmentWalk.project_id == project_id, SegmentWalk.after == after, due
                    )
                )
            ).all()
            look = await _Look.prepared(engine, session, project_id, walks)
            customers = await _customers(session, project_id, Customer.id > after, limit=CHUNK)
        gone = [walk.segment_id for walk in walks if walk.segment_id not in look.segments]
        if gone:
            return await self._forget(project_id, gone[0])
        found = await look.at(customers)
        async with engine.db.writing() as session:
            touch_nobody(session)
            await look.settle(session, set(customers), customers, found, is_walk=True)
            if len(customers) == CHUNK:
                await _move(session, project_id, look.walks, {"after": max(customers)})
            else:
                await self._end(session, look)
        return True

    async def _end(self, session: AsyncSession, look: "_Look") -> None:
        tomorrow = _next_day(look.moment)
        for walk in look.walks.values():
            row = look.segments[walk.segment_id]
            again = tomorrow if depends_on_more(row.body.get("filter") or {}) else None
            await _move(
                session,
                walk.project_id,
                [walk.segment_id],
                {"after": "", "is_first": False, "at": again},
            )
            if walk.is_first:
                await session.execute(
                    update(Segment)
                    .where(Segment.project_id == row.project_id, Segment.id == row.id)
                    .values(body={**row.body, "initial_sync_status": "DONE"})
                )

    async def _forget(self, project_id: str, segment_id: str) -> bool:
        """Members of a segment that is gone; nobody has left it."""
        member, walk = SegmentMember, SegmentWalk
        async with self._engine.db.writing() as session:
            key = (member.project_id == project_id, member.segment_id == segment_id)
            ids = list(await session.scalars(select(member.customer_id).where(*key).limit(FORGET_MAX)))
            if ids:
                await session.execute(delete(member).where(*key, member.customer_id.in_(ids)))
            else:
                await session.execute(
                    delete(walk).where(walk.project_id == project_id, walk.segment_id == segment_id)
                )
        return True


async def _customers(
    session: AsyncSession, project_id: str, condition: Any, limit: int | None = None
) -> dict[str, Customer]:
    """By id, in their order; deleted ones too, so that they are passed."""
    statement = select(Customer).where(Customer.project_id == project_id, condition).order_by(Customer.id)
    return {row.id: row for row in await session.scalars(statement.limit(limit))}


async def _move(
    session: AsyncSession, project_id: str, segment_ids: Any, values: Mapping[str, Any]
) -> None:
    await session.execute(
        update(SegmentWalk)
        .where(SegmentWalk.project_id == project_id, SegmentWalk.segment_id.in_(list(segment_ids)))
        .values(**values)
    )


def _next_day(moment: Moment) -> datetime:
    """The next midnight where the project's days turn."""
    day = moment.now.astimezone(moment.zone).date() + timedelta(days=1)
    return datetime.combine(day, time(), moment.zone).astimezone(UTC)


class _Deleted(Exception):
    """The project is gone, and with it everything that there was to look at."""

    def __init__(self, project_id: str) -> None:
        super().__init__(project_id)
        self.project_id = project_id


class _Look(msgspec.Struct):
    """The segments that customers are looked at for. walks: by segment, of those that are."""

    engine: Engine
    moment: Moment
    walks: dict[str, SegmentWalk]
    segments: dict[str, Segment]
    programs: dict[str, Any]

    @classmethod
    async def prepared(
        cls, engine: Engine, session: AsyncSession, project_id: str, walks: Sequence[SegmentWalk]
    ) -> "_Look":
        ids = [walk.segment_id for walk in walks]
        try:
            zone = (await engine.catalogue.project(project_id)).zone
        except LookupError:
            raise _Deleted(project_id) from None
        rows = await session.scalars(
            select(Segment).where(Segment.project_id == project_id, Segment.id.in_(ids))
        )
        segments = {row.id: row for row in rows}
        referred = await load_referred(session, project_id, [SEGMENT + one for one in segments])
        return cls(
            engine,
            Moment(now=engine.now(), zone=zone),
            {walk.segment_id: walk for walk in walks if walk.segment_id in segments},
            segments,
            {one: referred.segments[one].program for one in segments},
        )

    async def at(self, customers: Mapping[str, Customer]) -> set[tuple[str, str]]:
        """(segment, customer) of those who are in. Raises: CoreUnavailable."""
        needs = frozenset(need for program in self.programs.values() for need in program.needs)
        now = Now(self.moment)
        found: set[tuple[str, str]] = set()
        for row in customers.values():
            if row.deleted_at is not None:
                continue
            facts = customer_facts(record_of(row), None)
            if needs:
                engine, partition = self.engine, Partition(row.project_id)
                facts = await worked_out_of(
                    engine.core, engine.catalogue, partition, facts, needs, self.moment
                )
            found.update(
                (one, row.id) for one, program in self.programs.items() if program.contains(facts, now)
            )
        return found

    async def settle(
        self,
        session: AsyncSession,
        customer_ids: set[str],
        customers: Mapping[str, Customer],
        found: set[tuple[str, str]],
        *,
        is_walk: bool,
    ) -> None:
        """Bring the members up to what was found, and write down who moved."""
        if not customer_ids or not self.segments:
            return
        project_id = next(iter(self.segments.values())).project_id
        member = SegmentMember
        rows = await session.execute(
            select(member.segment_id, member.customer_id).where(
                member.project_id == project_id,
                member.customer_id.in_(customer_ids),
                member.segment_id.in_(list(self.segments)),
            )
        )
        before = {(segment_id, customer_id) for segment_id, customer_id in rows}
        after = found if is_walk else {pair for pair in found if not self._is_ahead(*pair, customers)}
        entered, left = sorted(after - before), sorted(before - found)
        if entered:
            values = [{"segment_id": segment_id, "customer_id": who} for segment_id, who in entered]
            await session.execute(insert(member), [{"project_id": project_id, **one} for one in values])
        if left:
            key = tuple_(member.segment_id, member.customer_id)
            await session.execute(delete(member).where(member.project_id == project_id, key.in_(left)))
        moves = [
            self._moved(project_id, segment_id, customer_id, is_in)
            for is_in, pairs in ((True, entered), (False, left))
            for segment_id, customer_id in pairs
            if self._is_news(segment_id, customers.get(customer_id))
        ]
        if moves:
            await session.execute(insert(SegmentMove), moves)
            note_rows(session, project_id, MOVES, moves)

    def _was_there(self, segment_id: str, customer: Customer | None) -> bool:
        """Whether the segment's first walk is not over, and the customer older than the segment."""
        walk, segment = self.walks[segment_id], self.segments[segment_id]
        return walk.is_first and customer is not None and customer.created_at <= segment.created_at

    def _is_ahead(self, segment_id: str, customer_id: str, customers: Mapping[str, Customer]) -> bool:
        """Whether the first walk has still to come to a customer who was there before the segment."""
        is_further = customer_id > self.walks[segment_id].after
        return is_further and self._was_there(segment_id, customers.get(customer_id))

    def _is_news(self, segment_id: str, customer: Customer | None) -> bool:
        if customer is None or customer.deleted_at is not None:
            return False
        walk = self.walks[segment_id]
        return not (self._was_there(segment_id, customer) and customer.id > walk.after)

    def _moved(self, project_id: str, segment_id: str, customer_id: str, is_in: bool) -> dict[str, Any]:
        return {
            "project_id": project_id,
            "id": new_id("move_"),
            "at": self.moment.now,
            "customer_id": customer_id,
            "segment_id": segment_id,
            "segment_name": self.segments[segment_id].name,
            "entered": is_in,
        }
