"""What the catalogue reads from SQL. Each object's version and content come from one row, so a guard never
lies about either.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.records import VoucherRecord
from app.db.models import (
    Campaign,
    Category,
    Project,
    PromotionStack,
    PromotionTier,
    Publication,
    PublicationVoucher,
    ValidationRule,
    ValidationRuleAssignment,
)
from app.redeemables.compiling import VALIDITY, LoadedRules, discount_of, stacking_of, window_of
from app.redeemables.metadata_schemas import load_metadata_schemas
from app.redeemables.places import extensions_of, load_places
from app.redeemables.programs import CampaignProgram, ProjectProgram, TierProgram
from app.redeemables.referred import collection_names, load_referred
from rules.compile import CompiledRule, RuleError, compile_rule, references
from rules.facts import CategoryFacts
from rules.geo import geo_locations


def zone_of(name: str) -> ZoneInfo:
    """An unknown zone counts as UTC: settings refuse it, so it can only come from a newer tz database."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


async def load_project(session: AsyncSession, project_id: str) -> ProjectProgram:
    row = await session.get(Project, project_id)
    if row is None or row.deleted_at is not None:
        raise LookupError(project_id)
    own = row.settings.get("extensions") or {}
    places = await load_places(session, project_id, [own])
    settings = {**row.settings, "extensions": places.resolved(own)} if places.shapes else row.settings
    categories = await session.scalars(select(Category).where(Category.project_id == project_id))
    stacking, wire = stacking_of(row.stacking_rules)
    return ProjectProgram(
        id=row.id,
        version=row.version,
        secret=row.secret,
        zone=zone_of(row.timezone),
        currency=row.currency,
        case_sensitive_codes=row.case_sensitive_codes,
        is_sandbox=row.is_sandbox,
        settings=settings,
        stacking=stacking,
        stacking_wire=wire,
        categories={
            category.id: CategoryFacts(id=category.id, name=category.name, hierarchy=category.hierarchy)
            for category in categories
        },
        metadata_schemas=await load_metadata_schemas(session, project_id),
    )


async def load_rules(session: AsyncSession, project_id: str, rule_ids: Sequence[str]) -> LoadedRules:
    """Rules with the segments and collections that they refer to. One that no longer compiles is left out."""
    rows = (
        await session.scalars(
            select(ValidationRule).where(
                ValidationRule.project_id == project_id, ValidationRule.id.in_(rule_ids)
            )
        )
    ).all()
    documents = {row.id: {**row.body, "name": row.name} for row in rows}
    referred = {row.id: references(documents[row.id]) for row in rows}
    names = {name for of_rule in referred.values() for name in of_rule}
    found = await load_referred(session, project_id, names)
    programs: dict[str, CompiledRule] = {}
    guards: dict[str, Mapping[str, int]] = {}
    for row in rows:
        try:
            programs[row.id] = compile_rule(
                row.id, documents[row.id], collections=found.collections, segments=found.segments
            )
        except RuleError:
            continue
        guards[row.id] = {"rule:" + row.id: row.version, **found.guards_of(referred[row.id])}
    return LoadedRules(programs=programs, guards=guards)


def needs_loading(record: VoucherRecord) -> bool:
    """Whether what the voucher has of its own refers to rows."""
    return (
        bool(record.rule_ids)
        or bool(collection_names((record.discount,)))
        or bool(geo_locations(record.extensions))
    )


async def load_voucher_parts(session: AsyncSession, project_id: str, record: VoucherRecord) -> LoadedRules:
    """A voucher's own rules, the collections that its own discount names, and its own places."""
    rules = await load_rules(session, project_id, record.rule_ids)
    names = collection_names((record.discount,))
    found = await load_referred(session, project_id, names)
    return LoadedRules(
        programs=rules.programs,
        guards=rules.guards,
        collections=found.collections,
        collection_guards=found.guards,
        places=await load_places(session, project_id, [record.extensions]),
    )


async def load_campaigns(
    session: AsyncSession, project_id: str, campaign_ids: Sequence[str]
) -> list[CampaignProgram]:
    """The campaign row is read before its tiers and assignments: newer parts under an older version can only
    be STALE.
    """
    rows = (
        await session.scalars(
            select(Campaign).where(Campaign.project_id == project_id, Campaign.id.in_(campaign_ids))
        )
    ).all()
    tiers = (
        await session.scalars(
            select(PromotionTier)
            .where(PromotionTier.project_id == project_id, PromotionTier.campaign_id.in_(campaign_ids))
            .order_by(PromotionTier.hierarchy, PromotionTier.id)
        )
    ).all()
    stacks = (
        await session.scalars(
            select(PromotionStack).where(
                PromotionStack.project_id == project_id, PromotionStack.campaign_id.in_(campaign_ids)
            )
        )
    ).all()
    related = [row.id for row in rows] + [tier.id for tier in tiers]
    assignments = (
        await session.scalars(
            select(ValidationRuleAssignment)
            .where(
                ValidationRuleAssignment.project_id == project_id,
                ValidationRuleAssignment.related_object_id.in_(related),
            )
            .order_by(ValidationRuleAssignment.created_at, ValidationRuleAssignment.id)
        )
    ).all()
    rules = await load_rules(session, project_id, list({assignment.rule_id for assignment in assignments}))
    names = collection_names([_discount(row) for row in rows] + [_discount(tier) for tier in tiers])
    found = await load_referred(session, project_id, names)
    rules = LoadedRules(
        programs=rules.programs,
        guards=rules.guards,
        collections=found.collections,
        collection_guards=found.guards,
        places=await load_places(
            session, project_id, [*map(extensions_of, rows), *map(extensions_of, tiers)]
        ),
    )
    by_object: dict[str, list[str]] = {}
    for assignment in assignments:
        by_object.setdefault(assignment.related_object_id, []).append(assignment.rule_id)
    return [
        replace(
            _campaign_program(row, [tier for tier in tiers if tier.campaign_id == row.id], by_object, rules),
            stacks={stack.id: tuple(stack.tier_ids) for stack in stacks if stack.campaign_id == row.id},
        )
        for row in rows
    ]


