"""Discounts on lines: per line, per unit, by share, by per cent, to a new price; then every limit, then the
order's rest.

Limits apply in the order of section 10 (13): uncapped per line, entry's cap per line, entry's aggregate in
candidate order, the discount's cap per line, the discount's aggregate.
"""

from typing import TYPE_CHECKING

from rules.applicable import Chosen, Entry, choose
from rules.cart import WorkLine
from rules.discounts.program import Discount, minor_of, minor_value, percent_value
from rules.money import half_up, share, units_worth
from rules.plan import LineCut, Plan
from rules.reasons import Reason
from rules.trouble import Trouble

if TYPE_CHECKING:
    from rules.context import Context


def chosen_lines(context: "Context", discount: Discount) -> list[Chosen] | Trouble:
    """The lines to discount, all with an amount; an empty list is no trouble, only no effect."""
    if not context.has_order:
        return Trouble(Reason.MISSING_ORDER, "Order is required")
    if not context.cart.lines:
        return Trouble(Reason.MISSING_ORDER_ITEMS, "Order items are required")
    chosen = context.chosen
    if chosen is None:
        chosen = context.chosen = choose(context)
    priced = [one for one in chosen if one.line.amount is not None]
    if chosen and not priced:
        return Trouble(Reason.MISSING_ORDER_ITEMS_AMOUNT, "Amounts of order items are required")
    extras = discount.extras
    if extras is not None and extras.group is not None:
        context.chosen, context.groups = extras.group.narrow(priced)
        return context.chosen
    return priced


def finish(context: "Context", discount: Discount, chosen: list[Chosen], raw: list[int]) -> Plan:
    """Apply the limits to the uncapped amounts and make the plan."""
    if not context.applicables and discount.aggregated_amount_limit is None:
        plan = _finish_plainly(context, discount.amount_limit, chosen, raw)
        if plan is not None:
            return plan
    aggregates: dict[int, Entry] | None = None
    for index, one in enumerate(chosen):
        line = one.line
        amount = line.amount or 0
        most = amount - line.discount
        if one.units < line.quantity:
            most = min(most, units_worth(amount, one.units, line.quantity))
        raw[index] = min(raw[index], most)
        if not one.entries:
            continue
        for entry in one.entries:
            if entry.amount_limit is not None and raw[index] > entry.amount_limit:
                raw[index] = entry.amount_limit
            if entry.aggregated_amount_limit is not None:
                aggregates = aggregates or {}
                aggregates[id(entry)] = entry
    if aggregates is not None:
        for entry in aggregates.values():
            covered = [index for index, one in enumerate(chosen) if entry in one.entries]
            covered.sort(key=lambda index: chosen[index].rank)
            _fill(raw, covered, entry.aggregated_amount_limit or 0)
    limit = discount.amount_limit
    if limit is not None:
        raw = [min(value, limit) for value in raw]
    if discount.aggregated_amount_limit is not None:
        _fill(raw, range(len(raw)), discount.aggregated_amount_limit)
    total = sum(raw)
    left = context.cart.remaining
    if total > left:
        # The order is worth less than its lines: every line gives way in proportion.
        raw = share(left, raw)
    plan = Plan()
    cuts = plan.cuts
    for one, value in zip(chosen, raw, strict=True):
        if value:
            line, units = one.line, one.units
            amount = line.amount or 0
            if units < line.quantity:
                cuts.append(LineCut(line, value, units, units_worth(amount, units, line.quantity), True))
            else:
                cuts.append(LineCut(line, value, units, amount, False))
    return plan


def _finish_plainly(
    context: "Context", limit: int | None, chosen: list[Chosen], raw: list[int]
) -> Plan | None:
    """The same in one pass where no entry limits anything; None when the order is worth less than its
    lines.
    """
    plan = Plan()
    cuts = plan.cuts
    total = 0
    for one, uncapped in zip(chosen, raw, strict=True):
        line, units, value = one.line, one.units, uncapped
        amount = worth = line.amount or 0
        partial = units < line.quantity
        if partial:
            worth = units_worth(amount, units, line.quantity)
        most = amount - line.discount
        most = min(most, worth)
        value = min(value, most)
        if limit is not None and value > limit:
            value = limit
        if value:
            total += value
            cuts.append(LineCut(line, value, units, worth, partial))
    return plan if total <= context.cart.remaining else None


def _fill(raw: list[int], order: list[int] | range, limit: int) -> None:
    """Cut the amounts so that they sum to at most `limit`, the first in `order` served first."""
    left = limit
    for index in order:
        raw[index] = min(raw[index], left)
        left -= raw[index]


def amount_per_line(context: "Context", discount: Discount) -> Plan | Trouble:
    """The value off each line, whatever its quantity."""
    chosen = chosen_lines(context, discount)
    if isinstance(chosen, Trouble):
        return chosen
    bundles = context.bundles
    raw = [minor_value(context, discount, one.line) * bundles for one in chosen]
    return finish(context, discount, chosen, raw)


def amount_per_unit(context: "Context", discount: Discount) -> Plan | Trouble:
    """The value off each eligible unit."""
    chosen = chosen_lines(context, discount)
    if isinstance(chosen, Trouble):
        return chosen
    raw = [minor_value(context, discount, one.line) * one.units for one in chosen]
    return finish(context, discount, chosen, raw)


