"""Qualification: would this redeemable be worth showing to this customer with this cart (behaviour 4.9)?

The same ladder as a redemption, each redeemable alone, with rules left out that only the moment of taking can
answer. Owns the scenarios: which rules each leaves out, and what of the cart a redeemable must touch.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from rules.conditions.items import ENTITY_ITEM_RULES
from rules.context import Context
from rules.decide import decide
from rules.discounts.program import TO_ORDER
from rules.facts import Candidate, Facts, Moment
from rules.moment import Now
from rules.reasons import Reason
from rules.rulesets import AUDIENCE_RULES, OMITTED_WHEN_QUALIFYING, RULE_NAMES
from rules.verdict import Decision, OrderState, Result

APPLICABLE: Final = "APPLICABLE"
ANY: Final = "any"
DISCOUNTED: Final = "discounted"
LEGACY_ITEM_RULES: Final = ("product.", "sku.")


class Scenario(Struct, frozen=True):
    """What one scenario leaves out and asks for.

    omitted: names of rules that count as holding. products: "" for no look at the cart, "any" for a cart with
    a discounted or required item, "discounted" for a discounted one. incomplete_bundles: a bundle that the
    cart holds only in part is shown, with what is missing. wallet_only: what the customer holds.
    stacks_only: promotion stacks.
    """

    omitted: frozenset[str] = OMITTED_WHEN_QUALIFYING
    products: str = ""
    incomplete_bundles: bool = False
    wallet_only: bool = False
    stacks_only: bool = False


_WITHOUT_CUSTOMER: Final = OMITTED_WHEN_QUALIFYING | AUDIENCE_RULES

SCENARIOS: Final[dict[str, Scenario]] = {
    "ALL": Scenario(),
    "CUSTOMER_WALLET": Scenario(wallet_only=True),
    "AUDIENCE_ONLY": Scenario(
        omitted=OMITTED_WHEN_QUALIFYING | (frozenset(RULE_NAMES) - AUDIENCE_RULES), incomplete_bundles=True
    ),
    "PRODUCTS": Scenario(omitted=_WITHOUT_CUSTOMER, products=ANY, incomplete_bundles=True),
    "PRODUCTS_DISCOUNT": Scenario(omitted=_WITHOUT_CUSTOMER, products=DISCOUNTED, incomplete_bundles=True),
    "PROMOTION_STACKS": Scenario(stacks_only=True),
    "PRODUCTS_BY_CUSTOMER": Scenario(products=ANY, incomplete_bundles=True),
    "PRODUCTS_DISCOUNT_BY_CUSTOMER": Scenario(products=DISCOUNTED, incomplete_bundles=True),
}


def qualify_stack(
    facts: Facts, moment: Moment, tiers: tuple[Candidate, ...], scenario: Scenario
) -> Decision | None:
    """The tiers of a promotion stack applied one after the other, under the project's stacking rules; None
    when the stack is not for this customer and cart.
    """
    together = replace(facts, candidates=tiers, omitted_rules=scenario.omitted)
    decision = decide(together, moment)
    if not decision.valid:
        return None
    if scenario.products and not any(
        _touches_cart(together, moment, result, scenario.products) for result in decision.applied
    ):
        return None
    return decision


def qualify(facts: Facts, moment: Moment, candidate: Candidate, scenario: Scenario) -> Result | None:
    """The redeemable applied alone, or None when it is not for this customer and cart.

    Args:
        facts: as for a decision; its candidates and omitted rules are set here.
        moment: the instant and the project's zone.
        candidate: what is looked at.
        scenario: one of SCENARIOS.
    """
    alone = replace(facts, candidates=(candidate,), omitted_rules=scenario.omitted)
    result = decide(alone, moment).results[0]
    if result.status != APPLICABLE:
        if not scenario.incomplete_bundles or not _is_incomplete_bundle(result):
            return None
        result = replace(result, order=untouched(alone, moment))
        in_cart = bool(result.bundle and result.bundle["identified"])
        wanted = not scenario.products or (
            _discountable(alone, moment, candidate) if scenario.products == DISCOUNTED else in_cart
        )
        return result if wanted else None
    if scenario.products and not _touches_cart(alone, moment, result, scenario.products):
        return None
    return result


def untouched(facts: Facts, moment: Moment) -> OrderState | None:
    """The order before any redeemable; None without one."""
    return Context(facts, Now(moment, facts.week_start)).cart.root() if facts.order is not None else None


def omitted_numbers(candidate: Candidate, rule_id: str, scenario: Scenario) -> list[str]:
    """Numbers of the rules of one rule set that the scenario left out."""
    for compiled in candidate.rules:
        if compiled.program.id == rule_id:
            numbers: list[str] = compiled.program.omits(scenario.omitted)
            return numbers
    return []


def _is_incomplete_bundle(result: Result) -> bool:
    return result.refusal is not None and result.refusal.reason is Reason.INCOMPLETE_BUNDLE


def _touches_cart(facts: Facts, moment: Moment, result: Result, products: str) -> bool:
    if result.order is not None and any(
        line.source_index is not None and (line.applied_discount_amount or line.applied_discount_quantity)
        for line in result.order.lines
    ):
        return True
    return products == ANY and _requires_item(facts, moment, result)


def _requires_item(facts: Facts, moment: Moment, result: Result) -> bool:
    """Does a rule about items hold that the cart could also fail by not having the item?"""
    if result.bundle is not None and result.bundle["identified"]:
        return True
    context = _context(facts, moment, result.candidate)
    for compiled in result.candidate.rules:
        for node in compiled.program.nodes:
            named = node.name in ENTITY_ITEM_RULES or node.name.startswith(LEGACY_ITEM_RULES)
            if not named or node.name == "order.items.none" or node.name in facts.omitted_rules:
                continue
            if context.cart.lines and node.check(context) is None:
                return True
    return False


def _discountable(facts: Facts, moment: Moment, candidate: Candidate) -> bool:
    """Whether the cart holds an item that the discount would be taken off, were the bundle complete."""
    discount = candidate.discount
    if discount is None or discount.program.effect == TO_ORDER:
        return False
    context = _context(facts, moment, candidate)
    applicables = [
        compiled.program.applicable for compiled in candidate.rules if compiled.program.applicable is not None
    ]
    if not applicables:
        return bool(context.cart.lines)
    return any(
        entry.matches(line, context.now) and not applicable.excludes(line, context.now)
        for applicable in applicables
        for entry in applicable.entries()
        for line in context.cart.lines
    )


def _context(facts: Facts, moment: Moment, candidate: Candidate) -> Context:
    context = Context(facts, Now(moment, facts.week_start))
    context.begin(candidate)
    return context
