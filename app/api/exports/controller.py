"""Operations on /v1/exports, and the exports that other paths start."""

from typing import Any

from app.api.call import Answer, Call
from app.api.exports import answers, service
from app.api.exports.schemas import ExportCreate, ExportOf
from app.http.routing import Route, Scope

ERRORS = ("invalid_export_fields",)


async def create_export(call: Call) -> Answer:
    body: ExportCreate = call.body()
    return Answer(await service.create_export(call, body.exported_object, body.parameters))


async def list_exports(call: Call) -> Answer:
    return Answer(await service.list_exports(call))


async def get_export(call: Call) -> Answer:
    """With `token` the file itself."""
    return await service.get_export(call, call.path["exportId"])


async def delete_export(call: Call) -> Answer:
    await service.delete_export(call, call.path["exportId"])
    return Answer()


async def download_export(call: Call) -> Answer:
    """What `result.url` of an export names. The token opens this file and nothing else."""
    return await service.download(call, call.path["exportId"])


async def export_voucher_transactions(call: Call) -> Answer:
    body: ExportOf = call.body()
    return Answer(await service.export_of_voucher(call, call.path["code"], body.parameters))


async def export_campaign_transactions(call: Call) -> Answer:
    body: ExportOf = call.body()
    return Answer(await service.export_of_campaign(call, call.path["campaignId"], body.parameters))


async def export_orders(call: Call) -> Answer:
    body: ExportOf = call.body()
    return Answer(await service.create_export(call, "order", body.parameters))


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Export,
    **more: Any,
) -> Route:
    verb = {"GET": "read", "DELETE": "delete"}.get(method, "write")
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission=more.pop("permission", f"exports.{verb}"),
        tag=more.pop("tag", "Exports"),
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "POST",
        "/v1/exports",
        "create-export",
        create_export,
        "Create Export",
        body=ExportCreate,
        errors=ERRORS,
    ),
    _route(
        "GET",
        "/v1/exports",
        "list-exports",
        list_exports,
        "List Exports",
        answers.ExportList,
        query=("limit", "page", "order"),
    ),
    _route(
        "GET",
        "/v1/exports/{exportId}",
        "get-export",
        get_export,
        "Get Export",
        query=("token",),
        errors=("not_found",),
    ),
    _route(
        "DELETE",
        "/v1/exports/{exportId}",
        "delete-export",
        delete_export,
        "Delete Export",
        status=204,
        errors=("not_found",),
    ),
    Route(
        method="GET",
        path="/downloads/exports/{exportId}",
        operation_id="download-exported-file",
        handler=download_export,
        permission="",
        scope=Scope.PUBLIC,
        tag="Exports",
        summary="Download Export",
        produces=("text/plain",),
        query=("token",),
        errors=("unauthorized",),
    ),
    _route(
        "POST",
        "/v1/vouchers/{code}/transactions/export",
        "export-voucher-transactions",
        export_voucher_transactions,
        "Export Voucher Transactions",
        body=ExportOf,
        body_required=False,
        tag="Vouchers",
        errors=("not_found", *ERRORS),
    ),
    _route(
        "POST",
        "/v1/campaigns/{campaignId}/transactions/export",
        "export-campaign-transactions",
        export_campaign_transactions,
        "Export Campaign Transactions",
        body=ExportOf,
        body_required=False,
        tag="Campaigns",
        errors=("not_found", "forbidden", *ERRORS),
    ),
    _route(
        "POST",
        "/v1/orders/export",
        "create-order-export",
        export_orders,
        "Create Orders Export",
        body=ExportOf,
        body_required=False,
        tag="Orders",
        errors=ERRORS,
    ),
)
