"""Validation rules and assignments. A rule is published under its own guard; an assignment is a change of
what it is assigned to.
"""

from datetime import datetime
from typing import Any

from msgspec import UNSET
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.lookup import campaign_named, rule_named, tier_named, voucher_named
from app.api.promotions.service import touch_campaign
from app.api.publishing import CatalogueWrite
from app.api.terms import NAME_MAX, assignment_wire, checked_text, refusal
from app.api.validation_rules import queries
from app.api.validation_rules.schemas import AssignmentCreate, RuleCreate, RuleUpdate
from app.db.models import ValidationRule, ValidationRuleAssignment
from app.http.errors import ApiError, invalid_payload, not_found
from app.http.wire import iso, listing
from app.identifiers import new_id, next_version
from rules.compile import RuleError, compile_rule

PARTS = ("rules", "bundle_rules", "error", "applicable_to", "extensions")
CONTEXT_MAX = 200
RELATED_TYPES = ("voucher", "promotion_tier", "campaign", "earning_rule", "distribution", "reward_assignment")
DEFAULT_EFFECT = "APPLY_TO_EVERY"


def checked_rule(rule_id: str, name: str | None, document: dict[str, Any]) -> None:
    """Raises: ApiError 400 invalid_validation_rules for a document that does not compile."""
    applicable = document.get("applicable_to") or {}
    for side in ("included", "excluded"):
        entries = applicable.get(side) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise refusal(
                "invalid_validation_rules", f"Property .applicable_to.{side} must be array of objects"
            )
    try:
        compile_rule(rule_id, {**document, "name": name}, collections={}, segments={})
    except RuleError as error:
        raise refusal("invalid_validation_rules", error.details) from None


def rule_wire(row: ValidationRule, assignments_count: int) -> dict[str, Any]:
    body = row.body
    answer: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "rules": body.get("rules") or {"logic": ""},
        "bundle_rules": body.get("bundle_rules") or {},
        "applicable_to": _applicable_wire(body.get("applicable_to") or {}),
        "type": body.get("type") or "expression",
        "context_type": body.get("context_type") or "global",
        "assignments_count": assignments_count,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "object": "validation_rules",
    }
    for name in ("error", "extensions"):
        if body.get(name):
            answer[name] = body[name]
    return answer


def _applicable_wire(sent: dict[str, Any]) -> dict[str, Any]:
    """Official clients refuse an entry without an effect."""
    answer = {**sent, "included_all": bool(sent.get("included_all"))}
    for side in ("excluded", "included"):
        answer[side] = [
            {**entry, "effect": entry.get("effect") or DEFAULT_EFFECT} for entry in sent.get(side) or []
        ]
    return answer


async def create_rule(call: Call, body: RuleCreate) -> dict[str, Any]:
    rule_id = new_id("val_")
    checked_text(body.name, "name", NAME_MAX)
    document = {name: getattr(body, name) for name in PARTS if getattr(body, name) is not None}
    document |= _kinds(body)
    checked_rule(rule_id, body.name, document)
    async with call.write() as write:
        return rule_wire(new_rule(call, write, rule_id, body.name, document), 0)


def new_rule(
    call: Call, write: CatalogueWrite, rule_id: str, name: str | None, document: dict[str, Any]
) -> ValidationRule:
    """A row of a document that compiles."""
    row = ValidationRule(
        project_id=call.project_id,
        id=rule_id,
        created_at=call.engine.now(),
        updated_at=None,
        version=next_version(),
        name=name,
        body=document,
    )
    write.session.add(row)
    write.guard("rule:" + rule_id, row.version)
    return row


def _kinds(body: RuleCreate | RuleUpdate) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    if body.type is not None:
        kinds["type"] = body.type
    if body.context_type is not None:
        kinds["context_type"] = checked_text(body.context_type, "context_type", CONTEXT_MAX)
    return kinds


async def get_rule(call: Call, rule_id: str) -> dict[str, Any]:
    async with call.read() as session:
        row = await rule_named(session, call.project_id, rule_id)
        call.tag(row.version)
        counts = await queries.assignment_counts(session, call.project_id, [rule_id])
        return rule_wire(row, counts.get(rule_id, 0))


async def list_rules(call: Call) -> dict[str, Any]:
    paging = call.query.paging(("created_at", "updated_at", "name"))
    async with call.read() as session:
        rows, total = await queries.page_of_rules(session, call.project_id, call.query, paging)
        counts = await queries.assignment_counts(session, call.project_id, [row.id for row in rows])
        return listing("data", [rule_wire(row, counts.get(row.id, 0)) for row in rows], total)


async def update_rule(call: Call, rule_id: str, body: RuleUpdate) -> dict[str, Any]:
    """PUT: parts that are sent replace those that are there, null takes one away."""
    async with call.write() as write:
        row = await rule_named(write.session, call.project_id, rule_id, lock=True)
        call.require_version(row.version)
        document = dict(row.body)
        for name in PARTS:
            value = getattr(body, name)
            if value is None:
                document.pop(name, None)
            elif value is not UNSET:
                document[name] = value
        document |= _kinds(body)
        renamed = row.name if body.name is None else checked_text(body.name, "name", NAME_MAX)
        checked_rule(rule_id, renamed, document)
        row.name, row.body = renamed, document
        row.updated_at = call.engine.now()
        row.version = next_version(row.version)
        write.guard("rule:" + rule_id, row.version)
        call.tag(row.version)
        counts = await queries.assignment_counts(write.session, call.project_id, [rule_id])
        return rule_wire(row, counts.get(rule_id, 0))


