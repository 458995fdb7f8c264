"""What an index can answer of a segment's filter, so that a page of its members looks only at customers who
may be members. Never less than the filter says: each customer found is still looked at.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement

from app.db.models import Customer
from rules.operators import read_operators
from rules.segments import KEY

_NAMES: Final[Mapping[str, Any]] = {"email": Customer.email, "source_id": Customer.source_id}
_SLACK: Final = timedelta(days=2)
"""Days turn at other instants in other zones; a bound is wider by more than that."""
_SINCE: Final = frozenset({"$after", "$more_than", "$more_than_or_equal"})
_UNTIL: Final = frozenset({"$before", "$less_than", "$less_than_or_equal"})
_DAYS_MAX: Final = 100_000


def indexed_conditions(condition: Mapping[str, Any], now: datetime) -> list[ColumnElement[bool]]:
    """Of a filter that compiles. Empty: nothing can be said before a customer is looked at."""
    if str(condition.get("junction") or "and").lower() != "and":
        return []
    return list(_conditions(condition, now))


def _conditions(condition: Mapping[str, Any], now: datetime) -> Iterator[ColumnElement[bool]]:
    for field, body in condition.items():
        if field not in _NAMES and field != "created_at":
            continue
        for operator, values in read_operators(body.get("conditions"), KEY, field):
            if field == "created_at":
                yield from _made(operator, values[0] if values else None, now)
            elif operator in ("$is", "$in") and values and all(type(value) is str for value in values):
                yield _NAMES[field].in_(values)


def _made(operator: str, value: Any, now: datetime) -> Iterator[ColumnElement[bool]]:
    if type(value) is int and 0 <= value <= _DAYS_MAX:
        day = now.date().toordinal() - value
        if day > _SLACK.days and operator == "$less_than_ago":
            yield Customer.created_at >= _start(date.fromordinal(day)) - _SLACK
        elif day > 0 and operator == "$more_than_ago":
            yield Customer.created_at <= _start(date.fromordinal(day)) + _SLACK
    elif type(value) is str and (operator in _SINCE or operator in _UNTIL):
        try:
            start = _start(date.fromisoformat(value[:10]))
            if operator in _SINCE:
                yield Customer.created_at >= start - _SLACK
            else:
                yield Customer.created_at <= start + _SLACK
        except (ValueError, OverflowError):
            return


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
