"""A promotion stack stands for its tiers in their order; nothing may stand beside it (behaviour 2.5)."""

from msgspec.structs import replace

from app.redeemables.catalogue import Catalogue
from app.redeemables.request import RedeemableRequest, StackRequest


async def expanded(catalogue: Catalogue, project_id: str, request: StackRequest) -> StackRequest:
    """The request with the tiers of its stack; one whose stack is unknown stays as it is, and is refused."""
    if not request.redeemables or request.redeemables[0].kind != "promotion_stack":
        return request
    stack_id = request.redeemables[0].id
    campaign_id = (await catalogue.campaigns_of_tiers(project_id, [stack_id])).get(stack_id)
    if campaign_id is None:
        return request
    tier_ids = await _tiers_of(catalogue, project_id, campaign_id, stack_id)
    if not tier_ids:
        # A program from before the stack was made: guards cannot tell, for nothing of it is decided on.
        catalogue.invalidate(project_id, "c:" + campaign_id)
        tier_ids = await _tiers_of(catalogue, project_id, campaign_id, stack_id)
    if not tier_ids:
        return request
    tiers = [RedeemableRequest(id=tier_id, object="promotion_tier") for tier_id in tier_ids]
    return replace(request, redeemables=tiers)


async def _tiers_of(
    catalogue: Catalogue, project_id: str, campaign_id: str, stack_id: str
) -> tuple[str, ...]:
    program = (await catalogue.campaigns(project_id, [campaign_id])).get(campaign_id)
    return () if program is None or program.deleted else program.stacks.get(stack_id, ())
