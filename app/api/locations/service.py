"""The verbs of locations. Segments and collections that name one see its new shape at once."""

from typing import Any

from sqlalchemy import func, select

from app.api.call import Call
from app.api.locations.schemas import LocationCreate, LocationUpdate
from app.api.lookup import project_of
from app.api.publishing import CatalogueWrite
from app.db.models import Location
from app.http.errors import invalid_payload, not_found
from app.http.filtering import Field, filter_condition, page_of
from app.http.wire import iso, listing
from app.identifiers import new_id, next_version
from rules.compile import RuleError, compile_location
from rules.geo import geo_locations

COLUMNS: dict[str, Any] = {"created_at": Location.created_at, "updated_at": Location.updated_at}
FIELDS = {
    "name": Field(Location.name),
    "created_at": Field(Location.created_at, "instant"),
    "updated_at": Field(Location.updated_at, "instant"),
}
LOCATIONS_MAX = 10_000
"""Of a project. Each is bounded by the points of its shape."""


def location_wire(row: Location) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "location",
        "name": row.name,
        "shape": row.shape,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
    }


async def list_locations(call: Call) -> dict[str, Any]:
    """Newest first unless `order` says otherwise. `end_date` leaves out what was made after it."""
    paging = call.query.paging(tuple(COLUMNS), "-created_at")
    end = call.query.instant("end_date")
    statement = select(Location).where(
        Location.project_id == call.project_id,
        filter_condition(call.query.filters(), FIELDS, call.engine.now()),
    )
    if end is not None:
        statement = statement.where(Location.created_at <= end)
    async with call.read() as session:
        rows, total = await page_of(session, statement, paging, COLUMNS, Location.id)
    wire = listing("data", [location_wire(row[0]) for row in rows], total)
    return {**wire, "has_more": paging.offset + len(rows) < total}


async def get_location(call: Call, location_id: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        row = await session.get(Location, (call.project_id, location_id))
    if row is None:
        raise not_found("location", location_id)
    call.tag(row.version)
    return location_wire(row)


async def create_location(call: Call, body: LocationCreate) -> dict[str, Any]:
    """Raises: ApiError 400 invalid_payload for a shape that is none."""
    location_id = new_id("loc_")
    _check(location_id, body.shape)
    async with call.write() as write:
        count = await write.session.scalar(
            select(func.count()).select_from(Location).where(Location.project_id == call.project_id)
        )
        if (count or 0) >= LOCATIONS_MAX:
            raise invalid_payload(f"A project has at most {LOCATIONS_MAX} locations")
        row = Location(
            project_id=call.project_id,
            id=location_id,
            name=body.name,
            shape=body.shape,
            version=next_version(),
            created_at=call.engine.now(),
            updated_at=None,
        )
        write.session.add(row)
        write.guard("loc:" + row.id, row.version)
    call.tag(row.version)
    return location_wire(row)


async def update_location(call: Call, location_id: str, body: LocationUpdate) -> dict[str, Any]:
    """Raises: ApiError 404; 400; 412."""
    if body.shape is not None:
        _check(location_id, body.shape)
    async with call.write() as write:
        row = await _locked(call, write, location_id)
        if body.name is not None:
            row.name = body.name
        if body.shape is not None:
            row.shape = body.shape
        row.updated_at = call.engine.now()
        row.version = next_version(row.version)
        write.guard("loc:" + row.id, row.version)
        await tell_project(write, row.id)
    call.tag(row.version)
    return location_wire(row)


async def delete_location(call: Call, location_id: str) -> None:
    """Nobody is in it from now on. Raises: ApiError 404; 412."""
    async with call.write() as write:
        row = await _locked(call, write, location_id)
        await write.session.delete(row)
        write.guard("loc:" + row.id, next_version(row.version))
        await tell_project(write, row.id)


async def tell_project(write: CatalogueWrite, location_id: str) -> None:
    """The project's own settings have one version: where they name the location, it is raised."""
    project = await project_of(write.session, write.project_id)
    if location_id in geo_locations(project.settings.get("extensions") or {}):
        await write.session.refresh(project, with_for_update=True)
        project.version = next_version(project.version)
        write.guard("s", project.version)


def _check(location_id: str, shape: dict[str, Any]) -> None:
    try:
        compile_location(location_id, {"shape": shape})
    except RuleError as error:
        raise invalid_payload(error.details) from None


async def _locked(call: Call, write: CatalogueWrite, location_id: str) -> Location:
    row = await write.session.get(
        Location, (call.project_id, location_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise not_found("location", location_id)
    call.require_version(row.version)
    return row
