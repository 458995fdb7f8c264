"""A shop's day: of a hundred requests 80 validate, 15 redeem, 5 return what was redeemed. The code has a
cap (CAP, 1 000), which returns make room under.
"""

import os
import threading
from collections import Counter

import httpx
from locust import task

from loadtests.scenarios.standing import (
    RUN,
    Shopper,
    at_the_end,
    before_anybody_comes,
    public_code,
    redeemed,
)

CAP = int(os.environ.get("CAP", "1000"))
CODE = f"DAY-{RUN}"
SOLD_OUT = ("quantity_exceeded",)

counts: Counter[str] = Counter()
open_redemptions: list[str] = []
lock = threading.Lock()


@before_anybody_comes
def shop(api: httpx.Client) -> None:
    public_code(api, CODE, CAP)


@at_the_end
def adds_up(api: httpx.Client) -> str | None:
    """What was taken less what was returned is what is counted, and never above the cap."""
    counted = redeemed(api, CODE)
    print(f"{CODE}: cap {CAP}, taken {counts['taken']}, returned {counts['returned']}, counted {counted}")
    if counted != counts["taken"] - counts["returned"]:
        return f"{counts['taken']} taken, {counts['returned']} returned, and {counted} counted"
    return f"{counted} are more than the cap of {CAP}" if counted > CAP else None


class Mixing(Shopper):
    @task(80)
    def validate(self) -> None:
        self.ask("/v1/validations", self.cart(CODE))

    @task(15)
    def redeem(self) -> None:
        answer = self.ask("/v1/redemptions", self.cart(CODE), refusals=SOLD_OUT)
        if answer:
            counts["taken"] += 1
            with lock:
                open_redemptions.append(answer["redemptions"][0]["id"])

    @task(5)
    def roll_back(self) -> None:
        with lock:
            if not open_redemptions:
                return
            redemption_id = open_redemptions.pop(0)
        path = f"/v1/redemptions/{redemption_id}/rollback"
        if self.ask(path, {"reason": "returned"}, name="/v1/redemptions/{id}/rollback"):
            counts["returned"] += 1
