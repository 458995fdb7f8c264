"""Operations on /v1/validation-rules and /v1/validation-rules-assignments."""

from typing import Any

from app.api.call import Answer, Call
from app.api.validation_rules import answers, service
from app.api.validation_rules.schemas import AssignmentCreate, RuleCreate, RuleUpdate
from app.http.routing import Route

ALL = "/v1/validation-rules"
ONE = ALL + "/{validationRuleId}"
ASSIGNMENTS = ONE + "/assignments"
NOT_FOUND = ("not_found",)
INVALID = ("invalid_validation_rules",)


async def list_rules(call: Call) -> Answer:
    return Answer(await service.list_rules(call))


async def create_rule(call: Call) -> Answer:
    return Answer(await service.create_rule(call, call.body()))


async def get_rule(call: Call) -> Answer:
    return Answer(await service.get_rule(call, call.path["validationRuleId"]))


async def update_rule(call: Call) -> Answer:
    return Answer(await service.update_rule(call, call.path["validationRuleId"], call.body()))


async def delete_rule(call: Call) -> Answer:
    await service.delete_rule(call, call.path["validationRuleId"])
    return Answer()


async def list_all_assignments(call: Call) -> Answer:
    return Answer(await service.list_assignments(call))


async def list_assignments(call: Call) -> Answer:
    return Answer(await service.list_assignments(call, call.path["validationRuleId"]))


async def create_assignment(call: Call) -> Answer:
    force = bool(call.query.flag("force"))
    answer = await service.create_assignment(call, call.path["validationRuleId"], call.body(), force=force)
    return Answer(answer)


async def delete_assignment(call: Call) -> Answer:
    await service.delete_assignment(call, call.path["validationRuleId"], call.path["assignmentId"])
    return Answer()


VERBS = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "delete"}


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.ValidationRule,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="validation-rules." + VERBS[method],
        tag="Validation Rules",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        ALL,
        "list-validation-rules",
        list_rules,
        "List Validation Rules",
        answers.ValidationRuleList,
        query=("limit", "page", "order", "start_date", "end_date"),
    ),
    _route(
        "POST",
        ALL,
        "create-validation-rules",
        create_rule,
        "Create Validation Rules",
        body=RuleCreate,
        errors=INVALID,
    ),
    _route("GET", ONE, "get-validation-rule", get_rule, "Get Validation Rule", errors=NOT_FOUND),
    _route(
        "PUT",
        ONE,
        "update-validation-rule",
        update_rule,
        "Update Validation Rule",
        body=RuleUpdate,
        errors=NOT_FOUND + INVALID,
    ),
    _route(
        "DELETE",
        ONE,
        "delete-validation-rules",
        delete_rule,
        "Delete Validation Rule",
        status=204,
        errors=NOT_FOUND,
    ),
    _route(
        "GET",
        "/v1/validation-rules-assignments",
        "list-validation-rules-assignments",
        list_all_assignments,
        "List Validation Rules' Assignment(s)",
        answers.AssignmentList,
        query=("related_object_id", "rule", "page", "limit", "order"),
    ),
    _route(
        "GET",
        ASSIGNMENTS,
        "list-validation-rule-assignments",
        list_assignments,
        "List Validation Rule Assignments",
        answers.AssignmentList,
        query=("limit", "page", "order"),
        errors=NOT_FOUND,
    ),
    _route(
        "POST",
        ASSIGNMENTS,
        "create-validation-rule-assignment",
        create_assignment,
        "Create Validation Rules Assignments",
        answers.Assignment,
        body=AssignmentCreate,
        query=("force",),
        errors=(*NOT_FOUND, "duplicate_found"),
    ),
    _route(
        "DELETE",
        ASSIGNMENTS + "/{assignmentId}",
        "delete-validation-rule-assignment",
        delete_assignment,
        "Delete Validation Rule Assignment",
        status=204,
        errors=NOT_FOUND,
    ),
)
