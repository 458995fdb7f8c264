"""Which of very many offers can apply to a cart at all: an index over conditions that an offer cannot do
without.

Every offer is posted under one necessary condition of its rules (a product in the cart, a segment, a value
of metadata, an order amount); offers without one are always possible. What the index returns is a superset
of what can be applied when each offer stands alone, so the answer is that of deciding all.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from rules.cart import Cart
from rules.conditions.node import Node
from rules.context import NO_ORDER
from rules.decide import decide
from rules.entities import Entity
from rules.facts import Candidate, Facts, Moment
from rules.filters import walk
from rules.moment import Now
from rules.operators import Test
from rules.rulesets import Program
from rules.verdict import Result
from rules.windows import LIVE

HIGHEST: Final = 10**18
AMOUNTS: Final = ("order.amount", "order.initial_amount")


class OfferIndex:
    """Built once for a set of offers; `possible` is asked per cart."""

    def __init__(self, offers: Sequence[Candidate]) -> None:
        self.offers = tuple(offers)
        self.always: list[int] = []
        self.by_product: dict[str, list[int]] = {}
        self.by_sku: dict[str, list[int]] = {}
        self.by_entity: dict[tuple[str, str], tuple[Entity, list[int]]] = {}
        self.by_segment: dict[int, tuple[Any, list[int]]] = {}
        self.by_metadata: dict[tuple[str, str], dict[Any, list[int]]] = {}
        amounts: list[tuple[int, int, int]] = []
        for position, offer in enumerate(self.offers):
            self._post(position, offer, amounts)
        amounts.sort()
        self.lows = [low for low, _, _ in amounts]
        self.highs = [(high, position) for _, high, position in amounts]

    def _post(self, position: int, offer: Candidate, amounts: list[tuple[int, int, int]]) -> None:
        nodes = [node for compiled in offer.rules for node in necessary(compiled.program)]
        for node in nodes:
            entities = node.facets.get("entities")
            if entities:
                for entity in entities:
                    self._post_entity(position, entity)
                return
        for node in nodes:
            programs = node.facets.get("segments")
            if programs is not None:
                for program in programs:
                    self.by_segment.setdefault(id(program), (program, []))[1].append(position)
                return
        for node in nodes:
            wanted = wanted_value(node)
            if wanted is not None:
                source, path, value = wanted
                self.by_metadata.setdefault((source, path), {}).setdefault(value, []).append(position)
                return
        low, high = amount_range(nodes)
        if low > 0 or high < HIGHEST:
            amounts.append((low, high, position))
            return
        self.always.append(position)

    def _post_entity(self, position: int, entity: Entity) -> None:
        if entity.kind == "sku":
            for name in entity.ids:
                self.by_sku.setdefault(name, []).append(position)
        elif entity.kind == "product" and not entity.strict:
            for name in entity.ids:
                self.by_product.setdefault(name, []).append(position)
        else:
            key = (entity.kind, entity.id)
            self.by_entity.setdefault(key, (entity, []))[1].append(position)

    def possible(self, facts: Facts, moment: Moment) -> list[Candidate]:
        """The offers that may apply to the order and customer of `facts`, in the order in which they were
        given.
        """
        now = Now(moment, facts.week_start)
        cart = Cart(facts.order if facts.order is not None else NO_ORDER)
        found = set(self.always)
        for line in cart.lines:
            for name in line.product_ids:
                found.update(self.by_product.get(name, ()))
            for name in line.sku_ids:
                found.update(self.by_sku.get(name, ()))
        for entity, positions in self.by_entity.values():
            if any(entity.matches(line, now) for line in cart.lines):
                found.update(positions)
        customer = facts.customer
        if customer is not None:
            for program, positions in self.by_segment.values():
                if program.contains(customer, now):
                    found.update(positions)
        bags = {
            "order": cart.facts.metadata,
            "customer": customer.metadata if customer is not None else {},
            "redemption": facts.metadata,
        }
        for (source, path), values in self.by_metadata.items():
            value = walk(bags[source], path.split("."))
            for one in value if isinstance(value, list | tuple) else (value,):
                if isinstance(one, str):
                    found.update(values.get(one, ()))
        if cart.amount is not None:
            found.update(self._by_amount(cart.remaining, cart.base_amount or 0))
        return [self.offers[position] for position in sorted(found) if self._is_live(position, now)]

    def _by_amount(self, amount: int, base: int) -> Iterable[int]:
        """Offers whose range of amounts holds what the order is worth, discounted or not."""
        least, most = min(amount, base), max(amount, base)
        reached = bisect_right(self.lows, most)
        return [position for high, position in self.highs[:reached] if high >= least]

    def _is_live(self, position: int, now: Now) -> bool:
        return all(compiled.program.state(now) == LIVE for compiled in self.offers[position].windows)

    def applicable(self, facts: Facts, moment: Moment) -> list[Result]:
        """Every offer that applies when it stands alone, with its order."""
        return applicable_alone(self.possible(facts, moment), facts, moment)


def applicable_alone(offers: Iterable[Candidate], facts: Facts, moment: Moment) -> list[Result]:
    """Decide each offer alone on the untouched order and keep those that apply."""
    found = []
    for offer in offers:
        only = msgspec.structs.replace(facts, candidates=(offer,))
        result = decide(only, moment).results[0]
        if result.status == "APPLICABLE":
            found.append(result)
    return found


def necessary(program: Program) -> list[Node]:
    """The rules without which a rule set cannot hold."""
    if program.tree is None:
        return list(program.nodes)
    if isinstance(program.tree, tuple) and program.tree[0] == "and":
        return [program.named[branch] for branch in program.tree[1] if isinstance(branch, int)]
    return []


def wanted_value(node: Node) -> tuple[str, str, str] | None:
    """(source, property, value) of a rule that asks for one string of metadata."""
    source, _, kind = node.name.partition(".")
    path = node.facets.get("property")
    if kind != "metadata" or source not in ("order", "customer", "redemption") or path is None:
        return None
    for test in node.tests:
        if test.operator == "$is" and len(test.expected) == 1 and isinstance(test.expected[0], str):
            value: str = test.expected[0]
            if value.lower() not in ("true", "false") and not _numeric(value):
                return source, path, value
    return None


def _numeric(text: str) -> bool:
    """A string that could equal a number of metadata."""
    try:
        Decimal(text)
    except ArithmeticError:
        return False
    return True


def amount_range(nodes: Sequence[Node]) -> tuple[int, int]:
    """The order amounts, in minor units, between which all comparisons of amounts can hold."""
    low, high = 0, HIGHEST
    for node in nodes:
        if node.name not in AMOUNTS:
            continue
        for test in node.tests:
            first, last = bounds_of(test)
            low, high = max(low, first), min(high, last)
    return low, high


def bounds_of(test: Test) -> tuple[int, int]:
    """The whole numbers that a comparison accepts."""
    value = test.expected[0] if test.expected else None
    if type(value) is not int:
        return 0, HIGHEST
    return {
        "$more_than": (value + 1, HIGHEST),
        "$more_than_or_equal": (value, HIGHEST),
        "$less_than": (0, value - 1),
        "$less_than_or_equal": (0, value),
        "$is": (value, value),
    }.get(test.operator, (0, HIGHEST))
