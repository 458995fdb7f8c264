"""Which of very many offers can apply to a cart at all: an index over conditions that an offer cannot do
without.

Every offer is posted under one necessary condition of its rules (a product in the cart, a segment, a value
of metadata, an order amount); offers without one are always possible. What the index returns is a superset
of what can be applied when each offer stands alone, so the answer is that of deciding all.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Struct

from rules.cart import Cart
from rules.conditions.node import Node
from rules.context import NO_ORDER
from rules.decide import decide
from rules.entities import Entity
from rules.facts import Candidate, Facts, Moment
from rules.filters import walk
from rules.moment import Now
from rules.operators import Test
from rules.programs import CompiledRule
from rules.rulesets import Program
from rules.verdict import Result
from rules.windows import LIVE

HIGHEST: Final = 10**18
AMOUNTS: Final = ("order.amount", "order.initial_amount")
NOTHING_OMITTED: Final[frozenset[str]] = frozenset()
COLLECTION: Final = "products_collection"


class Requirement(Struct, frozen=True):
    """One condition without which an offer cannot apply. One of the following is set, or nothing: then the
    offer is always possible.
    """

    entities: tuple[Entity, ...] = ()
    """Products, SKUs or collections, one of which must be in the cart. What a collection holds is not looked
    up here.
    """
    segments: tuple[str, ...] | None = None
    """Ids, in one of which the customer must be."""
    metadata: tuple[str, str, str] | None = None
    """Whose, the property, and the string that it must be or hold."""
    amounts: tuple[int, int] | None = None
    """The least and the most that the order may be worth, in minor units."""

    @property
    def rank(self) -> int:
        """The lower, the fewer carts it lets in."""
        if self.entities:
            return 0
        if self.segments is not None:
            return 1
        if self.metadata is not None:
            return 2
        return 3 if self.amounts is not None else 4


FREE: Final = Requirement()


def requirement_of(program: Program, omitted: frozenset[str] = NOTHING_OMITTED) -> Requirement:
    """Of one rule set. omitted: names of rules that count as holding."""
    nodes = necessary(program, omitted)
    for node in nodes:
        entities = node.facets.get("entities")
        if entities:
            return Requirement(entities=tuple(entities))
    for node in nodes:
        if "segments" in node.facets:
            wanted = next(test for test in node.tests if test.operator in ("$is", "$in"))
            return Requirement(segments=tuple(wanted.expected))
    for node in nodes:
        value = wanted_value(node)
        if value is not None:
            return Requirement(metadata=value)
    low, high = amount_range(nodes)
    return Requirement(amounts=(low, high)) if low > 0 or high < HIGHEST else FREE


def narrowest(requirements: Iterable[Requirement]) -> Requirement:
    """What to post an offer under that has all of them; ranges of amounts are one."""
    found = sorted(requirements, key=lambda one: one.rank)
    if not found:
        return FREE
    amounts = [one.amounts for one in found if one.amounts is not None]
    if found[0].amounts is None or len(amounts) < 2:
        return found[0]
    return Requirement(amounts=(max(low for low, _ in amounts), min(high for _, high in amounts)))


class _Named(Struct):
    """An entity that is no plain id, and the offers that want it."""

    entity: Entity
    slots: list[int]


class Postings:
    """Offers by what they require. The caller numbers them by slots, and knows what lies in a slot."""

    def __init__(self) -> None:
        self.always: list[int] = []
        self.by_product: dict[str, list[int]] = {}
        self.by_sku: dict[str, list[int]] = {}
        self.by_entity: dict[tuple[str, frozenset[str]], _Named] = {}
        self.by_segment: dict[str, list[int]] = {}
        self.by_metadata: dict[tuple[str, str], dict[str, list[int]]] = {}
        self.amounts: list[tuple[int, int, int]] = []
        """Low, high and slot, in ascending order."""

    def add(self, slot: int, requirement: Requirement) -> None:
        if requirement.amounts is not None:
            insort(self.amounts, (*requirement.amounts, slot))
            return
        for slots in self._lists(requirement):
            slots.append(slot)

    def remove(self, slot: int, requirement: Requirement) -> None:
        """What was added before, under the same requirement."""
        if requirement.amounts is not None:
            self.amounts.remove((*requirement.amounts, slot))
            return
        for slots in self._lists(requirement):
            slots.remove(slot)

    def _lists(self, requirement: Requirement) -> Iterator[list[int]]:
        """Where an offer with it is posted; several for several ids."""
        if requirement.entities:
            for entity in requirement.entities:
                yield from self._lists_of(entity)
        elif requirement.segments is not None:
            for name in dict.fromkeys(requirement.segments):
                yield self.by_segment.setdefault(name, [])
        elif requirement.metadata is not None:
            source, path, value = requirement.metadata
            yield self.by_metadata.setdefault((source, path), {}).setdefault(value, [])
        else:
            yield self.always

    def _lists_of(self, entity: Entity) -> Iterator[list[int]]:
        if entity.kind == "sku":
            for name in entity.ids:
                yield self.by_sku.setdefault(name, [])
        elif entity.kind == "product" and not entity.strict:
            for name in entity.ids:
                yield self.by_product.setdefault(name, [])
        else:
            key = (entity.kind, entity.ids)
            named = self.by_entity.get(key)
            if named is None:
                named = self.by_entity[key] = _Named(copy(entity), [])
            yield named.slots

    def fill_collections(self, programs: Mapping[str, Any]) -> None:
        """What the collections hold from now on, by id; None for one that does not exist any more."""
        for named in self.by_entity.values():
            if named.entity.kind == COLLECTION and named.entity.id in programs:
                named.entity.collection = programs[named.entity.id]

    def possible(self, facts: Facts, moment: Moment, segments: Mapping[str, Any]) -> set[int]:
        """Slots of the offers that may apply to the order and customer of `facts`. segments: programs by id;
        one that is not there has no members.
        """
        now = Now(moment, facts.week_start)
        cart = Cart(facts.order if facts.order is not None else NO_ORDER)
        found = set(self.always)
        for line in cart.lines:
            for name in line.product_ids:
                found.update(self.by_product.get(name, ()))
            for name in line.sku_ids:
                found.update(self.by_sku.get(name, ()))
        for named in self.by_entity.values():
            entity = named.entity
            if named.slots and any(entity.matches(line, now) for line in cart.lines):
                found.update(named.slots)
        customer = facts.customer
        if customer is not None:
            for name, slots in self.by_segment.items():
                program = segments.get(name)
                # What a segment needs beyond the profile may not have been fetched yet.
                if slots and program is not None and (program.needs or program.contains(customer, now)):
                    found.update(slots)
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
        return found

    def _by_amount(self, amount: int, base: int) -> Iterable[int]:
        """Offers whose range of amounts holds what the order is worth, discounted or not."""
        least, most = min(amount, base), max(amount, base)
        reached = bisect_right(self.amounts, most, key=lambda one: one[0])
        return [slot for _, high, slot in self.amounts[:reached] if high >= least]


class OfferIndex:
    """Built once for a set of offers; `possible` is asked per cart."""

    def __init__(self, offers: Sequence[Candidate]) -> None:
        self.offers = tuple(offers)
        self.segments: dict[str, Any] = {}
        self.postings = Postings()
        for position, offer in enumerate(self.offers):
            self.postings.add(position, narrowest(map(self._requirement, offer.rules)))

    def _requirement(self, compiled: CompiledRule) -> Requirement:
        requirement = requirement_of(compiled.program)
        if requirement.segments is None:
            return requirement
        programs = next(
            node.facets["segments"] for node in necessary(compiled.program) if "segments" in node.facets
        )
        if len(programs) != len(requirement.segments):
            return FREE  # One of them does not exist; which one, the program does not say.
        self.segments.update(zip(requirement.segments, programs, strict=True))
        return requirement

    def possible(self, facts: Facts, moment: Moment) -> list[Candidate]:
        """The offers that may apply to the order and customer of `facts`, in the order in which they were
        given.
        """
        now = Now(moment, facts.week_start)
        found = self.postings.possible(facts, moment, self.segments)
        return [self.offers[position] for position in sorted(found) if self._is_live(position, now)]

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


def necessary(program: Program, omitted: frozenset[str] = NOTHING_OMITTED) -> list[Node]:
    """The rules without which a rule set cannot hold. omitted: names of rules that count as holding."""
    nodes: Iterable[Node] = ()
    if program.tree is None:
        nodes = program.nodes
    elif isinstance(program.tree, tuple) and program.tree[0] == "and":
        nodes = [program.named[branch] for branch in program.tree[1] if isinstance(branch, int)]
    return [node for node in nodes if node.name not in omitted]


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
    if type(value) is not int or (test.operator == "$is" and len(test.expected) > 1):
        return 0, HIGHEST
    return {
        "$more_than": (value + 1, HIGHEST),
        "$more_than_or_equal": (value, HIGHEST),
        "$less_than": (0, value - 1),
        "$less_than_or_equal": (0, value),
        "$is": (value, value),
    }.get(test.operator, (0, HIGHEST))
