"""What answers of locations look like."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from app.http.shown import Instant, Shown


class Location(Shown, kw_only=True):
    id: str
    object: Literal["location"]
    name: str
    shape: Annotated[dict[str, Any], Meta(description="A circle or GeoJSON, as it was sent.")]
    created_at: Instant
    updated_at: Instant | None


class LocationList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[Location]
    total: int
    has_more: bool


class LocationRefused(Shown, kw_only=True):
    """row: its number in the file, from 1."""

    row: int
    name: str
    reason: str


class LocationsImport(Shown, kw_only=True):
    """created: ids of the new ones, in the order of the file."""

    created_count: int
    updated_count: int
    failed_count: int
    created: list[str]
    failed: list[LocationRefused]
    object: Literal["locations_import"]
