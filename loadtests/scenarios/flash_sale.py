"""One public code with a cap (CAP, 500), and everybody comes at once: a tenth of the users waits at the door
for a quarter of the time, then the doors open. Whoever comes too late is told that it is sold out.
"""

import os
from collections import Counter
from typing import Any

import httpx
from locust import LoadTestShape, task

from loadtests.scenarios.standing import (
    RUN,
    Shopper,
    at_the_end,
    before_anybody_comes,
    public_code,
    redeemed,
)

CAP = int(os.environ.get("CAP", "500"))
CODE = f"RUSH-{RUN}"
EARLY_SHARE = 0.1
WAITING_SHARE = 0.25
"""Of the run's time."""

counts: Counter[str] = Counter()


@before_anybody_comes
def shop(api: httpx.Client) -> None:
    public_code(api, CODE, CAP)


@at_the_end
def not_one_more(api: httpx.Client) -> str | None:
    """Acknowledged and counted are the same; when anybody was refused, exactly the cap was taken."""
    counted = redeemed(api, CODE)
    print(f"{CODE}: cap {CAP}, taken {counts['taken']}, refused {counts['refused']}, counted {counted}")
    if counted != counts["taken"]:
        return f"{counts['taken']} were acknowledged, {counted} are counted"
    if counted > CAP or (counts["refused"] and counted != CAP):
        return f"{counted} of a cap of {CAP} were taken and {counts['refused']} refused"
    return None


class Rush(LoadTestShape):
    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        options: Any = self.runner.environment.parsed_options
        users, seconds = options.num_users or 1, options.run_time or 30
        elapsed = self.get_run_time()
        if elapsed > seconds:
            return None
        early = max(1, int(users * EARLY_SHARE))
        return (early, early) if elapsed < seconds * WAITING_SHARE else (users, users)


class Rushing(Shopper):
    """Looks at the door, buys when it is open."""

    @task
    def rush(self) -> None:
        waiting = self.environment.runner.user_count <= self.early  # type: ignore[union-attr]
        if waiting:
            self.ask("/v1/validations", self.cart(CODE))
            return
        if self.ask("/v1/redemptions", self.cart(CODE), refusals=("quantity_exceeded",)):
            counts["taken"] += 1
        counts["refused"] += self.refused

    @property
    def early(self) -> int:
        options: Any = self.environment.parsed_options
        users = options.num_users or 1
        return int(users * EARLY_SHARE) if users > 1 else 0
