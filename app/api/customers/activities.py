"""What happened to a customer, told from where it is kept. Nothing is written for it, so it costs nobody who
does not read it.

Every source gives its rows behind a position in one order, by instant, kind and id; the page is merged from
them. An activity's id is its position, so that it serves as the cursor.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.customers.activity_segments import MOVES
from app.api.customers.activity_sources import (
    CREATED,
    EFFECT,
    SOURCES,
    UPDATED,
    Activity,
    Position,
    Source,
    Wanted,
    microseconds,
)


def _sources(wanted: Wanted) -> list[Source]:
    return [
        source
        for source in (*SOURCES, MOVES)
        if (wanted.category is None or source.category == wanted.category)
        and (wanted.type is None or wanted.type in source.types)
    ]


def _where(wanted: Wanted, source: Source) -> ColumnElement[bool]:
    in_microseconds = source.kind == UPDATED

    def value(instant: datetime) -> Any:
        return microseconds(instant) if in_microseconds else instant

    conditions: list[ColumnElement[bool]] = [true()]
    if wanted.start_date is not None:
        conditions.append(source.at >= value(wanted.start_date))
    if wanted.end_date is not None:
        conditions.append(source.at <= value(wanted.end_date))
    if wanted.type is not None:
        conditions.append(source.typed(wanted.type))
    return and_(*conditions)


def _behind(wanted: Wanted, source: Source) -> ColumnElement[bool]:
    position = wanted.after
    if position is None:
        return true()
    at: Any = position.at_us if source.kind == UPDATED else position.at
    down = wanted.descending
    further = source.at < at if down else source.at > at
    if source.kind == position.kind:
        same = source.row_id < position.row_id if down else source.row_id > position.row_id
    else:
        same = literal(value=(source.kind < position.kind) is down)
    return or_(further, and_(source.at == at, same))


def _created(wanted: Wanted) -> list[Activity]:
    """The customer's own beginning."""
    name = "customer.created"
    if wanted.category == EFFECT or wanted.type not in (None, name) or wanted.of_campaigns:
        return []
    if wanted.product_id is not None:
        return []
    position = Position(microseconds(wanted.created_at), CREATED, wanted.customer_id)
    if wanted.start_date is not None and wanted.created_at < wanted.start_date:
        return []
    if wanted.end_date is not None and wanted.created_at > wanted.end_date:
        return []
    return [Activity(position, name, {})]


async def page(session: AsyncSession, wanted: Wanted) -> list[Activity]:
    """The next `limit` of the feed, in its order."""
    found = [
        one
        for one in _created(wanted)
        if wanted.after is None
        or (one.position < wanted.after if wanted.descending else one.position > wanted.after)
    ]
    for source in _sources(wanted):
        ordering: Sequence[Any] = (source.at, source.row_id)
        if wanted.descending:
            ordering = [column.desc() for column in ordering]
        statement = (
            source.statement(wanted)
            .where(_where(wanted, source), _behind(wanted, source))
            .order_by(*ordering)
            .limit(wanted.limit)
        )
        found += [source.wire(row) for row in await session.execute(statement)]
    found.sort(key=lambda one: one.position, reverse=wanted.descending)
    return found[: wanted.limit]


async def total(session: AsyncSession, wanted: Wanted) -> int:
    """How many the whole feed has."""
    count = len(_created(wanted))
    for source in _sources(wanted):
        rows = source.statement(wanted).where(_where(wanted, source)).subquery()
        count += await session.scalar(select(func.count()).select_from(rows)) or 0
    return count
