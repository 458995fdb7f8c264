"""W1 to W9: what the customers of a cell want. Each makes its shop through the public API and says what the
shop allows.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import count
from typing import ClassVar

import httpx

from chaos.history import Deed, Operation
from chaos.limits import Limits
from tests.support.shop import (
    amount_off,
    assign,
    created,
    gift_card,
    percent_off,
    public_code,
    rule,
    single_voucher,
    stack,
    unique,
)

SINGLE_USE_CODES = 3_000
HOT_CAP = 5_000
CUSTOMERS = 3_000
CAMPAIGNS = 20
CAMPAIGN_CAP = 700
STACK = 5
CARDS = 12
CARD_AMOUNTS = (400_000, 6_000)
SPEND_MAX = 600
RETURNED_CAP = 200
LOCKED_CODES = 10
LOCKED_CAP = 100
COPIES_MAX = 3
COPIED_SHARE = 0.3


class Workload(ABC):
    """One way to shop. `open` makes the shop, `next` is the next deed of whichever client asks."""

    name: ClassVar[str]
    story: ClassVar[str]

    def __init__(self) -> None:
        self.limits = Limits()
        self._numbers = count()

    @abstractmethod
    def open(self, api: httpx.Client) -> None:
        """Make the shop; blocking."""

    @abstractmethod
    def next(self, randomness: random.Random) -> Deed | None:
        """The next deed; None when there is nothing left to ask for."""

    def learn(self, operation: Operation) -> None:  # noqa: B027  most learn nothing
        """Look at an operation that came to its end."""

    def edits(self) -> Iterator[Deed]:
        """What the shop's owner does meanwhile, every 50 ms; by default nothing."""
        return iter(())


def redeem(*codes: str, customer: str = "", copies: int = 0, spend: int = 0) -> Deed:
    body = stack(*codes, **({"customer": {"source_id": customer}} if customer else {}))
    if spend:
        body["redeemables"][0]["gift"] = {"credits": spend}
    return Deed(kind="redeem", path="/v1/redemptions", body=body, copies=copies)


