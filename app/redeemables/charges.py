"""Charges of a decision turned into operations of the script, merged per counter; and what a limit tells the
next decision.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from app.core.keys import Keys
from app.core.ops import Add, Equal, Op
from app.core.outcome import Outcome
from app.ledger.entries import Posting
from rules.facts import Counter, CounterName
from rules.verdict import Charge, Result

BALANCES = frozenset({"gift", "points"})


def place_of(keys: Keys, name: CounterName) -> tuple[str, str]:
    """Key and field of a counter."""
    scope, field = name.scope, name.field
    if scope == "voucher" and field == "used" and not (name.customer or name.product or name.window):
        return keys.voucher_used(name.id), name.id
    if scope in BALANCES:
        return keys.balance(name.id), name.id
    return keys.counter(scope, name.id, name.customer, name.product, name.window), field


class Charged(Struct):
    """The counter operations of one call. `names[i]` is the counter of `adds[i]`."""

    adds: list[Add]
    names: list[CounterName]
    pins: list[Equal]

    def postings(self, keys: Keys, more: Iterable[Add]) -> list[Posting]:
        """As the ledger keeps them: keys without tag and namespace. more: what moves besides."""
        cut = len(keys.base)
        return [
            Posting(add.key[cut:], add.field, add.delta, "a", add.base, add.until, add.redeemable_no)
            for add in (*self.adds, *more)
        ]


def charge(
    keys: Keys,
    results: Iterable[Result],
    seen: Mapping[CounterName, bytes | None],
    extra: Iterable[Charge] = (),
) -> Charged:
    """Merge the charges of the applied redeemables: one Add per counter, with the tightest cap.

    `seen`: raw values as read, by which amounts that depend on a counter are pinned (D6).
    """
    merged: dict[CounterName, Add] = {}
    pins: list[Equal] = []
    pinned: set[CounterName] = set()
    numbered: list[tuple[int, Charge]] = []
    for number, result in enumerate(results):
        for one in result.charges:
            numbered.append((number, one))
    for one in extra:
        numbered.append((0, one))
    for number, one in numbered:
        name = one.counter
        key, field = place_of(keys, name)
        previous = merged.get(name)
        if previous is None:
            merged[name] = Add(key, field, one.delta, one.base, one.cap, one.floor, one.until, number)
        else:
            merged[name] = Add(
                key=key,
                field=field,
                delta=previous.delta + one.delta,
                base=one.base,
                cap=_tightest(previous.cap, one.cap),
                floor=one.floor if previous.floor is None else previous.floor,
                until=one.until,
                redeemable_no=previous.redeemable_no,
            )
        if one.reads and name.scope not in BALANCES and name in seen and name not in pinned:
            pinned.add(name)
            pins.append(Equal(key=key, field=field, expected=seen[name]))
    return Charged(adds=list(merged.values()), names=list(merged), pins=pins)


def _tightest(left: int | None, right: int | None) -> int | None:
    if left is None:
        return right
    return left if right is None else min(left, right)


def currents(charged: Charged, outcome: Outcome, offset: int) -> dict[CounterName, Counter]:
    """What LIMIT said of every counter, as facts for the next decision. `offset`: index of the first Add
    among the ops.
    """
    return {
        name: Counter(value=outcome.currents[offset + number][0], held=outcome.currents[offset + number][1])
        for number, name in enumerate(charged.names)
    }


def spent_of(
    charged: Charged, number: int, learnt: Mapping[CounterName, Counter]
) -> dict[CounterName, Counter]:
    """The counter by which a call was refused, where it refuses every other call as well: it is not one
    customer's, its cap is reached to the last unit, and nothing is held that might come back.
    """
    name, add = charged.names[number], charged.adds[number]
    seen = learnt[name]
    if add.cap is None or name.customer or seen.held or seen.value < add.cap:
        return {}
    return {name: seen}


def operations(charged: Charged) -> list[Op]:
    """Adds first, so that currents line up with names from index 0."""
    return [*charged.adds, *charged.pins]
