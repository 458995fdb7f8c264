"""Names of counters and the charges on them: at most one charge per counter and redeemable, with the
tightest cap.
"""

from functools import lru_cache
from typing import Final

from rules.facts import CounterName
from rules.verdict import Charge, Refusal

COUNTERS_BELOW: Final = 2**53


@lru_cache(maxsize=16384)
def tally(
    scope: str, owner: str, field: str = "used", customer: str = "", product: str = "", window: str = ""
) -> CounterName:
    """A counter's name; the same object for the same words, as building one costs more than finding it."""
    return CounterName(scope, owner, field, customer, product, window)


class Ledger:
    """The charges of one redeemable while they are collected."""

    __slots__ = ("charges",)

    def __init__(self) -> None:
        self.charges: list[Charge] = []

    def add(
        self,
        counter: CounterName,
        delta: int,
        base: int = 0,
        cap: int | None = None,
        floor: int | None = None,
        until: int = 0,
        refusal: Refusal | None = None,
        reads: bool = False,
    ) -> None:
        """Add a charge or, on a counter that is charged already, keep the tighter cap with its refusal."""
        for index, known in enumerate(self.charges):  # noqa: B007
            if known.counter == counter:
                break
        else:
            self.charges.append(Charge(counter, delta, base, cap, floor, until, refusal, reads))
            return
        if known.cap is not None and (cap is None or known.cap <= cap):
            cap, refusal = known.cap, known.refusal
        self.charges[index] = Charge(
            counter,
            known.delta,
            known.base or base,
            cap,
            floor if known.floor is None else known.floor,
            known.until or until,
            refusal if cap is not None else known.refusal or refusal,
            known.reads or reads,
        )

    def add_units(self, counter: CounterName, units: int, cap: int, refusal: Refusal) -> None:
        """Units add up over the lines that share a counter."""
        for index, known in enumerate(self.charges):
            if known.counter == counter:
                self.charges[index] = Charge(
                    counter, known.delta + units, 0, min(cap, known.cap or cap), None, 0, refusal, True
                )
                return
        self.charges.append(Charge(counter, units, 0, cap, None, 0, refusal, True))
