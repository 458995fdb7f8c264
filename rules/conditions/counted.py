"""Rules on counters: how often, how much, by whom, in which window. The current attempt is included.

`$less_than_or_equal [n]` becomes a cap that the script checks; an operator that is no cap makes the amount
of the counter a fact that must be read and pinned (D6).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rules.conditions.node import Node
from rules.counters import tally
from rules.facts import CounterName
from rules.operators import compile_tests, read_operators
from rules.programs import RuleError
from rules.reasons import Reason
from rules.values import number_of

if TYPE_CHECKING:
    from rules.context import Context

KEY: Final = "invalid_validation_rules"

ONE, ORDER, DISCOUNT, CREDITS, POINTS = "one", "order", "discount", "credits", "points"


class Counted:
    """Which counter a rule looks at, how far this redemption moves it, and the cap, if the condition is
    one.
    """

    __slots__ = ("by_customer", "cap", "exact", "field", "scope", "what", "window")

    def __init__(self, scope: str, field: str, what: str, window: str, by_customer: bool) -> None:
        self.scope = scope
        self.field = field
        self.what = what
        self.window = window
        self.by_customer = by_customer
        self.cap: int | None = None
        self.exact = False

    def name(self, context: "Context") -> CounterName | None:
        """The counter, or None when there is nobody to count (no customer, key or user)."""
        candidate = context.candidate
        scope, owner = self.scope, ""
        if scope == "campaign":
            if candidate.campaign_id is None:
                # A standalone code or tier is its own campaign.
                scope, owner = context.scope, candidate.id
            else:
                owner = candidate.campaign_id
        elif scope == "apikey":
            owner = context.facts.api_key_id or ""
        elif scope == "user":
            owner = context.facts.user_login or ""
        else:
            scope, owner = context.scope, candidate.id
        if not owner:
            return None
        customer = ""
        if self.by_customer:
            customer = context.customer_key or ""
            if not customer:
                return None
        product = candidate.id if self.scope in ("apikey", "user") else ""
        window = context.now.window(self.window)[0] if self.window else ""
        return tally(scope, owner, self.field, customer, product, window)

    def until(self, context: "Context") -> int:
        return context.now.window(self.window)[1] if self.window else 0

    def delta(self, context: "Context") -> int | None:
        """How far this redemption moves the counter; None while the discount is not computed."""
        if self.what == ONE:
            return 1
        plan = context.plan
        if self.what == ORDER:
            return context.cart.base_amount or 0
        if plan is None:
            return None
        if self.what == DISCOUNT:
            return plan.off
        return (plan.credits if self.what == CREDITS else plan.points) or 0


def read_cap(conditions: Any, where: str) -> tuple[int | None, bool]:
    """(the largest value allowed, is there an operator that is no cap)."""
    cap: int | None = None
    exact = False
    for operator, values in read_operators(conditions, KEY, where):
        number = number_of(values[0]) if values else None
        if number is None:
            raise RuleError(KEY, f"Property {where}.conditions.{operator} must be a number")
        if operator in ("$less_than_or_equal", "$less_than"):
            whole = int(Decimal(number).to_integral_value(rounding="ROUND_FLOOR"))
            most = whole - 1 if operator == "$less_than" and whole == number else whole
            cap = most if cap is None else min(cap, most)
        else:
            exact = True
    return cap, exact


def counter_rule(
    name: str,
    scope: str,
    field: str = "used",
    what: str = ONE,
    *,
    window: str = "",
    by_customer: bool = False,
) -> Callable[[Mapping[str, Any], str], Node]:
    """A rule on one counter. `window` is "", "d", "w" or "m"."""

    def build(body: Mapping[str, Any], where: str) -> Node:
        tests = compile_tests(body.get("conditions"), KEY, where)
        counted = Counted(scope, field, what, window, by_customer)
        counted.cap, counted.exact = read_cap(body.get("conditions"), where)

        def actual(context: "Context") -> Any:
            counter = counted.name(context)
            seen = None if counter is None else context.seen(counter)
            delta = counted.delta(context)
            if seen is None:
                return None
            return seen + (delta or 0)

        def check(context: "Context") -> Reason | None:
            if by_customer and context.customer_key is None:
                return Reason.MISSING_CUSTOMER
            if what == ORDER and not context.has_order:
                return Reason.MISSING_ORDER
            delta = counted.delta(context)
            if delta is None:
                return None
            seen = None
            if context.facts.counters or context.overlay:
                counter = counted.name(context)
                if counter is not None:
                    seen = context.seen(counter)
            if seen is None:
                # Unread: the script checks a cap. One attempt alone may already be too much.
                if counted.cap is not None and delta > counted.cap:
                    return Reason.REDEMPTION_RULES_VIOLATED
                if not counted.exact:
                    return None
                seen = 0
            value = seen + delta
            for test in tests:
                if not test.passes(value, context.now):
                    return Reason.REDEMPTION_RULES_VIOLATED
            return None

        late = what in (DISCOUNT, CREDITS, POINTS)
        needs = {"counters"}
        if by_customer:
            needs.add("customer")
        if what == ORDER:
            needs.add("order")
        return Node(name, check, actual, tests, late=late, counted=counted, needs=frozenset(needs))

    return build


def technical(name: str, read: Callable[["Context"], str | None]) -> Callable[[Mapping[str, Any], str], Node]:
    """A rule on the key or the user that redeems."""

    def build(body: Mapping[str, Any], where: str) -> Node:
        tests = compile_tests(body.get("conditions"), KEY, where)

        def check(context: "Context") -> Reason | None:
            value = read(context)
            for test in tests:
                if not test.passes(value, context.now):
                    return Reason.REDEMPTION_RULES_VIOLATED
            return None

        return Node(name, check, read, tests)

    return build


def _windowed(
    name: str, scope: str, field: str, *, by_customer: bool
) -> dict[str, Callable[[Mapping[str, Any], str], Node]]:
    return {
        f"{name}.{word}": counter_rule(f"{name}.{word}", scope, field, window=letter, by_customer=by_customer)
        for word, letter in (("daily", "d"), ("weekly", "w"), ("monthly", "m"))
    }


COUNTED: Final[dict[str, Callable[[Mapping[str, Any], str], Node]]] = {
    "campaign.orders.amount": counter_rule("campaign.orders.amount", "campaign", "orders", ORDER),
    "campaign.orders.amount_discounted": counter_rule(
        "campaign.orders.amount_discounted", "campaign", "discount", DISCOUNT
    ),
    "campaign.redemptions.count": counter_rule("campaign.redemptions.count", "campaign"),
    **_windowed("campaign.redemptions.count", "campaign", "used", by_customer=False),
    "campaign.redemptions.customers_count": counter_rule(
        "campaign.redemptions.customers_count", "campaign", by_customer=True
    ),
    **_windowed("campaign.redemptions.customers_count", "campaign", "used", by_customer=True),
    "redemption.count.per_customer": counter_rule("redemption.count.per_customer", "own", by_customer=True),
    **_windowed("redemption.count.per_customer", "own", "used", by_customer=True),
    **_windowed("redemption.count", "own", "used", by_customer=False),
    "redemption.gift.amount": counter_rule("redemption.gift.amount", "campaign", "credits", CREDITS),
    "redemption.reward.pay_with_points.points_used": counter_rule(
        "redemption.reward.pay_with_points.points_used", "campaign", "points", POINTS
    ),
    "redemption.count.per_api_key": counter_rule("redemption.count.per_api_key", "apikey"),
    "redemption.count.per_user": counter_rule("redemption.count.per_user", "user"),
    "redemption.api_key": technical("redemption.api_key", lambda context: context.facts.api_key_id),
    "redemption.user.login": technical("redemption.user.login", lambda context: context.facts.user_login),
}
