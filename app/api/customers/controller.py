"""Operations on /v1/customers."""

from typing import Any

from app.api.call import Answer, Call
from app.api.customers import service
from app.api.customers.schemas import CustomerCreate, CustomerUpdate
from app.http.routing import Route

CUSTOMER = "/v1/customers/{customerId}"


async def list_customers(call: Call) -> Answer:
    return Answer(await service.list_customers(call))


async def create_customer(call: Call) -> Answer:
    return Answer(await service.upsert(call, call.body(), complete=True))


async def get_customer(call: Call) -> Answer:
    return Answer(await service.get(call, call.path["customerId"]))


async def update_customer(call: Call) -> Answer:
    return Answer(await service.update(call, call.path["customerId"], call.body()))


async def delete_customer(call: Call) -> Answer:
    await service.delete(call, call.path["customerId"])
    return Answer()


def _route(method: str, path: str, operation_id: str, handler: Any, summary: str, **more: Any) -> Route:
    verb = {"GET": "read", "DELETE": "delete"}.get(method, "write")
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission=f"customers.{verb}",
        tag="Customers",
        summary=summary,
        answer=None if more.get("status") == 204 else dict,
        errors=more.pop("errors", ("not_found",)),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "/v1/customers",
        "list-customers",
        list_customers,
        "List Customers",
        query=(
            "limit",
            "page",
            "email",
            "city",
            "name",
            "segment_id",
            "created_at",
            "updated_at",
            "order",
            "starting_after",
        ),
    ),
    _route(
        "POST",
        "/v1/customers",
        "create-customer",
        create_customer,
        "Create Customer",
        body=CustomerCreate,
        errors=("not_found", "invalid_customer", "duplicate_found"),
    ),
    _route("GET", CUSTOMER, "get-customer", get_customer, "Get Customer"),
    _route(
        "PUT",
        CUSTOMER,
        "update-customer",
        update_customer,
        "Update Customer",
        body=CustomerUpdate,
        errors=("not_found", "invalid_customer", "duplicate_found"),
    ),
    _route("DELETE", CUSTOMER, "delete-customer", delete_customer, "Delete Customer", status=204),
)
