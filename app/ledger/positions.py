"""Comparisons of an event's place in the ledger, as row values: the primary key is read from there, not
searched through.
"""

from typing import Any

from sqlalchemy import ColumnElement, literal, tuple_

from app.core.outbox import Position


def beyond(model: Any, position: Position) -> ColumnElement[bool]:
    """Rows after the position."""
    return _place(model) > _value(position)


def at_or_beyond(model: Any, position: Position) -> ColumnElement[bool]:
    return _place(model) >= _value(position)


def before(model: Any, position: Position) -> ColumnElement[bool]:
    return _place(model) < _value(position)


def up_to(model: Any, position: Position) -> ColumnElement[bool]:
    """Rows at or before the position."""
    return _place(model) <= _value(position)


def _place(model: Any) -> ColumnElement[Any]:
    return tuple_(model.epoch, model.seq)


def _value(position: Position) -> ColumnElement[Any]:
    return tuple_(literal(position.epoch), literal(position.sequence))
