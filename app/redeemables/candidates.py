"""A requested redeemable and its record turned into the Candidate that rules decide on."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from app.core.records import VoucherRecord
from app.redeemables.catalogue import Catalogue
from app.redeemables.compiling import instant, is_plain
from app.redeemables.products import PRODUCT, SKU, Resolver
from app.redeemables.programs import CampaignProgram, ProjectProgram
from app.redeemables.request import RedeemableRequest
from rules.facts import Candidate, Gift, Holder, ItemFacts


async def candidate_of(
    catalogue: Catalogue,
    project: ProjectProgram,
    redeemable: RedeemableRequest,
    record: VoucherRecord | None,
    campaigns: Mapping[str, CampaignProgram],
    tiers: Mapping[str, str],
) -> tuple[Candidate, Mapping[str, int]]:
    """The candidate, and the guards of what only it refers to."""
    if redeemable.kind == "promotion_tier":
        campaign = campaigns.get(tiers.get(redeemable.id, ""))
        return _tier_candidate(redeemable, campaign), {}
    if record is None:
        return Candidate(object=redeemable.kind, requested_id=redeemable.id, absent=True), {}
    campaign = campaigns.get(record.campaign_id) if record.campaign_id else None
    return await _voucher_candidate(catalogue, project, redeemable, record, campaign)


def _tier_candidate(redeemable: RedeemableRequest, campaign: CampaignProgram | None) -> Candidate:
    tier = campaign.tiers.get(redeemable.id) if campaign and not campaign.deleted else None
    if tier is None or campaign is None:
        return Candidate(object="promotion_tier", requested_id=redeemable.id, absent=True)
    return Candidate(
        object="promotion_tier",
        requested_id=redeemable.id,
        id=tier.id,
        name=tier.name,
        banner=tier.banner,
        kind="PROMOTION_TIER",
        discount=tier.discount,
        rules=tier.rules,
        windows=tier.windows,
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        category_ids=tier.category_ids,
        metadata=tier.metadata,
        extensions=tier.extensions,
    )


async def _voucher_candidate(
    catalogue: Catalogue,
    project: ProjectProgram,
    redeemable: RedeemableRequest,
    record: VoucherRecord,
    campaign: CampaignProgram | None,
) -> tuple[Candidate, Mapping[str, int]]:
    guards: Mapping[str, int] = {}
    if campaign is not None and is_plain(record):
        discount, rules, windows = campaign.discount, campaign.rules, campaign.voucher_windows
        extensions = campaign.extensions
    else:
        program = await catalogue.voucher_program(project.id, record, campaign)
        discount, rules, windows, guards = program.discount, program.rules, program.windows, program.guards
        extensions = program.extensions
    publication: Mapping[str, Any] = {}
    if record.publish_count and (
        (discount is not None and discount.reads_publication)
        or any("publication" in rule.needs for rule in rules)
    ):
        publication = await catalogue.publication_metadata(project.id, record.id)
    gift = None
    if record.type == "GIFT_VOUCHER":
        effect = record.gift_effect or (campaign.gift_effect if campaign else "APPLY_TO_ORDER")
        gift = Gift(opening=record.gift_opening, effect=effect)
    category_ids = campaign.category_ids if campaign and campaign.category_ids else ()
    if record.category_id and record.category_id in project.categories:
        category_ids = (record.category_id,)
    candidate = Candidate(
        object="voucher",
        requested_id=redeemable.id,
        id=record.id,
        code=record.code,
        kind=record.type,
        discount=discount,
        gift=gift,
        rules=rules,
        windows=windows,
        quantity=record.quantity,
        redeemed_base=record.redeemed_base,
        campaign_id=record.campaign_id,
        campaign_name=campaign.name if campaign else None,
        category_ids=category_ids,
        metadata=record.metadata or (campaign.metadata if campaign else {}),
        holder=Holder(customer_id=record.holder_id) if record.holder_id else None,
        is_referral_code=record.is_referral_code,
        publish_count=record.publish_count,
        publication_metadata=publication,
        start_date=instant(record.start_date),
        expiration_date=instant(record.expiration_date),
        credits=redeemable.gift.credits if redeemable.gift else None,
        points=redeemable.reward.points if redeemable.reward else None,
        reward_id=redeemable.reward.id if redeemable.reward else None,
        extensions=extensions,
    )
    return candidate, guards


async def facts_of_units(
    products: Resolver, project_id: str, candidates: Iterable[Candidate]
) -> Mapping[str, ItemFacts | None]:
    """Stored facts of the products and SKUs that discounts may add, by id; None for what does not exist."""
    named = {
        identifier
        for candidate in candidates
        if candidate.discount is not None
        for identifier in candidate.discount.products
        if not identifier.startswith("pc_")
    }
    if not named:
        return {}
    references = {
        identifier: (SKU if identifier.startswith("sku_") else PRODUCT, identifier) for identifier in named
    }
    resolved = await products.resolve(project_id, references.values())
    found: dict[str, ItemFacts | None] = {}
    for identifier, reference in references.items():
        item = resolved.facts[reference]
        if item is not None and reference[0] == SKU and item.price is None:
            parent = resolved.product(item.product_id)
            item = replace(item, price=parent.price if parent is not None else None)
        if item is not None and item.product_id is not None:
            found.setdefault(item.product_id, resolved.product(item.product_id))
        found[identifier] = item
    return found
