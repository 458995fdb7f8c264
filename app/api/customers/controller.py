"""Operations on /v1/customers."""

from typing import Any

from app.api.action_routes import ActionRoutes
from app.api.call import Answer, Call
from app.api.customers import answers, feed, imports, service
from app.api.customers.activity_answers import CustomerActivityList, CustomerActivityPage
from app.api.customers.data_answers import PersonalData
from app.api.customers.erasure import delete_permanently
from app.api.customers.personal_data import personal_data
from app.api.customers.redeemables import list_redeemables
from app.api.customers.schemas import BulkCustomer, CustomerCreate, CustomerUpdate, FileForm, SameMetadata
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


async def erase_customer(call: Call) -> Answer:
    return Answer(await delete_permanently(call, call.path["customerId"]))


async def export_data(call: Call) -> Answer:
    return Answer(await personal_data(call, call.path["customerId"]))


async def list_activity(call: Call) -> Answer:
    return Answer(await feed.list_activity(call, call.path["customerId"]))


async def list_activities(call: Call) -> Answer:
    return Answer(await feed.list_activities(call, call.path["customerId"]))


async def list_segments(call: Call) -> Answer:
    return Answer(await service.list_segments(call, call.path["customerId"]))


async def list_held(call: Call) -> Answer:
    return Answer(await list_redeemables(call, call.path["customerId"]))


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Customer,
    **more: Any,
) -> Route:
    verb = {"GET": "read", "DELETE": "delete"}.get(method, "write")
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission=f"customers.{verb}",
        tag="Customers",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        errors=more.pop("errors", ("not_found",)),
        **more,
    )


ACTIONS = ActionRoutes(tag="Customers", permission="customers.write")

ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "/v1/customers",
        "list-customers",
        list_customers,
        "List Customers",
        answers.CustomerList,
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
        errors=("not_found", "invalid_customer", "duplicate_found", "metadata_validation_failed"),
    ),
    _route("GET", CUSTOMER, "get-customer", get_customer, "Get Customer"),
    _route(
        "PUT",
        CUSTOMER,
        "update-customer",
        update_customer,
        "Update Customer",
        body=CustomerUpdate,
        errors=("not_found", "invalid_customer", "duplicate_found", "metadata_validation_failed"),
    ),
    _route("DELETE", CUSTOMER, "delete-customer", delete_customer, "Delete Customer", status=204),
    ACTIONS.row(
        "/v1/customers/importCSV",
        "import-customers-using-csv",
        imports.import_csv,
        "Import and Update Customers using CSV",
        FileForm,
    ),
    ACTIONS.row(
        "/v1/customers/bulk/async",
        "update-customers-in-bulk",
        imports.update_each,
        "Update Customers in Bulk",
        list[BulkCustomer],
    ),
    ACTIONS.row(
        "/v1/customers/metadata/async",
        "update-customers-metadata-in-bulk",
        imports.update_same_metadata,
        "Update Customers' Metadata in Bulk",
        SameMetadata,
    ),
    _route(
        "GET",
        CUSTOMER + "/activity",
        "list-customer-activity",
        list_activity,
        "List Customer Activity",
        CustomerActivityPage,
        query=(
            "limit",
            "order",
            "starting_after_id",
            "start_date",
            "end_date",
            "campaign_id",
            "campaign_type",
            "category",
            "type",
        ),
    ),
    _route(
        "GET",
        CUSTOMER + "/activities",
        "list-customer-activities",
        list_activities,
        "List Customer Activities (older)",
        CustomerActivityList,
        query=(
            "limit",
            "order",
            "starting_after",
            "starting_after_id",
            "start_date",
            "end_date",
            "campaign_id",
            "campaign_type",
            "product_id",
        ),
    ),
    _route(
        "GET",
        CUSTOMER + "/segments",
        "list-customer-segments",
        list_segments,
        "List Customer's Segments",
        answers.CustomerSegmentList,
    ),
    _route(
        "GET",
        CUSTOMER + "/redeemables",
        "list-customer-redeemables",
        list_held,
        "List Customer's Redeemables",
        answers.CustomerRedeemableList,
        query=("limit", "order", "starting_after_id", "filters"),
    ),
    Route(
        method="POST",
        path=CUSTOMER + "/permanent-deletion",
        operation_id="customer-permanently-deletion",
        handler=erase_customer,
        permission="customers.delete",
        tag="Customers",
        summary="Delete Customer Permanently",
        answer=answers.PermanentDeletion,
        errors=("not_found", "precondition_failed"),
    ),
    _route(
        "GET",
        "/v1/engine/customers/{customerId}/data",
        "get-customer-data",
        export_data,
        "All that is kept of one person",
        PersonalData,
        errors=("not_found",),
    ),
)
