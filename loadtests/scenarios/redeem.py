"""Shoppers use a public code and unique codes of one use each, two of them the same one now and then."""

import itertools
import random
from collections import Counter

import httpx
from locust import task

from loadtests.scenarios.standing import (
    RUN,
    SEED_CODES,
    Shopper,
    at_the_end,
    before_anybody_comes,
    public_code,
    redeemed,
    seed_code,
    seeded,
)

CODE = f"USE-{RUN}"
LOOKED_AT = 20
"""Unique codes whose count is compared in the end."""

taken: Counter[str] = Counter()
positions = itertools.count(random.randrange(SEED_CODES))


@before_anybody_comes
def shop(api: httpx.Client) -> None:
    public_code(api, CODE, None)
    seeded(api)


@at_the_end
def each_once(api: httpx.Client) -> str | None:
    """The public code as often as acknowledged; no unique code twice."""
    if (counted := redeemed(api, CODE)) != taken[CODE]:
        return f"{CODE}: {taken[CODE]} acknowledged, {counted} counted"
    unique = {code: times for code, times in taken.items() if code != CODE}
    twice = [code for code, times in unique.items() if times > 1]
    if twice:
        return f"codes of one use were taken twice: {twice[:5]}"
    for code in list(unique)[:LOOKED_AT]:
        if (counted := redeemed(api, code)) != 1:
            return f"{code} was acknowledged once and is counted {counted} times"
    return None


class Redeeming(Shopper):
    @task(1)
    def public(self) -> None:
        if self.ask("/v1/redemptions", self.cart(CODE)):
            taken[CODE] += 1

    @task(1)
    def unique(self) -> None:
        """Every code comes up twice in a row, with different shoppers mostly; one of them is right."""
        code = seed_code(next(positions) // 2 % SEED_CODES)
        path, name = "/v1/redemptions", "/v1/redemptions (unique)"
        if self.ask(path, self.cart(code), refusals=("quantity_exceeded",), name=name):
            taken[code] += 1
