"""Rules on who redeems: segments, and the holder of the code."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.conditions.node import Node, Surroundings
from rules.operators import Test, read_operators
from rules.programs import RuleError
from rules.reasons import Reason

if TYPE_CHECKING:
    from rules.context import Context

KEY: Final = "invalid_validation_rules"


def unused(actual: Any, now: Any) -> bool:
    """Stands where an operator is shown but evaluated otherwise."""
    return False


def identifiers(values: list[Any], where: str) -> list[str]:
    """Ids of a condition whose values are strings or objects with an `id`."""
    found = []
    for value in values:
        name = value.get("id") or value.get("source_id") if isinstance(value, Mapping) else value
        if not isinstance(name, str) or not name:
            raise RuleError(KEY, f"Property {where}.conditions items must be ids")
        found.append(name)
    return found


def customer_segment(body: Mapping[str, Any], where: str, surroundings: Surroundings) -> Node:
    """Membership, computed live. A segment that does not exist has no members."""
    checks: list[tuple[bool, list[Any]]] = []
    tests = []
    needs = {"customer"}
    for operator, values in read_operators(body.get("conditions"), KEY, where):
        if operator not in ("$is", "$in", "$is_not", "$not_in"):
            raise RuleError(KEY, f"Property {where}.conditions must use $is or $is_not")
        wanted = operator in ("$is", "$in")
        names = identifiers(values, where)
        programs = [surroundings.segments[name].program for name in names if name in surroundings.segments]
        checks.append((wanted, programs))
        needs.update(need for program in programs for need in program.needs)
        tests.append(Test(operator, names, unused))

    def check(context: "Context") -> Reason | None:
        customer = context.customer
        if customer is None:
            return Reason.MISSING_CUSTOMER
        for wanted, programs in checks:
            member = False
            for program in programs:
                if program.contains(customer, context.now):
                    member = True
                    break
            if member is not wanted:
                return Reason.CUSTOMER_RULES_VIOLATED
        return None

    def actual(context: "Context") -> Any:
        customer = context.customer
        if customer is None:
            return None
        known = surroundings.segments
        named = [name for test in tests for name in test.expected]
        return [
            name for name in named if name in known and known[name].program.contains(customer, context.now)
        ]

    node = Node("customer.segment", check, actual, tuple(tests), needs=frozenset(needs))
    positive = [programs for wanted, programs in checks if wanted]
    if positive:
        node.facets["segments"] = tuple(positive[0])
    return node


def redeemable_by_linked_customer(body: Mapping[str, Any], where: str) -> Node:
    """Only the holder of the code may redeem it. A code without a holder has nobody it could be refused
    to.
    """
    wanted = True
    conditions = body.get("conditions")
    tests: tuple[Test, ...] = ()
    if conditions:
        for operator, values in read_operators(conditions, KEY, where):
            truth = bool(values) and values[0] not in (False, "false")
            wanted = truth if operator != "$is_not" else not truth
            tests = (Test(operator, values, unused),)

    def check(context: "Context") -> Reason | None:
        if not wanted:
            return None
        holder = context.candidate.holder
        if holder is None:
            return Reason.CUSTOMER_RULES_VIOLATED if context.candidate.object == "voucher" else None
        customer = context.customer
        if customer is None:
            return Reason.MISSING_CUSTOMER
        return None if customer.id == holder.customer_id else Reason.CUSTOMER_RULES_VIOLATED

    def actual(context: "Context") -> Any:
        holder, customer = context.candidate.holder, context.customer
        return holder is not None and customer is not None and customer.id == holder.customer_id

    return Node(
        "publication.redeemable_by_linked_customer", check, actual, tests, needs=frozenset({"customer"})
    )
