"""Buy n of these, get m of those at p per cent off (`extensions.buy_x_get_y`).

Bought and given units are different ones, unless `buy_includes_get`: then every group of n units holds its m
given ones (three for two). Units are counted, never listed.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.applicable import Chosen, choose
from rules.cart import WorkLine
from rules.discounts.scope import Scope
from rules.documents import flag_of, object_of, one_of
from rules.money import PERCENT_MAX, QUANTITY_MAX, half_up, read_ratio, read_whole, units_worth
from rules.plan import LineCut, Plan
from rules.reasons import Reason
from rules.trouble import Trouble

if TYPE_CHECKING:
    from rules.context import Context

SELECTIONS: Final = ("cheapest", "most_expensive", "cheapest_per_group")
Units = list[tuple[WorkLine, int]]


class BuyGet:
    """The compiled extension."""

    __slots__ = (
        "buy",
        "buy_quantity",
        "get",
        "get_quantity",
        "includes",
        "most_free",
        "most_groups",
        "partial",
        "percent",
        "selection",
    )

    def __init__(self, document: Any, collections: Mapping[str, Any], key: str, where: str) -> None:
        body = object_of(document, key, where)
        buy = object_of(body.get("buy") or {}, key, f"{where}.buy")
        get = object_of(body.get("get") or {}, key, f"{where}.get")
        self.buy = Scope(buy.get("items"), collections, key, f"{where}.buy.items")
        self.get = Scope(get.get("items"), collections, key, f"{where}.get.items")
        self.buy_quantity = read_whole(buy, "quantity", key, most=QUANTITY_MAX, least=1) or 1
        self.get_quantity = read_whole(get, "quantity", key, most=QUANTITY_MAX, least=1) or 1
        self.percent = read_ratio(get, "percent_off", key, most=PERCENT_MAX) or (100, 1)
        repeat = body.get("repeat")
        self.most_groups = QUANTITY_MAX
        if repeat is False:
            self.most_groups = 1
        elif repeat is not None and repeat is not True:
            self.most_groups = read_whole(body, "repeat", key, most=QUANTITY_MAX) or 0
        most = read_whole(body, "max_free_units", key, most=QUANTITY_MAX)
        self.most_free = QUANTITY_MAX if most is None else most
        selection = body.get("selection") or "cheapest"
        self.selection = one_of(selection, SELECTIONS, key, f"{where}.selection")
        self.partial = flag_of(body, "partial_get", key, where, default=False)
        self.includes = flag_of(body, "buy_includes_get", key, where, default=False)


def compute(context: "Context", offer: BuyGet) -> Plan | Trouble:
    """The plan of an offer on the lines that the rules let in."""
    if not context.has_order:
        return Trouble(Reason.MISSING_ORDER, "Order is required")
    if not context.cart.lines:
        return Trouble(Reason.MISSING_ORDER_ITEMS, "Order items are required")
    context.chosen = None
    available = {one.line.index: one for one in choose(context)}
    lines = [line for line in context.cart.lines if line.amount is not None]
    given, bought = (_grouped if offer.includes else _disjoint)(context, offer, lines, available)
    plan = Plan()
    numerator, denominator = offer.percent
    left = context.cart.remaining
    chosen = []
    for line, units in sorted(given, key=lambda pair: pair[0].index):
        amount = line.amount or 0
        base = amount if context.exclusive_units or context.initial_basis else amount - line.discount
        value = half_up(base * units * numerator, line.quantity * denominator * 100)
        worth = units_worth(amount, units, line.quantity)
        value = min(value, worth, line.remaining, left)
        left -= value
        chosen.append(_narrowed(available[line.index], units))
        if value:
            plan.cuts.append(LineCut(line, value, units, worth, units < line.quantity))
    plan.used = bought
    context.chosen = chosen
    return plan


def _narrowed(one: Chosen, units: int) -> Chosen:
    one.units = units
    return one


def _free(context: "Context", line: WorkLine) -> int:
    """Units of a line that no other redeemable has taken."""
    return line.quantity - line.consumed if context.exclusive_units else line.quantity


def _disjoint(
    context: "Context", offer: BuyGet, lines: list[WorkLine], available: dict[int, Chosen]
) -> tuple[Units, Units]:
    """As many whole groups as the bought and the given units allow together, then perhaps a part of one."""
    buys, gets = offer.buy, offer.get
    only_buy: Units = []
    only_get: Units = []
    either: Units = []
    for line in lines:
        units = _free(context, line)
        one = available.get(line.index)
        may_get = one is not None and gets.takes(line, context)
        if buys.takes(line, context):
            (either if may_get else only_buy).append((line, units))
        elif may_get and one is not None:
            only_get.append((line, min(units, one.units)))
    b, g, x = (sum(units for _, units in part) for part in (only_buy, only_get, either))
    n, m = offer.buy_quantity, offer.get_quantity

    def fits(groups: int) -> bool:
        return max(n * groups - b, 0) + max(m * groups - g, 0) <= x

    low, high = 0, min((b + x) // n, offer.most_groups)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    groups, wanted = low, low * m
    if offer.partial and groups < offer.most_groups:
        spare_x = x - max(n * (groups + 1) - b, 0)
        part = min(g + spare_x - wanted, m - 1) if spare_x >= 0 else 0
        if part > 0:
            groups, wanted = groups + 1, wanted + part
    wanted = min(wanted, offer.most_free)
    needed = n * groups
    given = _pick(only_get, either, wanted, x - max(needed - b, 0), offer.selection)
    taken = {line.index: units for line, units in given}
    bought: Units = []
    for line, units in [*only_buy, *either]:
        use = min(units - taken.get(line.index, 0), needed)
        if use > 0:
            bought.append((line, use))
            needed -= use
    return given, bought


def _pick(only_get: Units, either: Units, wanted: int, from_either: int, selection: str) -> Units:
    """The given units by price, leaving enough of the shared ones to be bought."""
    shared = {line.index for line, _ in either}
    sign = -1 if selection == "most_expensive" else 1
    picked: Units = []
    for line, units in sorted(
        [*only_get, *either], key=lambda pair: (sign * pair[0].unit_price, pair[0].index)
    ):
        use = min(units, wanted)
        if line.index in shared:
            use = min(use, from_either)
            from_either -= use
        if use > 0:
            picked.append((line, use))
            wanted -= use
    return picked


def _grouped(
    context: "Context", offer: BuyGet, lines: list[WorkLine], available: dict[int, Chosen]
) -> tuple[Units, Units]:
    """Groups of n units sorted by price, each with m of its own given."""
    n, m = offer.buy_quantity, min(offer.get_quantity, offer.buy_quantity)
    pool: Units = []
    for line in lines:
        one = available.get(line.index)
        if one is not None and offer.buy.takes(line, context) and offer.get.takes(line, context):
            pool.append((line, min(_free(context, line), one.units)))
    total = sum(units for _, units in pool)
    groups = min(total // n, offer.most_groups)
    wanted = min(groups * m, offer.most_free)
    sign = -1 if offer.selection == "most_expensive" else 1
    pool.sort(key=lambda pair: (sign * pair[0].unit_price, pair[0].index))
    given: Units = []
    if offer.selection != "cheapest_per_group":
        for line, units in pool:
            use = min(units, wanted)
            if use > 0:
                given.append((line, use))
                wanted -= use
        return given, _rest(pool, given, groups * n)
    position = 0
    for line, units in pool:
        after = min(position + units, groups * n)
        use = min(_given_before(after, n, m) - _given_before(min(position, groups * n), n, m), wanted)
        if use > 0:
            given.append((line, use))
            wanted -= use
        position += units
    return given, _rest(pool, given, groups * n)


def _given_before(position: int, n: int, m: int) -> int:
    """How many of the first `position` units are given, when the first m of every n are."""
    return position // n * m + min(position % n, m)


def _rest(pool: Units, given: Units, needed: int) -> Units:
    """The units of the groups that are paid in full."""
    taken = {line.index: units for line, units in given}
    left = needed - sum(taken.values())
    bought: Units = []
    for line, units in pool:
        use = min(units - taken.get(line.index, 0), left)
        if use > 0:
            bought.append((line, use))
            left -= use
    return bought
