"""Discount documents to programs: money off, a share off, a new price. Free units have a module of their
own.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.discounts import buy_get, items, order
from rules.discounts.compile_units import compile_units
from rules.discounts.extended import Extras
from rules.discounts.program import TO_ITEMS, TO_ORDER, Compute, Discount, minor_value, percent_value
from rules.documents import object_of, one_of
from rules.formulas.compile import compile_formula
from rules.money import PERCENT_MAX, read_ratio, read_whole
from rules.programs import CompiledDiscount, RuleError

if TYPE_CHECKING:
    from rules.context import Context
    from rules.plan import Plan
    from rules.trouble import Trouble

KEY: Final = "invalid_payload"

AMOUNT_EFFECTS: Final[dict[str, Compute]] = {
    TO_ORDER: order.amount,
    TO_ITEMS: items.amount_per_line,
    "APPLY_TO_ITEMS_BY_QUANTITY": items.amount_per_unit,
    "APPLY_TO_ITEMS_PROPORTIONALLY": items.amount_by_amount,
    "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY": items.amount_by_quantity,
}
PERCENT_EFFECTS: Final[dict[str, Compute]] = {TO_ORDER: order.percent, TO_ITEMS: items.percent}
FIXED_EFFECTS: Final[dict[str, Compute]] = {TO_ORDER: order.fixed, TO_ITEMS: items.fixed}
MONEY: Final[dict[str, tuple[str, dict[str, Compute]]]] = {
    "AMOUNT": ("amount_off", AMOUNT_EFFECTS),
    "PERCENT": ("percent_off", PERCENT_EFFECTS),
    "FIXED": ("fixed_amount", FIXED_EFFECTS),
}


def compile_discount(
    document: Mapping[str, Any], *, collections: Mapping[str, Any] | None = None
) -> CompiledDiscount:
    """Compile a discount as sent: `{"type": "AMOUNT"|"PERCENT"|"FIXED"|"UNIT", ...}`.

    `collections` (compiled, by id) are only needed for collections that `references(document)` names.

    Raises:
        RuleError: the document is not a discount.
    """
    body = object_of(document, KEY, ".discount")
    kind = one_of(body.get("type"), (*MONEY, "UNIT"), KEY, ".discount.type")
    if kind == "UNIT":
        program = compile_units(body, collections or {})
    else:
        program = _money(body, kind, collections or {})
    formulas = (program.formula, *(units.formula for units in program.units))
    return CompiledDiscount(
        document,
        program,
        tuple(dict.fromkeys(units.unit_type for units in program.units)),
        any(formula is not None and formula.reads_publication for formula in formulas),
    )


def _money(document: Mapping[str, Any], kind: str, collections: Mapping[str, Any]) -> Discount:
    field, effects = MONEY[kind]
    effect = document.get("effect")
    if effect is not None:
        effect = one_of(effect, effects, KEY, ".discount.effect")
    elif kind == "FIXED":
        effect = TO_ORDER
    text = document.get(f"{field}_formula")
    formula = None if text in (None, "") else compile_formula(text, KEY, f".discount.{field}_formula")
    extensions = document.get("extensions")
    extras = None if not extensions else Extras(extensions, field, collections, KEY)
    ratio = read_ratio(document, field, KEY, most=PERCENT_MAX) if kind == "PERCENT" else None
    value = read_whole(document, field, KEY) if kind != "PERCENT" else None
    given = ratio is not None or value is not None
    valued = given or formula is not None or (kind == "FIXED" and effect == TO_ITEMS)
    if not valued and (extras is None or (extras.tiers is None and extras.buy_get is None)):
        raise RuleError(KEY, f"Property .discount should have required property '{field}'")
    numerator, denominator = ratio or (value or 0, 1)
    wire = {
        name: part
        for name, part in document.items()
        if part is not None and name not in ("effect", "is_dynamic")
    }
    answers: dict[str | None, Mapping[str, Any]] = {
        name: {**wire, "effect": name, "is_dynamic": formula is not None} for name in effects
    }
    return Discount(
        kind=kind,
        effect=effect,
        numerator=numerator,
        denominator=denominator,
        to_order=effects[TO_ORDER],
        to_items=effects[effect if effect is not None and effect != TO_ORDER else TO_ITEMS],
        wire=wire,
        value_field=field if given else "",
        formula=formula,
        amount_limit=read_whole(document, "amount_limit", KEY),
        aggregated_amount_limit=read_whole(document, "aggregated_amount_limit", KEY),
        answers=answers,
        extras=extras,
        reads_uses=formula is not None and formula.reads_uses,
        compute=_own_way(extras),
    )


def _own_way(extras: Extras | None) -> Compute | None:
    """Offers and shipping discounts are computed in one way, whatever the effect."""
    if extras is None:
        return None
    offer, shipping = extras.buy_get, extras.shipping
    if offer is not None:

        def on_offer(context: "Context", discount: Discount) -> "Plan | Trouble":
            return buy_get.compute(context, offer)

        return on_offer
    if shipping is None:
        return None

    def on_shipping(context: "Context", discount: Discount) -> "Plan | Trouble":
        if discount.kind == "PERCENT":
            value = percent_value(context, discount)
        else:
            value = (minor_value(context, discount), 1)
        return shipping.plan(context, discount.kind, value, discount.amount_limit)

    return on_shipping
