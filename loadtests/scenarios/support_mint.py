"""Agents at work: a code for one customer, held by that customer alone, and a look at the customer's wallet.
No code may be given twice.
"""

from collections import Counter

import httpx
from locust import task

from loadtests.scenarios.standing import RUN, Shopper, at_the_end, before_anybody_comes, made

CAMPAIGN = f"Apologies {RUN}"

given: Counter[str] = Counter()


@before_anybody_comes
def shop(api: httpx.Client) -> None:
    document = {
        "name": CAMPAIGN,
        "type": "AUTO_UPDATE",
        "campaign_type": "DISCOUNT_COUPONS",
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "AMOUNT", "amount_off": 500},
            "redemption": {"quantity": 1},
            "code_config": {"pattern": f"SORRY-{RUN}-########"},
        },
    }
    made(api, "/v1/campaigns", document)


@at_the_end
def each_to_one(api: httpx.Client) -> str | None:
    """As many codes as were acknowledged, all different."""
    twice = [code for code, times in given.items() if times > 1]
    if twice:
        return f"given twice: {twice[:5]}"
    counted = int(api.get(f"/v1/campaigns/{CAMPAIGN}").json()["vouchers_count"])
    print(f"{len(given)} codes were given, the campaign has {counted}")
    return None if counted == len(given) else f"{len(given)} were acknowledged, {counted} are there"


class Agent(Shopper):
    @task(3)
    def mint(self) -> None:
        document = {
            "campaign": CAMPAIGN,
            "customer": {"source_id": self.customer},
            "extensions": {"holder_only": True, "reason": "late parcel", "agent": f"agent-{self.number}"},
        }
        if answer := self.ask("/v1/publications", document):
            given[answer["voucher"]["code"]] += 1

    @task(1)
    def look(self) -> None:
        cart = {name: part for name, part in self.cart().items() if name != "redeemables"}
        self.ask("/v1/qualifications", {**cart, "scenario": "CUSTOMER_WALLET"})
