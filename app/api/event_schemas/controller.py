"""Operations on /management/v1/projects/{projectId}/custom-event-schemas."""

from typing import Any

from app.api.call import Answer, Call
from app.api.event_schemas import answers, service
from app.api.event_schemas.schemas import EventSchemaCreate, EventSchemaUpdate
from app.http.routing import Route, Scope

ALL = "/management/v1/projects/{projectId}/custom-event-schemas"
ONE = ALL + "/{customEventSchemaId}"


async def create_schema(call: Call) -> Answer:
    return Answer(await service.create(call, call.body()))


async def list_schemas(call: Call) -> Answer:
    return Answer(await service.list_all(call))


async def get_schema(call: Call) -> Answer:
    return Answer(await service.get(call))


async def update_schema(call: Call) -> Answer:
    return Answer(await service.update(call, call.body()))


async def delete_schema(call: Call) -> Answer:
    await service.delete(call)
    return Answer()


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.CustomEventSchema,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="projects." + {"GET": "read", "DELETE": "delete"}.get(method, "write"),
        scope=Scope.MANAGEMENT,
        tag="Management",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        errors=("not_found", *more.pop("errors", ())),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "POST",
        ALL,
        "create-custom-event-schema",
        create_schema,
        "Create Custom Event Schema",
        body=EventSchemaCreate,
        errors=("duplicate_found",),
    ),
    _route(
        "GET",
        ALL,
        "list-custom-event-schemas",
        list_schemas,
        "List Custom Event Schemas",
        answers.CustomEventSchemaList,
    ),
    _route("GET", ONE, "get-custom-event-schema", get_schema, "Get Custom Event Schema"),
    _route(
        "PUT",
        ONE,
        "update-custom-event-schema",
        update_schema,
        "Update Custom Event Schema",
        body=EventSchemaUpdate,
    ),
    _route(
        "DELETE",
        ONE,
        "delete-custom-event-schema",
        delete_schema,
        "Delete Custom Event Schema",
        status=204,
    ),
)
