"""What usually goes wrong with a campaign, before it does: 100 % off, no cap, no end, no limit per
customer.

Each finding names what to look at. Nothing is forbidden by it; `enable?strict=true` refuses while there are
any.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Answer, Call
from app.api.campaigns.answers import CampaignReadiness
from app.api.campaigns.rule_names import Condition, bounds_from_above, conditions_by_object
from app.api.lookup import campaign_named, project_of
from app.db.models import Campaign, Project, PromotionTier, Voucher
from app.http.errors import ApiError
from app.http.routing import Route
from app.redeemables.codes import code_config_of

GUESSES_PER_CODE_MIN = 10_000
"""Codes that can be found in fewer tries than this are found."""
CAPS = ("campaign.redemptions.count", "campaign.orders.amount_discounted", "redemption.gift.amount")
PER_CUSTOMER = ("redemption.count.per_customer", "campaign.redemptions.customers_count")


class Finding(Struct, frozen=True):
    key: str
    message: str
    object_id: str


async def findings_of(session: AsyncSession, project: Project, campaign: Campaign) -> list[Finding]:
    """All of them, the most expensive mistakes first."""
    tiers = (
        await session.scalars(
            select(PromotionTier).where(
                PromotionTier.project_id == project.id, PromotionTier.campaign_id == campaign.id
            )
        )
    ).all()
    shared = [campaign.id]
    if campaign.type == "STANDALONE":
        shared += await session.scalars(
            select(Voucher.id)
            .where(Voucher.project_id == project.id, Voucher.campaign_id == campaign.id)
            .limit(1)
        )
    ids = [*shared, *(tier.id for tier in tiers)]
    rules = _Rules(await conditions_by_object(session, project.id, ids), shared, tiers)
    return [
        *_too_generous(campaign, tiers),
        *_unbounded(campaign, rules),
        *_endless(campaign, tiers),
        *_unguarded(project, campaign, tiers),
        *_guessable(campaign),
        *_empty(campaign, tiers),
    ]


def _too_generous(campaign: Campaign, tiers: Sequence[PromotionTier]) -> Iterator[Finding]:
    voucher = campaign.body.get("voucher") or {}
    owners = [(campaign.id, voucher.get("discount"))]
    owners += [(tier.id, (tier.body.get("action") or {}).get("discount")) for tier in tiers]
    for object_id, discount in owners:
        if discount and _is_free(discount):
            yield Finding("everything_is_free", "The discount takes everything off", object_id)


def _is_free(discount: Mapping[str, Any]) -> bool:
    limited = any(discount.get(name) for name in ("amount_limit", "aggregated_amount_limit"))
    if discount.get("type") == "PERCENT":
        return not limited and (discount.get("percent_off") or 0) >= 100
    return discount.get("type") == "FIXED" and discount.get("fixed_amount") == 0


class _Rules(Struct, frozen=True):
    """What the rules of a campaign limit. shared: ids of the campaign and of its one code."""

    conditions: Mapping[str, Sequence[Condition]]
    shared: Sequence[str]
    tiers: Sequence[PromotionTier]

    def limit(self, names: tuple[str, ...]) -> bool:
        """One of these counts is bounded, for the whole campaign or for each tier that is on."""
        active = [tier.id for tier in self.tiers if tier.active]
        if any(self._limits(one, names) for one in self.shared):
            return True
        return bool(active) and all(self._limits(one, names) for one in active)

    def _limits(self, object_id: str, names: tuple[str, ...]) -> bool:
        return any(
            name.startswith(names) and bounds_from_above(operators)
            for name, operators in self.conditions.get(object_id, ())
        )


def _unbounded(campaign: Campaign, rules: _Rules) -> Iterator[Finding]:
    voucher = campaign.body.get("voucher") or {}
    quantity = (voucher.get("redemption") or {}).get("quantity")
    is_public = campaign.type == "STANDALONE" or campaign.campaign_type == "PROMOTION"
    gift = voucher.get("type") == "GIFT_VOUCHER"  # its balance is a cap
    if quantity is None and not rules.limit(CAPS) and not gift:
        yield Finding(
            "no_cap", "Nothing limits how often it is redeemed, or what it may cost together", campaign.id
        )
    if is_public and not rules.limit(PER_CUSTOMER):
        yield Finding("no_limit_per_customer", "One customer may use it again and again", campaign.id)


def _endless(campaign: Campaign, tiers: Sequence[PromotionTier]) -> Iterator[Finding]:
    if campaign.expiration_date is not None or campaign.body.get("activity_duration_after_publishing"):
        return
    if tiers and all(tier.expiration_date is not None for tier in tiers):
        return
    yield Finding("no_expiration", "It never ends by itself", campaign.id)


def _unguarded(project: Project, campaign: Campaign, tiers: Sequence[PromotionTier]) -> Iterator[Finding]:
    if campaign.campaign_type in ("GIFT_VOUCHERS", "LOYALTY_PROGRAM"):
        return
    documents = [project.settings.get("extensions"), campaign.body.get("extensions")]
    if any((document or {}).get("margin") for document in documents):
        return
    if tiers and all((tier.body.get("extensions") or {}).get("margin") for tier in tiers):
        return
    yield Finding("no_margin_floor", "Nothing keeps an order from being sold below its cost", campaign.id)


def _guessable(campaign: Campaign) -> Iterator[Finding]:
    voucher = campaign.body.get("voucher") or {}
    if campaign.type == "STANDALONE" or not voucher.get("code_config"):
        return
    keyspace = code_config_of(voucher["code_config"]).keyspace
    issued = max(1, campaign.vouchers_count)
    if keyspace // issued < GUESSES_PER_CODE_MIN:
        yield Finding(
            "codes_can_be_guessed",
            f"One of {keyspace // issued} guesses is a code: {issued} are issued of {keyspace}",
            campaign.id,
        )


def _empty(campaign: Campaign, tiers: Sequence[PromotionTier]) -> Iterator[Finding]:
    if campaign.campaign_type == "PROMOTION":
        if not any(tier.active for tier in tiers):
            yield Finding("no_active_tier", "It has no tier that is switched on", campaign.id)
    elif campaign.vouchers_generation_status != "DONE":
        yield Finding("codes_are_not_made_yet", "Its codes are still being made", campaign.id)
    elif campaign.type == "STATIC" and not campaign.vouchers_count:
        yield Finding("no_codes", "It has no code, and none is made when one is asked for", campaign.id)


async def get_readiness(call: Call) -> Answer:
    async with call.read() as session:
        project = await project_of(session, call.project_id)
        campaign = await campaign_named(session, call.project_id, call.path["campaignId"])
        findings = await findings_of(session, project, campaign)
    return Answer(
        {
            "object": "campaign_readiness",
            "campaign_id": campaign.id,
            "ready": not findings,
            "findings": findings,
        }
    )


async def check_ready(call: Call, id_or_name: str) -> None:
    """Raises: ApiError 400 campaign_not_ready with the keys of what was found."""
    async with call.read() as session:
        project = await project_of(session, call.project_id)
        campaign = await campaign_named(session, call.project_id, id_or_name)
        findings = await findings_of(session, project, campaign)
    if findings:
        raise ApiError(
            400,
            "campaign_not_ready",
            "The campaign is not ready",
            ", ".join(finding.key for finding in findings),
            resource_id=campaign.id,
            resource_type="campaign",
        )


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/engine/campaigns/{campaignId}/readiness",
        operation_id="get-campaign-readiness",
        handler=get_readiness,
        permission="campaigns.read",
        tag="Campaigns",
        summary="What usually goes wrong with a campaign",
        answer=CampaignReadiness,
        errors=("not_found",),
    ),
)