def _discount(row: Campaign | PromotionTier) -> Mapping[str, Any] | None:
    """The discount's document."""
    owner = row.body.get("voucher" if isinstance(row, Campaign) else "action") or {}
    document: Mapping[str, Any] | None = owner.get("discount")
    return document


def _rules_of(
    object_id: str, by_object: Mapping[str, list[str]], rules: LoadedRules
) -> tuple[CompiledRule, ...]:
    return tuple(
        rules.programs[rule_id] for rule_id in by_object.get(object_id, ()) if rule_id in rules.programs
    )


def _campaign_program(
    row: Campaign, tiers: Sequence[PromotionTier], by_object: Mapping[str, list[str]], rules: LoadedRules
) -> CampaignProgram:
    guards: dict[str, int] = {"c:" + row.id: row.version}
    for object_id in [row.id, *(tier.id for tier in tiers)]:
        for rule_id in by_object.get(object_id, ()):
            guards.update(rules.guards.get(rule_id, {}))
    for name in collection_names([_discount(row), *map(_discount, tiers)]):
        guards.update(rules.collection_guards.get(name, {}))
    for own in (extensions_of(row), *map(extensions_of, tiers)):
        guards.update(rules.places.guards_of(own))
    voucher = row.body.get("voucher") or {}
    extensions = rules.places.resolved(extensions_of(row))
    own_rules = _rules_of(row.id, by_object, rules)
    active = row.active and row.deleted_at is None
    validity = {name: row.body.get(name) for name in VALIDITY if row.body.get(name) is not None}
    dates = {"start_date": row.start_date, "expiration_date": row.expiration_date}
    category_ids = (row.category_id,) if row.category_id else ()
    campaign_window = window_of("campaign", active=active, validity=validity, **dates)
    return CampaignProgram(
        id=row.id,
        name=row.name,
        campaign_type=row.campaign_type,
        guards=guards,
        deleted=row.deleted_at is not None,
        discount=discount_of(_discount(row), rules.collections),
        rules=own_rules,
        start_date=row.start_date,
        expiration_date=row.expiration_date,
        validity=validity,
        voucher_windows=(
            window_of("campaign", active=active, start_date=None, expiration_date=None, validity={}),
            window_of("voucher", active=True, validity=validity, **dates),
        ),
        switch=window_of("campaign", active=active, start_date=None, expiration_date=None, validity={}),
        category_ids=category_ids,
        metadata=row.body.get("metadata") or {},
        extensions=extensions,
        gift_effect=(voucher.get("gift") or {}).get("effect") or "APPLY_TO_ORDER",
        public=row.type == "STANDALONE",
        tiers={
            tier.id: TierProgram(
                id=tier.id,
                campaign_id=row.id,
                name=tier.name,
                banner=tier.body.get("banner"),
                discount=discount_of(_discount(tier), rules.collections),
                rules=_rules_of(tier.id, by_object, rules) + own_rules,
                windows=(
                    window_of(
                        "promotion_tier",
                        active=tier.active,
                        start_date=tier.start_date,
                        expiration_date=tier.expiration_date,
                        validity=tier.body,
                    ),
                    campaign_window,
                ),
                category_ids=(tier.category_id,) if tier.category_id else category_ids,
                metadata=tier.body.get("metadata") or {},
                extensions={**extensions, **rules.places.resolved(extensions_of(tier))},
                hierarchy=tier.hierarchy,
                body=tier.body,
            )
            for tier in tiers
        },
    )


async def load_tier_campaigns(
    session: AsyncSession, project_id: str, tier_ids: Sequence[str]
) -> dict[str, str]:
    """By the id of a tier, or of a promotion stack."""
    found: dict[str, str] = {}
    for table in (PromotionTier, PromotionStack):
        rows = await session.execute(
            select(table.id, table.campaign_id).where(table.project_id == project_id, table.id.in_(tier_ids))
        )
        found.update(rows.all())
    return found


async def load_publication_metadata(
    session: AsyncSession, project_id: str, voucher_id: str
) -> Mapping[str, Any]:
    """Of the last publication of the voucher; empty for none."""
    body = await session.scalar(
        select(Publication.body)
        .join(
            PublicationVoucher,
            and_(
                PublicationVoucher.project_id == Publication.project_id,
                PublicationVoucher.publication_id == Publication.id,
            ),
        )
        .where(PublicationVoucher.project_id == project_id, PublicationVoucher.voucher_id == voucher_id)
        .order_by(Publication.created_at.desc(), Publication.id.desc())
        .limit(1)
    )
    return (body or {}).get("metadata") or {}
