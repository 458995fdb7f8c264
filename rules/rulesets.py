"""Validation rules: `{"rules": {...}, "applicable_to": {...}, "bundle_rules": ..., "error": ..., "type":
...}` to a program.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from rules.applicable import Applicable
from rules.bundles import Bundle
from rules.conditions.amounts import (
    metadata_of,
    order_amount,
    order_initial_amount,
    order_items_count,
    order_total_amount,
)
from rules.conditions.audience import customer_segment, redeemable_by_linked_customer
from rules.conditions.counted import COUNTED
from rules.conditions.history import HISTORIES
from rules.conditions.items import ENTITY_ITEM_RULES, PLAIN_ITEM_RULES
from rules.conditions.node import Node, Surroundings
from rules.conditions.numbering import numbered, read_tree
from rules.logic import Tree, is_plain, numbers_of
from rules.programs import CompiledRule, RuleError
from rules.reasons import Reason

if TYPE_CHECKING:
    from rules.context import Context

KEY: Final = "invalid_validation_rules"
NODES_MAX: Final = 1000
TYPES: Final = ("expression", "basic", "advanced", "complex")

Build = Callable[[Mapping[str, Any], str], Node]
SIMPLE: Final[dict[str, Build]] = {
    "order.amount": order_amount,
    "order.initial_amount": order_initial_amount,
    "order.total_amount": order_total_amount,
    "order.items.count": order_items_count,
    "order.metadata": metadata_of("order", Reason.MISSING_ORDER, Reason.ORDER_RULES_VIOLATED),
    "customer.metadata": metadata_of("customer", Reason.MISSING_CUSTOMER, Reason.CUSTOMER_RULES_VIOLATED),
    "redemption.metadata": metadata_of("redemption", None, Reason.REDEMPTION_RULES_VIOLATED),
    "custom_event.metadata": metadata_of("custom_event", None, Reason.REDEMPTION_RULES_VIOLATED),
    "publication.redeemable_by_linked_customer": redeemable_by_linked_customer,
    **COUNTED,
    **HISTORIES,
    **PLAIN_ITEM_RULES,
}


OMITTED_WHEN_QUALIFYING: Final = frozenset(
    {"order.initial_amount", "campaign.orders.amount_discounted"}
    | {
        name
        for name in COUNTED
        if name.startswith(("campaign.redemptions.", "redemption.count.per_customer"))
    }
)
"""Qualification leaves these out on purpose: budgets, counts, and the total before discounts."""
AUDIENCE_RULES: Final = frozenset(
    {"customer.segment", "customer.metadata", "publication.redeemable_by_linked_customer", *HISTORIES}
)
"""What the scenario AUDIENCE_ONLY looks at; every other rule is omitted there."""
RULE_NAMES: Final = ("customer.segment", *SIMPLE, *ENTITY_ITEM_RULES)
"""Every rule that can be named."""


NAMING: Final = frozenset({"included", "excluded", "items", "unit_type"})
"""Where a bare id may name a collection."""


class Violated(Struct, frozen=True):
    """The first rule in logic order that does not hold."""

    node: Node
    reason: Reason


class Program:
    """A compiled rule set. `nodes` are in logic order; `tree` is None when all of them must hold."""

    __slots__ = (
        "applicable",
        "bundle",
        "counters",
        "early",
        "has_late",
        "id",
        "message",
        "named",
        "nodes",
        "tree",
    )

    def __init__(self, rule_id: str, named: dict[int, Node], tree: Tree | None, message: str | None) -> None:
        self.id = rule_id
        self.message = message
        self.named = named
        order = list(named) if tree is None else list(dict.fromkeys(numbers_of(tree)))
        self.nodes = tuple(named[number] for number in order)
        self.tree = None if tree is None or is_plain(tree) else tree
        self.has_late = any(node.late for node in self.nodes)
        self.counters = tuple(node for node in self.nodes if node.counted is not None)
        self.early = tuple(node for node in self.nodes if not node.late)
        self.applicable: Applicable | None = None
        self.bundle: Bundle | None = None

    def violated(self, context: "Context") -> Violated | None:
        """The first rule that fails; late ones hold while there is no plan."""
        omitted = context.facts.omitted_rules
        if self.tree is None:
            for node in self.nodes:
                if omitted and node.name in omitted:
                    continue
                reason = node.check(context)
                if reason is not None:
                    return Violated(node, reason)
            return None
        return self._resolve(self.tree, context)[0]

    def omits(self, names: frozenset[str]) -> list[str]:
        """The numbers of the rules that `names` leaves out (`validation_omitted_rules`)."""
        return [node.number for node in self.nodes if node.name in names]

    def binding(self, context: "Context") -> Sequence[Node]:
        """The counters whose limits the answer hangs on, once the rule set holds."""
        if not self.counters:
            return ()
        if self.tree is None:
            omitted = context.facts.omitted_rules
            if not omitted:
                return self.counters
            return [node for node in self.counters if node.name not in omitted]
        return self._resolve(self.tree, context)[1]

    def _resolve(self, tree: Tree, context: "Context") -> tuple[Violated | None, list[Node]]:
        if isinstance(tree, int):
            node = self.named[tree]
            if node.name in context.facts.omitted_rules:
                return None, []
            reason = node.check(context)
            if reason is not None:
                return Violated(node, reason), []
            return None, [] if node.counted is None else [node]
        word, branches = tree
        counters: list[Node] = []
        if word == "and":
            for branch in branches:
                violated, found = self._resolve(branch, context)
                if violated is not None:
                    return violated, []
                counters.extend(found)
            return None, counters
        first: Violated | None = None
        holds: list[Node] | None = None
        for branch in branches:
            violated, found = self._resolve(branch, context)
            if violated is not None:
                first = first or violated
            elif not found:
                return None, []
            elif holds is None:
                holds = found
        return (first, []) if holds is None else (None, holds)


class _Reader:
    """Turns the numbered bodies into nodes and counts them."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.count = 0

    def node(self, body: Any, where: str) -> Node:
        self.count += 1
        if self.count > NODES_MAX:
            raise RuleError(KEY, f"Property .rules must NOT have more than {NODES_MAX} rules")
        if not isinstance(body, Mapping):
            raise RuleError(KEY, f"Property {where} must be object")
        name = body.get("name")
        if not isinstance(name, str):
            raise RuleError(KEY, f"Property {where} should have required property 'name'")
        if name == "customer.segment":
            node = customer_segment(body, where, self.surroundings)
        elif name in ENTITY_ITEM_RULES:
            node = ENTITY_ITEM_RULES[name](body, where, self.surroundings)
        else:
            build = SIMPLE.get(name)
            if build is None:
                raise RuleError(KEY, f"Property {where}.name is not a known rule: {name[:80]}")
            node = build(body, where)
        node.message = read_message(body.get("error"), f"{where}.error")
        return node


