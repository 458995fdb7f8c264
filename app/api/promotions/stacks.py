"""Promotion stacks: tiers of one campaign that apply together, in a chosen order.

A stack's change is a new version of its campaign (D4).
"""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.lookup import campaign_named
from app.api.promotions import queries
from app.api.promotions.schemas import StackCreate, StackUpdate
from app.api.promotions.service import touch_campaign
from app.api.publishing import CatalogueWrite
from app.api.terms import categories_of, category_id_of, category_wire, refusal
from app.db.models import Campaign, Category, PromotionStack, PromotionTier
from app.http.errors import invalid_payload, not_found
from app.http.wire import iso, listing
from app.identifiers import new_id, next_version


def stack_wire(row: PromotionStack, category: Category | None) -> dict[str, Any]:
    """The stack object (behaviour 2.5)."""
    answer: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "created_at": iso(row.created_at),
        "campaign_id": row.campaign_id,
        "tiers": {"ids": list(row.tier_ids), "hierarchy_mode": "MANUAL"},
        "object": "promotion_stack",
        "category_id": None if category is None else category.id,
        "categories": [] if category is None else [category_wire(category)],
    }
    if row.updated_at is not None:
        answer["updated_at"] = iso(row.updated_at)
    return answer


async def stack_wires(
    session: AsyncSession, project_id: str, rows: Sequence[PromotionStack]
) -> list[dict[str, Any]]:
    categories = await categories_of(session, project_id, [row.category_id for row in rows])
    return [stack_wire(row, categories.get(row.category_id or "")) for row in rows]


async def create_stack(call: Call, campaign_id: str, body: StackCreate) -> dict[str, Any]:
    """POST /v1/promotions/{campaignId}/stacks.

    Raises: ApiError 404 for the campaign or a tier that is not one of its own.
    """
    async with call.write() as write:
        campaign = await campaign_named(write.session, call.project_id, campaign_id, lock=True)
        if campaign.campaign_type != "PROMOTION":
            raise refusal("invalid_campaign", "Stacks can be added to PROMOTION campaigns only.")
        row = PromotionStack(
            project_id=call.project_id,
            id=new_id("stack_"),
            created_at=call.engine.now(),
            updated_at=None,
            version=next_version(),
            campaign_id=campaign.id,
            name=body.name,
            category_id=await category_id_of(write, body.category_id, body.category),
            tier_ids=await _checked_tiers(write, campaign, body.tiers.ids),
        )
        write.session.add(row)
        touch_campaign(write, campaign)
        await write.session.flush()
        call.tag(row.version)
        return (await stack_wires(write.session, call.project_id, [row]))[0]


async def _checked_tiers(write: CatalogueWrite, campaign: Campaign, tier_ids: list[str]) -> list[str]:
    if len(set(tier_ids)) < len(tier_ids):
        raise invalid_payload("Property .tiers.ids must NOT have duplicate items")
    found = await write.session.scalars(
        select(PromotionTier.id).where(
            PromotionTier.project_id == campaign.project_id,
            PromotionTier.campaign_id == campaign.id,
            PromotionTier.id.in_(tier_ids),
        )
    )
    known = set(found)
    for tier_id in tier_ids:
        if tier_id not in known:
            raise not_found("promotion_tier", tier_id)
    return tier_ids


async def _named(
    session: AsyncSession, project_id: str, campaign: Campaign, stack_id: str, *, lock: bool = False
) -> PromotionStack:
    statement = select(PromotionStack).where(
        PromotionStack.project_id == project_id,
        PromotionStack.campaign_id == campaign.id,
        PromotionStack.id == stack_id,
    )
    row: PromotionStack | None = await session.scalar(statement.with_for_update() if lock else statement)
    if row is None:
        raise not_found("promotion_stack", stack_id)
    return row


async def get_stack(call: Call, campaign_id: str, stack_id: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        campaign = await campaign_named(session, call.project_id, campaign_id)
        row = await _named(session, call.project_id, campaign, stack_id)
        call.tag(row.version)
        return (await stack_wires(session, call.project_id, [row]))[0]


async def list_stacks(call: Call, campaign_id: str | None = None) -> dict[str, Any]:
    """All stacks of the project, or those of one campaign."""
    paging = call.query.paging(("created_at", "updated_at", "name"))
    async with call.read() as session:
        campaign = None
        if campaign_id is not None:
            campaign = await campaign_named(session, call.project_id, campaign_id)
        rows, total = await queries.page_of_stacks(
            session, call.project_id, call.query, paging, campaign.id if campaign is not None else None
        )
        return listing("data", await stack_wires(session, call.project_id, rows), total)


async def update_stack(call: Call, campaign_id: str, stack_id: str, body: StackUpdate) -> dict[str, Any]:
    """PUT: what is sent replaces what is there."""
    async with call.write() as write:
        campaign = await campaign_named(write.session, call.project_id, campaign_id, lock=True)
        row = await _named(write.session, call.project_id, campaign, stack_id, lock=True)
        call.require_version(row.version)
        if body.name is not None:
            row.name = body.name
        if body.tiers is not None:
            row.tier_ids = await _checked_tiers(write, campaign, body.tiers.ids)
        if body.category_id is not UNSET or body.category is not UNSET:
            row.category_id = await category_id_of(write, body.category_id or None, body.category or None)
        row.version = next_version(row.version)
        row.updated_at = call.engine.now()
        touch_campaign(write, campaign)
        call.tag(row.version)
        return (await stack_wires(write.session, call.project_id, [row]))[0]


async def delete_stack(call: Call, campaign_id: str, stack_id: str) -> None:
    """For good; its tiers stay."""
    async with call.write() as write:
        campaign = await campaign_named(write.session, call.project_id, campaign_id, lock=True)
        row = await _named(write.session, call.project_id, campaign, stack_id, lock=True)
        call.require_version(row.version)
        await write.session.execute(
            delete(PromotionStack).where(
                PromotionStack.project_id == call.project_id, PromotionStack.id == row.id
            )
        )
        touch_campaign(write, campaign)
