"""Decision to wire (behaviour 3.1, 4.2, 4.6). Builds plain dicts once; the edge encodes them once."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.redeemables.customers import tracking_id
from app.redeemables.gather import Gathered
from app.redeemables.programs import ProjectProgram
from app.redeemables.shipping import shipping_wire
from rules.facts import ItemFacts, Line, OrderFacts
from rules.messages import replaced_message
from rules.reasons import REASONS
from rules.verdict import LineState, OrderState, Refusal, Result

_answer_encoder = msgspec.json.Encoder(decimal_format="number")
NO_ITEMS: Mapping[str, ItemFacts | None] = {}
EMPTY_LIST: Mapping[str, Any] = {"data": [], "total": 0, "data_ref": "data", "object": "list"}


def encode_answer(answer: Mapping[str, Any]) -> bytes:
    """An answer as it is sent, to be kept under an idempotency key (D1)."""
    return _answer_encoder.encode(answer)


def item_reference(item: ItemFacts, *, is_sku: bool) -> dict[str, Any]:
    """The product or SKU within an order item."""
    wire: dict[str, Any] = {}
    if item.id is not None:
        wire["id"] = item.id
    if item.source_id is not None:
        wire["source_id"] = item.source_id
    if is_sku:
        if item.sku is not None:
            wire["sku"] = item.sku
    elif item.name is not None:
        wire["name"] = item.name
    if item.metadata:
        wire["metadata"] = item.metadata
    if item.price is not None:
        wire["price"] = item.price
    return wire


def item_wire(state: LineState, line: Line | None) -> dict[str, Any]:
    """One calculated order item; amounts that are zero because no such discount exists are left out
    (behaviour 3.1).
    """
    wire: dict[str, Any] = {"object": "order_item"}
    # One by one: a loop over names costs twice as much, and a stack of five has a hundred of these.
    if state.product_id is not None:
        wire["product_id"] = state.product_id
    if state.sku_id is not None:
        wire["sku_id"] = state.sku_id
    if state.source_id is not None:
        wire["source_id"] = state.source_id
    if state.related_object is not None:
        wire["related_object"] = state.related_object
    wire["quantity"] = state.quantity
    if state.discount_quantity:
        wire["discount_quantity"] = state.discount_quantity
    if state.initial_quantity is not None:
        wire["initial_quantity"] = state.initial_quantity
    if state.initial_amount is not None:
        wire["initial_amount"] = state.initial_amount
    if state.amount is not None:
        wire["amount"] = state.amount
    if state.price is not None:
        wire["price"] = state.price
    if state.discount_amount:
        wire["discount_amount"] = state.discount_amount
    if state.applied_discount_amount:
        wire["applied_discount_amount"] = state.applied_discount_amount
    if state.applied_discount_quantity:
        wire["applied_discount_quantity"] = state.applied_discount_quantity
    if state.applied_quantity is not None:
        wire["applied_quantity"] = state.applied_quantity
    if state.applied_quantity_amount is not None:
        wire["applied_quantity_amount"] = state.applied_quantity_amount
    if state.order_share:
        # Only where the project asked for shares (settings.extensions): without it the bytes are the
        # contract's.
        wire["extensions"] = {"order_share": state.order_share}
    if state.amount is not None:
        wire["subtotal_amount"] = state.amount - state.discount_amount
    if line is not None:
        if line.product is not None:
            wire["product"] = item_reference(line.product, is_sku=False)
        if line.sku is not None:
            wire["sku"] = item_reference(line.sku, is_sku=True)
        if line.metadata:
            wire["metadata"] = line.metadata
    return wire


def _added_item_wire(state: LineState, catalogue: Mapping[str, ItemFacts | None]) -> dict[str, Any]:
    """An item that a discount added, with what the catalogue knows of its product and SKU."""
    wire = item_wire(state, None)
    sku = catalogue.get(state.sku_id) if state.sku_id is not None else None
    product_id = state.product_id or (sku.product_id if sku is not None else None)
    product = catalogue.get(product_id) if product_id is not None else None
    if product is not None:
        wire["product"] = item_reference(product, is_sku=False)
    if sku is not None:
        wire["sku"] = item_reference(sku, is_sku=True)
    return wire


def order_wire(
    state: OrderState, facts: OrderFacts, catalogue: Mapping[str, ItemFacts | None] = NO_ITEMS
) -> dict[str, Any]:
    """The calculated order without identity, customer and dates. catalogue: of units that discounts add."""
    wire: dict[str, Any] = {}
    if state.amount is not None:
        wire["amount"] = state.amount
    if state.initial_amount is not None:
        wire["initial_amount"] = state.initial_amount
    if state.discount_amount:
        wire["discount_amount"] = state.discount_amount
    if state.items_discount_amount:
        wire["items_discount_amount"] = state.items_discount_amount
    if state.total_discount_amount:
        wire["total_discount_amount"] = state.total_discount_amount
    if state.applied_discount_amount:
        wire["applied_discount_amount"] = state.applied_discount_amount
    if state.items_applied_discount_amount:
        wire["items_applied_discount_amount"] = state.items_applied_discount_amount
    if state.total_applied_discount_amount:
        wire["total_applied_discount_amount"] = state.total_applied_discount_amount
    if state.total_amount is not None:
        wire["total_amount"] = state.total_amount
    lines = facts.lines
    if state.lines or facts.has_lines:
        wire["items"] = [
            item_wire(line, lines[line.source_index])
            if line.source_index is not None
            else _added_item_wire(line, catalogue)
            for line in state.lines
        ]
    wire["metadata"] = facts.metadata
    if state.shipping:
        wire["extensions"] = {"shipping": shipping_wire(state.shipping)}
    return wire


def validation_order(state: OrderState, gathered: Gathered) -> dict[str, Any]:
    """An order as calculated for a validation: nothing is saved, so it has no customer (behaviour 4.2)."""
    assert gathered.facts.order is not None
    wire = order_wire(state, gathered.facts.order, gathered.facts.catalogue)
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


def entry_wire(result: Result, gathered: Gathered, request_id: str, expand: frozenset[str]) -> dict[str, Any]:
    """One redeemable of a validation's answer."""
    candidate = result.candidate
    wire: dict[str, Any] = {"status": result.status, "id": candidate.requested_id, "object": candidate.object}
    if result.status == "APPLICABLE":
        if result.order is not None and gathered.facts.order is not None:
            wire["order"] = validation_order(result.order, gathered)
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
