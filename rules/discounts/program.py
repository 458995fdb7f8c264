"""A compiled discount: what kind, how much, on what, and the bounds on it."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from rules.cart import WorkLine
from rules.discounts.extended import Extras
from rules.entities import Entity
from rules.facts import ItemFacts
from rules.formulas.compile import Formula
from rules.money import AMOUNT_MAX, QUANTITY_MAX
from rules.plan import Plan
from rules.trouble import Trouble

if TYPE_CHECKING:
    from rules.context import Context

TO_ORDER: Final = "APPLY_TO_ORDER"
TO_ITEMS: Final = "APPLY_TO_ITEMS"
Compute = Callable[["Context", "Discount"], "Plan | Trouble"]


class Units(Struct, frozen=True):
    """One entry of a unit discount."""

    effect: str
    count: int
    unit_type: str
    formula: Formula | None = None
    item: ItemFacts | None = None
    entity: Entity | None = None
    """What ADD_SAME_ITEMS looks for in the cart."""


class Discount(Struct, frozen=True):
    """`numerator / denominator` is the value: per cent, or minor units (then `denominator` is 1)."""

    kind: str
    effect: str | None
    numerator: int
    denominator: int
    to_order: Compute
    to_items: Compute
    wire: Mapping[str, Any]
    """The discount as answered, without `effect` and `is_dynamic`."""
    value_field: str = ""
    formula: Formula | None = None
    amount_limit: int | None = None
    aggregated_amount_limit: int | None = None
    units: tuple[Units, ...] = ()
    answers: Mapping[str | None, Mapping[str, Any]] = {}
    """`wire` completed, for every effect it may have."""
    extras: Extras | None = None
    compute: Compute | None = None
    """Set for shapes that have one way only (units, extensions)."""

    reads_uses: bool = False
    """Does a formula look at how often the voucher was redeemed?"""


def minor_value(context: "Context", discount: Discount, line: WorkLine | None = None) -> int:
    """The amount or price in minor units: the formula's result (major units) if it gives one, else the
    static value.
    """
    formula = discount.formula
    if formula is not None:
        found = formula.evaluate(context, line)
        if found is not None:
            return minor_of(found, context.exponent)
    extras = discount.extras
    if extras is not None and extras.tiers is not None:
        return extras.tiers.value(context)[0]
    return discount.numerator


def minor_of(value: Decimal, exponent: int) -> int:
    """Major units to minor ones (`exponent` digits), half up, never below zero, bounded."""
    if value <= 0:
        return 0
    numerator, denominator = value.as_integer_ratio()
    scale: int = 10**exponent
    minor = (2 * scale * numerator + denominator) // (2 * denominator)
    return min(minor, AMOUNT_MAX)


def percent_value(context: "Context", discount: Discount, line: WorkLine | None = None) -> tuple[int, int]:
    """The per cent as an exact (numerator, denominator)."""
    formula = discount.formula
    if formula is not None:
        found = formula.evaluate(context, line)
        if found is not None:
            if found <= 0:
                return 0, 1
            return (10_000, 1) if found > 10_000 else found.as_integer_ratio()
    extras = discount.extras
    if extras is not None and extras.tiers is not None:
        return extras.tiers.value(context)
    return discount.numerator, discount.denominator


def unit_value(context: "Context", units: Units) -> int:
    """How many units: a formula's fraction is cut off."""
    if units.formula is not None:
        found = units.formula.evaluate(context, None)
        if found is not None:
            return min(max(int(found), 0), QUANTITY_MAX)
    return units.count
