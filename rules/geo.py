"""Where an offer is good (`extensions.geo`): by country, region, city, postal prefix, circle or polygon.

Named places are compared with the customer's address, shapes with the coordinates of the redemption, the
order or the customer, in this order.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.documents import array_of, object_of, one_of
from rules.filters import walk
from rules.locations import Circle, Point, Polygons, point_of, read_shape
from rules.programs import RuleError
from rules.reasons import Reason

if TYPE_CHECKING:
    from rules.context import Context

AREAS_MAX: Final = 500
NAMED: Final = {"country": ("country",), "region": ("region", "state"), "city": ("city",)}
SHAPES: Final = ("circle", "polygon", "geojson", "shape")


class Area:
    """One area: every field that is given must match. `holds` is None when the data for it is missing. An
    area named by the id of a location has its shape laid in (`with_shapes`); nothing is in one that is not
    there.
    """

    __slots__ = ("fields", "is_nowhere", "prefix", "shape")

    def __init__(self, document: Any, key: str, where: str) -> None:
        body = {"country": document} if isinstance(document, str) else object_of(document, key, where)
        self.fields: dict[str, str] = {}
        for field in NAMED:
            value = body.get(field)
            if value is None:
                continue
            if not isinstance(value, str) or not value:
                raise RuleError(key, f"Property {where}.{field} must be string")
            self.fields[field] = _folded(value)
        prefix = body.get("postal_prefix")
        if prefix is not None and (not isinstance(prefix, str) or not prefix):
            raise RuleError(key, f"Property {where}.postal_prefix must be string")
        self.prefix = _postal(prefix) if prefix is not None else None
        self.shape: Circle | Polygons | None = None
        for field in SHAPES:
            if body.get(field) is not None:
                self.shape = read_shape(body[field], key, f"{where}.{field}")
        location = body.get("location")
        if location is not None and (not isinstance(location, str) or not location or len(location) > 64):
            raise RuleError(key, f"Property {where}.location must be string")
        self.is_nowhere = location is not None and self.shape is None
        if not self.fields and self.prefix is None and self.shape is None and location is None:
            raise RuleError(
                key, f"Property {where} must name a country, region, city, postal_prefix, location or shape"
            )

    def holds(self, address: Mapping[str, Any], point: Point | None) -> bool | None:
        if self.is_nowhere:
            return False
        unknown = False
        for field, wanted in self.fields.items():
            value = next((address[name] for name in NAMED[field] if address.get(name)), None)
            if not isinstance(value, str):
                unknown = True
            elif _folded(value) != wanted:
                return False
        if self.prefix is not None:
            code = address.get("postal_code")
            if not isinstance(code, str) or not code:
                unknown = True
            elif not _postal(code).startswith(self.prefix):
                return False
        if self.shape is not None:
            if point is None:
                unknown = True
            elif not self.shape.contains(point):
                return False
        return None if unknown else True


def geo_locations(extensions: Mapping[str, Any]) -> list[str]:
    """Ids of the locations that `extensions.geo` names; never raises."""
    geo = extensions.get("geo") if extensions else None
    if not isinstance(geo, Mapping):
        return []
    sides: list[Any] = [geo.get(side) for side in ("include", "exclude")]
    return [
        area["location"]
        for areas in sides
        if isinstance(areas, list | tuple)
        for area in areas
        if isinstance(area, Mapping) and isinstance(area.get("location"), str)
    ]


def with_shapes(extensions: Mapping[str, Any], shapes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The same extensions, each area that names a location with its shape. shapes: by id of a location."""

    def laid(area: Any) -> Any:
        name = area.get("location") if isinstance(area, Mapping) else None
        return {**area, "shape": shapes[name]} if isinstance(name, str) and name in shapes else area

    geo = dict(extensions["geo"])
    for side in ("include", "exclude"):
        if isinstance(geo.get(side), list | tuple):
            geo[side] = [laid(area) for area in geo[side]]
    return {**extensions, "geo": geo}


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _postal(text: str) -> str:
    return "".join(text.casefold().split()).replace("-", "")


class Geo:
    """Compiled `extensions.geo`."""

    __slots__ = ("excluded", "included", "passes_missing", "path")

    def __init__(self, document: Any, key: str, where: str) -> None:
        body = object_of(document, key, where)
        self.included = self._areas(body, "include", key, where)
        self.excluded = self._areas(body, "exclude", key, where)
        missing = one_of(body.get("missing") or "refuse", ("refuse", "pass"), key, f"{where}.missing")
        self.passes_missing = missing == "pass"
        name = body.get("property") or "location"
        if not isinstance(name, str) or len(name) > 300:
            raise RuleError(key, f"Property {where}.property must be string")
        self.path = name.split(".")

    @staticmethod
    def _areas(body: Mapping[str, Any], field: str, key: str, where: str) -> tuple[Area, ...]:
        listed = array_of(body.get(field), key, f"{where}.{field}", most=AREAS_MAX)
        return tuple(Area(area, key, f"{where}.{field}[{index}]") for index, area in enumerate(listed))

    def refuses(self, context: "Context") -> Reason | None:
        """Why the offer is not good here, or None."""
        address, point = self.place(context)
        unknown = False
        for area in self.excluded:
            held = area.holds(address, point)
            if held:
                return Reason.LOCATION_NOT_PERMITTED
            unknown = unknown or held is None
        if self.included:
            outcomes = [area.holds(address, point) for area in self.included]
            if True in outcomes:
                unknown = unknown and not self.passes_missing
            elif None in outcomes:
                unknown = True
            else:
                return Reason.LOCATION_NOT_PERMITTED
        return Reason.MISSING_LOCATION if unknown and not self.passes_missing else None

    def place(self, context: "Context") -> tuple[Mapping[str, Any], Point | None]:
        """The address and the coordinates that are known."""
        customer = context.customer
        address = customer.address if customer is not None else {}
        order = context.cart.facts.metadata
        if not address and isinstance(order.get("address"), Mapping):
            address = order["address"]
        bags = [context.facts.metadata, order]
        if customer is not None:
            bags += [customer.metadata, customer.address]
        for bag in bags:
            point = point_of(walk(bag, self.path))
            if point is not None:
                return address, point
        return address, None
