"""A file of locations, stored in one request: each row is stored or refused alone, and the answer says which.

Columns: `id` (of one that is there), `name`, and either `latitude`, `longitude` and `radius` ("1.5 km"), or
`geojson`.
"""

from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import func, select

from app.api.call import Call
from app.api.csv_files import CellRefused, Layout, Row, rows_of_csv
from app.api.locations.service import LOCATIONS_MAX, tell_project
from app.api.starting import sent_file
from app.db.models import Location
from app.http.errors import invalid_payload
from app.identifiers import new_id, next_version
from rules.compile import RuleError, compile_location

ROWS_MAX = 1_000
"""Of one file: they are stored in one transaction."""
NAME_MAX = 512
_SHAPE = ("latitude", "longitude", "radius", "geojson")


async def import_locations(call: Call) -> dict[str, Any]:
    """Raises: ApiError 400 invalid_payload for a file without a readable header, or with too many rows."""
    rows = list(islice(rows_of_csv(sent_file(call), LAYOUT), ROWS_MAX + 1))
    if len(rows) > ROWS_MAX:
        raise invalid_payload(f"The file has more than {ROWS_MAX} rows")
    made: list[str] = []
    updated: list[str] = []
    failed = []
    async with call.write() as write:
        count = await write.session.scalar(
            select(func.count()).select_from(Location).where(Location.project_id == call.project_id)
        )
        wanted = {row["id"] for row in rows if "id" in row}
        found = await write.session.scalars(
            select(Location)
            .where(Location.project_id == call.project_id, Location.id.in_(wanted))
            .with_for_update()
        )
        known = {location.id: location for location in found}
        for row in rows:
            try:
                _check(row, known, (count or 0) + len(made))
            except CellRefused as refused:
                failed.append({"row": row["row"], "name": row.get("name") or "", "reason": str(refused)})
                continue
            location = known.get(row.get("id", ""))
            if location is None:
                location = _new(call, row)
                write.session.add(location)
                made.append(location.id)
            else:
                _lay(location, row)
                location.updated_at = call.engine.now()
                updated.append(location.id)
                await tell_project(write, location.id)
            write.guard("loc:" + location.id, location.version)
    return {
        "created_count": len(made),
        "updated_count": len(set(updated)),
        "failed_count": len(failed),
        "created": made,
        "failed": failed,
        "object": "locations_import",
    }


def _check(row: Row, known: dict[str, Location], count: int) -> None:
    if "refused" in row:
        raise CellRefused(row["refused"])
    if "id" in row and row["id"] not in known:
        raise CellRefused(f"Cannot find location with id {row['id']}")
    if "id" not in row:
        if "name" not in row or "shape" not in row:
            raise CellRefused("name and a shape are required")
        if count >= LOCATIONS_MAX:
            raise CellRefused(f"A project has at most {LOCATIONS_MAX} locations")


def _new(call: Call, row: Row) -> Location:
    return Location(
        project_id=call.project_id,
        id=new_id("loc_"),
        name=row["name"],
        shape=row["shape"],
        version=next_version(),
        created_at=call.engine.now(),
        updated_at=None,
    )


def _lay(location: Location, row: Row) -> None:
    location.name = row.get("name", location.name)
    location.shape = row.get("shape", location.shape)
    location.version = next_version(location.version)


def _finish(row: Row) -> None:
    """Raises: CellRefused for a shape that is none."""
    if len(row.get("name", "")) > NAME_MAX:
        raise CellRefused(f"name must NOT have more than {NAME_MAX} characters")
    given = {name: row.pop(name) for name in _SHAPE if name in row}
    if not given:
        return
    if "geojson" in given:
        try:
            geojson = msgspec.json.decode(given["geojson"])
        except (msgspec.DecodeError, RecursionError):
            raise CellRefused("geojson must be an object of JSON") from None
        shape: dict[str, Any] = {"type": "polygon", "format": "geojson", "geojson": geojson}
    else:
        missing = [name for name in _SHAPE[:3] if name not in given]
        if missing:
            raise CellRefused(f"{missing[0]} is required")
        center = f"geo:{given['latitude']},{given['longitude']}"
        distance = {"center": center, "radius": given["radius"]}
        shape = {"type": "circle", "format": "distance", "distance": distance}
    try:
        compile_location("loc_", {"shape": shape})
    except RuleError as error:
        raise CellRefused(error.details) from None
    row["shape"] = shape


LAYOUT = Layout(
    fields={name: name for name in ("id", "name", *_SHAPE)},
    required=("name",),
    key="name",
    finish=_finish,
)
