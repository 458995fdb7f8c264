"""What answers look like, for the OpenAPI document. Rooms say it in their `answers` with these types; nothing
is encoded from them.
"""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

Object = dict[str, Any]
Metadata = Annotated[dict[str, Any], Meta(description="Free members, as the project's schemas allow.")]
Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""ISO 8601 in UTC with milliseconds."""
Amount = Annotated[int, Meta(description="Minor units.")]


class Shown(Struct, kw_only=True):
    """An object in an answer. A member with None in its type is always there and may be null; one that is
    not always there is `| UnsetType = UNSET`. Tests hold every answer that they get to it, see
    tests.support.answers.
    """


class Windows(Shown, kw_only=True):
    """Windows that are not set are absent."""

    validity_timeframe: Object | UnsetType = UNSET
    validity_day_of_week: list[int] | UnsetType = UNSET
    validity_hours: Object | UnsetType = UNSET


class DatesAndWindows(Windows, kw_only=True):
    """Dates and windows that are not set are absent."""

    start_date: Instant | UnsetType = UNSET
    expiration_date: Instant | UnsetType = UNSET
