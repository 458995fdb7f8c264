"""What one redeemable is decided in: the facts, the moment, the order as left by the earlier ones, and what
they took.
"""

from typing import TYPE_CHECKING, Any, Final

from rules.cart import Cart, WorkLine
from rules.counters import tally
from rules.currencies import exponent_of
from rules.facts import Candidate, Counter, CounterName, CustomerFacts, Facts, OrderFacts
from rules.moment import Now
from rules.plan import Plan
from rules.terms import NO_TERMS, terms_of

if TYPE_CHECKING:
    from rules.applicable import Applicable, Chosen, Entry, UnitCap

NO_LINES: Final[frozenset[int]] = frozenset()
NO_ORDER: Final = OrderFacts(has_lines=False)


class Context:
    """Mutable for the length of one decision; `candidate` and what follows from it change with every
    redeemable.
    """

    candidate: Candidate
    cart: Cart
    customer: CustomerFacts | None
    facts: Facts
    now: Now
    bundles = 1
    groups = 0
    limit_scale = 1
    initial_basis = False
    withheld = 0
    withheld_lines: frozenset[int] = NO_LINES
    lists = True
    """Whether it is asked which items a redeemable applies to."""
    plan: Plan | None = None
    chosen: "list[Chosen] | None" = None
    begun = False

    def __init__(self, facts: Facts, now: Now) -> None:
        self.facts = facts
        self.now = now
        self.has_order = facts.order is not None
        self.cart = Cart(facts.order if facts.order is not None else NO_ORDER)
        self.customer = facts.customer
        self.overlay: dict[CounterName, int] = {}
        self.once = facts.stacking.redeemables_products_application_mode == "ONCE"
        extensions = facts.project_extensions
        self.exclusive_units = bool(extensions) and extensions.get("units_application_mode") == "EXCLUSIVE"
        self.cart.counts_units = self.once or self.exclusive_units
        self.project_terms = terms_of(extensions) if extensions else NO_TERMS
        self.reserved: dict[int, str] = {}
        """Lines that belong to one redeemable only, by index (best discount per item)."""
        self.tracks_shares = self.project_terms.share_order or self.project_terms.margin is not None
        for candidate in facts.candidates:
            if candidate.extensions and terms_of(candidate.extensions).margin is not None:
                self.tracks_shares = True

    def begin(self, candidate: Candidate) -> None:
        """Turn to the next redeemable."""
        self.candidate = candidate
        self.applicables: list[Applicable] = []
        self.terms = terms_of(candidate.extensions) if candidate.extensions else NO_TERMS
        if self.begun:
            self.bundles = self.limit_scale = 1
            self.groups = self.withheld = 0
            self.initial_basis = False
            self.withheld_lines = NO_LINES
            self.plan = None
            self.chosen = None
        self.begun = True

    @property
    def exponent(self) -> int:
        """Digits of minor units of the order's currency, else the project's."""
        order = self.facts.order
        return exponent_of(order.currency if order is not None and order.currency else self.facts.currency)

    @property
    def customer_key(self) -> str | None:
        """The id under which the customer is counted; None for nobody."""
        customer = self.customer
        return None if customer is None else customer.id or customer.source_id

    @property
    def scope(self) -> str:
        """The counter scope of the redeemable itself."""
        return "tier" if self.candidate.object == "promotion_tier" else "voucher"

    @property
    def left(self) -> int:
        """What is left of the order for discounts: without the lines that may take none."""
        left = self.cart.remaining - self.withheld
        return left if left > 0 else 0

    def withhold(self, lines: frozenset[int]) -> None:
        """Keep lines out of every discount of the current redeemable."""
        self.withheld_lines = lines
        self.withheld = sum(line.remaining - line.share for line in self.cart.lines if line.index in lines)

    def own_counter(self) -> CounterName:
        """Where the uses of the redeemable itself are counted."""
        return tally(self.scope, self.candidate.id)

    def balance_counter(self, candidate: Candidate) -> CounterName:
        """Where the credits or the points of a card are kept."""
        return tally("gift" if candidate.gift is not None else "points", candidate.id, "balance")

    def balance(self, candidate: Candidate) -> int:
        """What a gift card or a loyalty card can still pay: as last read without what others hold, else as
        issued.
        """
        name = self.balance_counter(candidate)
        counter = self.facts.counters.get(name)
        if counter is None:
            issued = candidate.gift.opening if candidate.gift is not None else candidate.points_opening
        else:
            issued = counter.value - counter.held
        return issued + self.overlay.get(name, 0)

    def seen(self, name: CounterName) -> int | None:
        """What a counter says with what others hold and what earlier redeemables of this request took; None
        when unread.
        """
        counter: Counter | None = self.facts.counters.get(name)
        if counter is None:
            return None
        return counter.value + counter.held + self.overlay.get(name, 0)

    def units_within_caps(self, entry: "Entry", line: WorkLine, units: int, rooms: dict[Any, int]) -> int:
        """How many of `units` the stateful caps of an entry still allow; the rest of the entry's lines share
        what is left.
        """
        found = []
        for cap in entry.unit_caps:
            name = self._unit_counter(entry, cap, line)
            if name is None:
                continue
            room = rooms.get(name)
            if room is None:
                limit = self._cap_limit(cap, line)
                if limit is None:
                    continue
                room = rooms[name] = max(limit - (self.seen(name) or 0), 0)
            units = min(units, room)
            found.append((name, cap))
        for name, _ in found:
            rooms[name] -= units
        return units

    def unit_counters(self, entry: "Entry", line: WorkLine) -> list[tuple[CounterName, int]]:
        """The counters and limits of an entry's stateful caps for a line."""
        found = []
        for cap in entry.unit_caps:
            name = self._unit_counter(entry, cap, line)
            limit = self._cap_limit(cap, line)
            if name is not None and limit is not None:
                found.append((name, limit))
        return found

    def _cap_limit(self, cap: "UnitCap", line: WorkLine) -> int | None:
        if cap.formula is not None:
            value = cap.formula.evaluate(self, line)
            if value is not None:
                return max(int(value), 0)
        return cap.limit

    def _unit_counter(self, entry: "Entry", cap: "UnitCap", line: WorkLine) -> CounterName | None:
        candidate = self.candidate
        customer = ""
        if cap.by_customer:
            customer = self.customer_key or ""
        if cap.scope == "tier":
            if candidate.object != "promotion_tier":
                return None
            owner, scope = candidate.id, "tier"
        elif candidate.campaign_id is not None:
            owner, scope = candidate.campaign_id, "campaign"
        else:
            owner, scope = candidate.id, self.scope
        product = entry.id
        if cap.by_product:
            source = line.source
            product = f"{entry.id}/{source.product_id or source.sku_id or source.source_id or line.index}"
        return tally(scope, owner, "units", customer, product)


NOBODY: Final = Candidate(object="voucher", requested_id="", absent=True)
