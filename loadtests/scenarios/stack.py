"""Full carts: five codes at once over twenty lines. The first code has a cap (CAP, 300); when it is used up,
a project that takes what applies goes on with the other four, one that takes all or none refuses the stack.
"""

import os
from collections import Counter

import httpx
from locust import task

from loadtests.scenarios.standing import (
    PERCENT,
    RUN,
    Shopper,
    at_the_end,
    before_anybody_comes,
    public_code,
    redeemed,
)

CAP = int(os.environ.get("CAP", "300"))
CODES = tuple(f"STACK-{number}-{RUN}" for number in range(1, 6))
LINES = 20

counts: Counter[str] = Counter()


@before_anybody_comes
def shop(api: httpx.Client) -> None:
    for number, code in enumerate(CODES):
        effect = "APPLY_TO_ITEMS" if number < 2 else "APPLY_TO_ORDER"
        public_code(api, code, CAP if number == 0 else None, discount={**PERCENT, "effect": effect})


@at_the_end
def as_acknowledged(api: httpx.Client) -> str | None:
    """Every code as often as acknowledged, the first one never above its cap."""
    counted = {code: redeemed(api, code) for code in CODES}
    print(f"cap {CAP}, counted {counted}, refused {counts['refused']}")
    taken = {code: counts[code] for code in CODES}
    if counted != taken:
        return f"acknowledged were {taken}, counted are {counted}"
    return f"more than the cap of {CAP}" if counted[CODES[0]] > CAP else None


class Stacking(Shopper):
    @task
    def buy(self) -> None:
        cart = self.cart(*CODES, lines=LINES)
        answer = self.ask("/v1/redemptions", cart, refusals=("quantity_exceeded",))
        counts["refused"] += self.refused
        if answer:
            counts.update(one["voucher"]["code"] for one in answer["redemptions"])
