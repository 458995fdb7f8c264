"""Operations on /v1/orders."""

from typing import Any

from app.api.action_routes import ActionRoutes
from app.api.call import Answer, Call
from app.api.orders import answers, service
from app.api.orders.schemas import OrderCreate, OrderImport, OrderUpdate
from app.http.routing import Route

ORDER = "/v1/orders/{orderId}"


async def list_orders(call: Call) -> Answer:
    return Answer(await service.list_orders(call))


async def create_order(call: Call) -> Answer:
    return Answer(await service.create(call, call.body()))


async def get_order(call: Call) -> Answer:
    return Answer(await service.get(call, call.path["orderId"]))


async def update_order(call: Call) -> Answer:
    return Answer(await service.update(call, call.path["orderId"], call.body()))


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Order,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="orders.read" if method == "GET" else "orders.write",
        tag="Orders",
        summary=summary,
        answer=answer,
        errors=more.pop("errors", ("not_found",)),
        **more,
    )


ACTIONS = ActionRoutes(tag="Orders", permission="orders.write")

ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "/v1/orders",
        "list-orders",
        list_orders,
        "List Orders",
        answers.OrderList,
        query=("limit", "page", "order"),
        errors=(),
    ),
    _route(
        "POST",
        "/v1/orders",
        "create-order",
        create_order,
        "Create Order",
        body=OrderCreate,
        errors=("multiple_requests", "metadata_validation_failed"),
    ),
    ACTIONS.row(
        "/v1/orders/import",
        "import-orders",
        service.import_orders,
        "Import Orders",
        list[OrderImport],
        status=200,
    ),
    _route("GET", ORDER, "get-order", get_order, "Get Order"),
    _route(
        "PUT",
        ORDER,
        "update-order",
        update_order,
        "Update Order",
        body=OrderUpdate,
        errors=("not_found", "multiple_requests", "metadata_validation_failed"),
    ),
)
