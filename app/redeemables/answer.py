"""Decision to wire (behaviour 3.1, 4.2, 4.6). Builds plain dicts once; the edge encodes them once."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.redeemables.customers import tracking_id
from app.redeemables.gather import Gathered
from app.redeemables.order_wire import OrderWriter
from app.redeemables.programs import ProjectProgram
from rules.messages import replaced_message
from rules.reasons import REASONS
from rules.verdict import OrderState, Refusal, Result

_answer_encoder = msgspec.json.Encoder(decimal_format="number")
EMPTY_LIST: Mapping[str, Any] = {"data": [], "total": 0, "data_ref": "data", "object": "list"}


def encode_answer(answer: Mapping[str, Any]) -> bytes:
    """An answer as it is sent, to be kept under an idempotency key (D1)."""
    return _answer_encoder.encode(answer)


def validation_order(
    state: OrderState, gathered: Gathered, writer: OrderWriter | None = None
) -> dict[str, Any]:
    """An order as calculated for a validation: nothing is saved, so it has no customer (behaviour 4.2).
    writer: of the whole answer.
    """
    assert gathered.facts.order is not None
    writer = writer or OrderWriter(gathered.facts.order, gathered.facts.catalogue)
    wire = writer.wire(state)
    stored = gathered.order
    if stored is not None:
        wire["id"] = stored.id
        wire["source_id"] = stored.source_id
        if stored.body.get("redemptions"):
            wire["redemptions"] = stored.body["redemptions"]
    wire["customer_id"] = None
    wire["referrer_id"] = None
    wire["object"] = "order"
    return wire


def listed(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    if not entries:
        return EMPTY_LIST
    return {"data": entries, "total": len(entries), "data_ref": "data", "object": "list"}


def categories_wire(
    project: ProjectProgram, category_ids: Sequence[str], expand: frozenset[str]
) -> list[dict[str, Any]]:
    """Categories of a redeemable: whole objects on `expand: ["category"]`, else nothing (behaviour 4.1)."""
    if "category" not in expand:
        return []
    stacking = project.stacking
    wire: list[dict[str, Any]] = []
    for category_id in category_ids:
        category = project.categories.get(category_id)
        if category is None:
            continue
        entry: dict[str, Any] = {
            "id": category.id,
            "name": category.name,
            "hierarchy": category.hierarchy,
            "object": "category",
        }
        if category_id in stacking.exclusive_categories:
            entry["stacking_rules_type"] = "EXCLUSIVE"
        elif category_id in stacking.joint_categories:
            entry["stacking_rules_type"] = "JOINT"
        wire.append(entry)
    return wire


def message_of(result: Result, gathered: Gathered) -> str:
    """The sentence of a refusal: the contract's, unless the shop has one of its own or the caller asked for a
    language. Key and details never change.
    """
    refusal, facts = result.refusal, gathered.facts
    assert refusal is not None
    extensions = result.candidate.extensions
    if facts.accept_language or extensions or facts.project_extensions:
        replaced = replaced_message(
            refusal.reason, facts.accept_language, extensions, facts.project_extensions
        )
        if replaced is not None:
            return replaced
    return REASONS[refusal.reason].message


def error_wire(refusal: Refusal, request_id: str, message: str | None = None) -> dict[str, Any]:
    """The error object of a refusal (behaviour 1.5); a rule's own message goes to `error.message`. message:
    from `message_of`.
    """
    text = REASONS[refusal.reason]
    wire: dict[str, Any] = {"code": text.status, "key": text.key, "message": message or text.message}
    if refusal.details:
        wire["details"] = refusal.details
    wire["request_id"] = request_id
    if refusal.resource_id is not None:
        wire["resource_id"] = refusal.resource_id
        wire["resource_type"] = refusal.resource_type
    if refusal.message is not None:
        wire["error"] = {"message": refusal.message}
    return wire


def result_wire(result: Result) -> dict[str, Any]:
    """`result` of an applicable redeemable."""
    wire: dict[str, Any] = {}
    if result.discount is not None:
        wire["discount"] = result.discount
    if result.candidate.gift is not None:
        gift: dict[str, Any] = {"credits": result.credits}
        if result.balance is not None:
            gift["balance"] = result.balance
        wire["gift"] = gift
    if result.points is not None:
        wire["loyalty_card"] = {"points": result.points}
    if result.bundle is not None:
        wire["bundle"] = result.bundle
    return wire


def entry_wire(
    result: Result,
    gathered: Gathered,
    request_id: str,
    expand: frozenset[str],
    writer: OrderWriter | None = None,
) -> dict[str, Any]:
    """One redeemable of a validation's answer."""
    candidate = result.candidate
    wire: dict[str, Any] = {"status": result.status, "id": candidate.requested_id, "object": candidate.object}
    if result.status == "APPLICABLE":
        if result.order is not None and gathered.facts.order is not None:
            wire["order"] = validation_order(result.order, gathered, writer)
        wire["applicable_to"] = listed(result.applicable_to)
        wire["inapplicable_to"] = listed(result.inapplicable_to)
        wire["result"] = result_wire(result)
    else:
        assert result.refusal is not None
        wire["result"] = _refusal_result(result, request_id, message_of(result, gathered))
    wire["metadata"] = dict(candidate.metadata) if "redeemable" in expand else {}
    wire["categories"] = categories_wire(gathered.project, candidate.category_ids, expand)
    if "redeemable" in expand:
        if candidate.campaign_id is not None:
            wire["campaign_name"] = candidate.campaign_name
            wire["campaign_id"] = candidate.campaign_id
        if candidate.object == "promotion_tier":
            wire["name"] = candidate.name
    return wire


def _refusal_result(result: Result, request_id: str, message: str) -> dict[str, Any]:
    refusal = result.refusal
    assert refusal is not None
    text = REASONS[refusal.reason]
    details = {"key": text.key, "message": refusal.message or message}
    if result.status == "SKIPPED":
        return {"details": details}
    wire: dict[str, Any] = {"error": error_wire(refusal, request_id, message), "details": details}
    if result.bundle is not None:
        wire["bundle"] = result.bundle
    return wire


def tracking_of(gathered: Gathered) -> str | None:
    if gathered.source_id is None:
        return None
    return tracking_id(gathered.project.secret, gathered.source_id)
