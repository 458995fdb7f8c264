"""Which events a changed object means, by the table it is in (behaviour 7.2)."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import func, select

from app.api.customers.wire import customer_wire
from app.api.promotions.stacks import stack_wires
from app.api.publications.wire import publication_wire
from app.api.telling.shapes import TIER, Shapes, short
from app.api.terms import assignment_wire
from app.api.validation_rules.service import rule_wire
from app.db.models import (
    AsyncAction,
    Customer,
    PromotionTier,
    ValidationRule,
    ValidationRuleAssignment,
    Voucher,
)
from app.db.noted import CREATED, DELETED, UPDATED, Change
from app.http.wire import iso
from app.jobs.generation import TYPE as GENERATION
from app.jobs.voucher_import import TO_CAMPAIGN, TO_CAMPAIGN_CSV
from app.webhooks.events import RULE
from app.webhooks.outbox import Told

_PLUMBING: Final = frozenset(
    {
        "version",
        "updated_at",
        "vouchers_count",
        "creation_status",
        "watched",
        "publish_count",
        "redeemed_base",
        "redeemed_quantity",
        "redeemed_amount",
        "redeemed_count",
        "orders_amount",
        "orders_discount",
        "credited_amount",
        "subtracted_amount",
        "summary",
        "folded_code",
    }
)
"""Members that change beside what somebody changes."""
_GENERATION: Final = "vouchers_generation_status"
_ADDED: Final = "campaign.vouchers.added"
_PUBLISHED: Final = frozenset({"holder_id", "start_date", "expiration_date", "body"})
"""Of a voucher, what a publication may change."""


def verbs_of(change: Change) -> list[str]:
    """created, deleted, enabled, disabled, updated: what happened to the object."""
    if change.action in (CREATED, DELETED):
        return [change.action]
    row, before = change.instance, change.before
    if "deleted_at" in before:
        return [DELETED if row.deleted_at is not None else CREATED]
    verbs = []
    if "active" in before:
        verbs.append("enabled" if row.active else "disabled")
    if before.keys() - _PLUMBING - {"active", _GENERATION}:
        verbs.append(UPDATED)
    return verbs


async def _campaign(change: Change, shapes: Shapes) -> list[Told]:
    row, verbs = change.instance, verbs_of(change)
    if len(verbs) == 2:
        verbs.remove(UPDATED)  # Why it was stopped stands on it, and goes when it is enabled.
    told = []
    if verbs:
        wire = await shapes.whole_campaign(row)
        for verb in verbs:
            data: dict[str, Any] = {"campaign": wire}
            if verb == CREATED:
                data["created_at"] = wire["created_at"]
            elif verb == DELETED:
                data["deleted_at"] = iso(row.deleted_at)
            told.append(_told(f"campaign.{verb}", "campaign", row.id, data))
    started = row.vouchers_generation_status == "IN_PROGRESS"
    if _GENERATION in change.before or (change.action == CREATED and started):
        told += await _generation(change, shapes)
    return told


async def _generation(change: Change, shapes: Shapes) -> list[Told]:
    row = change.instance
    stage = {"IN_PROGRESS": "started", "DONE": "completed", "FAILED": "failed"}.get(
        row.vouchers_generation_status
    )
    if stage is None:
        return []
    await shapes.load(campaigns=[row.id])
    data: dict[str, Any] = {"campaign": shapes.campaign(row.id)}
    count = 0
    if stage != "started":
        action = _generating(shapes)
        count = int(action.state.get("done") or 0) if action is not None else 0
        data |= {"count": count, "completed_at": iso(action.updated_at) if action is not None else None}
    told = [_told(f"campaign.vouchers.generation.{stage}", "campaign", row.id, data)]
    if stage == "completed" and "creation_status" not in change.before:
        more = {"campaign": data["campaign"], "count": count}
        told.append(_told(_ADDED, "campaign", row.id, more))
    return told


def _generating(shapes: Shapes) -> AsyncAction | None:
    """The work that the transaction belongs to."""
    for row in shapes.session.identity_map.values():
        if isinstance(row, AsyncAction) and row.type == GENERATION:
            return row
    return None


async def _import(change: Change, shapes: Shapes) -> list[Told]:
    """Of all long work the import of codes into a campaign is told, when it is done."""
    row = change.instance
    if not (is_finished_import(change) and row.state.get("done")):
        return []
    campaign_id = row.payload["campaign_id"]
    await shapes.load(campaigns=[campaign_id])
    data = {"campaign": shapes.campaign(campaign_id), "count": int(row.state["done"])}
    return [_told(_ADDED, "campaign", campaign_id, data)]


def is_finished_import(change: Change) -> bool:
    row = change.instance
    return (
        change.action == UPDATED
        and "status" in change.before
        and row.status == "DONE"
        and row.type in (TO_CAMPAIGN, TO_CAMPAIGN_CSV)
    )


async def _voucher(change: Change, shapes: Shapes) -> list[Told]:
    row = change.instance
    if row is None:  # Inserted past the session.
        row = await shapes.session.get(Voucher, (shapes.project.id, change.object_id))
        if row is None:
            return []
    verbs = verbs_of(change)
    if "publish_count" in change.before and not change.before.keys() - _PLUMBING - _PUBLISHED:
        verbs = []  # voucher.published says it.
    if not verbs:
        return []
    wire = await shapes.whole_voucher(row)
    data = {"voucher": wire, "campaign": shapes.campaign(row.campaign_id)}
    told = [_told(f"voucher.{verb}", "voucher", row.id, data, row.holder_id) for verb in verbs]
    if verbs == [CREATED] and row.campaign_id is not None and row.campaign_id not in shapes.created_campaigns:
        more = {"campaign": data["campaign"], "count": 1}
        told.append(_told(_ADDED, "campaign", row.campaign_id, more))
    return told


async def _customer(change: Change, shapes: Shapes) -> list[Told]:
    row = change.instance
    if row is None:  # Inserted past the session.
        row = await shapes.session.get(Customer, (shapes.project.id, change.object_id))
        if row is None:
            return []
    data = {"customer": customer_wire(row)}
    return [_told(f"customer.{verb}", "customer", row.id, data, row.id) for verb in verbs_of(change)]


async def _tier(change: Change, shapes: Shapes) -> list[Told]:
    row, verbs = change.instance, verbs_of(change)
    if not verbs:
        return []
    await shapes.load(campaigns=[row.campaign_id])
    data = {"campaign": shapes.campaign(row.campaign_id), "promotion_tier": await shapes.whole_tier(row)}
    return [_told(f"campaign.promotion_tier.{verb}", "promotion_tier", row.id, data) for verb in verbs]


async def _stack(change: Change, shapes: Shapes) -> list[Told]:
    row, verbs = change.instance, [verb for verb in verbs_of(change) if verb != DELETED]
    if not verbs:
        return []
    await shapes.load(campaigns=[row.campaign_id])
    wire = (await stack_wires(shapes.session, shapes.project.id, [row]))[0]
    data = {"campaign": shapes.campaign(row.campaign_id), "promotion_stack": wire}
    return [_told(f"campaign.promotion_stack.{verb}", "promotion_stack", row.id, data) for verb in verbs]


async def _rule(change: Change, shapes: Shapes) -> list[Told]:
    row = change.instance
    wire = await _rule_wire(row, shapes)
    told = []
    for verb in verbs_of(change):
        at = {CREATED: row.created_at, DELETED: datetime.now(UTC)}.get(verb, row.updated_at)
        data = {"rule": wire, f"{verb}_at": iso(at)}
        told.append(_told(f"{RULE}.{verb}", "rule", row.id, data))
    return told


async def _rule_wire(row: ValidationRule, shapes: Shapes) -> dict[str, Any]:
    count = await shapes.session.scalar(
        select(func.count())
        .select_from(ValidationRuleAssignment)
        .where(
            ValidationRuleAssignment.project_id == shapes.project.id,
            ValidationRuleAssignment.rule_id == row.id,
        )
    )
    return rule_wire(row, count or 0)


async def _assignment(change: Change, shapes: Shapes) -> list[Told]:
    row = change.instance
    rule = await shapes.session.get(ValidationRule, (shapes.project.id, row.rule_id))
    related = {row.related_object_type: row.related_object_id}
    await shapes.load(vouchers=[related.get("voucher")], campaigns=[related.get("campaign")])
    tier = None
    if "promotion_tier" in related:
        found = await shapes.session.get(PromotionTier, (shapes.project.id, row.related_object_id))
        tier = short(await shapes.whole_tier(found) if found is not None else None, TIER)
    data = {
        "rule": await _rule_wire(rule, shapes) if rule is not None else None,
        "assignment": assignment_wire(row),
        "voucher": shapes.voucher(related.get("voucher")),
        "campaign": shapes.campaign(related.get("campaign")),
        "promotion_tier": tier,
        "distribution": None,
        "earning_rule": None,
    }
    return [_told(f"{RULE}.assignment.{verb}", "rule", row.rule_id, data) for verb in verbs_of(change)]


async def _publication(change: Change, shapes: Shapes) -> list[Told]:
    """One for the act, and one for every code that was handed out."""
    row = change.instance
    if change.action != CREATED:
        return []
    ids: list[str] = row.body.get("voucher_ids") or [row.voucher_id]
    await shapes.load(vouchers=ids, campaigns=[row.campaign_id], customers=[row.customer_id])
    customer = await shapes.session.get(Customer, (shapes.project.id, row.customer_id))
    wire = publication_wire(row, customer)
    told = []
    for kind, of in (("publication.succeeded", ids[:1]), ("voucher.published", ids)):
        for voucher_id in of:
            data = {
                "customer": shapes.customer(row.customer_id),
                "campaign": shapes.campaign(row.campaign_id),
                "publication": wire,
                "voucher": shapes.voucher(voucher_id),
            }
            if kind == "voucher.published":
                data["created_at"] = wire["created_at"]
                told.append(_told(kind, "voucher", voucher_id, data, row.customer_id))
            else:
                data["user"] = None  # A key did it: nobody signs in here as a user of the contract.
                told.append(_told(kind, "publication", row.id, data, row.customer_id))
    return told


def _told(
    kind: str, object_kind: str, object_id: str, data: Mapping[str, Any], customer_id: str | None = None
) -> Told:
    return Told(
        kind=kind,
        object_key=f"{object_kind}:{object_id}",
        entity_id=object_id,
        data=data,
        customer_id=customer_id,
    )


Teller = Callable[[Change, Shapes], Awaitable[list[Told]]]
TELLERS: Final[Mapping[str, Teller]] = {
    "async_actions": _import,
    "campaigns": _campaign,
    "customers": _customer,
    "promotion_stacks": _stack,
    "promotion_tiers": _tier,
    "publications": _publication,
    "validation_rule_assignments": _assignment,
    "validation_rules": _rule,
    "vouchers": _voucher,
}