async def delete_rule(call: Call, rule_id: str) -> None:
    """The rule and its assignments. Its guard's new version makes every program that was compiled with it
    stale.
    """
    async with call.write() as write:
        row = await rule_named(write.session, call.project_id, rule_id, lock=True)
        call.require_version(row.version)
        await write.session.execute(
            delete(ValidationRuleAssignment).where(
                ValidationRuleAssignment.project_id == call.project_id,
                ValidationRuleAssignment.rule_id == rule_id,
            )
        )
        await write.session.delete(row)
        write.guard("rule:" + rule_id, next_version(row.version))


# Assignments
# ---------------------------------------------------------------------------------------------------


async def create_assignment(
    call: Call, rule_id: str, body: AssignmentCreate, *, force: bool
) -> dict[str, Any]:
    """POST .../assignments. `force` replaces an equal assignment instead of refusing."""
    kind = body.related_object_type or "voucher"
    if kind not in RELATED_TYPES:
        allowed = ", ".join(RELATED_TYPES)
        raise invalid_payload(f"Property .related_object_type must be equal to one of: {allowed}")
    now = call.engine.now()
    async with call.write() as write:
        await rule_named(write.session, call.project_id, rule_id)
        related_id = await _publish_related(write, kind, body.related_object_id, now)
        existing = await _existing(write.session, call.project_id, rule_id, kind, related_id)
        if existing is not None:
            if not force:
                raise _duplicate(existing.id)
            await write.session.delete(existing)
            await write.session.flush()
        row = ValidationRuleAssignment(
            project_id=call.project_id,
            id=new_id("asgm_"),
            created_at=now,
            updated_at=None,
            rule_id=rule_id,
            related_object_type=kind,
            related_object_id=related_id,
        )
        write.session.add(row)
        try:
            await write.session.flush()
        except IntegrityError:
            raise _duplicate(row.id) from None
        return assignment_wire(row)


async def _existing(
    session: AsyncSession, project_id: str, rule_id: str, kind: str, related_id: str
) -> ValidationRuleAssignment | None:
    found: ValidationRuleAssignment | None = await session.scalar(
        select(ValidationRuleAssignment).where(
            ValidationRuleAssignment.project_id == project_id,
            ValidationRuleAssignment.rule_id == rule_id,
            ValidationRuleAssignment.related_object_type == kind,
            ValidationRuleAssignment.related_object_id == related_id,
        )
    )
    return found


def _duplicate(assignment_id: str) -> ApiError:
    return ApiError(
        409,
        "duplicate_found",
        "Duplicated resource found",
        f"Duplicated validation_rules_assignment exists with id {assignment_id}",
        resource_id=assignment_id,
        resource_type="validation_rules_assignment",
    )


async def _publish_related(write: CatalogueWrite, kind: str, related_id: str, now: datetime) -> str:
    """Give what the rule is assigned to a new version, and return its id.

    Raises: ApiError 404.
    """
    if kind == "voucher":
        voucher, _ = await voucher_named(write.session, write.project_id, related_id, lock=True)
        voucher.version = next_version(voucher.version)
        write.voucher(voucher.id)
        return voucher.id
    if kind == "campaign":
        campaign = await campaign_named(write.session, write.project_id, related_id, lock=True)
        touch_campaign(write, campaign)
        return campaign.id
    if kind == "promotion_tier":
        tier, campaign = await tier_named(write.session, write.project_id, related_id, lock=True)
        touch_campaign(write, campaign)
        return tier.id
    raise not_found(kind, related_id)


async def list_assignments(call: Call, rule_id: str | None = None) -> dict[str, Any]:
    paging = call.query.paging(("created_at", "updated_at", "id", "rule_id"))
    async with call.read() as session:
        if rule_id is not None:
            await rule_named(session, call.project_id, rule_id)
        else:
            rule_id = call.query.text("rule")
        rows, total = await queries.page_of_assignments(
            session,
            call.project_id,
            paging,
            rule_id=rule_id,
            related_object_id=call.query.text("related_object_id"),
        )
        return listing("data", [assignment_wire(row) for row in rows], total)


async def delete_assignment(call: Call, rule_id: str, assignment_id: str) -> None:
    now = call.engine.now()
    async with call.write() as write:
        await rule_named(write.session, call.project_id, rule_id)
        row = await write.session.get(ValidationRuleAssignment, (call.project_id, assignment_id))
        if row is None or row.rule_id != rule_id:
            raise not_found("validation_rules_assignment", assignment_id)
        await write.session.delete(row)
        try:
            await _publish_related(write, row.related_object_type, row.related_object_id, now)
        except ApiError:
            return  # What it was assigned to is in the bin: nothing decides by it any more.
