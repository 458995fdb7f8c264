"""What a decision costs, as multiples of decoding the same request with msgspec in the same run.

    python loadtests/bench_rules.py [--tiers 20000] [--carts 1000]

Times are CPU of this process; each figure is the best of several rounds, as the machine's noise only ever
adds. Exits 1 when a bar is missed.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from rules.compile import compile_discount, compile_rule, compile_window
from rules.decide import decide
from rules.facts import Candidate, CustomerFacts, Facts, ItemFacts, Line, Moment, OrderFacts, StackingRules
from rules.index import OfferIndex, applicable_alone

MOMENT = Moment(datetime(2026, 3, 4, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
ROOMY = StackingRules(applicable_redeemables_limit=30, applicable_redeemables_per_category_limit=None)


class RedeemableBody(msgspec.Struct):
    object: str
    id: str


class ProductBody(msgspec.Struct):
    id: str
    name: str
    metadata: dict[str, Any]


class ItemBody(msgspec.Struct):
    product_id: str
    quantity: int
    price: int
    product: ProductBody | None = None


class OrderBody(msgspec.Struct):
    items: list[ItemBody]
    amount: int | None = None
    metadata: dict[str, Any] = {}


class CustomerBody(msgspec.Struct):
    source_id: str
    metadata: dict[str, Any] = {}


class RequestBody(msgspec.Struct):
    redeemables: list[RedeemableBody]
    order: OrderBody
    customer: CustomerBody | None = None
    metadata: dict[str, Any] = {}


DECODER = msgspec.json.Decoder(RequestBody)


def request(codes: int, lines: int, quantity: int = 1) -> bytes:
    """A checkout's request as it comes over the wire."""
    items = [
        {
            "product_id": f"prod_{number}",
            "quantity": quantity,
            "price": 1000 + number,
            "product": {
                "id": f"prod_{number}",
                "name": f"Product {number}",
                "metadata": {"colour": "red", "size": number},
            },
        }
        for number in range(lines)
    ]
    body = {
        "redeemables": [{"object": "voucher", "id": f"CODE-{number}"} for number in range(codes)],
        "order": {"items": items, "metadata": {"channel": "web"}},
        "customer": {"source_id": "customer-1", "metadata": {"tier": "gold"}},
        "metadata": {},
    }
    return msgspec.json.encode(body)


def facts(codes: int, lines: int, quantity: int = 1, effect: str = "APPLY_TO_ITEMS") -> Facts:
    """The same request as the rules see it."""
    rules = {
        "rules": {
            "1": {"name": "order.amount", "conditions": {"$more_than": [100]}},
            "2": {"name": "customer.metadata", "property": "tier", "conditions": {"$is": ["gold"]}},
        }
    }
    compiled = compile_rule("val_1", rules, collections={}, segments={})
    discount = compile_discount({"type": "PERCENT", "percent_off": 10, "effect": effect})
    window = compile_window({"start_date": "2026-01-01T00:00:00Z", "expiration_date": "2027-01-01T00:00:00Z"})
    made = tuple(
        Line(
            index=number,
            product_id=f"prod_{number}",
            quantity=quantity,
            price=1000 + number,
            product=ItemFacts(id=f"prod_{number}"),
        )
        for number in range(lines)
    )
    many = tuple(
        Candidate(
            object="voucher",
            requested_id=f"CODE-{number}",
            id=f"v_{number}",
            code=f"CODE-{number}",
            discount=discount,
            rules=(compiled,),
            windows=(window,),
            quantity=1000,
            campaign_id="camp_1",
        )
        for number in range(codes)
    )
    customer = CustomerFacts(id="cust_1", metadata={"tier": "gold"})
    return Facts(candidates=many, order=OrderFacts(lines=made), customer=customer, stacking=ROOMY)


def cost(work: Callable[[], Any], rounds: int = 15, seconds: float = 0.05) -> float:
    """CPU microseconds of one call: the best round."""
    calls = 1
    while True:
        begun = time.process_time()
        for _ in range(calls):
            work()
        if time.process_time() - begun > seconds / 5:
            break
        calls *= 4
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(calls):
            work()
        best = min(best, (time.process_time() - begun) / calls)
    return best * 1e6


