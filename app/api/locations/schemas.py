"""Bodies of locations."""

from typing import Annotated, Any

from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1, max_length=512)]


class LocationCreate(Struct, kw_only=True):
    """shape: `{"type": "circle", "format": "distance", "distance": {"center": "geo:lat,lng", "radius": "1.5
    km"}}` or `{"type": "polygon", "format": "geojson", "geojson": {Polygon or MultiPolygon}}`.
    """

    name: Name
    shape: dict[str, Any]


class LocationUpdate(Struct, kw_only=True):
    """What is not sent stays."""

    name: Name | None = None
    shape: dict[str, Any] | None = None
