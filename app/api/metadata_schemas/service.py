"""The verbs of metadata schemas."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.metadata_schemas.definitions import checked, definition_wire
from app.api.metadata_schemas.schemas import (
    DEFINITIONS_MAX,
    MetadataSchemaCreate,
    MetadataSchemaUpdate,
)
from app.api.publishing import CatalogueWrite, catalogue_write
from app.db.models import MetadataSchema, Project
from app.http.errors import ApiError, invalid_payload, not_found
from app.http.wire import iso, listing
from app.identifiers import new_id, next_version
from app.redeemables.metadata_schemas import STANDARD

RESOURCE = "metadata schema"
SCHEMAS_MAX = 100
"""Of a project."""


def wire(row: MetadataSchema, *, camel: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "related_object": row.related_object,
        "properties": {
            name: definition_wire(document, camel=camel) for name, document in row.properties.items()
        },
        "allow_defined_only": row.allow_defined_only,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "object": "metadata_schema",
    }


async def list_own(call: Call) -> dict[str, Any]:
    """All of the key's project, by the names of what they describe."""
    async with call.read() as session:
        rows = await _all(session, call.project_id)
    return listing("schemas", [wire(row, camel=True) for row in rows], len(rows))


async def get_own(call: Call, resource: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        row = await session.scalar(
            select(MetadataSchema).where(
                MetadataSchema.project_id == call.project_id, MetadataSchema.related_object == resource
            )
        )
    if row is None:
        raise not_found(RESOURCE, resource)
    call.tag(row.version)
    return wire(row, camel=True)


async def list_of(call: Call, project_id: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        await _living(session, project_id)
        rows = await _all(session, project_id)
    return listing("data", [wire(row, camel=False) for row in rows], len(rows))


async def get(call: Call, project_id: str, schema_id: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        await _living(session, project_id)
        row = await session.get(MetadataSchema, (project_id, schema_id))
    if row is None:
        raise not_found(RESOURCE, schema_id)
    call.tag(row.version)
    return wire(row, camel=False)


async def create(call: Call, project_id: str, body: MetadataSchemaCreate) -> dict[str, Any]:
    """Raises: ApiError 404; 400 invalid_payload; 409 duplicate_found."""
    try:
        return await _created(call, project_id, body)
    except IntegrityError:
        raise _duplicate(body.related_object) from None


async def _created(call: Call, project_id: str, body: MetadataSchemaCreate) -> dict[str, Any]:
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        project = await _living(write.session, project_id, lock=True)
        rows = await _all(write.session, project_id)
        if any(row.related_object == body.related_object for row in rows):
            raise _duplicate(body.related_object)
        if len(rows) >= SCHEMAS_MAX:
            raise invalid_payload(f"A project has at most {SCHEMAS_MAX} metadata schemas")
        row = MetadataSchema(
            project_id=project_id,
            id=new_id("ms_"),
            related_object=body.related_object,
            allow_defined_only=bool(body.allow_defined_only),
            properties=checked(
                body.properties, custom=_custom(rows), nested=body.related_object not in STANDARD
            ),
            version=next_version(),
            created_at=call.engine.now(),
            updated_at=None,
        )
        write.session.add(row)
        _publish(write, project)
    call.tag(row.version)
    return wire(row, camel=False)


async def update(
    call: Call, project_id: str, schema_id: str, body: MetadataSchemaUpdate
) -> dict[str, Any]:
    """Raises: ApiError 404; 400 invalid_payload, also for another type of a definition; 412."""
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        project = await _living(write.session, project_id, lock=True)
        rows = await _all(write.session, project_id)
        row = next((row for row in rows if row.id == schema_id), None)
        if row is None:
            raise not_found(RESOURCE, schema_id)
        call.require_version(row.version)
        sent = checked(body.properties, custom=_custom(rows), nested=row.related_object not in STANDARD)
        for name, document in sent.items():
            known = row.properties.get(name)
            if known is not None and known["type"] != document["type"]:
                raise invalid_payload(
                    f"Property .properties.{name}.type cannot be changed from {known['type']}"
                    f" to {document['type']}"
                )
        properties = {**row.properties, **sent}
        if len(properties) > DEFINITIONS_MAX:
            raise invalid_payload(
                f"Property .properties must NOT have more than {DEFINITIONS_MAX} properties"
            )
        row.properties = properties
        if body.allow_defined_only is not None:
            row.allow_defined_only = body.allow_defined_only
        row.updated_at = call.engine.now()
        row.version = next_version(row.version)
        _publish(write, project)
    call.tag(row.version)
    return wire(row, camel=False)


async def delete(call: Call, project_id: str, schema_id: str) -> None:
    """Nothing is asked of such objects any more; their metadata stays. A nested object whose schema is gone
    may hold anything.

    Raises: ApiError 404, also the second time; 412.
    """
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        project = await _living(write.session, project_id, lock=True)
        row = await write.session.get(MetadataSchema, (project_id, schema_id))
        if row is None:
            raise not_found(RESOURCE, schema_id)
        call.require_version(row.version)
        await write.session.delete(row)
        _publish(write, project)


def _publish(write: CatalogueWrite, project: Project) -> None:
    """Requests decide on the project's settings with its schemas, under one version."""
    project.version = next_version(project.version)
    write.guard("s", project.version)


def _custom(rows: list[MetadataSchema]) -> set[str]:
    return {row.related_object for row in rows if row.related_object not in STANDARD}


def _duplicate(related_object: str) -> ApiError:
    return ApiError(
        409,
        "duplicate_found",
        "Duplicated resource found",
        f"Duplicated metadata schema exists with related_object {related_object}",
        resource_id=related_object,
        resource_type=RESOURCE,
    )


async def _all(session: AsyncSession, project_id: str) -> list[MetadataSchema]:
    rows = await session.scalars(
        select(MetadataSchema)
        .where(MetadataSchema.project_id == project_id)
        .order_by(MetadataSchema.related_object, MetadataSchema.id)
    )
    return list(rows)


async def _living(session: AsyncSession, project_id: str, *, lock: bool = False) -> Project:
    project = await session.get(Project, project_id, with_for_update=lock or None, populate_existing=lock)
    if project is None or project.deleted_at is not None:
        raise not_found("project", project_id)
    return project
