"""Discount documents to programs."""

from collections.abc import Mapping
from typing import Any, Final

from rules.discounts import items, order
from rules.discounts.program import TO_ITEMS, TO_ORDER, Compute, Discount, Units
from rules.discounts.units import free_units
from rules.facts import ItemFacts
from rules.formulas.compile import Formula, compile_formula
from rules.money import PERCENT_MAX, QUANTITY_MAX, read_ratio, read_whole
from rules.programs import CompiledDiscount, RuleError

KEY: Final = "invalid_payload"
UNITS_MAX: Final = 100

AMOUNT_EFFECTS: Final[dict[str, Compute]] = {
    TO_ORDER: order.amount,
    TO_ITEMS: items.amount_per_line,
    "APPLY_TO_ITEMS_BY_QUANTITY": items.amount_per_unit,
    "APPLY_TO_ITEMS_PROPORTIONALLY": items.amount_by_amount,
    "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY": items.amount_by_quantity,
}
PERCENT_EFFECTS: Final[dict[str, Compute]] = {TO_ORDER: order.percent, TO_ITEMS: items.percent}
FIXED_EFFECTS: Final[dict[str, Compute]] = {TO_ORDER: order.fixed, TO_ITEMS: items.fixed}
UNIT_EFFECTS: Final = ("ADD_MISSING_ITEMS", "ADD_NEW_ITEMS")
FREE_SHIPPING: Final = "prod_5h1pp1ng"


def compile_discount(document: Mapping[str, Any]) -> CompiledDiscount:
    """Compile a discount as sent: `{"type": "AMOUNT"|"PERCENT"|"FIXED"|"UNIT", ...}`.

    Raises:
        RuleError: the document is not a discount.
    """
    if not isinstance(document, Mapping):
        raise RuleError(KEY, "Property .discount must be object")
    kind = document.get("type")
    if kind == "AMOUNT":
        program = _money(document, kind, "amount_off", AMOUNT_EFFECTS)
    elif kind == "PERCENT":
        program = _money(document, kind, "percent_off", PERCENT_EFFECTS)
    elif kind == "FIXED":
        program = _money(document, kind, "fixed_amount", FIXED_EFFECTS)
    elif kind == "UNIT":
        program = _units(document)
    else:
        raise RuleError(
            KEY,
            "Property .discount.type must be one of AMOUNT, PERCENT, UNIT, FIXED",
        )
    return CompiledDiscount(
        document, program, tuple(dict.fromkeys(units.unit_type for units in program.units))
    )


def _money(document: Mapping[str, Any], kind: str, field: str, effects: dict[str, Compute]) -> Discount:
    effect = document.get("effect")
    if effect is not None and (not isinstance(effect, str) or effect not in effects):
        raise RuleError(
            KEY, f"Property .discount.effect must be equal to one of the allowed values: {', '.join(effects)}"
        )
    formula = read_formula(document, f"{field}_formula")
    numerator, denominator = 0, 1
    if kind == "PERCENT":
        ratio = read_ratio(document, field, KEY, most=PERCENT_MAX)
        if ratio is not None:
            numerator, denominator = ratio
        given = ratio is not None
    else:
        value = read_whole(document, field, KEY)
        numerator = value or 0
        given = value is not None
    if not given and formula is None and not (kind == "FIXED" and effect == TO_ITEMS):
        raise RuleError(KEY, f"Property .discount should have required property '{field}'")
    if effect is None and kind == "FIXED":
        effect = TO_ORDER
    wire = {
        name: value
        for name, value in document.items()
        if value is not None and name not in ("effect", "is_dynamic")
    }
    answers: dict[str | None, Mapping[str, Any]] = {
        name: {**wire, "effect": name, "is_dynamic": formula is not None} for name in effects
    }
    to_items = effects[effect] if effect not in (None, TO_ORDER) else effects[TO_ITEMS]
    return Discount(
        kind=kind,
        effect=effect,
        numerator=numerator,
        denominator=denominator,
        to_order=effects[TO_ORDER],
        to_items=to_items,
        wire=wire,
        value_field=field if given else "",
        formula=formula,
        amount_limit=read_whole(document, "amount_limit", KEY),
        aggregated_amount_limit=read_whole(document, "aggregated_amount_limit", KEY),
        answers=answers,
    )


def read_formula(document: Mapping[str, Any], field: str) -> Formula | None:
    """An optional formula of a discount."""
    text = document.get(field)
    if text is None or text == "":
        return None
    return compile_formula(text, KEY, f".discount.{field}")


def _units(document: Mapping[str, Any]) -> Discount:
    effect = document.get("effect")
    listed = document.get("units")
    if listed is not None and (effect == "ADD_MANY_ITEMS" or effect is None):
        effect = "ADD_MANY_ITEMS"
        if not isinstance(listed, list | tuple) or not 1 <= len(listed) <= UNITS_MAX:
            raise RuleError(KEY, f"Property .discount.units must be array of 1 to {UNITS_MAX} items")
        entries = tuple(_unit(entry, None, f".discount.units[{index}]") for index, entry in enumerate(listed))
    else:
        effect = effect or "ADD_MISSING_ITEMS"
        entries = (_unit(document, effect, ".discount"),)
    wire = {
        name: value
        for name, value in document.items()
        if value is not None and name not in ("effect", "is_dynamic")
    }
    dynamic = any(entry.formula is not None for entry in entries)
    return Discount(
        kind="UNIT",
        effect=effect,
        numerator=0,
        denominator=1,
        to_order=free_units,
        to_items=free_units,
        wire=wire,
        units=entries,
        answers={effect: {**wire, "effect": effect, "is_dynamic": dynamic}},
        compute=free_units,
    )


def _unit(document: Any, effect: str | None, where: str) -> Units:
    if not isinstance(document, Mapping):
        raise RuleError(KEY, f"Property {where} must be object")
    named = effect or document.get("effect") or "ADD_MISSING_ITEMS"
    if named not in UNIT_EFFECTS:
        raise RuleError(
            KEY,
            f"Property {where}.effect must be equal to one of the allowed values: {', '.join(UNIT_EFFECTS)}",
        )
    unit_type = document.get("unit_type")
    if not isinstance(unit_type, str) or not unit_type:
        raise RuleError(KEY, f"Property {where} should have required property 'unit_type'")
    formula = read_formula(document, "unit_off_formula")
    count = read_whole(document, "unit_off", KEY, most=QUANTITY_MAX)
    if count is None and formula is None:
        raise RuleError(KEY, f"Property {where} should have required property 'unit_off'")
    return Units(named, count or 0, unit_type, formula, _echoed_item(document, unit_type))


def _echoed_item(document: Mapping[str, Any], unit_type: str) -> ItemFacts | None:
    """The product or SKU that some documents carry beside `unit_type`."""
    body = document.get("sku" if unit_type.startswith("sku_") else "product")
    if not isinstance(body, Mapping):
        return None
    source_id, name = body.get("source_id"), body.get("name")
    product = document.get("product")
    return ItemFacts(
        id=unit_type,
        source_id=source_id if isinstance(source_id, str) else None,
        name=name if isinstance(name, str) else None,
        price=read_whole(body, "price", KEY),
        product_id=product.get("id")
        if unit_type.startswith("sku_") and isinstance(product, Mapping)
        else None,
    )
