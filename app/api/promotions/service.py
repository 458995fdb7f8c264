"""Promotion tiers are made, changed, switched and removed here. A tier's change is a new version of its
campaign (D4).
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import UNSET
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.lookup import campaign_named, tier_named
from app.api.metadata_checks import check_metadata
from app.api.promotions import queries
from app.api.promotions.schemas import TierCreate, TierUpdate
from app.api.publishing import CatalogueWrite
from app.api.terms import (
    NAME_MAX,
    VALIDITY,
    apply_windows,
    assign_rules,
    assignments_of,
    assignments_wire,
    categories_of,
    category_id_of,
    category_wire,
    checked_discount,
    checked_extensions,
    checked_text,
    refusal,
    windows_wire,
)
from app.core.outcome import CoreUnavailable
from app.db.models import Campaign, Category, PromotionStack, PromotionTier, ValidationRuleAssignment
from app.http.errors import invalid_payload
from app.http.wire import iso, listing
from app.identifiers import new_id, next_version
from app.redeemables.documents import overlaid

HIERARCHY_MAX = 10**9


async def add_tier(
    write: CatalogueWrite, campaign: Campaign, body: TierCreate, now: datetime
) -> PromotionTier:
    """A new tier; the caller publishes its campaign. Without a hierarchy it comes after the last.

    Raises: ApiError 400 and 404.
    """
    if body.action is None or body.action.discount is None:
        raise invalid_payload("Property .action.discount is required")
    document: dict[str, Any] = {"action": {"discount": checked_discount(body.action.discount)}}
    if body.banner is not None:
        document["banner"] = checked_text(body.banner, "banner")
    await check_metadata(write.session, campaign.project_id, "promotion_tier", body.metadata)
    if body.metadata:
        document["metadata"] = body.metadata
    if body.extensions:
        document["extensions"] = checked_extensions(body.extensions)
    last = await write.session.scalar(
        select(func.max(PromotionTier.hierarchy)).where(
            PromotionTier.project_id == campaign.project_id, PromotionTier.campaign_id == campaign.id
        )
    )
    tier = PromotionTier(
        project_id=campaign.project_id,
        id=new_id("promo_"),
        created_at=now,
        updated_at=None,
        version=next_version(),
        campaign_id=campaign.id,
        name=checked_text(body.name, "name", NAME_MAX),
        hierarchy=(last or 0) + 1 if body.hierarchy is None else checked_hierarchy(body.hierarchy),
        active=body.active is not False,
        start_date=None,
        expiration_date=None,
        category_id=await category_id_of(write, body.category_id, body.category),
        redeemed_count=0,
        orders_amount=0,
        orders_discount=0,
        body={},
    )
    apply_windows(tier, body, document)
    tier.body = document
    write.session.add(tier)
    await write.session.flush()
    rules = body.validation_rules or []
    if body.validation_rule_assignments is not None:
        rules = [*rules, *body.validation_rule_assignments.rule_ids]
    await assign_rules(write, rules, "promotion_tier", tier.id)
    return tier


def checked_hierarchy(hierarchy: int) -> int:
    """Raises: ApiError 400 invalid_payload."""
    if not 0 <= hierarchy <= HIERARCHY_MAX:
        raise invalid_payload(f"Property .hierarchy must be between 0 and {HIERARCHY_MAX}")
    return hierarchy


def touch_campaign(write: CatalogueWrite, campaign: Campaign, now: datetime | None = None) -> None:
    """A new version of the campaign, published with this transaction. `now` when the campaign itself
    changed.
    """
    campaign.version = next_version(campaign.version)
    if now is not None:
        campaign.updated_at = now
    write.guard("c:" + campaign.id, campaign.version)


def tier_wire(
    row: PromotionTier,
    campaign: Campaign,
    assignments: Sequence[ValidationRuleAssignment],
    categories: Mapping[str, Category],
) -> dict[str, Any]:
    """The tier object (behaviour 2.4). Its summary is as new as the last read barrier."""
    body = row.body
    category = categories.get(row.category_id or campaign.category_id or "")
    answer: dict[str, Any] = {
        "id": row.id,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "name": row.name,
        "banner": body.get("banner"),
        "action": body.get("action"),
        "metadata": body.get("metadata") or {},
        "hierarchy": row.hierarchy,
        "promotion_id": campaign.id,
        "campaign": {
            "id": campaign.id,
            "start_date": iso(campaign.start_date),
            "expiration_date": iso(campaign.expiration_date),
            **{name: campaign.body[name] for name in VALIDITY if campaign.body.get(name) is not None},
            "active": campaign.active,
            "category_id": campaign.category_id,
            "object": "campaign",
        },
        "campaign_id": campaign.id,
        "active": row.active,
        **windows_wire(row, body),
        "summary": {
            "redemptions": {"total_redeemed": row.redeemed_count},
            "orders": {"total_amount": row.orders_amount, "total_discount_amount": row.orders_discount},
        },
        "object": "promotion_tier",
        "validation_rule_assignments": assignments_wire(assignments),
        "category": None if category is None else category.name,
        "category_id": None if category is None else category.id,
        "categories": [] if category is None else [category_wire(category)],
    }
    if body.get("extensions"):
        answer["extensions"] = body["extensions"]
    return answer


async def tier_wires(
    session: AsyncSession, project_id: str, pairs: Sequence[tuple[PromotionTier, Campaign]]
) -> list[dict[str, Any]]:
    """Answers for tiers with their campaigns, in two reads."""
    if not pairs:
        return []
    assignments = await assignments_of(session, project_id, [row.id for row, _ in pairs])
    categories = await categories_of(
        session, project_id, [row.category_id or campaign.category_id for row, campaign in pairs]
    )
    return [tier_wire(row, of, assignments.get(row.id, ()), categories) for row, of in pairs]


async def tiers_of(
    session: AsyncSession, project_id: str, campaign_ids: Iterable[str]
) -> dict[str, list[PromotionTier]]:
    """Tiers by campaign, in the order in which they are tried."""
    rows = await session.scalars(
        select(PromotionTier)
        .where(PromotionTier.project_id == project_id, PromotionTier.campaign_id.in_(list(campaign_ids)))
        .order_by(PromotionTier.hierarchy, PromotionTier.id)
    )
    found: dict[str, list[PromotionTier]] = {}
    for row in rows:
        found.setdefault(row.campaign_id, []).append(row)
    return found


async def create_tier(call: Call, campaign_id: str, body: TierCreate) -> dict[str, Any]:
    """POST /v1/promotions/{campaignId}/tiers."""
    async with call.write() as write:
        pair = await new_tier(call, write, campaign_id, body)
        return (await tier_wires(write.session, call.project_id, [pair]))[0]


async def new_tier(
    call: Call, write: CatalogueWrite, campaign_id: str, body: TierCreate
) -> tuple[PromotionTier, Campaign]:
    """Raises: ApiError 404; 400 for a campaign that is no promotion, and as `add_tier`."""
    campaign = await campaign_named(write.session, call.project_id, campaign_id, lock=True)
    if campaign.campaign_type != "PROMOTION":
        raise refusal("invalid_campaign", "Tiers can be added to PROMOTION campaigns only.")
    tier = await add_tier(write, campaign, body, call.engine.now())
    touch_campaign(write, campaign)
    return tier, campaign


async def get_tier(call: Call, tier_id: str) -> dict[str, Any]:
    await call.barrier()
    return await _read(call, tier_id)


async def _read(call: Call, tier_id: str) -> dict[str, Any]:
    async with call.read() as session:
        pair = await tier_named(session, call.project_id, tier_id)
        call.tag(pair[0].version)
        return (await tier_wires(session, call.project_id, [pair]))[0]


async def list_tiers(call: Call, campaign_id: str | None = None) -> dict[str, Any]:
    """All tiers of the project, or those of one campaign in the order in which they are tried."""
    if campaign_id is None:
        paging = call.query.paging()
    else:
        paging = call.query.paging(("created_at", "updated_at", "hierarchy"), "hierarchy", limit_default=100)
    await call.barrier()
    async with call.read() as session:
        campaign = None
        if campaign_id is not None:
            campaign = await campaign_named(session, call.project_id, campaign_id)
        available_at = call.engine.now() if call.query.flag("is_available") else None
        rows, total = await queries.page_of_tiers(
            session, call.project_id, paging, campaign=campaign, available_at=available_at
        )
        tiers = await tier_wires(session, call.project_id, rows)
        return listing("tiers", tiers, total, has_more=paging.offset + len(tiers) < total)


async def update_tier(call: Call, tier_id: str, body: TierUpdate) -> dict[str, Any]:
    """PUT: what is sent is laid over what is there."""
    now = call.engine.now()
    async with call.write() as write:
        row, campaign = await tier_named(write.session, call.project_id, tier_id, lock=True)
        call.require_version(row.version)
        document = dict(row.body)
        apply_windows(row, body, document)
        if body.name is not UNSET:
            row.name = checked_text(body.name, "name", NAME_MAX)
        if body.banner is not UNSET:
            document["banner"] = checked_text(body.banner, "banner")
        if body.action is not None and body.action.discount is not None:
            document["action"] = {"discount": checked_discount(body.action.discount)}
        if body.metadata is not None:
            document["metadata"] = overlaid(document.get("metadata") or {}, body.metadata)
            await check_metadata(write.session, call.project_id, "promotion_tier", document["metadata"])
        if body.hierarchy is not None:
            row.hierarchy = checked_hierarchy(body.hierarchy)
        if body.category_id is not UNSET or body.category is not UNSET:
            row.category_id = await category_id_of(write, body.category_id or None, body.category or None)
        if body.extensions is not None:
            document["extensions"] = checked_extensions(body.extensions)
        if body.validation_rule_assignments is not None:
            await _add_rules(write, row, body.validation_rule_assignments.rule_ids)
        row.body = document
        _touch(write, row, campaign, now)
    return await _settled(call, tier_id)


async def _add_rules(write: CatalogueWrite, row: PromotionTier, rule_ids: Sequence[str]) -> None:
    """Those that the tier lacks. None is taken away: whoever sends back an old copy of the tier must not
    free it of a rule.
    """
    assigned = await assignments_of(write.session, row.project_id, [row.id])
    known = {one.rule_id for one in assigned.get(row.id, ())}
    await assign_rules(write, [one for one in rule_ids if one not in known], "promotion_tier", row.id)


def _touch(write: CatalogueWrite, row: PromotionTier, campaign: Campaign, now: datetime) -> None:
    row.version = next_version(row.version)
    row.updated_at = now
    touch_campaign(write, campaign)


async def set_active(call: Call, tier_id: str, *, active: bool) -> dict[str, Any]:
    async with call.write() as write:
        row, campaign = await tier_named(write.session, call.project_id, tier_id, lock=True)
        row.active = active
        _touch(write, row, campaign, call.engine.now())
    return await _settled(call, tier_id)


async def _settled(call: Call, tier_id: str) -> dict[str, Any]:
    """The tier after a write. A projector that is behind delays its summary, never the switch itself."""
    with suppress(CoreUnavailable):
        await call.barrier()
    return await _read(call, tier_id)


async def delete_tier(call: Call, tier_id: str) -> None:
    """For good; a tier has no bin."""
    async with call.write() as write:
        row, campaign = await tier_named(write.session, call.project_id, tier_id, lock=True)
        call.require_version(row.version)
        await _leave_stacks(write, row)
        await write.session.execute(
            delete(ValidationRuleAssignment).where(
                ValidationRuleAssignment.project_id == call.project_id,
                ValidationRuleAssignment.related_object_id == row.id,
            )
        )
        await write.session.delete(row)
        touch_campaign(write, campaign)


async def _leave_stacks(write: CatalogueWrite, tier: PromotionTier) -> None:
    """Stacks go on without the tier; one that has no other goes with it."""
    stacks = await write.session.scalars(
        select(PromotionStack)
        .where(PromotionStack.project_id == tier.project_id, PromotionStack.campaign_id == tier.campaign_id)
        .with_for_update()
    )
    for stack in stacks:
        if tier.id not in stack.tier_ids:
            continue
        stack.tier_ids = [one for one in stack.tier_ids if one != tier.id]
        stack.version = next_version(stack.version)
        if not stack.tier_ids:
            await write.session.delete(stack)
