"""Operations on /v1/promotions: tiers and stacks."""

from typing import Any

from app.api.call import Answer, Call
from app.api.client_side import public_tiers
from app.api.promotions import answers, service, stacks
from app.api.promotions.schemas import StackCreate, StackUpdate, TierCreate, TierUpdate
from app.http.routing import Route, Scope

TIER = "/v1/promotions/tiers/{promotionTierId}"
OF_CAMPAIGN = "/v1/promotions/{campaignId}/tiers"
STACKS = "/v1/promotions/{campaignId}/stacks"
STACK = STACKS + "/{stackId}"
STACK_QUERY = ("limit", "page", "order", "created_at", "updated_at")
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


async def list_all_stacks(call: Call) -> Answer:
    return Answer(await stacks.list_stacks(call))


async def list_stacks_of_campaign(call: Call) -> Answer:
    return Answer(await stacks.list_stacks(call, call.path["campaignId"]))


async def create_stack(call: Call) -> Answer:
    return Answer(await stacks.create_stack(call, call.path["campaignId"], call.body()))


async def get_stack(call: Call) -> Answer:
    return Answer(await stacks.get_stack(call, call.path["campaignId"], call.path["stackId"]))


async def update_stack(call: Call) -> Answer:
    return Answer(await stacks.update_stack(call, call.path["campaignId"], call.path["stackId"], call.body()))


async def delete_stack(call: Call) -> Answer:
    await stacks.delete_stack(call, call.path["campaignId"], call.path["stackId"])
    return Answer()


async def list_tiers_for_browser(call: Call) -> Answer:
    """As on the server side, without the shop's figures."""
    return Answer(public_tiers(await service.list_tiers(call)))


VERBS = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "delete"}


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.PromotionTier,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="promotions." + VERBS[method],
        tag="Promotions",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
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
        answers.PromotionTierList,
        query=("is_available", "limit", "page", "order"),
        errors=(),
    ),
    _route(
        "GET",
        OF_CAMPAIGN,
        "list-promotion-tiers-from-campaign",
        list_tiers_of_campaign,
        "List Promotion Tiers from Campaign",
        answers.PromotionTierList,
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
    _route(
        "GET",
        "/v1/promotions/stacks",
        "list-all-promotion-stacks",
        list_all_stacks,
        "List Promotion Stacks",
        answers.PromotionStackList,
        query=STACK_QUERY,
        errors=(),
    ),
    _route(
        "GET",
        STACKS,
        "list-promotion-stacks-in-campaign",
        list_stacks_of_campaign,
        "List Promotion Stacks in Campaign",
        answers.PromotionStackList,
        query=STACK_QUERY,
    ),
    _route(
        "POST",
        STACKS,
        "create-promotion-stack",
        create_stack,
        "Create Promotion Stack",
        answers.PromotionStack,
        body=StackCreate,
        errors=("not_found", "invalid_campaign"),
    ),
    _route("GET", STACK, "get-promotion-stack", get_stack, "Get Promotion Stack", answers.PromotionStack),
    _route(
        "PUT",
        STACK,
        "update-promotion-stack",
        update_stack,
        "Update Promotion Stack",
        answers.PromotionStack,
        body=StackUpdate,
    ),
    _route("DELETE", STACK, "delete-promotion-stack", delete_stack, "Delete Promotion Stack", status=204),
    Route(
        method="GET",
        path="/client/v1/promotions/tiers",
        operation_id="list-promotion-tiers-client-side",
        handler=list_tiers_for_browser,
        permission="promotions.read",
        scope=Scope.CLIENT,
        tag="Client-side",
        summary="List Promotion Tiers, from a browser",
        answer=answers.ClientSidePromotionTierList,
        query=("is_available", "limit", "page", "order"),
        errors=("invalid_query_params",),
    ),
)
