"""Operations on /v1/vouchers."""

from typing import Any

from app.api.action_routes import ActionRoutes
from app.api.call import Answer, Call
from app.api.idempotency import once
from app.api.vouchers import answers, balances, imports, service, sessions
from app.api.vouchers.schemas import BulkMetadata, FileForm, SameMetadata, VoucherCreate, VoucherUpdate
from app.http.routing import Route
from app.jobs.voucher_rows import VoucherRow

TAG = "Vouchers"
NOT_FOUND = ("not_found",)
LIST_QUERY = (
    "limit",
    "page",
    "category",
    "campaign",
    "campaign_id",
    "customer",
    "created_at",
    "updated_at",
    "order",
    "code",
    "ids",
    "filters",
)
CREATE_ERRORS = (
    "not_found",
    "duplicate_found",
    "invalid_voucher",
    "invalid_campaign",
    "idempotency_key_reused",
)


async def list_vouchers(call: Call) -> Answer:
    return Answer(await service.list_vouchers(call))


async def generate_random_code(call: Call) -> Answer:
    return Answer(await service.create_voucher(call, call.body()))


async def create_voucher(call: Call) -> Answer:
    return Answer(await service.create_voucher(call, call.body(), call.path["code"]))


async def get_voucher(call: Call) -> Answer:
    return Answer(await service.get_voucher(call, call.path["code"]))


async def update_voucher(call: Call) -> Answer:
    return Answer(await service.update_voucher(call, call.path["code"], call.body()))


async def delete_voucher(call: Call) -> Answer:
    await service.delete_voucher(call, call.path["code"], force=bool(call.query.flag("force")))
    return Answer()


async def enable_voucher(call: Call) -> Answer:
    return Answer(await service.set_active(call, call.path["code"], active=True))


async def disable_voucher(call: Call) -> Answer:
    return Answer(await service.set_active(call, call.path["code"], active=False))


VERBS = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "delete"}


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Voucher,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path="/v1/vouchers" + path,
        operation_id=operation_id,
        handler=handler,
        permission="vouchers." + VERBS[method],
        tag=TAG,
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        **more,
    )


ACTIONS = ActionRoutes(tag="Vouchers", permission="vouchers.write")

ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "",
        "list-vouchers",
        list_vouchers,
        "List Vouchers",
        answers.VoucherList,
        query=LIST_QUERY,
    ),
    _route(
        "POST",
        "",
        "generate-random-code",
        once(generate_random_code),
        "Generate Random Code",
        body=VoucherCreate,
        errors=(*CREATE_ERRORS, "invalid_code_config"),
    ),
    _route("GET", "/{code}", "get-voucher", get_voucher, "Get Voucher", errors=NOT_FOUND),
    _route(
        "POST",
        "/{code}",
        "create-voucher",
        once(create_voucher),
        "Create Voucher",
        body=VoucherCreate,
        errors=CREATE_ERRORS,
    ),
    _route(
        "PUT",
        "/{code}",
        "update-voucher",
        update_voucher,
        "Update Voucher",
        body=VoucherUpdate,
        errors=(*NOT_FOUND, "invalid_voucher", "invalid_amount", "multiple_requests"),
    ),
    _route(
        "DELETE",
        "/{code}",
        "delete-voucher",
        delete_voucher,
        "Delete Voucher",
        status=204,
        query=("force",),
        errors=NOT_FOUND,
    ),
    _route("POST", "/{code}/enable", "enable-voucher", enable_voucher, "Enable Voucher", errors=NOT_FOUND),
    _route(
        "POST", "/{code}/disable", "disable-voucher", disable_voucher, "Disable Voucher", errors=NOT_FOUND
    ),
    *sessions.ROUTES,
    ACTIONS.row(
        "/v1/vouchers/import",
        "import-vouchers",
        imports.import_vouchers,
        "Import Vouchers",
        list[VoucherRow],
        errors=("invalid_voucher",),
    ),
    ACTIONS.row(
        "/v1/vouchers/importCSV",
        "import-vouchers-using-csv",
        imports.import_vouchers_csv,
        "Import Vouchers using CSV",
        FileForm,
    ),
    ACTIONS.row(
        "/v1/vouchers/bulk/async",
        "update-vouchers-in-bulk",
        imports.update_each,
        "Update Vouchers in Bulk",
        list[BulkMetadata],
    ),
    ACTIONS.row(
        "/v1/vouchers/metadata/async",
        "update-vouchers-metadata-in-bulk",
        imports.update_same_metadata,
        "Update Vouchers' Metadata in Bulk",
        SameMetadata,
    ),
    *balances.ROUTES,
)
