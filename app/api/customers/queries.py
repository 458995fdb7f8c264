"""Customers by what paths, bodies and lists name them. A deleted one is not found."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.customers.indexed import indexed_conditions
from app.db.models import Customer, Segment
from app.http.errors import invalid_query, not_found
from app.http.query import Order, Query, parse_instant
from app.http.wire import iso
from app.redeemables.referred import SEGMENT, load_referred
from rules.programs import CompiledSegment

COLUMNS: dict[str, Any] = {
    "created_at": Customer.created_at,
    "updated_at": Customer.updated_at,
    "source_id": Customer.source_id,
}
NULLABLE = frozenset({"updated_at", "source_id"})


async def find_customer(
    session: AsyncSession, project_id: str, identities: list[str], *, lock: bool = False
) -> Customer | None:
    """The row, also of a deleted customer, by id or source_id; an id wins, then the order of `identities`."""
    statement = select(Customer).where(
        Customer.project_id == project_id,
        or_(Customer.id.in_(identities), Customer.source_id.in_(identities)),
    )
    rows = (await session.scalars(statement.with_for_update() if lock else statement)).all()
    for identity in identities:
        for row in rows:
            if row.id == identity:
                return row
    for identity in identities:
        for row in rows:
            if row.source_id == identity:
                return row
    return None


async def owner_of(session: AsyncSession, project_id: str, source_id: str) -> str | None:
    """Id of the customer, also a deleted one, who has the source_id."""
    return await session.scalar(
        select(Customer.id).where(Customer.project_id == project_id, Customer.source_id == source_id)
    )


Cursor = tuple[datetime | str | None, str | None]
"""Value of the column by which is ordered, and id: the row that was the last. A row without a value, such as
a customer who was never changed, comes before all others, in a descending order behind them.
"""


class CustomerList(NamedTuple):
    """What a list asks for."""

    where: ColumnElement[bool]
    order: Order
    limit: int
    page: int
    starting_after: Cursor | None
    segment: CompiledSegment | None = None
    """A segment that is a filter: its members are found by looking at customers."""


async def list_of(session: AsyncSession, project_id: str, query: Query, now: datetime) -> CustomerList:
    """now: when filters of segments hold.

    Raises: ApiError 400 invalid_query_params; 404 for an unknown segment.
    """
    conditions: list[ColumnElement[bool]] = [
        Customer.project_id == project_id,
        Customer.deleted_at.is_(None),
    ]
    for name, column in (
        ("email", Customer.email),
        ("name", Customer.name),
        ("city", Customer.body["address"]["city"].as_string()),
    ):
        value = query.text(name)
        if value is not None:
            conditions.append(column == value)
    for name, column in (("created_at", Customer.created_at), ("updated_at", Customer.updated_at)):
        between = query.between(name)
        if between.after is not None:
            conditions.append(column > between.after)
        if between.before is not None:
            conditions.append(column < between.before)
    segment_id = query.text("segment_id")
    segment = None
    if segment_id is not None:
        row = await session.get(Segment, (project_id, segment_id))
        if row is None:
            raise not_found("segment", segment_id)
        if row.type != "static":
            referred = await load_referred(session, project_id, [SEGMENT + segment_id])
            segment = referred.segments[segment_id]
            conditions += indexed_conditions(row.body.get("filter") or {}, now)
        else:
            members = [str(member) for member in row.body.get("customers") or []]
            ids = [one for one in members if one.startswith("cust_")]
            names = [one for one in members if not one.startswith("cust_")]
            conditions.append(or_(Customer.id.in_(ids), Customer.source_id.in_(names)))
    paging = query.paging(tuple(COLUMNS), "-created_at")
    cursor = query.text("starting_after")
    return CustomerList(
        where=and_(*conditions),
        order=paging.order,
        limit=paging.limit,
        page=paging.page,
        starting_after=None if cursor is None else parsed_cursor(cursor, paging.order),
        segment=segment,
    )


def parsed_cursor(text: str, order: Order) -> Cursor:
    """An instant as answered in `created_at`, or the exact row of `more_starting_after`: value,id, where no
    value is no text.

    Raises: ApiError 400 invalid_query_params.
    """
    value, separator, identity = text.rpartition(",")
    if separator and identity and not value and order.field in NULLABLE:
        return None, identity
    if order.field == "source_id":
        if not separator:
            raise invalid_query("Query .starting_after needs an order by created_at or updated_at")
        return value, identity
    instant, _, identity = text.partition(",")
    return parse_instant(instant, "starting_after"), identity or None


def cursor_of(row: Customer, order: Order) -> str:
    """Where the next page starts, exact to the row."""
    if order.field == "source_id":
        return f"{row.source_id or ''},{row.id}"
    instant = row.created_at if order.field == "created_at" else row.updated_at
    if instant is None:
        return f",{row.id}"
    return f"{(iso(instant) or '')[:-4]}{instant.microsecond:06d}Z,{row.id}"


def after_cursor(cursor: Cursor, order: Order) -> ColumnElement[bool]:
    """Rows behind the cursor. An instant alone has milliseconds only: rows of that very millisecond are
    passed.
    """
    column = COLUMNS[order.field]
    value, identity = cursor
    if value is None:
        assert identity is not None
        if order.descending:
            return and_(column.is_(None), Customer.id < identity)
        return or_(column.is_not(None), Customer.id > identity)
    if identity is not None:
        # Compared as a pair, so that an index begins at the cursor instead of passing by all before it.
        row = tuple_(column, Customer.id)
        position = tuple_(literal(value, column.type), literal(identity, Customer.id.type))
        behind = row < position if order.descending else row > position
    else:
        assert isinstance(value, datetime)  # only an instant comes without an id
        later = column >= value + timedelta(milliseconds=1)
        behind = and_(column < value if order.descending else later)
    return or_(behind, column.is_(None)) if order.descending and order.field in NULLABLE else behind


def page_statement(asked: CustomerList) -> Select[Customer]:
    """Customers of the list in its order, from the cursor on."""
    column, descending = COLUMNS[asked.order.field], asked.order.descending
    ordering = [column.desc(), Customer.id.desc()] if descending else [column, Customer.id]
    if asked.order.field in NULLABLE:
        # Said, because databases differ in where they put what has no value.
        ordering[0] = ordering[0].nulls_last() if descending else column.asc().nulls_first()
    statement = select(Customer).where(asked.where).order_by(*ordering)
    if asked.starting_after is not None:
        statement = statement.where(after_cursor(asked.starting_after, asked.order))
    return statement


async def page(session: AsyncSession, asked: CustomerList) -> tuple[list[Customer], int, bool]:
    """One page, the total and whether more follow."""
    total = await session.scalar(select(func.count()).select_from(Customer).where(asked.where)) or 0
    statement = page_statement(asked)
    if asked.starting_after is None:
        statement = statement.offset((asked.page - 1) * asked.limit)
    rows = list((await session.scalars(statement.limit(asked.limit + 1))).all())
    return rows[: asked.limit], total, len(rows) > asked.limit
