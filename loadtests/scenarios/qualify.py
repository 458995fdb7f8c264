"""What may be shown for a cart: promotion tiers (TIERS, 100) that ask for an amount, each for another one."""

import os
import random

import httpx
from locust import task

from loadtests.scenarios.standing import RUN, Shopper, before_anybody_comes, made

TIERS = int(os.environ.get("TIERS", "100"))
OF_A_CAMPAIGN = 20
STEP = 500
"""Minor units between what two tiers ask for."""
LINES = 10

least: dict[str, int] = {}
"""By tier: what it asks for, in minor units."""


@before_anybody_comes
def shop(api: httpx.Client) -> None:
    for start in range(0, TIERS, OF_A_CAMPAIGN):
        campaign = made(
            api,
            "/v1/campaigns",
            {
                "name": f"Tiers {start} {RUN}",
                "campaign_type": "PROMOTION",
                "promotion": {"tiers": []},
            },
        )
        for number in range(start, min(start + OF_A_CAMPAIGN, TIERS)):
            amount = number * STEP
            rule = made(
                api,
                "/v1/validation-rules",
                {
                    "name": f"Amount {number} {RUN}",
                    "rules": {
                        "1": {
                            "name": "order.amount",
                            "conditions": {"$more_than_or_equal": [amount]},
                        },
                        "logic": "1",
                    },
                },
            )
            tier = made(
                api,
                f"/v1/promotions/{campaign['id']}/tiers",
                {
                    "name": f"Tier {number}",
                    "action": {"discount": {"type": "PERCENT", "percent_off": 1 + number % 20}},
                    "validation_rules": [rule["id"]],
                },
            )
            least[tier["id"]] = amount


class Qualifying(Shopper):
    @task
    def show(self) -> None:
        """What is shown of these tiers must be what the cart's amount allows."""
        cart = {name: part for name, part in self.cart(lines=LINES).items() if name != "redeemables"}
        for line in cart["order"]["items"]:
            line["price"] = random.randrange(100, 5_000)
        amount = sum(line["price"] * line["quantity"] for line in cart["order"]["items"])
        document = {**cart, "scenario": "ALL", "options": {"limit": 20}}
        answer = self.ask("/v1/qualifications", document)
        if answer is None:
            return
        shown = [one["id"] for one in answer["redeemables"]["data"] if one["id"] in least]
        wrong = [tier for tier in shown if least[tier] > amount]
        allowed = sum(1 for asked in least.values() if asked <= amount)
        if wrong or (allowed and not shown):
            self.environment.events.request.fire(
                request_type="check",
                name="what is shown",
                response_time=0,
                response_length=0,
                exception=AssertionError(f"a cart of {amount}: shown {wrong or 'nothing'}"),
                context={},
            )
