"""Margins (`extensions.margin`): goods that earn too little take no discount, and no stack of discounts
pushes an item's margin under its floor.

The margin of a line is (net - cost) / net, where net is what is left of its amount after every discount on
it and after its share of the discounts on the order. Credits and points pay; they are no discounts.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.cart import WorkLine
from rules.documents import object_of, one_of
from rules.money import read_ratio, share
from rules.plan import Plan
from rules.reasons import Reason
from rules.trouble import Trouble

if TYPE_CHECKING:
    from rules.context import Context

CUT, REFUSE, EXCLUDE, INCLUDE = "cut", "refuse", "exclude", "include"
STRICTNESS: Final = {INCLUDE: 0, EXCLUDE: 1, REFUSE: 2}


class Margin:
    """One compiled `margin`: percentages as exact ratios."""

    __slots__ = ("below", "floor", "missing", "on_floor")

    def __init__(self, document: Any, key: str, where: str) -> None:
        body = object_of(document, key, where)
        self.below = read_ratio(body, "exclude_below_percent", key, most=100)
        self.floor = read_ratio(body, "floor_percent", key, most=99)
        self.on_floor = one_of(body.get("on_floor") or CUT, (CUT, REFUSE), key, f"{where}.on_floor")
        missing = body.get("missing_cost") or EXCLUDE
        self.missing = one_of(missing, STRICTNESS, key, f"{where}.missing_cost")


def cost_of(line: WorkLine) -> int | None:
    """What the line's units cost, in minor units: from the item, its SKU, its product."""
    source = line.source
    for unit in (
        source.cost,
        source.sku.cost if source.sku is not None else None,
        source.product.cost if source.product is not None else None,
    ):
        if unit is not None:
            return unit * line.quantity
    return None


def _too_thin(line: WorkLine, margin: Margin) -> bool:
    """Is the margin before any discount under `exclude_below_percent`?"""
    cost, amount = cost_of(line), line.amount or 0
    if margin.below is None or cost is None:
        return False
    numerator, denominator = margin.below
    return (amount - cost) * 100 * denominator < numerator * amount


def withheld_lines(context: "Context", margins: list[Margin]) -> frozenset[int] | Trouble:
    """The lines that may take no discount at all, by index."""
    found = set()
    for line in context.cart.lines:
        if line.amount is None:
            continue
        for margin in margins:
            if cost_of(line) is None:
                if margin.missing == REFUSE:
                    return Trouble(Reason.MISSING_COST, f"Cost of order item {line.index} is not known")
                if margin.missing == EXCLUDE:
                    found.add(line.index)
            elif _too_thin(line, margin):
                found.add(line.index)
    return frozenset(found)


def room_of(line: WorkLine, margins: list[Margin]) -> int | None:
    """How much more discount the line bears before its margin reaches the floor; None when nothing bounds
    it.
    """
    cost = cost_of(line)
    if cost is None or line.amount is None:
        return None
    least = None
    for margin in margins:
        if margin.floor is not None:
            numerator, denominator = margin.floor
            # net >= cost / (1 - floor / 100), rounded up.
            bound = -(-cost * 100 * denominator // (100 * denominator - numerator))
            least = bound if least is None else max(least, bound)
    if least is None:
        return None
    return max(line.amount - line.discount - line.share - least, 0)


def keep_floors(context: "Context", plan: Plan, margins: list[Margin]) -> Trouble | None:
    """Cut the plan, or say why not, so that no line's margin falls under its floor. Splits the order-level
    part.
    """
    lines = context.cart.lines
    cut_by_line = {cut.line.index: cut for cut in plan.cuts}
    refuses = any(margin.on_floor == REFUSE for margin in margins)
    rooms: dict[int, int] = {}
    for line in lines:
        room = room_of(line, margins) if margins else None
        if room is None:
            continue
        cut = cut_by_line.get(line.index)
        if cut is not None and cut.amount > room:
            if refuses:
                return _reached(line)
            cut.amount = room
        rooms[line.index] = room - (cut.amount if cut is not None else 0)
    trouble = _drop_free_units(plan, margins, refuses)
    if trouble is not None:
        return trouble
    if plan.order and lines:
        return _share_order_part(context, plan, cut_by_line, rooms, refuses)
    return None


def _reached(line: WorkLine) -> Trouble:
    return Trouble(
        Reason.MARGIN_FLOOR_REACHED, f"Margin of order item {line.index} would fall below its floor"
    )


def _drop_free_units(plan: Plan, margins: list[Margin], refuses: bool) -> Trouble | None:
    """A free unit that costs something has no margin at all: it is not given where a floor holds."""
    if not plan.additions or not any(margin.floor is not None for margin in margins):
        return None
    kept = []
    for addition in plan.additions:
        line, item = addition.line, addition.item
        cost = cost_of(line) if line is not None else item.cost if item is not None else None
        if cost == 0 or (cost is None and all(margin.missing == INCLUDE for margin in margins)):
            kept.append(addition)
        elif refuses:
            return Trouble(Reason.MARGIN_FLOOR_REACHED, f"Free units of {addition.unit_type} have no margin")
    plan.additions = kept
    return None


def _share_order_part(
    context: "Context", plan: Plan, cuts: Mapping[int, Any], rooms: dict[int, int], refuses: bool
) -> Trouble | None:
    """Split the order-level amount over the lines; what a line cannot bear goes to the others."""
    lines = context.cart.lines
    withheld = context.withheld_lines
    weights = []
    caps = []
    for line in lines:
        cut = cuts.get(line.index)
        left = line.remaining - line.share - (cut.amount if cut is not None else 0)
        left = 0 if line.index in withheld else max(left, 0)
        weights.append(left)
        caps.append(min(left, rooms.get(line.index, left)))
    parts = share(plan.order, weights)
    if any(part > cap for part, cap in zip(parts, caps, strict=True)):
        if refuses and any(
            part > rooms.get(line.index, part) for line, part in zip(lines, parts, strict=True)
        ):
            first = next(
                line for line, part in zip(lines, parts, strict=True) if part > rooms.get(line.index, part)
            )
            return _reached(first)
        parts = pour(plan.order, weights, caps)
    plan.shares = parts
    if rooms or withheld:
        plan.order = sum(parts)
    return None


def pour(amount: int, weights: list[int], caps: list[int]) -> list[int]:
    """Split `amount` by `weights`, no part above its cap; what is over goes to the parts with room, by
    weight again.
    """
    parts = [0] * len(weights)
    open_ = [index for index, cap in enumerate(caps) if cap > 0 and weights[index] > 0]
    left = min(amount, sum(caps[index] for index in open_))
    while left and open_:
        offered = share(left, [weights[index] for index in open_])
        full = [
            index for index, part in zip(open_, offered, strict=True) if part >= caps[index] - parts[index]
        ]
        if not full:
            for index, part in zip(open_, offered, strict=True):
                parts[index] += part
            break
        for index in full:
            left -= caps[index] - parts[index]
            parts[index] = caps[index]
        open_ = [index for index in open_ if index not in full]
    return parts
