"""Operations on /v1/metadata-schemas and /management/v1/projects/{projectId}/metadata-schemas."""

from typing import Any

from app.api.call import Answer, Call
from app.api.metadata_schemas import answers, service
from app.api.metadata_schemas.schemas import MetadataSchemaCreate, MetadataSchemaUpdate
from app.http.routing import Route, Scope

ALL = "/management/v1/projects/{projectId}/metadata-schemas"
ONE = ALL + "/{metadataSchemaId}"


async def list_own_schemas(call: Call) -> Answer:
    return Answer(await service.list_own(call))


async def get_own_schema(call: Call) -> Answer:
    return Answer(await service.get_own(call, call.path["resource"]))


async def list_schemas(call: Call) -> Answer:
    return Answer(await service.list_of(call, call.path["projectId"]))


async def get_schema(call: Call) -> Answer:
    return Answer(await service.get(call, call.path["projectId"], call.path["metadataSchemaId"]))


async def create_schema(call: Call) -> Answer:
    return Answer(await service.create(call, call.path["projectId"], call.body()))


async def update_schema(call: Call) -> Answer:
    project_id, schema_id = call.path["projectId"], call.path["metadataSchemaId"]
    return Answer(await service.update(call, project_id, schema_id, call.body()))


async def delete_schema(call: Call) -> Answer:
    await service.delete(call, call.path["projectId"], call.path["metadataSchemaId"])
    return Answer()


def _own(
    path: str, operation_id: str, handler: Any, summary: str, answer: Any, **more: Any
) -> Route:
    return Route(
        method="GET",
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="metadata-schemas.read",
        tag="Metadata Schemas",
        summary=summary,
        answer=answer,
        **more,
    )


def _managed(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.ManagedMetadataSchema,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="metadata-schemas." + {"GET": "read", "DELETE": "delete"}.get(method, "write"),
        scope=Scope.MANAGEMENT,
        tag="Management",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        errors=("not_found", *more.pop("errors", ())),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _own(
        "/v1/metadata-schemas",
        "list-metadata-schemas",
        list_own_schemas,
        "List Metadata Schemas",
        answers.MetadataSchemaList,
    ),
    _own(
        "/v1/metadata-schemas/{resource}",
        "get-metadata-schema",
        get_own_schema,
        "Get Metadata Schema",
        answers.MetadataSchema,
        errors=("not_found",),
    ),
    _managed(
        "GET",
        ALL,
        "list-metadata-schemas-1",
        list_schemas,
        "List Metadata Schemas",
        answers.ManagedMetadataSchemaList,
    ),
    _managed("GET", ONE, "get-metadata-schema-1", get_schema, "Get Metadata Schema"),
    _managed(
        "POST",
        ALL,
        "create-metadata-schema",
        create_schema,
        "Create Metadata Schema",
        body=MetadataSchemaCreate,
        errors=("duplicate_found",),
    ),
    _managed(
        "PUT",
        ONE,
        "update-metadata-schema",
        update_schema,
        "Update Metadata Schema",
        body=MetadataSchemaUpdate,
    ),
    _managed("DELETE", ONE, "delete-metadata-schema", delete_schema, "Delete Metadata Schema", status=204),
)
