"""Documents of unit discounts: free units, and units exchanged for others."""

from collections.abc import Mapping
from typing import Any, Final

from rules.discounts.program import Compute, Discount, Units
from rules.discounts.replace import replace_units
from rules.discounts.units import SAME, free_units
from rules.documents import array_of, object_of, one_of
from rules.entities import Entity
from rules.facts import ItemFacts
from rules.formulas.compile import compile_formula
from rules.money import QUANTITY_MAX, read_whole
from rules.programs import RuleError

KEY: Final = "invalid_payload"
UNITS_MAX: Final = 100
MANY: Final = "ADD_MANY_ITEMS"
REPLACE: Final = "REPLACE_ITEMS"
EFFECTS: Final = ("ADD_MISSING_ITEMS", "ADD_NEW_ITEMS", SAME)


def compile_units(document: Mapping[str, Any], collections: Mapping[str, Any]) -> Discount:
    """`{"type": "UNIT", "unit_off", "unit_type", "effect"}`, `{"units": [...]}`, or
    `{"effect": "REPLACE_ITEMS", "unit_off", "unit_type", "replace": {"unit_off", "unit_type"}}`.
    """
    effect = document.get("effect")
    if effect is None:
        effect = MANY if document.get("units") is not None else "ADD_MISSING_ITEMS"
    effect = one_of(effect, (*EFFECTS, MANY, REPLACE), KEY, ".discount.effect")
    compute: Compute = free_units
    if effect == MANY:
        listed = array_of(document.get("units"), KEY, ".discount.units", most=UNITS_MAX)
        if not listed:
            raise RuleError(KEY, "Property .discount.units must NOT have fewer than 1 items")
        entries = tuple(
            _unit(entry, None, collections, f".discount.units[{index}]") for index, entry in enumerate(listed)
        )
    elif effect == REPLACE:
        source = object_of(document.get("replace"), KEY, ".discount.replace")
        entries = (
            _unit(source, "ADD_NEW_ITEMS", collections, ".discount.replace"),
            _unit(document, "ADD_NEW_ITEMS", collections, ".discount"),
        )
        compute = replace_units
    else:
        entries = (_unit(document, effect, collections, ".discount"),)
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
        to_order=compute,
        to_items=compute,
        wire=wire,
        units=entries,
        answers={effect: {**wire, "effect": effect, "is_dynamic": dynamic}},
        compute=compute,
        reads_uses=any(entry.formula is not None and entry.formula.reads_uses for entry in entries),
    )


def _unit(document: Any, effect: str | None, collections: Mapping[str, Any], where: str) -> Units:
    body = object_of(document, KEY, where)
    named = one_of(effect or body.get("effect") or "ADD_MISSING_ITEMS", EFFECTS, KEY, f"{where}.effect")
    unit_type = body.get("unit_type")
    if not isinstance(unit_type, str) or not unit_type:
        raise RuleError(KEY, f"Property {where} should have required property 'unit_type'")
    text = body.get("unit_off_formula")
    formula = None if text in (None, "") else compile_formula(text, KEY, f"{where}.unit_off_formula")
    count = read_whole(body, "unit_off", KEY, most=QUANTITY_MAX)
    if count is None and formula is None:
        raise RuleError(KEY, f"Property {where} should have required property 'unit_off'")
    entity = Entity(unit_type, collections, KEY, where) if named == SAME else None
    return Units(named, count or 0, unit_type, formula, _echoed_item(body, unit_type), entity)


def _echoed_item(document: Mapping[str, Any], unit_type: str) -> ItemFacts | None:
    """The product or SKU that some documents carry beside `unit_type`."""
    is_sku = unit_type.startswith("sku_")
    body = document.get("sku" if is_sku else "product")
    if not isinstance(body, Mapping):
        return None
    source_id, name = body.get("source_id"), body.get("name")
    product = document.get("product")
    parent = product.get("id") if is_sku and isinstance(product, Mapping) else None
    return ItemFacts(
        id=unit_type,
        source_id=source_id if isinstance(source_id, str) else None,
        name=name if isinstance(name, str) else None,
        price=read_whole(body, "price", KEY),
        product_id=parent if isinstance(parent, str) else None,
    )
