"""Operations on /v1/categories."""

from typing import Any

from app.api.call import Answer, Call
from app.api.categories import answers, service
from app.api.categories.schemas import CategoryBody
from app.http.routing import Route

ONE = "/{categoryId}"
NOT_FOUND = ("not_found",)


async def list_categories(call: Call) -> Answer:
    return Answer(await service.list_categories(call))


async def create_category(call: Call) -> Answer:
    return Answer(await service.create_category(call, call.body()))


async def get_category(call: Call) -> Answer:
    return Answer(await service.get_category(call, call.path["categoryId"]))


async def update_category(call: Call) -> Answer:
    return Answer(await service.update_category(call, call.path["categoryId"], call.body()))


async def delete_category(call: Call) -> Answer:
    await service.delete_category(
        call,
        call.path["categoryId"],
        remove_from_stacking_rules=bool(call.query.flag("remove_from_stacking_rules")),
    )
    return Answer()


VERBS = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "delete"}


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Category,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path="/v1/categories" + path,
        operation_id=operation_id,
        handler=handler,
        permission="categories." + VERBS[method],
        tag="Categories",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", "", "list-categories", list_categories, "List Categories", answers.CategoryList),
    _route(
        "POST",
        "",
        "create-category",
        create_category,
        "Create Category",
        body=CategoryBody,
        errors=("duplicate_found",),
    ),
    _route("GET", ONE, "get-category", get_category, "Get Category", errors=NOT_FOUND),
    _route(
        "PUT",
        ONE,
        "update-category",
        update_category,
        "Update Category",
        body=CategoryBody,
        errors=(*NOT_FOUND, "duplicate_found"),
    ),
    _route(
        "DELETE",
        ONE,
        "delete-category",
        delete_category,
        "Delete Category",
        status=204,
        query=("remove_from_stacking_rules",),
        errors=(*NOT_FOUND, "resource_in_use"),
    ),
)
