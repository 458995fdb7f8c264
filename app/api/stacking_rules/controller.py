"""Operations on the stacking rules of a project."""

from typing import Any

from app.api.call import Answer, Call
from app.api.stacking_rules import answers, service
from app.api.stacking_rules.schemas import StackingRulesBody
from app.http.routing import Route, Scope

ALL = "/management/v1/projects/{projectId}/stacking-rules"
ONE = ALL + "/{stackingRulesId}"


async def create_rules(call: Call) -> Answer:
    return Answer(await service.create(call, call.path["projectId"], call.body()))


async def list_rules(call: Call) -> Answer:
    """The project's own rules, or the defaults, which have no id."""
    return Answer(await service.list_all(call, call.path["projectId"]))


async def get_rules(call: Call) -> Answer:
    return Answer(await service.get(call, call.path["projectId"], call.path["stackingRulesId"]))


async def update_rules(call: Call) -> Answer:
    """Only what is sent changes; a list or map that is sent replaces the stored one."""
    project_id, rules_id = call.path["projectId"], call.path["stackingRulesId"]
    return Answer(await service.update(call, project_id, rules_id, call.body()))


async def delete_rules(call: Call) -> Answer:
    """The defaults hold again."""
    await service.delete(call, call.path["projectId"], call.path["stackingRulesId"])
    return Answer()


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.StackingRules,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="projects." + {"GET": "read", "DELETE": "delete"}.get(method, "write"),
        scope=Scope.MANAGEMENT,
        tag="Stacking rules",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        errors=("not_found", *more.pop("errors", ())),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "POST",
        ALL,
        "create-stacking-rules",
        create_rules,
        "Create Stacking Rules",
        body=StackingRulesBody,
        errors=("stacking_rules_exist",),
    ),
    _route(
        "GET",
        ALL,
        "list-stacking-rules",
        list_rules,
        "List Stacking Rules",
        answers.StackingRulesList,
    ),
    _route("GET", ONE, "get-stacking-rules", get_rules, "Get Stacking Rules"),
    _route(
        "PUT", ONE, "update-stacking-rules", update_rules, "Update Stacking Rules", body=StackingRulesBody
    ),
    _route("DELETE", ONE, "delete-stacking-rules", delete_rules, "Delete Stacking Rules", status=204),
)
