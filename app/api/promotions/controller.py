"""Operations on /v1/promotions: tiers."""

from typing import Any

from app.api.call import Answer, Call
from app.api.promotions import service
from app.api.promotions.schemas import TierCreate, TierUpdate
from app.http.routing import Route

TIER = "/v1/promotions/tiers/{promotionTierId}"
OF_CAMPAIGN = "/v1/promotions/{campaignId}/tiers"
ERRORS = ("not_found",)


async def list_tiers(call: Call) -> Answer:
    return Answer(await service.list_tiers(call))


async def list_tiers_of_campaign(call: Call) -> Answer:
    return Answer(await service.list_tiers(call, call.path["campaignId"]))


async def create_tier(call: Call) -> Answer:
    return Answer(await service.create_tier(call, call.path["campaignId"], call.body()))


async def get_tier(call: Call) -> Answer:
    return Answer(await service.get_tier(call, call.path["promotionTierId"]))


async def update_tier(call: Call) -> Answer:
    return Answer(await service.update_tier(call, call.path["promotionTierId"], call.body()))


async def delete_tier(call: Call) -> Answer:
    await service.delete_tier(call, call.path["promotionTierId"])
    return Answer()


async def enable_tier(call: Call) -> Answer:
    return Answer(await service.set_active(call, call.path["promotionTierId"], active=True))


async def disable_tier(call: Call) -> Answer:
    return Answer(await service.set_active(call, call.path["promotionTierId"], active=False))


VERBS = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "delete"}


def _route(method: str, path: str, operation_id: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="promotions." + VERBS[method],
        tag="Promotions",
        summary=summary,
        answer=None if more.get("status") == 204 else dict,
        errors=more.pop("errors", ERRORS),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "/v1/promotions/tiers",
        "list-promotion-tiers",
        list_tiers,
        "List Promotion Tiers",
        query=("is_available", "limit", "page", "order"),
    ),
    _route(
        "GET",
        OF_CAMPAIGN,
        "list-promotion-tiers-from-campaign",
        list_tiers_of_campaign,
        "List Promotion Tiers from Campaign",
        query=("is_available", "limit", "page", "order"),
    ),
    _route(
        "POST",
        OF_CAMPAIGN,
        "add-promotion-tier-to-campaign",
        create_tier,
        "Add Promotion Tier to Campaign",
        body=TierCreate,
        errors=("not_found", "invalid_campaign"),
    ),
    _route("GET", TIER, "get-promotion-tier", get_tier, "Get Promotion Tier"),
    _route("PUT", TIER, "update-promotion-tier", update_tier, "Update Promotion Tier", body=TierUpdate),
    _route("DELETE", TIER, "delete-promotion-tier", delete_tier, "Delete Promotion Tier", status=204),
    _route("POST", TIER + "/enable", "enable-promotion-tier", enable_tier, "Enable Promotion Tier"),
    _route("POST", TIER + "/disable", "disable-promotion-tier", disable_tier, "Disable Promotion Tier"),
)