def tiers(count: int, random: Random) -> list[Candidate]:
    """Promotion tiers: a quarter with only an order-amount rule, the rest with products, metadata, or two
    rules. About one in twenty matches a cart.
    """
    found = []
    for number in range(count):
        kind = number % 4
        least = random.randrange(5_000, 350_000)
        by_amount = {"name": "order.amount", "conditions": {"$more_than_or_equal": [least]}}
        if kind == 0:
            bodies = [by_amount]
        elif kind == 1:
            named = {"object": "product", "id": f"prod_{random.randrange(400)}"}
            bodies = [{"name": "order.items.any", "conditions": {"$is": [named]}}]
        elif kind == 2:
            value = f"group-{random.randrange(60)}"
            bodies = [{"name": "customer.metadata", "property": "group", "conditions": {"$is": [value]}}]
        else:
            named = {"object": "product", "id": f"prod_{random.randrange(400)}"}
            bodies = [by_amount, {"name": "order.items.any", "conditions": {"$is": [named]}}]
        document = {"rules": {str(index): body for index, body in enumerate(bodies, 1)}}
        found.append(
            Candidate(
                object="promotion_tier",
                requested_id=f"promo_{number}",
                id=f"promo_{number}",
                kind="PROMOTION_TIER",
                discount=compile_discount({"type": "PERCENT", "percent_off": 5, "effect": "APPLY_TO_ORDER"}),
                rules=(compile_rule(f"val_{number}", document, collections={}, segments={}),),
            )
        )
    return found


def random_cart(random: Random) -> Facts:
    made = tuple(
        Line(
            index=index,
            product_id=f"prod_{random.randrange(400)}",
            quantity=random.randrange(1, 4),
            price=random.randrange(100, 20_000),
        )
        for index in range(random.randrange(1, 9))
    )
    customer = CustomerFacts(id="cust_1", metadata={"group": f"group-{random.randrange(60)}"})
    return Facts(candidates=(), order=OrderFacts(lines=made), customer=customer, stacking=ROOMY)


def names(results: list[Any]) -> list[str]:
    return [result.candidate.id for result in results]


def compare_index(tier_count: int, cart_count: int) -> tuple[float, float]:
    """(share of the cost of deciding every tier, share of tiers that match); stops on the first
    difference.
    """
    random = Random(7)
    offers = tiers(tier_count, random)
    index = OfferIndex(offers)
    by_index = brute = 0.0
    matched = 0
    for _ in range(cart_count):
        cart = random_cart(random)
        begun = time.process_time()
        some = index.applicable(cart, MOMENT)
        middle = time.process_time()
        every = applicable_alone(offers, cart, MOMENT)
        by_index += middle - begun
        brute += time.process_time() - middle
        matched += len(every)
        if names(some) != names(every):
            sys.exit("the index and brute force differ")
    return by_index / brute, matched / (tier_count * cart_count)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiers", type=int, default=20_000)
    parser.add_argument("--carts", type=int, default=1000)
    wanted = parser.parse_args()
    missed = []

    def line(what: str, value: float, unit: str, bar: float | None = None) -> None:
        verdict = "" if bar is None else f"  (bar {bar:g}: {'held' if value <= bar else 'MISSED'})"
        print(f"{what:<58} {value:>9.2f} {unit}{verdict}", flush=True)
        if bar is not None and value > bar:
            missed.append(what)

    for codes, lines, bar in ((1, 10, 10.0), (5, 30, 40.0)):
        body, known = request(codes, lines), facts(codes, lines)
        decoding, deciding = (
            cost(lambda body=body: DECODER.decode(body)),
            cost(lambda known=known: decide(known, MOMENT)),
        )
        line(f"decode {codes} x {lines} lines", decoding, "us")
        line(f"decide {codes} x {lines} lines", deciding, "us")
        line(f"decide / decode, {codes} x {lines} lines", deciding / decoding, "x", bar)
    one, many = facts(1, 30), facts(1, 30, quantity=200)
    ratio = min(cost(lambda: decide(many, MOMENT)) / cost(lambda: decide(one, MOMENT)) for _ in range(3))
    line("6 000 units in 30 lines / 30 units", ratio, "x", 1.05)
    two = facts(1, 2)
    line("10 % off a cart of two lines", cost(lambda: decide(two, MOMENT)), "us")
    share, matching = compare_index(wanted.tiers, wanted.carts)
    line(f"of {wanted.tiers} tiers match", matching * 100, "%")
    line(f"indexed / brute force over {wanted.carts} carts", share, "x", 0.15)
    if missed:
        print("missed:", "; ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
