"""The decision: a ladder of checks per redeemable, in the order in which they are applied; then the sum.

`decide` is pure and never raises on facts that could be decoded.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from rules.admission import (
    closed,
    code_of,
    not_found,
    not_permitted,
    out_of_terms,
    refuse,
    unfunded,
    used_up,
)
from rules.answers import applicable_lists, discount_answer, exchange_details
from rules.bundles import Bundle
from rules.charges import charges_of, exceeded, violation_details
from rules.commit import commit
from rules.contest import best_per_line, losers_of_groups
from rules.context import Context
from rules.discounts.gift import pay
from rules.discounts.points import spend
from rules.discounts.program import TO_ORDER, Discount
from rules.facts import Candidate, Facts, Moment
from rules.margin import keep_floors, withheld_lines
from rules.moment import Now
from rules.offers import pressure_refuses
from rules.plan import Plan
from rules.reasons import Reason
from rules.rulesets import Program, Violated
from rules.stacking import (
    COMMON,
    EXCLUSIVE,
    Places,
    application_order,
    initial_basis,
    kind_of,
    skips_without_effect,
)
from rules.trouble import Trouble
from rules.verdict import Charge, Decision, Refusal, Result

APPLICABLE: Final = "APPLICABLE"
INAPPLICABLE: Final = "INAPPLICABLE"
SKIPPED: Final = "SKIPPED"
BY_QUANTITY: Final = "APPLY_TO_ITEMS_BY_QUANTITY"


def decide(facts: Facts, moment: Moment, *, explain: bool = False, lists: bool = True) -> Decision:
    """Decide every redeemable of a request.

    Args:
        facts: everything that is looked at; amounts in minor units, instants in UTC.
        moment: the instant and the project's zone.
        explain: also answer the trace; the decision is the same.
        lists: also say of each result which items it applies to; the decision is the same.
    """
    order = application_order(facts)
    stacking = facts.stacking
    make = Run
    if explain:
        from rules.explain import ExplainedRun

        make = ExplainedRun
    run = _run(make, facts, moment, order)
    run.context.lists = lists
    if stacking.exclusive_categories and len(order) > 1:
        kinds = [kind_of(candidate, stacking) for candidate in order]
        if EXCLUSIVE in kinds and COMMON in kinds:
            # An exclusive one wins wherever it stands, but only if it can be applied.
            decision = run.through(order, without_common=True)
            if (
                any(kind_of(result.candidate, stacking) == EXCLUSIVE for result in decision.applied)
                or not decision.valid
            ):
                return decision
            run = _run(make, facts, moment, order)
            run.context.lists = lists
    return run.through(order)


def _run(make: type["Run"], facts: Facts, moment: Moment, order: tuple[Candidate, ...]) -> "Run":
    """A fresh pass that knows who won where only the best may be applied."""
    run = make(facts, moment)
    if len(order) < 2:
        return run
    if run.context.project_terms.best_per_item or any(candidate.extensions for candidate in order):

        def alone(candidate: Candidate) -> Result:
            only = msgspec.structs.replace(facts, candidates=(candidate,))
            return Run(only, moment).through((candidate,)).results[0]

        run.losers = losers_of_groups(order, alone)
        if run.context.project_terms.best_per_item:
            run.context.reserved, run.contenders = best_per_line(order, alone)
    return run


class Run:
    """One pass over the redeemables."""

    def __init__(self, facts: Facts, moment: Moment) -> None:
        self.facts = facts
        self.context = Context(facts, Now(moment, facts.week_start))
        self.places = Places(facts.stacking)
        self.several = len(facts.candidates) > 1
        self.groups_taken: set[str] = set()
        self.contenders: frozenset[str] = frozenset()
        self.losers: frozenset[str] = frozenset()
        self.trace: Mapping[str, Any] | None = None

    def through(self, order: tuple[Candidate, ...], *, without_common: bool = False) -> Decision:
        facts = self.facts
        needs_all = facts.stacking.redeemables_application_mode == "ALL"
        results: list[Result] = []
        for candidate in order:
            if without_common and kind_of(candidate, facts.stacking) == COMMON:
                result = self.left_out(skipped(candidate, Reason.EXCLUSION_RULES_NOT_MET))
            elif candidate.id in self.losers:
                result = self.left_out(skipped(candidate, Reason.NOT_BEST_OF_GROUP))
            else:
                result = self.one(candidate)
            if needs_all and result.status == INAPPLICABLE:
                return self._all_failed(order, result)
            results.append(result)
        applied = tuple([result for result in results if result.status == APPLICABLE])
        if not self.context.has_order:
            root = None
        elif len(applied) == 1:
            root = applied[0].order
        else:
            root = self.context.cart.root()
        return Decision(bool(applied), tuple(results), root, self.trace, applied)

    def _all_failed(self, order: tuple[Candidate, ...], failed: Result) -> Decision:
        """Mode ALL: the first failure stands, everything else is left out, nothing is discounted."""
        results = tuple(
            failed
            if candidate is failed.candidate
            else skipped(candidate, Reason.PRECEDING_VALIDATION_FAILED)
            for candidate in order
        )
        untouched = Context(self.facts, self.context.now)
        return Decision(False, results, untouched.cart.root() if untouched.has_order else None, self.trace)

    def one(self, candidate: Candidate) -> Result:
        """Decide one redeemable on the order as the earlier ones left it."""
        context = self.context
        context.begin(candidate)
        refusal = self.admit(candidate)
        if refusal is None:
            refusal = self.obey(candidate)
        if refusal is not None:
            return inapplicable(candidate, refusal)
        bundle = self.bundled(candidate)
        if bundle is not None and bundle["quantity"] == 0:
            refusal = refuse(candidate, Reason.INCOMPLETE_BUNDLE, "Order does not hold a complete bundle")
            return inapplicable(candidate, refusal, bundle)
        plan = self.compute(candidate)
        if isinstance(plan, Trouble):
            refusal = refuse(candidate, plan.reason, plan.details or code_of(candidate))
            return inapplicable(candidate, refusal, bundle)
        context.plan = plan
        refusal = self.obey_late(candidate)
        if refusal is not None:
            return inapplicable(candidate, refusal)
        charges = self.charged()
        if context.project_terms.pressure:
            refusal = pressure_refuses(context, context.project_terms.pressure)
            if refusal is not None:
                return inapplicable(candidate, refusal)
        if self.facts.counters:
            refusal = exceeded(context, charges)
            if refusal is not None:
                return inapplicable(candidate, refusal)
        if context.has_order and not plan.has_effect and skips_without_effect(candidate, self.facts.stacking):
            return skipped(candidate, Reason.NO_EFFECT)
        reason = self.group_refuses(candidate, plan) or self.places.refuses(candidate)
        if reason is not None:
            return skipped(candidate, reason)
        # After this point the redeemable is applied.
        return self.apply(candidate, plan, charges, bundle)

    def left_out(self, result: Result) -> Result:
        """A redeemable that is skipped without being looked at."""
        return result

    def charged(self) -> list[Charge]:
        """What taking the current redeemable would move."""
        return charges_of(self.context)

    def group_refuses(self, candidate: Candidate, plan: Plan) -> Reason | None:
        """One of a group is enough; with the best discount per item, one that won no line has nothing to
        give.
        """
        if self.context.terms.group is not None and self.context.terms.group in self.groups_taken:
            return Reason.EXCLUSIVE_GROUP_TAKEN
        if self.context.reserved and candidate.id in self.contenders and not plan.has_effect:
            return Reason.NOT_BEST_OF_GROUP
        return None

    def admit(self, candidate: Candidate) -> Refusal | None:
        """Existence, dates, quantity, and who may have it."""
        if candidate.absent:
            return not_found(candidate)
        context = self.context
        refusal = closed(context, candidate) or used_up(context, candidate)
        if refusal is None and candidate.kind != "DISCOUNT_VOUCHER":
            refusal = unfunded(context, candidate)
        if refusal is None and candidate.holder is not None:
            refusal = not_permitted(context, candidate)
        return refusal or out_of_terms(context, candidate)

    def obey(self, candidate: Candidate) -> Refusal | None:
        """The rule sets of the redeemable, then those of its campaign."""
        context = self.context
        for compiled in candidate.rules:
            program: Program = compiled.program
            violated = program.violated(context)
            if violated is not None:
                return violation(context, program, violated)
            if program.applicable is not None:
                context.applicables.append(program.applicable)
        return None

    def obey_late(self, candidate: Candidate) -> Refusal | None:
        """Rules on the result of the discount."""
        context = self.context
        for compiled in candidate.rules:
            program: Program = compiled.program
            if program.has_late:
                violated = program.violated(context)
                if violated is not None:
                    return violation(context, program, violated)
        return None

    def bundled(self, candidate: Candidate) -> Mapping[str, Any] | None:
        """The bundles in the cart, if the rules ask for some; they multiply the discount."""
        context = self.context
        answer: Mapping[str, Any] | None = None
        for compiled in candidate.rules:
            bundle: Bundle | None = compiled.program.bundle
            if bundle is None:
                continue
            times, found = bundle.identify(context)
            if answer is None or times < answer["quantity"]:
                answer = found
                context.bundles = 1 if bundle.once else max(times, 1)
        return answer

    def compute(self, candidate: Candidate) -> Plan | Trouble:
        """What the redeemable would do to the order, within the margins that hold."""
        context = self.context
        if context.tracks_shares and not _pays(candidate):
            margins = [one.margin for one in (context.terms, context.project_terms) if one.margin is not None]
            if margins:
                found = withheld_lines(context, margins)
                if isinstance(found, Trouble):
                    return found
                context.withhold(found)
            plan = self.discounted(candidate)
            if isinstance(plan, Trouble):
                return plan
            return keep_floors(context, plan, margins) or plan
        return self.discounted(candidate)

    def discounted(self, candidate: Candidate) -> Plan | Trouble:
        """The plan as the discount, the credits or the points make it."""
        context = self.context
        if candidate.kind == "LOYALTY_CARD":
            return spend(context, context.balance(candidate))
        if candidate.gift is not None:
            return pay(context, candidate.gift, context.balance(candidate))
        if candidate.discount is None:
            return Plan()
        discount: Discount = candidate.discount.program
        context.initial_basis = initial_basis(candidate, self.facts.stacking)
        if context.bundles > 1 and (discount.kind == "FIXED" or discount.effect == BY_QUANTITY):
            context.limit_scale = context.bundles
        if discount.compute is not None:
            return discount.compute(context, discount)
        effect = discount.effect
        if effect is None:
            explicit = any(applicable.explicit for applicable in context.applicables)
            return discount.to_items(context, discount) if explicit else discount.to_order(context, discount)
        return (
            discount.to_order(context, discount)
            if effect == TO_ORDER
            else discount.to_items(context, discount)
        )

    def apply(
        self,
        candidate: Candidate,
        plan: Plan,
        charges: list[Charge],
        bundle: Mapping[str, Any] | None,
    ) -> Result:
        """Commit the plan and write down the result."""
        context = self.context
        balance = context.balance(candidate) if plan.payment else None
        applicable, inapplicable_ = applicable_lists(context) if context.lists else ((), ())
        order = None
        details = exchange_details(context.cart, plan) if plan.replacements else ()
        if context.has_order:
            commit(context.cart, plan)
            order = context.cart.state()
        if self.several and (self.facts.counters or _pays(candidate)):
            # A counter that was not read limits nobody here; only a card's balance is known without.
            overlay = context.overlay
            for charge in charges:
                overlay[charge.counter] = overlay.get(charge.counter, 0) + charge.delta
        self.places.take(candidate)
        if context.terms.group is not None:
            self.groups_taken.add(context.terms.group)
        return Result(
            candidate,
            APPLICABLE,
            None,
            order,
            applicable,
            inapplicable_,
            discount_answer(context),
            plan.credits,
            balance,
            plan.points,
            bundle,
            tuple(charges),
            candidate.category_ids,
            details,
        )


def _pays(candidate: Candidate) -> bool:
    return candidate.gift is not None or candidate.kind == "LOYALTY_CARD"


def violation(context: Context, program: Program, violated: Violated) -> Refusal:
    """The refusal of the first rule that does not hold."""
    reason = violated.reason
    if reason is Reason.MISSING_CUSTOMER:
        details = "Customer is required to validate rules"
    elif reason is Reason.MISSING_ORDER:
        details = "Order is required to validate rules"
    elif reason is Reason.MISSING_AMOUNT:
        details = "Order amount is required to validate rules"
    elif reason is Reason.MISSING_ORDER_ITEMS:
        details = "Order items are required to validate rules"
    else:
        details = violation_details(context.candidate.kind, program.id)
    message = violated.node.message or program.message
    return refuse(context.candidate, reason, details, message=message, rule_id=program.id)


def inapplicable(candidate: Candidate, refusal: Refusal, bundle: Mapping[str, Any] | None = None) -> Result:
    return Result(
        candidate=candidate,
        status=INAPPLICABLE,
        refusal=refusal,
        bundle=bundle,
        category_ids=candidate.category_ids,
    )


def skipped(candidate: Candidate, reason: Reason) -> Result:
    refusal = refuse(candidate, reason)
    return Result(candidate=candidate, status=SKIPPED, refusal=refusal, category_ids=candidate.category_ids)
