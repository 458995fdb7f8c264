"""The verbs of segments."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.segments.schemas import SegmentCreate
from app.db.models import Customer, PartitionState, Segment, SegmentWalk
from app.http.errors import invalid_payload, not_found
from app.http.filtering import Field, filter_condition, page_of
from app.http.wire import iso, listing
from app.identifiers import new_id, next_version
from app.jobs.segment_watch import first_walk
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
ACTIVE = "auto-update"
"""The type of segments whose customers are told of when they enter and leave."""
DYNAMIC_MAX = 100
"""Segments with a filter in a project (the contract's bound)."""


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
            # Decisions evaluate the filter: what is synchronised is who is in, for the telling of moves.
            condition = _checked(segment_id, kind, payload.filter)
            await _check_count(write.session, call.project_id)
            body = {"filter": condition, "initial_sync_status": "IN_PROGRESS" if kind == ACTIVE else "DONE"}
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
        if kind == ACTIVE:
            write.session.add(first_walk(call.project_id, row.id, call.engine.now()))
            await _watch(write.session, call.project_id, watched=True)
        write.guard("seg:" + row.id, row.version)
    return segment_wire(row)


async def _check_count(session: AsyncSession, project_id: str) -> None:
    count = await session.scalar(
        select(func.count())
        .select_from(Segment)
        .where(Segment.project_id == project_id, Segment.type != "static")
    )
    if (count or 0) >= DYNAMIC_MAX:
        raise invalid_payload(f"A project has at most {DYNAMIC_MAX} segments with a filter")


async def _watch(session: AsyncSession, project_id: str, *, watched: bool) -> None:
    await session.execute(
        update(PartitionState).where(PartitionState.project_id == project_id).values(watched=watched)
    )


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
        if row.type == ACTIVE:
            await _forget(write.session, row, call.engine.now())
        write.guard("seg:" + row.id, next_version(row.version))


async def _forget(session: AsyncSession, row: Segment, now: datetime) -> None:
    """Its members go behind the answer; a project without another active segment is watched no more."""
    walk = await session.get(SegmentWalk, (row.project_id, row.id))
    if walk is not None:
        walk.at, walk.after = now, ""
    others = select(Segment.id).where(
        Segment.project_id == row.project_id, Segment.type == ACTIVE, Segment.id != row.id
    )
    if await session.scalar(others.limit(1)) is None:
        await _watch(session, row.project_id, watched=False)