def amount_by_amount(context: "Context", discount: Discount) -> Plan | Trouble:
    """The value split by the lines' amounts; a share above what is left of its line is lost."""
    chosen = chosen_lines(context, discount)
    if isinstance(chosen, Trouble):
        return chosen
    value = _value_to_share(context, discount)
    weights = [units_worth(one.line.amount or 0, one.units, one.line.quantity) for one in chosen]
    return finish(context, discount, chosen, share(value, weights))


def amount_by_quantity(context: "Context", discount: Discount) -> Plan | Trouble:
    """The value split by the eligible units of the lines."""
    chosen = chosen_lines(context, discount)
    if isinstance(chosen, Trouble):
        return chosen
    value = _value_to_share(context, discount)
    return finish(context, discount, chosen, share(value, [one.units for one in chosen]))


def _value_to_share(context: "Context", discount: Discount) -> int:
    """Bundles multiply it, and so do groups of units: then it is the value of a group."""
    value = minor_value(context, discount) * context.bundles
    if discount.extras is not None and discount.extras.group is not None:
        value *= context.groups
    return value


def percent(context: "Context", discount: Discount) -> Plan | Trouble:
    """A share of each line's subtotal (or original amount), of its eligible units only, rounded once per
    line.
    """
    bundles = context.bundles
    per_line = discount.formula is not None
    whole = not (per_line or context.applicables or context.exclusive_units or discount.extras is not None)
    if whole and not context.lists:
        lines = _every_line(context)
        if lines:
            numerator, denominator = percent_value(context, discount)
            plan = _percent_plainly(context, discount, lines, numerator * bundles, denominator * 100)
            if plan is not None:
                return plan
    chosen = chosen_lines(context, discount)
    if isinstance(chosen, Trouble):
        return chosen
    raw = []
    on_amount = context.initial_basis or context.exclusive_units
    numerator, denominator = percent_value(context, discount)
    if whole and context.lists:
        lines = [one.line for one in chosen]
        plan = _percent_plainly(context, discount, lines, numerator * bundles, denominator * 100)
        if plan is not None:
            return plan
    for one in chosen:
        line = one.line
        if per_line:
            numerator, denominator = percent_value(context, discount, line)
        base = line.amount or 0
        if not on_amount:
            base -= line.discount
        quantity = line.quantity
        units = one.units
        if units == quantity:
            units = quantity = 1
        raw.append(half_up(base * units * numerator * bundles, quantity * denominator * 100))
    return finish(context, discount, chosen, raw)


def _every_line(context: "Context") -> list[WorkLine]:
    """The lines when all of them may be discounted and nobody asks which; none when more has to be looked
    at.
    """
    lines = context.cart.lines
    if context.chosen is not None or context.once or context.withheld_lines or context.reserved:
        return []
    for line in lines:
        if line.amount is None or line.quantity <= 0:
            return []
    return lines


def _percent_plainly(
    context: "Context", discount: Discount, lines: list[WorkLine], numerator: int, denominator: int
) -> Plan | None:
    """Whole lines and nothing but the discount's own limit, in one pass; None when more has to be looked
    at.
    """
    if discount.aggregated_amount_limit is not None:
        return None
    plan = Plan()
    cuts = plan.cuts
    total = 0
    twice, limit, on_amount = 2 * denominator, discount.amount_limit, context.initial_basis
    for line in lines:
        amount = line.amount or 0
        most = amount - line.discount
        value = (2 * (amount if on_amount else most) * numerator + denominator) // twice
        value = value if value < most else most
        if limit is not None and value > limit:
            value = limit
        if value:
            total += value
            cuts.append(LineCut(line, value, line.quantity, amount, False))
    return plan if total <= context.cart.remaining else None


def fixed(context: "Context", discount: Discount) -> Plan | Trouble:
    """A new price for each eligible unit, from the entry that let the line in, else from the discount."""
    chosen = chosen_lines(context, discount)
    if isinstance(chosen, Trouble):
        return chosen
    if discount.extras is not None and discount.extras.group is not None:
        return _price_of_groups(context, discount, chosen)
    raw = []
    for one in chosen:
        line = one.line
        price = _new_price(context, discount, one)
        base = line.amount or 0
        if not context.exclusive_units:
            base -= line.discount
        raw.append(
            0 if price is None else max(units_worth(base, one.units, line.quantity) - price * one.units, 0)
        )
    return finish(context, discount, chosen, raw)


def _price_of_groups(context: "Context", discount: Discount, chosen: list[Chosen]) -> Plan:
    """Complete groups of units for one price each ("any 3 for 20"); the saving is split by what the units
    are worth.
    """
    worths = []
    for one in chosen:
        line = one.line
        base = line.amount or 0
        if not context.exclusive_units:
            base -= line.discount
        worths.append(units_worth(base, one.units, line.quantity))
    saving = max(sum(worths) - minor_value(context, discount) * context.groups, 0)
    return finish(context, discount, chosen, share(saving, worths))


def _new_price(context: "Context", discount: Discount, one: Chosen) -> int | None:
    for entry in one.entries:
        if entry.price_formula is not None:
            found = entry.price_formula.evaluate(context, one.line)
            if found is not None:
                return minor_of(found, context.exponent)
        if entry.price is not None:
            return entry.price
    if discount.formula is None and discount.value_field == "":
        return None
    return minor_value(context, discount, one.line)
