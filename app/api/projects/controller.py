"""Operations on /management/v1/projects."""

from typing import Any

from app.api.call import Answer, Call
from app.api.projects import answers, service
from app.api.projects.schemas import ProjectCreate, ProjectUpdate
from app.http.routing import Route, Scope

ALL = "/management/v1/projects"
ONE = ALL + "/{projectId}"


async def create_project(call: Call) -> Answer:
    """The tokens of the new project's keys are in this answer and never again."""
    return Answer(await service.create(call, call.body()), headers={"Cache-Control": "no-store"})


async def list_projects(call: Call) -> Answer:
    return Answer(await service.list_all(call))


async def get_project(call: Call) -> Answer:
    return Answer(await service.get(call, call.path["projectId"]))


async def update_project(call: Call) -> Answer:
    """Only what is sent changes."""
    return Answer(await service.update(call, call.path["projectId"], call.body()))


async def delete_project(call: Call) -> Answer:
    """Its keys open nothing from here on; its data is removed in the background, its audit stays."""
    await service.delete(call, call.path["projectId"])
    return Answer()


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Project,
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
        errors=("not_found", *more.pop("errors", ())) if path == ONE else (),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "POST",
        ALL,
        "create-project",
        create_project,
        "Create Project",
        answers.CreatedProject,
        body=ProjectCreate,
    ),
    _route(
        "GET",
        ALL,
        "list-projects",
        list_projects,
        "List Projects",
        answers.ProjectList,
        query=("limit", "page"),
    ),
    _route("GET", ONE, "get-project", get_project, "Get Project"),
    _route("PUT", ONE, "update-project", update_project, "Update Project", body=ProjectUpdate),
    _route(
        "DELETE",
        ONE,
        "delete-project",
        delete_project,
        "Delete Project",
        status=204,
        errors=("resource_protected",),
    ),
)
