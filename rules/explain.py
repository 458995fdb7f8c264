"""Why a decision came out as it did: a pass that decides like any other and writes down what it sees on the
way.

It hangs on the steps of `Run` from outside. A decision that is not explained runs none of this.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from rules.conditions.node import Node
from rules.decide import Run
from rules.facts import Candidate, CounterName, Facts, Moment
from rules.logic import Tree
from rules.operators import Test
from rules.plan import Plan
from rules.reasons import REASONS
from rules.rulesets import Program
from rules.trouble import Trouble
from rules.verdict import Charge, Refusal, Result

LISTED_MAX: Final = 50
AT_LEAST: Final = {"$more_than": 1, "$more_than_or_equal": 0}
AT_MOST: Final = {"$less_than": 1, "$less_than_or_equal": 0}


class ExplainedRun(Run):
    """A pass that keeps a trace. The amounts, the order of steps and the verdicts are those of `Run`."""

    def __init__(self, facts: Facts, moment: Moment) -> None:
        super().__init__(facts, moment)
        self.entries: list[dict[str, Any]] = []
        self.entry: dict[str, Any] = {}
        self.trace: Mapping[str, Any] | None = {
            "now": moment.now.isoformat(),
            "timezone": moment.zone.key,
            "redeemables": self.entries,
        }

    def one(self, candidate: Candidate) -> Result:
        self.entry = {
            "id": candidate.code or candidate.id or candidate.requested_id,
            "object": candidate.object,
            "order_before": self._order(),
        }
        self.entries.append(self.entry)
        return self.closed_entry(super().one(candidate))

    def left_out(self, result: Result) -> Result:
        """Skipped without being looked at."""
        candidate = result.candidate
        self.entry = {"id": candidate.code or candidate.id, "object": candidate.object}
        self.entries.append(self.entry)
        return self.closed_entry(result)

    def closed_entry(self, result: Result) -> Result:
        """The outcome, written under what led to it."""
        entry = self.entry
        entry["status"] = result.status
        if result.refusal is not None:
            word = "skipped_by" if result.status == "SKIPPED" else "refused_by"
            entry[word] = self._refusal(result.refusal)
        if "rules" not in entry and result.candidate.rules:
            entry["rules"] = [
                {
                    "rule_id": compiled.id,
                    "result": None,
                    "omitted_reason": "decided before the rules were reached",
                }
                for compiled in result.candidate.rules
            ]
        if result.status == "APPLICABLE":
            entry["order_after"] = self._order()
        return result

    def obey(self, candidate: Candidate) -> Refusal | None:
        context = self.context
        entry = self.entry
        entry["rules"] = [self._rule_set(compiled.program) for compiled in candidate.rules]
        refusal = super().obey(candidate)
        if context.applicables:
            entry["product_rules"] = len(context.applicables)
        self._note_nearest(candidate)
        return refusal

    def compute(self, candidate: Candidate) -> Plan | Trouble:
        plan = super().compute(candidate)
        steps: list[dict[str, Any]] = []
        if isinstance(plan, Trouble):
            steps.append({"step": "trouble", "reason": REASONS[plan.reason].key, "details": plan.details})
        else:
            steps.extend(self._steps(plan))
        self.entry["amounts"] = steps
        if self.context.bundles > 1:
            self.entry["multiplied_by_bundles"] = self.context.bundles
        if self.context.withheld_lines:
            self.entry["withheld_lines"] = sorted(self.context.withheld_lines)
        return plan

    def obey_late(self, candidate: Candidate) -> Refusal | None:
        refusal = super().obey_late(candidate)
        if any(compiled.program.has_late for compiled in candidate.rules):
            self.entry["rules"] = [self._rule_set(compiled.program) for compiled in candidate.rules]
            self._note_nearest(candidate)
        return refusal

    def charged(self) -> list[Charge]:
        charges = super().charged()
        self.entry["counters"] = [self._counter(charge) for charge in charges]
        return charges

    def _order(self) -> Mapping[str, Any] | None:
        if not self.context.has_order:
            return None
        cart = self.context.cart
        return {
            "amount": cart.amount,
            "discount_amount": cart.discount,
            "items_discount_amount": cart.items_discount,
            "left": cart.remaining,
        }

    def _steps(self, plan: Plan) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = []
        if plan.order:
            steps.append({"step": "payment" if plan.payment else "order", "amount": plan.order})
        for cut in plan.cuts[:LISTED_MAX]:
            steps.append(
                {
                    "step": "item",
                    "index": cut.line.index,
                    "units": cut.units,
                    "of": cut.units_amount,
                    "amount": cut.amount,
                }
            )
        for addition in plan.additions[:LISTED_MAX]:
            steps.append(
                {
                    "step": "units",
                    "unit_type": addition.unit_type,
                    "added": addition.added,
                    "free": addition.free,
                    "amount": addition.discount,
                }
            )
        for replacement in plan.replacements:
            steps.append(
                {
                    "step": "replacement",
                    "index": replacement.line.index,
                    "units": replacement.units,
                    "amount": replacement.addition.discount,
                }
            )
        steps.extend(
            {"step": "shipping", "id": method.id, "amount": amount} for method, amount in plan.shipping
        )
        if plan.points is not None:
            steps.append({"step": "points", "points": plan.points})
        if plan.shares is not None:
            steps.append({"step": "shares", "amounts": plan.shares[:LISTED_MAX]})
        return steps

    def _refusal(self, refusal: Refusal) -> Mapping[str, Any]:
        text = REASONS[refusal.reason]
        return {
            "key": text.key,
            "number": int(refusal.reason),
            "details": refusal.details,
            "transient": text.transient,
        }

    def _counter(self, charge: Charge) -> Mapping[str, Any]:
        return {
            "counter": words_of(charge.counter),
            "seen": self.context.seen(charge.counter),
            "delta": charge.delta,
            "cap": charge.cap,
            "floor": charge.floor,
        }

    def _rule_set(self, program: Program) -> dict[str, Any]:
        tree: Tree = program.tree if program.tree is not None else ("and", tuple(program.named))
        found = self._tree(program, tree)
        return {"rule_id": program.id, **found}

    def _tree(self, program: Program, tree: Tree) -> dict[str, Any]:
        if isinstance(tree, int):
            return self._node(program.named[tree])
        word, branches = tree
        rules = [self._tree(program, branch) for branch in branches]
        results = [rule["result"] for rule in rules]
        result = any(results) if word == "or" and results else all(results)
        return {"node": word, "result": result, "rules": rules}

    def _node(self, node: Node) -> dict[str, Any]:
        reason = node.check(self.context)
        actual = node.actual(self.context)
        found: dict[str, Any] = {
            "node": node.number,
            "name": node.name,
            "conditions": [
                {"operator": test.operator, "expected": shown(test.expected)} for test in node.tests
            ],
            "actual": shown(actual),
            "result": reason is None,
        }
        if reason is not None:
            found["reason"] = REASONS[reason].key
        if node.late and self.context.plan is None:
            found["omitted_reason"] = "looked at once the discount is known"
        if node.sub_rules:
            found["rules"] = node.sub_rules
        return found

    def _note_nearest(self, candidate: Candidate) -> None:
        """How far the failed comparisons are from holding, the smallest distance first."""
        misses = []
        for compiled in candidate.rules:
            for node in compiled.program.nodes:
                if node.check(self.context) is not None:
                    misses.extend(misses_of(node, node.actual(self.context)))
        if misses:
            misses.sort(key=lambda miss: miss["by"])
            self.entry["nearest"] = misses[0]


def misses_of(node: Node, actual: Any) -> list[dict[str, Any]]:
    """`{"name": "order.amount", "more": 1250}`: what a failed comparison of numbers lacks."""
    if not isinstance(actual, int) or isinstance(actual, bool):
        return []
    found = []
    for test in node.tests:
        wanted = bound_of(test)
        if wanted is None:
            continue
        if test.operator in AT_LEAST and actual < wanted + AT_LEAST[test.operator]:
            by = wanted + AT_LEAST[test.operator] - actual
            found.append({"name": node.name, "more": by, "by": by})
        elif test.operator in AT_MOST and actual > wanted - AT_MOST[test.operator]:
            by = actual - wanted + AT_MOST[test.operator]
            found.append({"name": node.name, "less": by, "by": by})
    return found


def bound_of(test: Test) -> int | None:
    """The whole number that a comparison is made with."""
    value = test.expected[0] if isinstance(test.expected, list) and test.expected else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def words_of(name: CounterName) -> Mapping[str, str]:
    """A counter's name without its empty parts."""
    parts = {
        "scope": name.scope,
        "id": name.id,
        "field": name.field,
        "customer": name.customer,
        "product": name.product,
        "window": name.window,
    }
    return {word: value for word, value in parts.items() if value}


def shown(value: Any, depth: int = 0) -> Any:
    """A value cut down to what fits an answer."""
    if isinstance(value, list | tuple | set | frozenset):
        return [shown(one, depth + 1) for one in list(value)[:LISTED_MAX]] if depth < 4 else "…"
    if isinstance(value, Mapping):
        return (
            {str(name): shown(one, depth + 1) for name, one in list(value.items())[:LISTED_MAX]}
            if depth < 4
            else "…"
        )
    if isinstance(value, str):
        return value if len(value) <= 300 else value[:300] + "…"
    if value is None or isinstance(value, bool | int | float | Decimal):
        return value
    return str(value)
