"""Shoppers look at the discount of a public code, and of unique codes that the server may not know yet."""

import httpx
from locust import task

from loadtests.scenarios.standing import (
    RUN,
    Shopper,
    any_seed_code,
    at_the_end,
    before_anybody_comes,
    public_code,
    redeemed,
    seeded,
)

CODE = f"LOOK-{RUN}"


@before_anybody_comes
def shop(api: httpx.Client) -> None:
    public_code(api, CODE, None)
    seeded(api)


@at_the_end
def nothing_taken(api: httpx.Client) -> str | None:
    taken = redeemed(api, CODE)
    return f"{taken} redemptions by validations alone" if taken else None


class Validating(Shopper):
    @task(3)
    def public(self) -> None:
        self.ask("/v1/validations", self.cart(CODE))

    @task(1)
    def unique(self) -> None:
        self.ask("/v1/validations", self.cart(any_seed_code()), name="/v1/validations (unique)")
