"""What may be shown at all: live campaigns, promotion tiers, public codes and what the customer holds, the
newest first. Each statement is a page of one source; whether a redeemable applies is not decided here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, String, and_, case, cast, func, literal, null, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Campaign, PromotionStack, PromotionTier, Voucher
from app.http.filtering import Field, filter_condition
from app.http.query import Filters
from app.redeemables.offer_rows import OFFERED_TYPES, campaign_option
from app.redeemables.options import Option, Position


class Search(Struct, frozen=True):
    """customer_id None: nobody holds anything. codes: whether vouchers are listed at all."""

    project_id: str
    customer_id: str | None
    now: datetime
    filters: Filters
    wallet_only: bool = False
    stacks_only: bool = False
    codes: bool = True


Source = Callable[[AsyncSession, Search, Position | None, int], Any]


def _live(owner: Any, now: datetime) -> ColumnElement[bool]:
    return and_(
        owner.active,
        or_(owner.start_date.is_(None), owner.start_date <= now),
        or_(owner.expiration_date.is_(None), owner.expiration_date >= now),
    )


def _behind(owner: Any, position: Position | None) -> ColumnElement[bool]:
    if position is None:
        return literal(value=True)
    at, identifier = position
    return or_(owner.created_at < at, and_(owner.created_at == at, owner.id < identifier))


def _nothing() -> Any:
    return cast(null(), String)


def _of_campaign(owner: Any) -> ColumnElement[bool]:
    return and_(Campaign.project_id == owner.project_id, Campaign.id == owner.campaign_id)


async def tiers(session: AsyncSession, search: Search, position: Position | None, count: int) -> list[Option]:
    """Tiers that are on, as is their campaign."""
    fields = {
        "category_id": Field(func.coalesce(PromotionTier.category_id, Campaign.category_id)),
        "campaign_id": Field(PromotionTier.campaign_id),
        "campaign_type": Field(Campaign.campaign_type),
        "resource_id": Field(PromotionTier.id),
        "resource_type": Field(literal("promotion_tier")),
        "voucher_type": Field(_nothing()),
        "code": Field(_nothing()),
        "holder_role": Field(_nothing()),
    }
    rows = await session.execute(
        select(PromotionTier.id, PromotionTier.created_at)
        .join(Campaign, _of_campaign(PromotionTier))
        .where(
            PromotionTier.project_id == search.project_id,
            Campaign.deleted_at.is_(None),
            _live(PromotionTier, search.now),
            _live(Campaign, search.now),
            _behind(PromotionTier, position),
            filter_condition(search.filters, fields, search.now),
        )
        .order_by(PromotionTier.created_at.desc(), PromotionTier.id.desc())
        .limit(count)
    )
    return [
        Option(kind="promotion_tier", id=tier_id, requested=tier_id, created_at=created_at)
        for tier_id, created_at in rows
    ]


async def vouchers(
    session: AsyncSession, search: Search, position: Position | None, count: int
) -> list[Option]:
    """Codes that anybody may use, and those that the customer holds."""
    held = Voucher.holder_id == search.customer_id if search.customer_id else literal(value=False)
    standalone = select(Campaign.id).where(
        Campaign.project_id == search.project_id, Campaign.type == "STANDALONE"
    )
    codes = _codes(search, held)
    statements = [_gathered(codes.where(held), position, count)] if search.customer_id else []
    if not search.wallet_only:
        statements += [
            _gathered(codes.where(Voucher.campaign_id.in_(standalone)), position, count),
            # In the order of the index by campaign, of which nobody's codes are one stretch.
            codes.where(Voucher.campaign_id.is_(None), Voucher.holder_id.is_(None))
            .where(_behind(Voucher, position))
            .order_by(Voucher.campaign_id.desc(), Voucher.created_at.desc(), Voucher.id.desc())
            .limit(count),
        ]
    found: dict[str, Option] = {}
    for statement in statements:
        for row in await session.execute(statement):
            found[row.id] = Option(
                kind="voucher",
                id=row.id,
                requested=row.code,
                created_at=row.created_at,
                voucher_type=row.type,
            )
    return sorted(found.values(), key=lambda option: option.position, reverse=True)[:count]


def _codes(search: Search, held: ColumnElement[bool]) -> Any:
    """Codes that are on, as is their campaign; who may use them is not asked yet."""
    role = case(
        (and_(held, Voucher.is_referral_code), literal("REFERRER")),
        (held, literal("OWNER")),
        else_=_nothing(),
    )
    fields = {
        "category_id": Field(func.coalesce(Voucher.category_id, Campaign.category_id)),
        "campaign_id": Field(Voucher.campaign_id),
        "campaign_type": Field(Campaign.campaign_type),
        "resource_id": Field(Voucher.id),
        "resource_type": Field(literal("voucher")),
        "voucher_type": Field(Voucher.type),
        "code": Field(Voucher.code),
        "holder_role": Field(role),
    }
    return (
        select(Voucher.id, Voucher.code, Voucher.created_at, Voucher.type)
        .outerjoin(Campaign, _of_campaign(Voucher))
        .where(
            Voucher.project_id == search.project_id,
            Voucher.deleted_at.is_(None),
            Voucher.type != "LOYALTY_CARD",
            _live(Voucher, search.now),
            or_(Voucher.campaign_id.is_(None), and_(Campaign.active, Campaign.deleted_at.is_(None))),
            filter_condition(search.filters, fields, search.now),
        )
    )


def _gathered(codes: Any, position: Position | None, count: int) -> Any:
    """Few codes, found by an index of their own before anything is sorted: in the order of all codes of the
    project they are a long way apart when a campaign has a million.
    """
    found = codes.cte("found").prefix_with("MATERIALIZED")
    newest = (found.c.created_at.desc(), found.c.id.desc())
    return select(found).where(_behind(found.c, position)).order_by(*newest).limit(count)


async def campaigns(
    session: AsyncSession, search: Search, position: Position | None, count: int
) -> list[Option]:
    """Campaigns with codes of their own for each customer: what stands for a code that nobody has yet."""
    fields = {
        "category_id": Field(Campaign.category_id),
        "campaign_id": Field(Campaign.id),
        "campaign_type": Field(Campaign.campaign_type),
        "resource_id": Field(Campaign.id),
        "resource_type": Field(literal("campaign")),
        "voucher_type": Field(Campaign.body["voucher"]["type"].as_string()),
        "code": Field(_nothing()),
        "holder_role": Field(_nothing()),
    }
    rows = await session.execute(
        select(Campaign.id, Campaign.created_at, Campaign.body)
        .where(
            Campaign.project_id == search.project_id,
            Campaign.deleted_at.is_(None),
            Campaign.type != "STANDALONE",
            Campaign.campaign_type.in_(OFFERED_TYPES),
            _live(Campaign, search.now),
            _behind(Campaign, position),
            filter_condition(search.filters, fields, search.now),
        )
        .order_by(Campaign.created_at.desc(), Campaign.id.desc())
        .limit(count)
    )
    return [
        campaign_option(campaign_id, created_at, body.get("voucher"))
        for campaign_id, created_at, body in rows
    ]


async def stacks(
    session: AsyncSession, search: Search, position: Position | None, count: int
) -> list[Option]:
    """Promotion stacks of live campaigns."""
    fields = {
        "category_id": Field(func.coalesce(PromotionStack.category_id, Campaign.category_id)),
        "campaign_id": Field(PromotionStack.campaign_id),
        "campaign_type": Field(Campaign.campaign_type),
        "resource_id": Field(PromotionStack.id),
        "resource_type": Field(literal("promotion_stack")),
        "voucher_type": Field(_nothing()),
        "code": Field(_nothing()),
        "holder_role": Field(_nothing()),
    }
    rows = await session.scalars(
        select(PromotionStack)
        .join(Campaign, _of_campaign(PromotionStack))
        .where(
            PromotionStack.project_id == search.project_id,
            Campaign.deleted_at.is_(None),
            _live(Campaign, search.now),
            _behind(PromotionStack, position),
            filter_condition(search.filters, fields, search.now),
        )
        .order_by(PromotionStack.created_at.desc(), PromotionStack.id.desc())
        .limit(count)
    )
    return [
        Option(
            kind="promotion_stack",
            id=row.id,
            requested=row.id,
            created_at=row.created_at,
            tier_ids=tuple(str(tier_id) for tier_id in row.tier_ids),
            campaign_id=row.campaign_id,
            name=row.name,
        )
        for row in rows
    ]


def sources_of(search: Search) -> tuple[Source, ...]:
    """What is looked through."""
    if search.stacks_only:
        return (stacks,)
    if search.wallet_only:
        return (vouchers,) if search.codes and search.customer_id else ()
    return (tiers, stacks, vouchers, campaigns) if search.codes else (tiers, stacks, campaigns)


async def newest(
    session: AsyncSession, search: Search, position: Position | None, count: int
) -> list[Option]:
    """The next `count` of all sources together, in descending order of created_at and id."""
    found: list[Option] = []
    for source in sources_of(search):
        found += await source(session, search, position, count)
    found.sort(key=lambda option: (option.created_at, option.id), reverse=True)
    return found[:count]
