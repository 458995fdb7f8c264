"""Categories are made, renamed and removed here."""

from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from app.api.call import Call
from app.api.categories.schemas import CategoryBody
from app.api.publishing import CatalogueWrite
from app.api.terms import category_wire
from app.db.models import Campaign, Category, Project, PromotionStack, PromotionTier
from app.http.errors import ApiError, duplicate_found, not_found
from app.http.wire import listing
from app.identifiers import new_id, next_version

STACKING_LISTS = (
    "exclusive_categories",
    "joint_categories",
    "no_effect_skip_categories",
    "no_effect_redeem_anyway_categories",
    "initial_amount_mode_categories",
    "discounted_amount_mode_categories",
)
"""Members of the stacking rules that are lists of category ids."""
LIMITS = "applicable_redeemables_category_limits"
CATEGORIES_MAX = 1_000
"""Of a project: they are part of its settings, which every worker holds."""


async def create_category(call: Call, body: CategoryBody) -> dict[str, Any]:
    """Raises: ApiError 409 for a name that is taken."""
    async with call.write() as write:
        await _touch_project(write)
        count = await write.session.scalar(
            select(func.count()).select_from(Category).where(Category.project_id == call.project_id)
        )
        if (count or 0) >= CATEGORIES_MAX:
            raise ApiError(
                400,
                "invalid_payload",
                "Invalid payload",
                f"A project has at most {CATEGORIES_MAX} categories",
            )
        row = Category(
            project_id=call.project_id,
            id=new_id("cat_"),
            created_at=call.engine.now(),
            updated_at=None,
            version=next_version(),
            name=body.name,
            hierarchy=body.hierarchy,
        )
        write.session.add(row)
        await _flush(write, body.name)
        call.tag(row.version)
        return category_wire(row)


async def get_category(call: Call, category_id: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        row = await session.get(Category, (call.project_id, category_id))
    if row is None:
        raise not_found("category", category_id)
    call.tag(row.version)
    return category_wire(row)


async def list_categories(call: Call) -> dict[str, Any]:
    """All of them, the most important first: the operation has no pages."""
    async with call.read() as session:
        rows = (
            await session.scalars(
                select(Category)
                .where(Category.project_id == call.project_id)
                .order_by(Category.hierarchy, Category.created_at, Category.id)
                .limit(CATEGORIES_MAX * 2)
            )
        ).all()
    return listing("data", [category_wire(row) for row in rows], len(rows))


async def update_category(call: Call, category_id: str, body: CategoryBody) -> dict[str, Any]:
    """Raises: ApiError 404; 409 for a name that is taken."""
    async with call.write() as write:
        await _touch_project(write)
        row = await _locked(write, category_id)
        call.require_version(row.version)
        row.name, row.hierarchy = body.name, body.hierarchy
        row.updated_at = call.engine.now()
        row.version = next_version(row.version)
        await _flush(write, body.name)
        call.tag(row.version)
        return category_wire(row)


async def delete_category(call: Call, category_id: str, *, remove_from_stacking_rules: bool) -> None:
    """What was in the category is in none afterwards.

    Raises: ApiError 404; 400 resource_in_use while the stacking rules name it, unless they are to forget it.
    """
    async with call.write() as write:
        project = await _touch_project(write)
        row = await _locked(write, category_id)
        call.require_version(row.version)
        forgotten = without_category(project.stacking_rules, category_id)
        if forgotten != project.stacking_rules:
            if not remove_from_stacking_rules:
                raise ApiError(
                    400,
                    "resource_in_use",
                    "Resource in use",
                    f"Category {category_id} is used in the stacking rules",
                    resource_id=category_id,
                    resource_type="category",
                )
            project.stacking_rules = forgotten
        await _leave_category(write, category_id)
        await write.session.delete(row)


def without_category(stacking_rules: dict[str, Any], category_id: str) -> dict[str, Any]:
    """Stacking rules as stored, with no mention of the category."""
    rules = dict(stacking_rules)
    for name in STACKING_LISTS:
        if category_id in (rules.get(name) or ()):
            rules[name] = [one for one in rules[name] if one != category_id]
    if category_id in (rules.get(LIMITS) or {}):
        rules[LIMITS] = {one: limit for one, limit in rules[LIMITS].items() if one != category_id}
    return rules


async def _leave_category(write: CatalogueWrite, category_id: str) -> None:
    """Campaigns, tiers and stacks name it no longer. Vouchers may keep the id: nothing looks it up."""
    campaigns = await write.session.scalars(
        select(Campaign)
        .where(
            Campaign.project_id == write.project_id,
            (Campaign.category_id == category_id)
            | Campaign.id.in_(
                select(PromotionTier.campaign_id).where(
                    PromotionTier.project_id == write.project_id, PromotionTier.category_id == category_id
                )
            ),
        )
        .with_for_update()
    )
    for campaign in campaigns:
        if campaign.category_id == category_id:
            campaign.category_id = None
        campaign.version = next_version(campaign.version)
        write.guard("c:" + campaign.id, campaign.version)
    for table in (PromotionTier, PromotionStack):
        await write.session.execute(
            update(table)
            .where(table.project_id == write.project_id, table.category_id == category_id)
            .values(category_id=None)
        )


async def _touch_project(write: CatalogueWrite) -> Project:
    """Categories are part of the settings that decisions are made from."""
    project = await write.session.get(Project, write.project_id, with_for_update=True, populate_existing=True)
    if project is None:
        raise not_found("project", write.project_id)
    project.version = next_version(project.version)
    write.guard("s", project.version)
    return project


async def _locked(write: CatalogueWrite, category_id: str) -> Category:
    row = await write.session.get(Category, (write.project_id, category_id), with_for_update=True)
    if row is None:
        raise not_found("category", category_id)
    return row


async def _flush(write: CatalogueWrite, name: str) -> None:
    try:
        await write.session.flush()
    except IntegrityError:
        raise duplicate_found("category", "name", name) from None
