"""What answers of segments look like."""

from typing import Literal

from app.http.shown import Instant, Object, Shown


class Segment(Shown, kw_only=True):
    """filter: null for a static one, whose members are not told. initial_sync_status: whether an active one
    has looked at every customer.
    """

    id: str
    name: str
    created_at: Instant
    updated_at: Instant | None
    type: Literal["static", "passive", "auto-update"]
    filter: Object | None
    initial_sync_status: Literal["IN_PROGRESS", "DONE"]
    object: Literal["segment"]


class SegmentList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[Segment]
    total: int
