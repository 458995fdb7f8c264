"""Operations on /v1/templates/campaigns."""

from typing import Any

from app.api.call import Answer, Call
from app.api.idempotency import once
from app.api.templates import answers, service
from app.api.templates.schemas import CampaignSetup, TemplateCreate, TemplateUpdate, TierSetup
from app.http.routing import Route

ALL = "/v1/templates/campaigns"
ONE = ALL + "/{campaignTemplateId}"
UNSUPPORTED = "campaign_type_is_not_supported_by_campaign_template"


async def list_templates(call: Call) -> Answer:
    return Answer(await service.list_all(call))


async def create_template(call: Call) -> Answer:
    """Keeps how a campaign or a promotion tier is set up, without its name, category and number of codes."""
    return Answer(await service.create(call, call.body()))


async def get_template(call: Call) -> Answer:
    return Answer(await service.get(call, call.path["campaignTemplateId"]))


async def update_template(call: Call) -> Answer:
    return Answer(await service.update(call, call.path["campaignTemplateId"], call.body()))


async def delete_template(call: Call) -> Answer:
    await service.remove(call, call.path["campaignTemplateId"])
    return Answer()


async def set_up_campaign(call: Call) -> Answer:
    """Makes a campaign; whatever is sent takes the place of what the template says."""
    return Answer(await service.set_up_campaign(call, call.path["campaignTemplateId"], call.body()))


async def set_up_tier(call: Call) -> Answer:
    """Makes a tier of an existing promotion from a template of discount codes."""
    return Answer(await service.set_up_tier(call, call.path["campaignTemplateId"], call.body()))


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.CampaignTemplate,
    **more: Any,
) -> Route:
    verb = {"GET": "read", "DELETE": "delete"}.get(method, "write")
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission=more.pop("permission", f"templates.{verb}"),
        tag="Templates",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        ALL,
        "list-campaign-templates",
        list_templates,
        "List Campaign Templates",
        answers.CampaignTemplateList,
        query=("limit", "starting_after_id", "order", "include_total", "filters"),
    ),
    _route(
        "POST",
        ALL,
        "create-campaign-template",
        create_template,
        "Create Campaign Template",
        body=TemplateCreate,
        errors=("not_found", UNSUPPORTED, "duplicate_found"),
    ),
    _route(
        "GET",
        ONE,
        "get-campaign-template",
        get_template,
        "Get Campaign Template",
        answers.ExpandedCampaignTemplate,
        query=("expand",),
        errors=("not_found",),
    ),
    _route(
        "PUT",
        ONE,
        "update-campaign-template",
        update_template,
        "Update Campaign Template",
        body=TemplateUpdate,
        errors=("not_found", "duplicate_found"),
    ),
    _route(
        "DELETE",
        ONE,
        "delete-campaign-template",
        delete_template,
        "Delete Campaign Template",
        status=204,
        errors=("not_found",),
    ),
    _route(
        "POST",
        ONE + "/campaign-setup",
        "create-campaign-from-template",
        once(set_up_campaign),
        "Create Campaign from Template",
        answers.SetUpCampaign,
        permission="campaigns.write",
        body=CampaignSetup,
        errors=(
            "not_found",
            "invalid_campaign",
            "invalid_code_config",
            "invalid_voucher",
            "duplicate_found",
            "idempotency_key_reused",
        ),
    ),
    _route(
        "POST",
        ONE + "/tier-setup",
        "add-tier-from-template",
        once(set_up_tier),
        "Add Promotion Tier from Template",
        answers.SetUpPromotionTier,
        permission="promotions.write",
        body=TierSetup,
        errors=("not_found", "invalid_campaign", UNSUPPORTED, "idempotency_key_reused"),
    ),
)
