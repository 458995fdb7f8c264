"""The one object of stacking rules that a project has: made over the defaults, changed, taken back to them.

Decisions are made from it, so every change publishes the project's guard.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.publishing import CatalogueWrite, catalogue_write
from app.api.stacking_rules.schemas import StackingRulesBody
from app.db.models import Project
from app.http.errors import ApiError, invalid_payload, not_found
from app.http.wire import listing
from app.identifiers import new_id, next_version
from app.redeemables.compiling import stacking_of
from app.redeemables.documents import instant_text

Rules = dict[str, Any]
IDENTITY: Final = ("id", "created_at", "updated_at")
NESTED: Final = (
    ("applicable_redeemables_limit", "redeemables_limit"),
    ("applicable_redeemables_per_category_limit", "applicable_redeemables_limit"),
    ("applicable_exclusive_redeemables_per_category_limit", "applicable_exclusive_redeemables_limit"),
)
"""(a limit, the one that it must not pass)."""
WITHOUT_LIMIT: Final = frozenset(
    {"applicable_redeemables_per_category_limit", "applicable_exclusive_redeemables_per_category_limit"}
)
DISJOINT: Final = (
    ("exclusive_categories", "joint_categories"),
    ("no_effect_skip_categories", "no_effect_redeem_anyway_categories"),
    ("initial_amount_mode_categories", "discounted_amount_mode_categories"),
)


async def create(call: Call, project_id: str, body: StackingRulesBody) -> Rules:
    """Raises: ApiError 404; 409 stacking_rules_exist; 400 invalid_payload."""
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        project = await _locked(write)
        if "id" in project.stacking_rules:
            raise ApiError(
                409,
                "stacking_rules_exist",
                "Stacking rules exist",
                "Cannot exist more stacking rules for given project",
            )
        created = {"id": new_id("stk_"), "created_at": instant_text(call.engine.now())}
        _keep(write, project, {**project.stacking_rules, **created}, body)
        call.tag(project.version)
        return wire(project.stacking_rules)


async def list_all(call: Call, project_id: str) -> Rules:
    """Always one: the project's own, or the defaults, which have no id. Raises: ApiError 404."""
    async with call.read() as session:
        project = await _project(session, project_id)
        return listing("data", [wire(project.stacking_rules)], 1)


async def get(call: Call, project_id: str, rules_id: str) -> Rules:
    """Raises: ApiError 404."""
    async with call.read() as session:
        project = await _project(session, project_id)
    _named(project, rules_id)
    call.tag(project.version)
    return wire(project.stacking_rules)


async def update(call: Call, project_id: str, rules_id: str, body: StackingRulesBody) -> Rules:
    """Raises: ApiError 404; 412; 400 invalid_payload."""
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        project = await _locked(write)
        _named(project, rules_id)
        call.require_version(project.version)
        stored = {**project.stacking_rules, "updated_at": instant_text(call.engine.now())}
        _keep(write, project, stored, body)
        call.tag(project.version)
        return wire(project.stacking_rules)


async def delete(call: Call, project_id: str, rules_id: str) -> None:
    """Back to the defaults. Raises: ApiError 404; 412."""
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        project = await _locked(write)
        _named(project, rules_id)
        call.require_version(project.version)
        project.stacking_rules = {}
        _touch(write, project)


def wire(stored: Mapping[str, Any]) -> Rules:
    """As answered by these operations: identity, every member, dates."""
    _, rules = stacking_of(stored)
    return {
        **{name: stored[name] for name in IDENTITY[:1] if name in stored},
        **rules,
        **{name: stored[name] for name in IDENTITY[1:] if name in stored},
    }


def _keep(write: CatalogueWrite, project: Project, stored: Rules, body: StackingRulesBody) -> None:
    said: Rules = msgspec.to_builtins(body)
    sent = {name: value for name, value in said.items() if value is not None or name in WITHOUT_LIMIT}
    rules = {**stored, **sent}
    _fit(rules, sent)
    project.stacking_rules = rules
    _touch(write, project)


def _fit(rules: Rules, sent: Mapping[str, Any]) -> None:
    """Limits that were not sent give way to those that were; those that were sent must agree.

    Raises: ApiError 400 invalid_payload.
    """
    effective = stacking_of(rules)[1]
    for inner, outer in NESTED:
        most, value = effective[outer], effective[inner]
        if value is None or value <= most:
            continue
        if inner in sent:
            raise invalid_payload(f"Property .{inner} must be <= {outer} ({most})")
        rules[inner] = effective[inner] = most
    for one, other in DISJOINT:
        both = sorted(set(effective[one]) & set(effective[other]))
        if both:
            raise invalid_payload(f"Property .{one} must NOT share categories with {other}: {both[0]}")


def _touch(write: CatalogueWrite, project: Project) -> None:
    project.version = next_version(project.version)
    write.guard("s", project.version)


async def _project(session: AsyncSession, project_id: str) -> Project:
    project = await session.get(Project, project_id)
    if project is None or project.deleted_at is not None:
        raise not_found("project", project_id)
    return project


async def _locked(write: CatalogueWrite) -> Project:
    project = await write.session.get(Project, write.project_id, with_for_update=True, populate_existing=True)
    if project is None or project.deleted_at is not None:
        raise not_found("project", write.project_id)
    return project


def _named(project: Project, rules_id: str) -> None:
    if project.stacking_rules.get("id") != rules_id:
        raise not_found("stacking_rules", rules_id)

