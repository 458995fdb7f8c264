"""`filters[...]` of lists as SQL conditions (behaviour 1.7): a room says which field is which column,
operators are the same everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, cast, false, func, not_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import Select
from sqlalchemy.types import Text

from app.http.errors import invalid_query
from app.http.query import Condition, Filters, Paging, parse_instant

TEXT_LENGTH_MAX = 1_000


class Field(Struct, frozen=True):
    """A column that can be filtered by. kind: text, instant, flag or number."""

    column: Any
    kind: str = "text"


Fields = Mapping[str, Field]
Special = Callable[[Condition, datetime], ColumnElement[bool] | None]
"""Looks at a condition before the columns do; None when it is not one of its own."""


def filter_condition(
    filters: Filters, fields: Fields, now: datetime, *, metadata: Any = None, special: Special | None = None
) -> ColumnElement[bool]:
    """All conditions in one. `metadata` is the JSON expression under which metadata.<key> is looked up.

    Raises: ApiError 400 invalid_query_params for an unknown field, operator or operand.
    """
    if not filters:
        return true()
    made = [_condition(condition, fields, now, metadata, special) for condition in filters.conditions]
    return and_(*made) if filters.junction == "and" else or_(*made)


def _condition(
    condition: Condition, fields: Fields, now: datetime, metadata: Any, special: Special | None
) -> ColumnElement[bool]:
    made = special(condition, now) if special is not None else None
    if made is not None:
        return made
    if metadata is not None and condition.field.startswith("metadata."):
        key = condition.field.removeprefix("metadata.")
        return compare(Field(metadata[key].as_string()), condition, now)
    field = fields.get(condition.field)
    if field is None:
        raise invalid_query(f"Query .filters.{condition.field} is not supported")
    return compare(field, condition, now)


def compare(field: Field, condition: Condition, now: datetime) -> ColumnElement[bool]:
    """One operator on one column.

    Raises: ApiError 400 invalid_query_params.
    """
    made: ColumnElement[bool]
    column, operator = field.column, condition.operator
    where = f"filters.{condition.field}.conditions.{operator}"
    if operator == "$has_value":
        made = column.is_not(None)
        return made
    if operator == "$is_unknown":
        made = column.is_(None)
        return made
    if not condition.values or any(len(value) > TEXT_LENGTH_MAX for value in condition.values):
        raise invalid_query(f"Query .{where} must have a value")
    if operator in ("$in", "$not_in"):
        values = [_value(field, value, where) for value in condition.values]
        made = column.in_(values) if operator == "$in" else or_(column.is_(None), column.not_in(values))
        return made
    first = condition.values[0]
    if operator in _DAYS:
        return _days_apart(column, operator, first, now, where)
    if operator in _TEXTS:
        made = _TEXTS[operator](cast(column, Text), first)
        return made
    value = _value(field, first, where)
    if operator == "$is":
        made = column == value
        return made
    if operator == "$is_not":
        return or_(column.is_(None), column != value)
    comparison = _COMPARISONS.get(operator)
    if comparison is None:
        raise invalid_query(f"Query .{where} is not supported")
    made = comparison(column, value)
    return made


_TEXTS: dict[str, Callable[[Any, str], Any]] = {
    "$contains": lambda column, value: column.contains(value, autoescape=True),
    "$not_contain": lambda column, value: or_(
        column.is_(None), not_(column.contains(value, autoescape=True))
    ),
    "$starts_with": lambda column, value: column.startswith(value, autoescape=True),
    "$ends_with": lambda column, value: column.endswith(value, autoescape=True),
}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "$more_than": lambda column, value: column > value,
    "$less_than": lambda column, value: column < value,
    "$more_than_equal": lambda column, value: column >= value,
    "$less_than_equal": lambda column, value: column <= value,
    "$more_than_or_equal": lambda column, value: column >= value,
    "$less_than_or_equal": lambda column, value: column <= value,
    "$after": lambda column, value: column > value,
    "$before": lambda column, value: column < value,
}
_DAYS = (
    "$is_days_ago",
    "$is_days_in_future",
    "$more_than_ago",
    "$less_than_ago",
    "$more_than_future",
    "$less_than_future",
)


def _days_apart(column: Any, operator: str, text: str, now: datetime, where: str) -> ColumnElement[bool]:
    if not text.isdigit() or len(text) > 5:
        raise invalid_query(f"Query .{where} must be a number of days")
    past = operator.endswith("ago")
    day = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=int(text)) * (
        -1 if past else 1
    )
    if operator.startswith("$is_days"):
        return and_(column >= day, column < day + timedelta(days=1))
    if operator == "$more_than_ago":
        return and_(column < now - timedelta(days=int(text)))
    if operator == "$less_than_ago":
        return and_(column > now - timedelta(days=int(text)), column <= now)
    if operator == "$more_than_future":
        return and_(column > now + timedelta(days=int(text)))
    return and_(column < now + timedelta(days=int(text)), column >= now)


def _value(field: Field, text: str, where: str) -> Any:
    if field.kind == "instant":
        return parse_instant(text, where)
    if field.kind == "flag":
        if text.lower() not in ("true", "false"):
            raise invalid_query(f"Query .{where} must be boolean")
        return text.lower() == "true"
    if field.kind == "number":
        if not text.lstrip("-").isdigit() or len(text) > 15:
            raise invalid_query(f"Query .{where} must be integer")
        return int(text)
    return text


def nothing() -> ColumnElement[bool]:
    """A condition that no row meets."""
    return false()


async def page_of(
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    paging: Paging,
    columns: Mapping[str, Any],
    identity: Any,
) -> tuple[Sequence[Any], int]:
    """One page and the total. The order is total: ties go by id, in the same direction."""
    total = await session.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
    column = columns[paging.order.field]
    ordering = [column, identity]
    if paging.order.descending:
        ordering = [expression.desc() for expression in ordering]
    rows = (
        await session.execute(statement.order_by(*ordering).limit(paging.limit).offset(paging.offset))
    ).all()
    return rows, total or 0
