"""Parts of the answer that are read off a decided redeemable: its discount, and the items it did and did not
apply to.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rules.applicable import UNITS_LISTED_MAX, Chosen
from rules.cart import Cart, WorkLine
from rules.collections import ALL_PRODUCTS
from rules.discounts.program import TO_ITEMS, TO_ORDER
from rules.plan import Plan

if TYPE_CHECKING:
    from rules.context import Context

EVERYTHING: Mapping[str, Any] = {
    "object": "products_collection",
    "id": ALL_PRODUCTS,
    "strict": False,
    "effect": "APPLY_TO_EVERY",
}
TAIL: Mapping[str, Any] = {"effect": "APPLY_TO_EVERY"}
Entries = tuple[Mapping[str, Any], ...]


def discount_answer(context: "Context") -> Mapping[str, Any] | None:
    """The discount with its effect resolved."""
    discount = context.candidate.discount
    if discount is None:
        return None
    program = discount.program
    effect = program.effect
    if effect is None:
        effect = TO_ITEMS if any(applicable.explicit for applicable in context.applicables) else TO_ORDER
    answer: Mapping[str, Any] = program.answers[effect]
    return answer


def applicable_lists(context: "Context") -> tuple[Entries, Entries]:
    """The configured entries, then each line they let in, with its index in the order; and the excluded ones
    alike.
    """
    chosen = context.chosen
    if chosen is None:
        return (), ()
    configured: list[Mapping[str, Any]] = []
    excluded: list[Mapping[str, Any]] = []
    for applicable in context.applicables:
        configured.extend({**entry.echo, "strict": entry.strict} for entry in applicable.included)
        if applicable.everything is not None:
            configured.append({**EVERYTHING, **applicable.everything.echo, "strict": False})
        for entry in applicable.excluded:
            excluded.append({**entry.echo, "strict": entry.strict})
            hit = [line for line in context.cart.lines if entry.matches(line, context.now)]
            excluded.extend(_concrete(line, entry.tail, None) for line in hit)
    if not context.applicables:
        configured.append(EVERYTHING)
    for one in chosen:
        configured.append(_concrete(one.line, one.entries[0].tail if one.entries else TAIL, one))
    return tuple(configured), tuple(excluded)


def _concrete(line: WorkLine, tail: Mapping[str, Any], one: Chosen | None) -> Mapping[str, Any]:
    """One line as an entry that matches exactly it; `tail` is what it takes over from the configured
    entry.
    """
    source = line.source
    product, sku = source.product, source.sku
    if source.sku_id is None and source.related_object != "sku":
        entry: dict[str, Any] = {
            "object": "product",
            "id": source.product_id or (product.id if product is not None else None) or source.source_id,
            "source_id": (product.source_id if product is not None else None) or source.source_id,
            "strict": True,
            **tail,
            "order_item_indices": [line.index],
        }
    else:
        entry = {
            "object": "sku",
            "id": source.sku_id or (sku.id if sku is not None else None) or source.source_id,
            "source_id": (sku.source_id if sku is not None else None) or source.source_id,
            "product_id": source.product_id or (sku.product_id if sku is not None else None),
            "strict": True,
            **tail,
            "order_item_indices": [line.index],
        }
    if one is not None and one.unit_numbers is not None:
        if line.quantity > UNITS_LISTED_MAX:
            entry["order_item_units"] = [{"index": line.index, "units_limit_exceeded": True}]
        else:
            entry["order_item_units"] = [{"index": line.index, "units": list(one.unit_numbers)}]
    return entry


def exchange_details(cart: Cart, plan: Plan) -> tuple[Mapping[str, Any], ...]:
    """What REPLACE_ITEMS did, for `application_details`; asked before the plan is committed."""
    if not plan.replacements:
        return ()
    found = []
    for replacement in plan.replacements:
        addition = replacement.addition
        target = addition.line.index if addition.line is not None else len(cart.lines)
        found.append(
            {
                "source_index": replacement.line.index,
                "source_applied_quantity": replacement.units,
                "source_applied_quantity_amount": replacement.amount,
                "target_index": target,
                "target_applied_quantity": addition.added,
                "target_applied_quantity_amount": (addition.price or 0) * addition.added,
                "target_applied_discount_amount": addition.discount,
            }
        )
    return tuple(found)
