"""Operations on /v1/async-actions."""

from app.api.async_actions import answers, service
from app.api.call import Answer, Call
from app.http.routing import Route


async def list_actions(call: Call) -> Answer:
    return Answer(await service.list_actions(call))


async def get_action(call: Call) -> Answer:
    return Answer(await service.get_action(call, call.path["asyncActionId"]))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/async-actions",
        operation_id="list-async-actions",
        handler=list_actions,
        permission="async-actions.read",
        tag="Async Actions",
        summary="List Async Actions",
        answer=answers.AsyncActionList,
        query=("limit", "end_date"),
    ),
    Route(
        method="GET",
        path="/v1/async-actions/{asyncActionId}",
        operation_id="get-async-action",
        handler=get_action,
        permission="async-actions.read",
        tag="Async Actions",
        summary="Get Async Action",
        answer=answers.AsyncAction,
        errors=("not_found",),
    ),
)