class SingleUse(Workload):
    """Every code is wanted twice, by two clients at about the same time."""

    name = "W1"
    story = "single-use unique codes"

    def open(self, api: httpx.Client) -> None:
        campaign = created(
            api.post(
                "/v1/campaigns",
                json={
                    "name": unique("unique"),
                    "campaign_type": "DISCOUNT_COUPONS",
                    "type": "STATIC",
                    "vouchers_count": SINGLE_USE_CODES,
                    "voucher": {
                        "type": "DISCOUNT_VOUCHER",
                        "discount": percent_off(10),
                        "redemption": {"quantity": 1},
                    },
                },
            )
        )
        self.codes: list[str] = []
        page = 1
        while len(self.codes) < SINGLE_USE_CODES:
            listed = created(
                api.get(
                    "/v1/vouchers",
                    params={"campaign_id": campaign["id"], "limit": 100, "page": page, "order": "created_at"},
                )
            )
            if len(listed["vouchers"]) < 100:
                page, self.codes = 1, []
                continue  # The codes are still being made.
            for voucher in listed["vouchers"]:
                self.codes.append(voucher["code"])
                self.limits.voucher_uses[voucher["id"]] = 1
            page += 1

    def next(self, randomness: random.Random) -> Deed:
        return redeem(self.codes[next(self._numbers) // 2 % len(self.codes)])


class HotCode(Workload):
    name = "W2"
    story = f"one hot code with a cap of {HOT_CAP}"

    def open(self, api: httpx.Client) -> None:
        self.code, _ = public_code(api, percent_off(10), quantity=HOT_CAP)
        voucher = created(api.get(f"/v1/vouchers/{self.code}"))
        self.limits.voucher_uses[voucher["id"]] = HOT_CAP

    def next(self, randomness: random.Random) -> Deed:
        return redeem(self.code, customer=f"buyer-{randomness.randrange(50)}")


class OnePerCustomer(Workload):
    name = "W3"
    story = "one redemption per customer"

    def open(self, api: httpx.Client) -> None:
        self.code, campaign = public_code(api, percent_off(10))
        once = rule(api, "redemption.count.per_customer", {"$less_than_or_equal": [1]})
        assign(api, once, "campaign", campaign)
        self.limits.customer_uses[campaign] = 1

    def next(self, randomness: random.Random) -> Deed:
        return redeem(self.code, customer=f"one-{next(self._numbers) // 2 % CUSTOMERS}")


class Stacks(Workload):
    name = "W4"
    story = f"{STACK}-way stacks over {CAMPAIGNS} campaigns with tight budgets"

    def open(self, api: httpx.Client) -> None:
        self.codes: list[str] = []
        for _ in range(CAMPAIGNS):
            code, campaign = public_code(api, amount_off(100))
            budget = rule(api, "campaign.redemptions.count", {"$less_than_or_equal": [CAMPAIGN_CAP]})
            assign(api, budget, "campaign", campaign)
            self.codes.append(code)
            self.limits.campaign_uses[campaign] = CAMPAIGN_CAP

    def next(self, randomness: random.Random) -> Deed:
        return redeem(*randomness.sample(self.codes, STACK))


class Balances(Workload):
    """Half of the cards are nearly empty, so that the last minor unit is fought for."""

    name = "W5"
    story = "gift cards spent and filled"

    def open(self, api: httpx.Client) -> None:
        self.cards: list[str] = []
        for number in range(CARDS):
            amount = CARD_AMOUNTS[number % 2]
            card = gift_card(api, amount)
            self.cards.append(card["code"])
            self.limits.balances[card["id"]] = amount
        filled = api.post(f"/v1/vouchers/{self.cards[0]}/balance", json={"amount": 1_000})
        self.fills = filled.status_code == 200

    def next(self, randomness: random.Random) -> Deed:
        card = randomness.choice(self.cards)
        if self.fills and randomness.random() < 0.1:
            amount = randomness.randrange(1, SPEND_MAX)
            return Deed(kind="fill", path=f"/v1/vouchers/{card}/balance", body={"amount": amount})
        return redeem(card, spend=randomness.randrange(1, SPEND_MAX))


class Returns(Workload):
    """Redemptions of a capped code and their rollbacks, some of them asked for twice."""

    name = "W6"
    story = "redemptions and rollbacks"

    def open(self, api: httpx.Client) -> None:
        self.code, _ = public_code(api, percent_off(10), quantity=RETURNED_CAP)
        voucher = created(api.get(f"/v1/vouchers/{self.code}"))
        self.limits.voucher_uses[voucher["id"]] = RETURNED_CAP
        self.live: list[str] = []

    def next(self, randomness: random.Random) -> Deed:
        if self.live and randomness.random() < 0.5:
            place = randomness.randrange(len(self.live))
            redemption = self.live[place] if randomness.random() < 0.2 else self.live.pop(place)
            return Deed(
                kind="rollback",
                path=f"/v1/redemptions/{redemption}/rollback",
                body={"reason": "changed my mind"},
                about=redemption,
            )
        return redeem(self.code)

    def learn(self, operation: Operation) -> None:
        if operation.deed.kind == "redeem" and operation.acknowledged:
            self.live.append(operation.redemptions[0]["id"])


class Locks(Workload):
    """Few units of many codes, locked for a second: two of three carts come back, some of them too late."""

    name = "W7"
    story = "session locks, then redemptions or nothing"

    def open(self, api: httpx.Client) -> None:
        self.codes: list[str] = []
        for _ in range(LOCKED_CODES):
            voucher = single_voucher(api, percent_off(10), quantity=LOCKED_CAP)
            self.codes.append(voucher["code"])
            self.limits.voucher_uses[voucher["id"]] = LOCKED_CAP
        self.carts: list[tuple[str, str]] = []

    def next(self, randomness: random.Random) -> Deed:
        if self.carts and randomness.random() < 0.5:
            code, key = self.carts.pop(randomness.randrange(len(self.carts)))
            deed = redeem(code)
            deed.body["session"] = {"type": "LOCK", "key": key}
            return deed
        code = randomness.choice(self.codes)
        key = f"cart-{next(self._numbers)}"
        body = stack(code, session={"type": "LOCK", "key": key, "ttl": 1, "ttl_unit": "SECONDS"})
        return Deed(kind="lock", path="/v1/validations", body=body, about=f"{code} {key}")

    def learn(self, operation: Operation) -> None:
        if operation.deed.kind == "lock" and operation.answer.get("valid") and randomly(operation.number):
            code, key = operation.deed.about.split(" ")
            self.carts.append((code, key))


def randomly(number: int) -> bool:
    """Two of three carts come back."""
    return number % 3 != 0


class Edits(Workload):
    """The owner raises one code's discount and stops and starts the other's campaign, every 50 ms."""

    name = "W8"
    story = "catalogue edits every 50 ms"

    def open(self, api: httpx.Client) -> None:
        self.raised, _ = public_code(api, amount_off(1))
        self.stopped, self.campaign = public_code(api, percent_off(10))

    def next(self, randomness: random.Random) -> Deed:
        code = self.raised if randomness.random() < 0.8 else self.stopped
        deed = redeem(code)
        deed.about = code
        return deed

    def edits(self) -> Iterator[Deed]:
        for number in count(2):
            yield Deed(
                kind="raise",
                method="PUT",
                path=f"/v1/vouchers/{self.raised}",
                body={"discount": amount_off(number)},
                about=str(number),
            )
            verb = "enable" if number % 2 else "disable"
            yield Deed(kind=verb, path=f"/v1/campaigns/{self.campaign}/{verb}", body={}, about=self.stopped)


class Duplicates(Workload):
    """Some requests come several times at once, over connections of their own and so over other workers."""

    name = "W9"
    story = f"{COPIED_SHARE:.0%} of the requests sent up to {COPIES_MAX} times more at once"

    def open(self, api: httpx.Client) -> None:
        self.code, _ = public_code(api, percent_off(10))

    def next(self, randomness: random.Random) -> Deed:
        copies = randomness.randint(1, COPIES_MAX) if randomness.random() < COPIED_SHARE else 0
        return redeem(self.code, customer=f"twice-{randomness.randrange(50)}", copies=copies)


WORKLOADS: dict[str, type[Workload]] = {
    one.name: one
    for one in (
        SingleUse, HotCode, OnePerCustomer, Stacks, Balances, Returns, Locks, Edits, Duplicates,
    )
}  # fmt: skip
