"""Reading and replacing the extensions of the key's project."""

from typing import Any

import msgspec

from app.api.call import Answer, Call
from app.api.project_extensions.schemas import ProjectExtensions
from app.db.models import Project
from app.http.errors import invalid_payload, not_found
from app.http.routing import Route
from app.identifiers import next_version
from rules.compile import RuleError, compile_extensions

PATH = "/v1/engine/extensions"


async def get_extensions(call: Call) -> Answer:
    async with call.read() as session:
        project = await session.get(Project, call.project_id)
    if project is None:
        raise not_found("project", call.project_id)
    call.tag(project.version)
    return Answer(project.settings.get("extensions") or {})


async def replace_extensions(call: Call) -> Answer:
    """They hold for the very next decision on every worker."""
    body: ProjectExtensions = call.body()
    document: dict[str, Any] = msgspec.to_builtins(body)
    try:
        compile_extensions(document)
    except RuleError as error:
        raise invalid_payload(error.details) from None
    async with call.write() as write:
        project = await write.session.get(
            Project, call.project_id, with_for_update=True, populate_existing=True
        )
        if project is None:
            raise not_found("project", call.project_id)
        call.require_version(project.version)
        project.settings = {**project.settings, "extensions": document}
        project.version = next_version(project.version)
        write.guard("s", project.version)
        call.tag(project.version)
    return Answer(document)


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=PATH,
        operation_id="get-project-extensions",
        handler=get_extensions,
        permission="projects.read",
        tag="Engine",
        summary="Get the extensions of the project",
        answer=ProjectExtensions,
        errors=("not_found",),
    ),
    Route(
        method="PUT",
        path=PATH,
        operation_id="replace-project-extensions",
        handler=replace_extensions,
        permission="projects.write",
        tag="Engine",
        summary="Replace the extensions of the project",
        body=ProjectExtensions,
        answer=ProjectExtensions,
        errors=("not_found",),
    ),
)
