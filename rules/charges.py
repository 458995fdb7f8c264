"""What taking a redeemable moves: uses, balances, budgets, and the counters that rules name."""

from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from rules.admission import KINDS, code_of, refuse
from rules.applicable import Applicable
from rules.context import Context
from rules.counters import Ledger, tally
from rules.facts import Candidate, CounterName, Facts, Moment
from rules.moment import EARLIEST, Now
from rules.offers import charge_pressure
from rules.reasons import Reason
from rules.rulesets import Program
from rules.verdict import Charge, Refusal

STANDING_KEPT: Final = 1024
"""For codes that are used again and again: one that is used once costs as much to keep as to make."""


@lru_cache(maxsize=STANDING_KEPT)
def standing_refusal(reason: Reason, code: str, identifier: str, kind: str) -> Refusal:
    """What hitting a limit of a redeemable's own means; the same for every request."""
    return Refusal(reason, code, None, None, identifier, kind)


@lru_cache(maxsize=STANDING_KEPT)
def limit_refusal(
    kind: str, rule_id: str, message: str | None, identifier: str, resource_type: str
) -> Refusal:
    """What hitting the limit of a rule's counter means; the same for every request."""
    details = violation_details(kind, rule_id)
    return Refusal(
        Reason.REDEMPTION_RULES_VIOLATED, details, message, rule_id, identifier, resource_type
    )


@lru_cache(maxsize=STANDING_KEPT)
def standing_charges(
    scope: str,
    identifier: str,
    code: str,
    kind: str,
    quantity: int | None,
    base: int,
    campaign: str | None,
    reads: bool,
) -> tuple[Charge, Charge, CounterName, CounterName]:
    """The charges that are the same whatever the order: one use of the redeemable, one of its campaign; and
    where the campaign's discounts and orders are counted.
    """
    refusal = None
    if quantity is not None:
        refusal = standing_refusal(Reason.QUANTITY_EXCEEDED, code, identifier, kind)
    own = Charge(CounterName(scope, identifier), 1, base, quantity, None, 0, refusal, reads)
    owner = campaign or ""
    return (
        own,
        Charge(tally("campaign", owner), 1),
        tally("campaign", owner, "discount"),
        tally("campaign", owner, "orders"),
    )


def violation_details(kind: str, rule_id: str) -> str:
    """The sentence that names the rule set; kind: of the redeemable."""
    named = KINDS.get(kind, "Discount Coupon")
    return f"{named} cannot be redeemed because of violated validation rules: {rule_id}"


def charges_of(context: Context) -> list[Charge]:
    """At most one charge per counter, with the tightest cap and its refusal. The plan is made, not yet
    committed.
    """
    candidate = context.candidate
    plan = context.plan
    ledger = Ledger()
    own, of_campaign, discount_name, orders_name = standing_charges(
        context.scope,
        candidate.id,
        code_of(candidate),
        candidate.object,
        candidate.quantity,
        candidate.redeemed_base,
        candidate.campaign_id,
        formula_reads_uses(candidate),
    )
    ledger.charges.append(own)
    used = plan.credits if plan is not None else None
    if candidate.gift is not None or candidate.kind == "LOYALTY_CARD":
        ledger.charges.append(_balance_charge(context))
    campaign = candidate.campaign_id
    if campaign is not None:
        ledger.charges.append(of_campaign)
        if used is not None:
            ledger.charges.append(Charge(tally("campaign", campaign, "credits"), used))
        if plan is not None and plan.points is not None:
            ledger.charges.append(Charge(tally("campaign", campaign, "points"), plan.points))
        if context.has_order and plan is not None:
            # A counter that does not move needs no charge.
            off = plan.off
            if off:
                ledger.charges.append(Charge(discount_name, off))
            if context.cart.base_amount:
                ledger.charges.append(Charge(orders_name, context.cart.base_amount))
    for compiled in candidate.rules:
        program = compiled.program
        if program.counters:
            _rule_charges(context, program, ledger)
    for applicable in context.applicables:
        if applicable.capped:
            _unit_charges(context, ledger)
            break
    if context.project_terms.pressure:
        charge_pressure(context, context.project_terms.pressure, ledger)
    return ledger.charges


def _balance_charge(context: Context) -> Charge:
    """What is taken off a gift card or a loyalty card; its balance is a fact that the amount depends on."""
    candidate, plan = context.candidate, context.plan
    gift = candidate.gift
    taken = 0
    if plan is not None:
        taken = (plan.points if gift is None else plan.credits) or 0
    short = Reason.LOYALTY_CARD_POINTS_EXCEEDED if gift is None else Reason.GIFT_AMOUNT_EXCEEDED
    return Charge(
        context.balance_counter(candidate),
        -taken,
        candidate.points_opening if gift is None else gift.opening,
        None,
        0,
        0,
        standing_refusal(short, code_of(candidate), candidate.id, candidate.object),
        True,
    )


