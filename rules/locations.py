"""Places: circles and GeoJSON polygons, and the test whether a point lies in them. Coordinates are degrees
(WGS 84).
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from rules.operators import Test
from rules.programs import CompiledLocation, RuleError
from rules.values import number_of

EARTH_RADIUS_METRES: Final = 6_371_008.8
POINTS_MAX: Final = 10_000
DISTANCE = re.compile(
    r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(km|m|mi|miles?|meters?|metres?|kilometers?|kilometres?)?\s*",
    re.IGNORECASE,
)

Point = tuple[float, float]
Ring = tuple[Point, ...]


def _degrees(value: Any, limit: int) -> float | None:
    number = number_of(value)
    if number is None:
        return None
    degrees = float(number)
    return degrees if -limit <= degrees <= limit else None


def point_of(value: Any) -> Point | None:
    """(latitude, longitude) of "geo:lat,lng", "lat,lng", {"lat","lng"}, {"latitude","longitude"}, a GeoJSON
    Point or [lat, lng].
    """
    if isinstance(value, str):
        if len(value) > 80:
            return None
        parts: Any = value.removeprefix("geo:").split(";")[0].split(",")
        pair = [part.strip() for part in parts[:2]] if len(parts) >= 2 else []
    elif isinstance(value, Mapping):
        if value.get("type") == "Point" and isinstance(value.get("coordinates"), list | tuple):
            pair = list(value["coordinates"][:2])[::-1]
        else:
            latitude = value.get("lat", value.get("latitude"))
            longitude = value.get("lng", value.get("lon", value.get("longitude")))
            pair = [latitude, longitude]
    elif isinstance(value, list | tuple):
        pair = list(value[:2])
    else:
        return None
    if len(pair) != 2:
        return None
    latitude_degrees, longitude_degrees = _degrees(pair[0], 90), _degrees(pair[1], 180)
    if latitude_degrees is None or longitude_degrees is None:
        return None
    return (latitude_degrees, longitude_degrees)


def metres_between(one: Point, other: Point) -> float:
    """Great-circle distance by the haversine formula."""
    first, second = math.radians(one[0]), math.radians(other[0])
    height = math.sin((second - first) / 2) ** 2
    width = math.sin(math.radians(other[1] - one[1]) / 2) ** 2
    return (
        2
        * EARTH_RADIUS_METRES
        * math.asin(min(1.0, math.sqrt(height + math.cos(first) * math.cos(second) * width)))
    )


class Circle:
    __slots__ = ("centre", "radius_metres")

    def __init__(self, centre: Point, radius_metres: float) -> None:
        self.centre = centre
        self.radius_metres = radius_metres

    def contains(self, point: Point) -> bool:
        return metres_between(self.centre, point) <= self.radius_metres


class Polygons:
    """One or more polygons, each an outer ring and holes, with a bounding box looked at first."""

    __slots__ = ("box", "polygons")

    def __init__(self, polygons: tuple[tuple[Ring, ...], ...]) -> None:
        self.polygons = polygons
        points = [point for rings in polygons for point in rings[0]]
        self.box = (
            min(point[0] for point in points),
            min(point[1] for point in points),
            max(point[0] for point in points),
            max(point[1] for point in points),
        )

    def contains(self, point: Point) -> bool:
        south, west, north, east = self.box
        if not (south <= point[0] <= north and west <= point[1] <= east):
            return False
        for rings in self.polygons:
            if _in_ring(rings[0], point) and not any(_in_ring(hole, point) for hole in rings[1:]):
                return True
        return False


def _in_ring(ring: Ring, point: Point) -> bool:
    """Even-odd rule: how often does a ray to the east cross the ring?"""
    latitude, longitude = point
    inside = False
    previous_lat, previous_lng = ring[-1]
    for lat, lng in ring:
        if (lat > latitude) != (previous_lat > latitude):
            crossing = (previous_lng - lng) * (latitude - lat) / (previous_lat - lat) + lng
            if longitude < crossing:
                inside = not inside
        previous_lat, previous_lng = lat, lng
    return inside


def read_shape(shape: Any, key: str, where: str) -> Circle | Polygons:
    """`{"type": "circle", "distance": {"center", "radius"}}`, `{"type": "polygon", "geojson": {...}}`,
    `{"center", "radius_metres"}` or bare GeoJSON; raises RuleError.
    """
    if not isinstance(shape, Mapping):
        raise RuleError(key, f"Property {where} must be object")
    nested = shape.get("distance")
    distance = nested if isinstance(nested, Mapping) else shape
    if "center" in distance or "centre" in distance:
        centre = point_of(distance.get("center", distance.get("centre")))
        radius = _metres(distance.get("radius_metres", distance.get("radius")))
        if centre is None or radius is None:
            raise RuleError(key, f"Property {where} must have a center and a radius")
        return Circle(centre, radius)
    inner = shape.get("geojson")
    geojson = inner if isinstance(inner, Mapping) else shape
    polygons = _polygons(geojson)
    if polygons is None:
        raise RuleError(key, f"Property {where} must be a circle or a GeoJSON Polygon or MultiPolygon")
    return Polygons(polygons)


def _metres(value: Any) -> float | None:
    number = number_of(value)
    if number is not None:
        return float(number) if 0 < number <= 21_000_000 else None
    found = DISTANCE.fullmatch(value) if isinstance(value, str) and len(value) < 60 else None
    if found is None:
        return None
    unit = (found[2] or "m").lower()
    factor = 1000.0 if unit.startswith("k") else 1609.344 if unit.startswith("mi") else 1.0
    metres = float(found[1]) * factor
    return metres if 0 < metres <= 21_000_000 else None


def _polygons(geojson: Any) -> tuple[tuple[Ring, ...], ...] | None:
    kind, coordinates = geojson.get("type"), geojson.get("coordinates")
    if not isinstance(coordinates, list | tuple):
        return None
    bodies = [coordinates] if kind == "Polygon" else list(coordinates) if kind == "MultiPolygon" else []
    polygons = []
    count = 0
    for body in bodies:
        if not isinstance(body, list | tuple) or not body:
            return None
        rings = []
        for ring in body:
            if not isinstance(ring, list | tuple) or len(ring) < 3:
                return None
            count += len(ring)
            if count > POINTS_MAX:
                return None
            points = [_position(position) for position in ring]
            if None in points:
                return None
            rings.append(tuple(point for point in points if point is not None))
        polygons.append(tuple(rings))
    return tuple(polygons) or None


def _position(position: Any) -> Point | None:
    """GeoJSON writes longitude first."""
    if not isinstance(position, list | tuple) or len(position) < 2:
        return None
    return point_of([position[1], position[0]])


def compile_location(location_id: str, document: Mapping[str, Any]) -> CompiledLocation:
    """Compile a location with its `shape`; raises RuleError."""
    if not isinstance(document, Mapping):
        raise RuleError("invalid_payload", "Payload must be object")
    return CompiledLocation(location_id, read_shape(document.get("shape"), "invalid_payload", ".shape"))


def location_test(name: str, values: list[Any], locations: Mapping[str, Any], key: str, where: str) -> Test:
    """`$in_location [loc_ids]` on a geopoint. Unknown places and missing coordinates match nothing."""
    if not all(isinstance(value, str) for value in values):
        raise RuleError(key, f"Property {where}.conditions.{name} items must be string")
    shapes = [locations[value].program for value in values if value in locations]
    wanted = name == "$in_location"

    def passes(actual: Any, now: Any) -> bool:
        point = point_of(actual)
        return point is not None and any(shape.contains(point) for shape in shapes) is wanted

    return Test(name, values, passes)
