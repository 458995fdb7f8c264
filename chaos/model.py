"""The reference: what a ledger's events mean, said again without Redis, Lua or SQL.

Events come in the order of their sequence, which is the order in which they took effect. Every one must be
allowed by the shop's limits at its place, and leave the counters where its postings say.
"""

from collections import Counter

from msgspec import Struct, field

from app.ledger.entries import BALANCE, REDEMPTION, ROLLBACK, Event, Taken
from chaos.limits import Limits

OVER, DIVERGENT, DUPLICATED = "over-cap", "divergent", "duplicated"

Moved = tuple[str, str, int, str, int]
"""Key, field, delta, kind and value afterwards of a posting."""


class Problem(Struct, frozen=True):
    """kind: over-cap, divergent or duplicated. invariant: its number in the list of the README."""

    kind: str
    invariant: str
    sentence: str


class Model(Struct):
    """Use `apply` with each event in turn; `problems` grows."""

    limits: Limits
    uses: Counter[str] = field(default_factory=Counter)
    campaign_uses: Counter[str] = field(default_factory=Counter)
    customer_uses: Counter[tuple[str, str]] = field(default_factory=Counter)
    balances: dict[str, int] = field(default_factory=dict)
    values: dict[tuple[str, str], int] = field(default_factory=dict)
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    taken: dict[str, list[Taken]] = field(default_factory=dict)
    """What a rollback of this id (also a parent's) gives back."""
    customers: dict[str, str | None] = field(default_factory=dict)
    returned: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def apply(self, event_id: str, event: Event, moved: list[Moved]) -> None:
        """One event, and its postings as the ledger keeps them."""
        if event.kind == REDEMPTION:
            self._redeem(event_id, event)
        elif event.kind == ROLLBACK:
            self._roll_back(event_id, event)
        elif event.kind == BALANCE:
            for _key, voucher, delta, _kind, _after in moved:
                self.balances[voucher] = self._balance(voucher) + delta
        self._compare(event_id, moved)

    def _balance(self, voucher: str) -> int:
        return self.balances.get(voucher, self.limits.balances.get(voucher, 0))

    def _blame(self, kind: str, invariant: str, sentence: str) -> None:
        self.problems.append(Problem(kind, invariant, sentence))

    def _redeem(self, event_id: str, event: Event) -> None:
        charged = [one for one in event.taken if one.voucher_id is not None]
        for one in event.taken:
            if one.id in self.taken:
                self._blame(DUPLICATED, "I2", f"{event_id}: redemption {one.id} is ledgered twice")
            self.taken[one.id] = [one] if one.voucher_id is not None else charged
            self.customers[one.id] = event.customer_id
        for one in charged:
            self._use(event_id, one, event.customer_id, 1)

    def _roll_back(self, event_id: str, event: Event) -> None:
        for one in event.taken:
            redemption = one.redemption_id or ""
            if one.voucher_id is None:
                continue  # The parent of a stack: its children stand beside it.
            if redemption not in self.taken:
                self._blame(DIVERGENT, "I7", f"{event_id}: gives back {redemption}, which nobody took")
                continue
            if redemption in self.returned:
                self._blame(DUPLICATED, "I7", f"{event_id}: gives back {redemption} once more")
            self.returned.add(redemption)
            for taken in self.taken[redemption]:
                self._use(event_id, taken, self.customers[redemption], -1)

    def _use(self, event_id: str, one: Taken, customer: str | None, direction: int) -> None:
        limits, voucher, campaign = self.limits, one.voucher_id or "", one.campaign_id or ""
        self.uses[voucher] += direction
        self.campaign_uses[campaign] += direction
        self.customer_uses[campaign, customer or ""] += direction
        if voucher in limits.balances:
            self.balances[voucher] = self._balance(voucher) - direction * (one.amount or 0)
        if direction < 0:
            return
        for used, cap, what in (
            (self.uses[voucher], limits.voucher_uses.get(voucher), f"voucher {voucher}"),
            (self.campaign_uses[campaign], limits.campaign_uses.get(campaign), f"campaign {campaign}"),
            (
                self.customer_uses[campaign, customer or ""],
                limits.customer_uses.get(campaign),
                f"customer {customer} of campaign {campaign}",
            ),
        ):
            if cap is not None and used > cap:
                self._blame(OVER, "I1", f"{event_id}: use {used} of {what}, whose cap is {cap}")
        if voucher in limits.balances and self.balances[voucher] < 0:
            self._blame(OVER, "I1", f"{event_id}: card {voucher} is at {self.balances[voucher]}")

    def _compare(self, event_id: str, moved: list[Moved]) -> None:
        for key, name, delta, kind, after in moved:
            place = (key, name)
            if kind == "a":
                self._follow(event_id, place, delta, after)
            else:
                self.held[place] += abs(delta) if kind == "h" else -abs(delta)
        for key, name, delta, kind, after in moved:
            place = (key, name)
            cap = self.limits.voucher_uses.get(name) if key.startswith("v:") else None
            taking = kind == "h" or (kind == "a" and delta > 0)
            if taking and cap is not None and self.uses[name] + self.held[place] > cap:
                sentence = f"{event_id}: {self.uses[name]} used, {self.held[place]} held of {cap} of {name}"
                self._blame(OVER, "I1", sentence)
            if kind != "a" and self.held[place] != after:
                sentence = f"{event_id}: {key} {name} holds {after}, not {self.held[place]}"
                self._blame(DIVERGENT, "I6", sentence)
            if kind == "a" and (expected := self._expected(key, name)) not in (None, after):
                self._blame(
                    DIVERGENT, "I3", f"{event_id}: {key} {name} is {after}, the model says {expected}"
                )

    def _follow(self, event_id: str, place: tuple[str, str], delta: int, after: int) -> None:
        before = self.values.get(place)
        if before is not None and before + delta != after:
            self._blame(
                DIVERGENT, "I3", f"{event_id}: {place[0]} {place[1]}: {before} and {delta} make {after}"
            )
        self.values[place] = after

    def _expected(self, key: str, name: str) -> int | None:
        """What the model itself counts there; None: it does not count this."""
        family, _, rest = key.partition(":")
        if family == "v":
            return self.uses[name]
        if family == "g" and name in self.limits.balances:
            return self._balance(name)
        scope, _, identity = rest.partition(":")
        if family == "n" and scope == "campaign" and name == "used" and identity in self.limits.campaign_uses:
            return self.campaign_uses[identity]
        return None
