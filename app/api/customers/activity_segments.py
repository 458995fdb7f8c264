"""The source of a customer's activities that tells which active segments he entered and left."""

from typing import Any, Final

from sqlalchemy import ColumnElement, false, select, true
from sqlalchemy.sql.selectable import Select

from app.api.customers.activity_sources import ACTION, Activity, Position, Source, Wanted, microseconds
from app.db.models import SegmentMove

_KIND: Final = "s"
_ENTERED, _LEFT = "customer.segment.entered", "customer.segment.left"


def _moves(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    return select(SegmentMove.at, SegmentMove.id, SegmentMove).where(
        SegmentMove.project_id == wanted.project_id,
        SegmentMove.customer_id == wanted.customer_id,
        false() if wanted.of_campaigns or wanted.product_id is not None else true(),
    )


def _activity(found: Any) -> Activity:
    row: SegmentMove = found[2]
    return Activity(
        Position(microseconds(row.at), _KIND, row.id),
        _ENTERED if row.entered else _LEFT,
        {"segment": {"id": row.segment_id, "name": row.segment_name, "object": "segment"}},
        channel="INTERNAL",
    )


def _typed(name: str) -> ColumnElement[bool]:
    return SegmentMove.entered.is_(name == _ENTERED)


MOVES: Final = Source(
    _KIND, ACTION, (_ENTERED, _LEFT), _moves, SegmentMove.at, SegmentMove.id, _activity, _typed
)