def read_message(error: Any, where: str) -> str | None:
    """`error.message` of a rule or a rule set."""
    if error is None or error == {}:
        return None
    message = error.get("message") if isinstance(error, Mapping) else error
    if message is not None and not isinstance(message, str):
        raise RuleError(KEY, f"Property {where}.message must be string")
    return message or None


def compile_rule(
    rule_id: str, document: Mapping[str, Any], *, collections: Mapping[str, Any], segments: Mapping[str, Any]
) -> CompiledRule:
    """Compile a validation rule's body as sent on the wire.

    `collections` and `segments` hold what `references` names, compiled, by id. What is missing there has no
    members.

    Raises:
        RuleError: the document is not a rule set.
    """
    if not isinstance(document, Mapping):
        raise RuleError(KEY, "Payload must be object")
    kind = document.get("type")
    if kind is not None and kind not in TYPES:
        raise RuleError(KEY, f"Property .type must be equal to one of the allowed values: {', '.join(TYPES)}")
    rules = document.get("rules")
    if rules is None:
        rules = {}
    if not isinstance(rules, Mapping):
        raise RuleError(KEY, "Property .rules must be object")
    reader = _Reader(Surroundings(collections, segments))
    named: dict[int, Node] = {}
    for number, body in numbered(rules, ".rules").items():
        node = named[number] = reader.node(body, f".rules.{number}")
        node.number = str(number)
    tree = read_tree(rules, named, ".rules")
    program = Program(rule_id, named, tree, read_message(document.get("error"), ".error"))
    needs: set[str] = set()
    applicable = document.get("applicable_to")
    if applicable is not None and applicable != {}:
        program.applicable = Applicable(applicable, collections)
        entries = program.applicable.entries()
        if any(formula.reads_publication for entry in entries for formula in entry.formulas()):
            needs.add("publication")
    bundle = document.get("bundle_rules")
    if bundle is not None and bundle != {}:
        program.bundle = Bundle(bundle, collections)
    for node in program.nodes:
        needs |= node.needs
    return CompiledRule(rule_id, program, frozenset(needs), references(document))


def references(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Guard names of what a rule set (or a segment's or collection's filter) refers to; never raises.

    "seg:<id>", "col:<id>" and "loc:<id>", each once, in order of appearance.
    """
    found: dict[str, None] = {}
    _collect(document, "", found, 0)
    return tuple(found)


def _collect(value: Any, name: str, found: dict[str, None], depth: int) -> None:
    if depth > 40:
        return
    if isinstance(value, list | tuple):
        for inner in value:
            _collect(inner, name, found, depth + 1)
        return
    if isinstance(value, str) and value.startswith("pc_") and name in NAMING:
        found[f"col:{value}"] = None
    if not isinstance(value, Mapping):
        return
    rule = value.get("name")
    conditions = value.get("conditions")
    if isinstance(conditions, Mapping):
        _collect_conditions(rule if isinstance(rule, str) else name, conditions, found)
    if value.get("object") == "products_collection" or value.get("type") == "products_collection":
        identifier = value.get("id")
        if isinstance(identifier, str):
            found[f"col:{identifier}"] = None
    for key, inner in value.items():
        _collect(inner, key if isinstance(key, str) else "", found, depth + 1)


def _collect_conditions(name: str, conditions: Mapping[str, Any], found: dict[str, None]) -> None:
    for operator, values in conditions.items():
        for value in values if isinstance(values, list | tuple) else [values]:
            identifier = value.get("id") if isinstance(value, Mapping) else value
            if not isinstance(identifier, str):
                continue
            if name in ("customer.segment", "segments"):
                found[f"seg:{identifier}"] = None
            elif operator in ("$in_location", "$not_in_location"):
                found[f"loc:{identifier}"] = None
            elif operator == "$from" or (
                identifier.startswith("pc_") and name.startswith(("order.items.", "product.", "sku."))
            ):
                found[f"col:{identifier}"] = None
