"""Operations on /v1/campaigns."""

from typing import Any

from app.api.action_routes import ActionRoutes
from app.api.async_actions.answers import StartedAction
from app.api.call import Answer, Call
from app.api.campaigns import (
    answers,
    availability,
    codes,
    readiness,
    running,
    service,
    stopping,
    summary,
    transactions,
)
from app.api.campaigns.schemas import CampaignCreate, CampaignUpdate, CampaignVouchersCreate
from app.api.idempotency import once
from app.api.vouchers import imports
from app.api.vouchers.answers import Voucher
from app.api.vouchers.schemas import FileForm
from app.http.decode import decode_body
from app.http.routing import Route
from app.jobs.voucher_rows import VoucherRow

ONE = "/{campaignId}"
NOT_FOUND = ("not_found",)
LIST_QUERY = (
    "limit",
    "page",
    "campaign_type",
    "expand",
    "campaign_status",
    "is_referral_code",
    "order",
    "filters",
    "mintable",
)


async def create_campaign(call: Call) -> Answer:
    return Answer(await service.create_campaign(call, call.body()))


async def list_campaigns(call: Call) -> Answer:
    return Answer(await service.list_campaigns(call))


async def get_campaign(call: Call) -> Answer:
    return Answer(await service.get_campaign(call, call.path["campaignId"]))


async def update_campaign(call: Call) -> Answer:
    return Answer(await service.update_campaign(call, call.path["campaignId"], call.body()))


async def delete_campaign(call: Call) -> Answer:
    force = bool(call.query.flag("force"))
    return Answer(await service.delete_campaign(call, call.path["campaignId"], force=force))


async def enable_campaign(call: Call) -> Answer:
    """With `strict=true` only a campaign with which nothing is wrong that usually is."""
    if call.query.flag("strict"):
        await readiness.check_ready(call, call.path["campaignId"])
    return Answer(await service.set_active(call, call.path["campaignId"], active=True))


async def disable_campaign(call: Call) -> Answer:
    return Answer(await service.set_active(call, call.path["campaignId"], active=False))


async def add_vouchers(call: Call) -> Answer:
    """The body may be absent, an object, or a bare number, which is how many codes are wanted."""
    count = call.query.integer("vouchers_count")
    raw = call.raw_body.strip()
    if raw[:1] in (b"", b"{", b"n"):
        body = CampaignVouchersCreate() if raw in (b"", b"null") else call.body()
    else:
        body = CampaignVouchersCreate()
        number = decode_body(int, raw)
        count = number if count is None else count
    status, answer = await codes.add_codes(call, call.path["campaignId"], body, 1 if count is None else count)
    return Answer(answer, status=status)


async def add_voucher_with_code(call: Call) -> Answer:
    answer = await codes.add_code(call, call.path["campaignId"], call.path["code"], call.body())
    return Answer(answer)


VERBS = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "delete"}


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Campaign,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path="/v1/campaigns" + path,
        operation_id=operation_id,
        handler=handler,
        permission=more.pop("permission", "campaigns." + VERBS[method]),
        tag="Campaigns",
        summary=summary,
        answer=answer,
        **more,
    )


ACTIONS = ActionRoutes(tag="Campaigns", permission="campaigns.write")

ROUTES: tuple[Route, ...] = (
    _route(
        "POST",
        "",
        "create-campaign",
        once(create_campaign),
        "Create Campaign",
        body=CampaignCreate,
        errors=(
            "invalid_campaign",
            "invalid_code_config",
            "invalid_gift",
            "not_found",
            "duplicate_found",
            "idempotency_key_reused",
        ),
    ),
    _route(
        "GET",
        "",
        "list-campaigns",
        list_campaigns,
        "List Campaigns",
        answers.CampaignList,
        query=LIST_QUERY,
    ),
    _route("GET", ONE, "get-campaign", get_campaign, "Get Campaign", errors=NOT_FOUND),
    _route(
        "PUT",
        ONE,
        "update-campaign",
        update_campaign,
        "Update Campaign",
        body=CampaignUpdate,
        errors=(*NOT_FOUND, "invalid_campaign"),
    ),
    _route(
        "DELETE",
        ONE,
        "delete-campaign",
        delete_campaign,
        "Delete Campaign",
        StartedAction,
        status=202,
        query=("force",),
        errors=NOT_FOUND,
    ),
    _route(
        "POST",
        ONE + "/enable",
        "enable-campaign",
        enable_campaign,
        "Enable Campaign",
        answers.SwitchedCampaign,
        query=("strict",),
        errors=(*NOT_FOUND, "campaign_not_ready"),
    ),
    _route(
        "POST",
        ONE + "/disable",
        "disable-campaign",
        disable_campaign,
        "Disable Campaign",
        answers.SwitchedCampaign,
        errors=NOT_FOUND,
    ),
    _route(
        "POST",
        ONE + "/vouchers",
        "add-vouchers-to-campaign",
        once(add_vouchers),
        "Add Vouchers to Campaign",
        answers.AddedVouchers,
        other_statuses=(202,),
        permission="codes.write",
        body=CampaignVouchersCreate,
        body_required=False,
        query=("vouchers_count",),
        errors=(*NOT_FOUND, "invalid_campaign", "invalid_code_config", "idempotency_key_reused"),
    ),
    _route(
        "POST",
        ONE + "/vouchers/{code}",
        "add-voucher-with-specific-code-to-campaign",
        once(add_voucher_with_code),
        "Add Voucher with Specific Code to Campaign",
        Voucher,
        body=CampaignVouchersCreate,
        body_required=False,
        errors=(
            *NOT_FOUND,
            "invalid_campaign",
            "invalid_voucher",
            "duplicate_found",
            "idempotency_key_reused",
        ),
    ),
    ACTIONS.row(
        "/v1/campaigns" + ONE + "/import",
        "import-vouchers-to-campaign",
        imports.import_to_campaign,
        "Import Vouchers to Campaign",
        list[VoucherRow],
        errors=(*NOT_FOUND, "invalid_campaign", "invalid_voucher", "duplicate_key"),
    ),
    ACTIONS.row(
        "/v1/campaigns" + ONE + "/importCSV",
        "import-vouchers-to-campaign-using-csv",
        imports.import_to_campaign_csv,
        "Import Vouchers to Campaign by CSV",
        FileForm,
        status=200,
        errors=(*NOT_FOUND, "invalid_campaign"),
    ),
    *transactions.ROUTES,
    *summary.ROUTES,
    *availability.ROUTES,
    *readiness.ROUTES,
    *running.ROUTES,
    *stopping.ROUTES,
)
