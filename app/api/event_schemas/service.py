"""The verbs of schemas of custom events."""

from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.event_schemas.schemas import (
    COUNTED_MAX,
    PROPERTIES_MAX,
    EventProperties,
    EventSchemaCreate,
    EventSchemaUpdate,
)
from app.api.projects.service import living_project
from app.api.publishing import catalogue_write
from app.db.models import CustomEventSchema
from app.http.errors import duplicate_found, invalid_payload, not_found
from app.http.wire import iso, listing
from app.identifiers import new_id

KIND = "custom_event_schema"


async def create(call: Call, body: EventSchemaCreate) -> dict[str, Any]:
    """Raises: ApiError 404; 409 for a name that is taken."""
    project_id = call.path["projectId"]
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        await living_project(write.session, project_id, lock=True)
        taken = await write.session.scalar(
            select(CustomEventSchema.id).where(
                CustomEventSchema.project_id == project_id, CustomEventSchema.name == body.name
            )
        )
        if taken is not None:
            raise duplicate_found(KIND, "name", body.name)
        row = CustomEventSchema(
            project_id=project_id,
            id=new_id("ms_"),
            name=body.name,
            body={"properties": _laid_over({}, body.schema)},
            created_at=call.engine.now(),
            updated_at=None,
        )
        write.session.add(row)
    return _wire(row)


async def list_all(call: Call) -> dict[str, Any]:
    """The newest first."""
    project_id = call.path["projectId"]
    async with call.read() as session:
        await living_project(session, project_id)
        rows = (
            await session.scalars(
                select(CustomEventSchema)
                .where(CustomEventSchema.project_id == project_id)
                .order_by(CustomEventSchema.created_at.desc(), CustomEventSchema.id.desc())
            )
        ).all()
    return listing("data", [_wire(row) for row in rows], len(rows))


async def get(call: Call) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        return _wire(await _named(session, call))


async def update(call: Call, body: EventSchemaUpdate) -> dict[str, Any]:
    """Holds for the next event. Raises: ApiError 404."""
    async with catalogue_write(call.engine, call.path["projectId"], call.actor) as write:
        row = await _named(write.session, call, lock=True)
        row.body = {"properties": _laid_over(row.body.get("properties") or {}, body.schema)}
        row.updated_at = call.engine.now()
    return _wire(row)


async def delete(call: Call) -> None:
    """What was counted stays counted; events of this name are taken as they come. Raises: ApiError 404."""
    async with catalogue_write(call.engine, call.path["projectId"], call.actor) as write:
        await write.session.delete(await _named(write.session, call, lock=True))


async def _named(session: AsyncSession, call: Call, *, lock: bool = False) -> CustomEventSchema:
    project_id, schema_id = call.path["projectId"], call.path["customEventSchemaId"]
    await living_project(session, project_id)
    row = await session.get(CustomEventSchema, (project_id, schema_id), with_for_update=lock or None)
    if row is None:
        raise not_found(KIND, schema_id)
    return row


def _laid_over(stored: dict[str, Any], sent: EventProperties) -> dict[str, Any]:
    properties = {**stored, **msgspec.to_builtins(sent.properties)}
    if len(properties) > PROPERTIES_MAX:
        raise invalid_payload(
            f"Property .schema.properties must NOT have more than {PROPERTIES_MAX} properties"
        )
    counted = sum(1 for one in properties.values() if (one.get("extensions") or {}).get("counted"))
    if counted > COUNTED_MAX:
        raise invalid_payload(f"Property .schema.properties must NOT count more than {COUNTED_MAX} of them")
    return properties


def _wire(row: CustomEventSchema) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "schema": {"properties": row.body.get("properties") or {}},
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "object": "custom-event-schema",
    }
