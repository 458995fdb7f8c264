"""Operations on locations. The contract only reads them; what makes and changes them is this engine's own."""

from typing import Any

from app.api.call import Answer, Call
from app.api.locations import answers, imports, service
from app.api.locations.schemas import LocationCreate, LocationUpdate
from app.api.vouchers.schemas import FileForm
from app.http.routing import Route

READ, READ_ONE = "/v1/locations", "/v1/locations/{locationId}"
MADE, MADE_ONE = "/v1/engine/locations", "/v1/engine/locations/{locationId}"


async def list_locations(call: Call) -> Answer:
    return Answer(await service.list_locations(call))


async def get_location(call: Call) -> Answer:
    return Answer(await service.get_location(call, call.path["locationId"]))


async def create_location(call: Call) -> Answer:
    return Answer(await service.create_location(call, call.body()))


async def update_location(call: Call) -> Answer:
    return Answer(await service.update_location(call, call.path["locationId"], call.body()))


async def delete_location(call: Call) -> Answer:
    await service.delete_location(call, call.path["locationId"])
    return Answer()


async def import_locations(call: Call) -> Answer:
    """Each row is stored or refused alone; the answer says which."""
    return Answer(await imports.import_locations(call))


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Location,
    **more: Any,
) -> Route:
    errors = ("not_found",) if path.endswith("}") else ()
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="locations." + {"GET": "read", "DELETE": "delete"}.get(method, "write"),
        tag="Locations",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        errors=errors,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        READ,
        "list-locations",
        list_locations,
        "List Locations",
        answers.LocationList,
        query=("limit", "page", "order", "filters", "end_date"),
    ),
    _route("GET", READ_ONE, "get-location", get_location, "Get Location"),
    _route("POST", MADE, "create-location", create_location, "Make a location", body=LocationCreate),
    _route(
        "POST",
        MADE + "/importCSV",
        "import-locations-using-csv",
        import_locations,
        "Make and change locations by a CSV file",
        answers.LocationsImport,
        body=FileForm,
        consumes=("multipart/form-data",),
    ),
    _route("PUT", MADE_ONE, "update-location", update_location, "Change a location", body=LocationUpdate),
    _route("DELETE", MADE_ONE, "delete-location", delete_location, "Delete a location", status=204),
)
