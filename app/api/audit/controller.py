"""Operations on /v1/engine/audit and /management/v1/engine/audit: extensions of this engine."""

from typing import Any

from app.api.audit.answers import AuditEntryList
from app.api.call import Answer, Call
from app.audit.changes import ACTIONS
from app.audit.reading import Wanted, entry_wire, read_entries
from app.db.models import Project
from app.http.errors import not_found
from app.http.query import LIMIT_DEFAULT, LIMIT_MAX
from app.http.routing import Route, Scope
from app.http.wire import iso_us

QUERY = (
    "limit",
    "starting_after",
    "related_object_type",
    "related_object_id",
    "actor_id",
    "operation",
    "action",
    "request_id",
    "created_at",
)


async def list_project_audit(call: Call) -> Answer:
    """Changes of this project's objects, the newest first; `starting_after` takes the number of the last
    entry of the page before.
    """
    return Answer(await _page(call, call.project_id))


async def list_audit(call: Call) -> Answer:
    """Of the project named by `project_id`, also when it is deleted; without one, of what belongs to no
    project.
    """
    project_id = call.query.text("project_id") or ""
    if project_id:
        async with call.read() as session:
            if await session.get(Project, project_id) is None:
                raise not_found("project", project_id)
    return Answer(await _page(call, project_id))


async def _page(call: Call, project_id: str) -> dict[str, Any]:
    query = call.query
    created = query.between("created_at")
    limit = query.integer("limit", low=1, high=LIMIT_MAX) or LIMIT_DEFAULT
    wanted = Wanted(
        object_type=query.text("related_object_type"),
        object_id=query.text("related_object_id"),
        actor_id=query.text("actor_id"),
        operation=query.text("operation"),
        action=query.choice("action", ACTIONS),
        request_id=query.text("request_id"),
        after=created.after,
        before=created.before,
        before_number=query.integer("starting_after", low=1),
    )
    async with call.read() as session:
        seen = await read_entries(session, project_id, wanted, limit + 1)
    has_more = len(seen) > limit
    page = seen[:limit]
    return {
        "object": "list",
        "data_ref": "data",
        "data": [entry_wire(one, iso_us(one.entry.at_us)) for one in page],
        "has_more": has_more,
        "more_starting_after": page[-1].entry.seq if has_more else None,
    }


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/engine/audit",
        operation_id="list-audit-entries",
        handler=list_project_audit,
        permission="audit.read",
        tag="Audit",
        summary="List Audit Entries",
        answer=AuditEntryList,
        query=QUERY,
    ),
    Route(
        method="GET",
        path="/management/v1/engine/audit",
        operation_id="list-organisation-audit-entries",
        handler=list_audit,
        scope=Scope.MANAGEMENT,
        permission="audit.read",
        tag="Audit",
        summary="List Audit Entries of a Project or the Organisation",
        answer=AuditEntryList,
        query=(*QUERY, "project_id"),
        errors=("not_found",),
    ),
)
