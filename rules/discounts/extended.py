"""Shapes of discounts beyond the contract, carried in `discount.extensions`: tiers by spend or quantity,
complete groups of units, shipping by method, offers of buying and getting.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.discounts.buy_get import BuyGet
from rules.documents import array_of, object_of, one_of
from rules.money import AMOUNT_MAX, PERCENT_MAX, QUANTITY_MAX, percent_of, read_ratio, read_whole
from rules.plan import Plan
from rules.programs import RuleError

if TYPE_CHECKING:
    from rules.applicable import Chosen
    from rules.context import Context

TIERS_MAX: Final = 100
METHODS_MAX: Final = 100


class Tiers:
    """Steps by what is spent or how many units are in the cart; the highest step that is reached gives the
    value.
    """

    __slots__ = ("by_quantity", "steps")

    def __init__(self, document: Any, field: str, key: str, where: str) -> None:
        body = object_of(document, key, where)
        measure = one_of(body.get("by") or "amount", ("amount", "quantity"), key, f"{where}.by")
        self.by_quantity = measure == "quantity"
        steps = []
        listed = array_of(body.get("tiers"), key, f"{where}.tiers", most=TIERS_MAX)
        if not listed:
            raise RuleError(key, f"Property {where}.tiers must NOT have fewer than 1 items")
        for index, step in enumerate(listed):
            place = f"{where}.tiers[{index}]"
            inner = object_of(step, key, place)
            start = read_whole(inner, "from", key, most=AMOUNT_MAX) or 0
            most = PERCENT_MAX if field == "percent_off" else AMOUNT_MAX
            value = read_ratio(inner, field, key, most=most)
            if value is None or (field != "percent_off" and value[1] != 1):
                raise RuleError(key, f"Property {place} should have required property '{field}'")
            steps.append((start, *value))
        self.steps = tuple(sorted(steps))

    def value(self, context: "Context") -> tuple[int, int]:
        """(numerator, denominator) of the step reached by what the earlier redeemables left; zero below the
        first.
        """
        cart = context.cart
        reached = sum(line.quantity for line in cart.lines) if self.by_quantity else cart.remaining
        found = (0, 1)
        for start, numerator, denominator in self.steps:
            if start > reached:
                break
            found = (numerator, denominator)
        return found


class Groups:
    """Only complete groups of `size` units count, at most `most`; the rest pays in full."""

    __slots__ = ("most", "selection", "size")

    def __init__(self, document: Any, key: str, where: str) -> None:
        body = object_of(document, key, where)
        self.size = read_whole(body, "size", key, most=QUANTITY_MAX, least=1) or 1
        most = read_whole(body, "max_groups", key, most=QUANTITY_MAX)
        self.most = QUANTITY_MAX if most is None else most
        selection = body.get("selection") or "requested"
        words = ("requested", "cheapest", "most_expensive")
        self.selection = one_of(selection, words, key, f"{where}.selection")

    def narrow(self, chosen: "list[Chosen]") -> "tuple[list[Chosen], int]":
        """The units that make complete groups, and how many groups."""
        groups = min(sum(one.units for one in chosen) // self.size, self.most)
        left = groups * self.size
        ordered = chosen
        if self.selection != "requested":
            sign = 1 if self.selection == "cheapest" else -1
            ordered = sorted(chosen, key=lambda one: (sign * one.line.unit_price, one.line.index))
        for one in ordered:
            one.units = min(one.units, left)
            left -= one.units
        return [one for one in chosen if one.units], groups


class ShippingMethods:
    """A discount on shipping: on the methods named, else on all of them."""

    __slots__ = ("methods",)

    def __init__(self, document: Any, key: str, where: str) -> None:
        body = object_of(document if document is not True else {}, key, where)
        listed = array_of(body.get("methods"), key, f"{where}.methods", most=METHODS_MAX)
        if not all(isinstance(name, str) for name in listed):
            raise RuleError(key, f"Property {where}.methods items must be string")
        self.methods = frozenset(listed)

    def plan(self, context: "Context", kind: str, value: tuple[int, int], limit: int | None) -> Plan:
        """Per method: an amount, a share, or a new price. Never below zero, never a surcharge."""
        plan = Plan()
        numerator, denominator = value
        for method in context.cart.shipping:
            if self.methods and method.id not in self.methods:
                continue
            left = method.amount - method.discount
            if kind == "PERCENT":
                base = method.amount if context.initial_basis else left
                off = percent_of(base, numerator, denominator)
            elif kind == "FIXED":
                off = max(left - numerator, 0)
            else:
                off = numerator
            if limit is not None:
                off = min(off, limit)
            if min(off, left):
                plan.shipping.append((method, min(off, left)))
        return plan


class Extras:
    """What `discount.extensions` adds to a discount."""

    __slots__ = ("buy_get", "group", "shipping", "tiers")

    def __init__(self, document: Any, field: str, collections: Mapping[str, Any], key: str) -> None:
        where = ".discount.extensions"
        body = object_of(document, key, where)
        offer, tiered = body.get("buy_x_get_y"), body.get("tiered")
        group, shipping = body.get("group"), body.get("shipping")
        self.buy_get = BuyGet(offer, collections, key, f"{where}.buy_x_get_y") if offer is not None else None
        self.tiers = Tiers(tiered, field, key, f"{where}.tiered") if tiered is not None else None
        self.group = Groups(group, key, f"{where}.group") if group is not None else None
        self.shipping = None
        if shipping is not None and shipping is not False:
            self.shipping = ShippingMethods(shipping, key, f"{where}.shipping")
