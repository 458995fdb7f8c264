"""The verbs of segments."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.segments.schemas import SegmentCreate
from app.db.models import Customer, Segment
from app.http.errors import invalid_payload, not_found
from app.http.filtering import Field, filter_condition, page_of
from app.http.wire import iso, listing
from app.identifiers import new_id, next_version
from rules.compile import RuleError, compile_segment

COLUMNS: dict[str, Any] = {
    "id": Segment.id,
    "name": Segment.name,
    "created_at": Segment.created_at,
    "updated_at": Segment.updated_at,
}
FIELDS = {
    "id": Field(Segment.id),
    "name": Field(Segment.name),
    "type": Field(Segment.type),
    "created_at": Field(Segment.created_at, "instant"),
    "updated_at": Field(Segment.updated_at, "instant"),
}
CHUNK = 500


def segment_wire(row: Segment) -> dict[str, Any]:
    """Members of a static segment are not told: there may be 20 000."""
    return {
        "id": row.id,
        "name": row.name,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "type": row.type,
        "filter": row.body.get("filter"),
        "initial_sync_status": row.body.get("initial_sync_status"),
        "object": "segment",
    }


async def create(call: Call, payload: SegmentCreate) -> dict[str, Any]:
    """Raises: ApiError 400 for a filter that does not compile."""
    kind = payload.type or ("passive" if payload.filter is not None else "static")
    segment_id = new_id("seg_")
    async with call.write() as write:
        if kind == "static":
            members = await _members(write.session, call.project_id, payload.customers or [])
            body: dict[str, Any] = {"customers": members, "initial_sync_status": "DONE"}
        else:
            # Filters are evaluated live, so there is nothing to synchronise.
            body = {"filter": _checked(segment_id, kind, payload.filter), "initial_sync_status": "DONE"}
        row = Segment(
            project_id=call.project_id,
            id=segment_id,
            name=payload.name,
            type=kind,
            body=body,
            version=next_version(),
            created_at=call.engine.now(),
            updated_at=None,
        )
        write.session.add(row)
        write.guard("seg:" + row.id, row.version)
    return segment_wire(row)


def _checked(segment_id: str, kind: str, condition: dict[str, Any] | None) -> dict[str, Any]:
    if condition is None:
        raise invalid_payload("Payload should have required property 'filter'")
    try:
        compile_segment(segment_id, {"type": kind, "filter": condition})
    except RuleError as error:
        raise invalid_payload(error.details) from None
    return condition


async def _members(session: AsyncSession, project_id: str, names: list[str]) -> list[str]:
    """Ids; a source_id becomes the id of its customer, what is unknown stays as it was sent."""
    ids: dict[str, str] = {}
    for start in range(0, len(names), CHUNK):
        rows = await session.execute(
            select(Customer.source_id, Customer.id).where(
                Customer.project_id == project_id, Customer.source_id.in_(names[start : start + CHUNK])
            )
        )
        ids.update({source_id: customer_id for source_id, customer_id in rows if source_id is not None})
    return list(dict.fromkeys(ids.get(name, name) for name in names))


async def get(call: Call, segment_id: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        row = await session.get(Segment, (call.project_id, segment_id))
    if row is None:
        raise not_found("segment", segment_id)
    call.tag(row.version)
    return segment_wire(row)


async def list_segments(call: Call) -> dict[str, Any]:
    """Newest first unless `order` says otherwise."""
    paging = call.query.paging(tuple(COLUMNS), "-created_at")
    ids = call.query.texts("ids")
    async with call.read() as session:
        statement = select(Segment).where(
            Segment.project_id == call.project_id,
            filter_condition(call.query.filters(), FIELDS, call.engine.now()),
        )
        if ids is not None:
            statement = statement.where(Segment.id.in_(ids))
        rows, total = await page_of(session, statement, paging, COLUMNS, Segment.id)
    return listing("data", [segment_wire(row[0]) for row in rows], total)


async def delete(call: Call, segment_id: str) -> None:
    """Rules that refer to it see an empty segment from now on.

    Raises: ApiError 404, also the second time.
    """
    async with call.write() as write:
        row = await write.session.get(Segment, (call.project_id, segment_id), with_for_update=True)
        if row is None:
            raise not_found("segment", segment_id)
        call.require_version(row.version)
        await write.session.delete(row)
        write.guard("seg:" + row.id, next_version(row.version))