def _unit_charges(context: Context, ledger: Ledger) -> None:
    """Discounted units count against the stateful caps of the entries that let their lines in."""
    plan, chosen = context.plan, context.chosen
    if plan is None or chosen is None:
        return
    discounted = {cut.line.index for cut in plan.cuts}
    refusal = refuse(context.candidate, Reason.REDEMPTION_RULES_VIOLATED)
    for one in chosen:
        if one.line.index not in discounted:
            continue
        for entry in one.entries:
            for name, limit in context.unit_counters(entry, one.line):
                ledger.add_units(name, one.units, limit, refusal)


def _rule_charges(context: Context, program: Program, ledger: Ledger) -> None:
    """Every counter named by a rule moves; only those that the rule set hangs on carry a cap."""
    binding = program.binding(context)
    candidate, rule_id = context.candidate, program.id
    for node in program.counters:
        counted = node.counted
        name = None if counted is None else counted.name(context)
        delta = None if counted is None else counted.delta(context)
        if counted is None or name is None or delta is None:
            continue
        bound = node in binding
        cap = counted.cap if bound else None
        refusal: Refusal | None = None
        if cap is not None:
            refusal = limit_refusal(
                candidate.kind,
                rule_id,
                node.message or program.message,
                candidate.id or candidate.requested_id,
                candidate.object,
            )
        base = 0
        if candidate.redeemed_base and not (name.customer or name.window) and name.scope == context.scope:
            base = candidate.redeemed_base
        ledger.add(
            name, delta, base, cap, None, counted.until(context), refusal, bound and counted.exact
        )


def exceeded(context: Context, charges: list[Charge]) -> Refusal | None:
    """The first known counter that a charge would take over its cap or under its floor."""
    for charge in charges:
        if charge.cap is None and charge.floor is None:
            continue
        seen = context.seen(charge.counter)
        if seen is None:
            continue
        if charge.cap is not None and charge.delta > 0 and seen + charge.delta > charge.cap:
            return charge.refusal
    return None


def counters_of(facts: Facts, moment: Moment | None = None) -> tuple[CounterName, ...]:
    """The counters that must be read before deciding, because an amount or a verdict depends on them (D6).

    Gift balances, stateful unit caps, counters under an operator that is no cap, and uses that formulas look
    at. Counters in daily, weekly or monthly windows need the `moment`; without one they are left out.
    """
    if not any(looks_at_counters(candidate) for candidate in facts.candidates):
        return ()
    context = Context(facts, Now(moment or Moment(now=EARLIEST, zone=ZoneInfo("UTC")), facts.week_start))
    found: dict[CounterName, None] = {}
    for candidate in facts.candidates:
        if candidate.absent:
            continue
        context.begin(candidate)
        if candidate.gift is not None or candidate.kind == "LOYALTY_CARD":
            found[context.balance_counter(candidate)] = None
        for compiled in candidate.rules:
            for node in compiled.program.counters:
                counted = node.counted
                if counted.exact and (moment is not None or not counted.window):
                    name = counted.name(context)
                    if name is not None:
                        found[name] = None
            applicable = compiled.program.applicable
            if applicable is not None and applicable.capped:
                _unit_counters(context, applicable, found)
        if formula_reads_uses(candidate):
            found[tally(context.scope, candidate.id)] = None
    return tuple(found)


def looks_at_counters(candidate: Candidate) -> bool:
    """Whether `counters_of` could find anything for a redeemable: most look at none."""
    if candidate.gift is not None or candidate.kind == "LOYALTY_CARD":
        return True
    for compiled in candidate.rules:
        program = compiled.program
        if any(node.counted.exact for node in program.counters):
            return True
        if program.applicable is not None and program.applicable.capped:
            return True
    return formula_reads_uses(candidate)


def _unit_counters(context: Context, applicable: Applicable, found: dict[CounterName, None]) -> None:
    for entry in applicable.entries():
        for line in context.cart.lines:
            if entry.unit_caps and entry.matches(line, context.now):
                for name, _ in context.unit_counters(entry, line):
                    found[name] = None


def formula_reads_uses(candidate: Candidate) -> bool:
    """Does an amount depend on how often the redeemable was used?"""
    discount = candidate.discount
    if discount is not None and discount.program.reads_uses:
        return True
    for compiled in candidate.rules:
        applicable = compiled.program.applicable
        if applicable is not None and applicable.reads_uses:
            return True
    return False
