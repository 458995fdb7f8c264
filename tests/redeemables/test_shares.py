"""Shares of a redemption: whatever the order of parts, together they are the whole, to the cent."""

import random
from typing import Any

import pytest

from app.redeemables.shares import Sold


def random_order(chance: random.Random) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One to three redemptions on one to five lines, with amounts that divide badly."""
    lines = chance.randint(1, 5)
    children: list[dict[str, Any]] = []
    taken = [0] * lines
    items = [
        {"product_id": f"p{number % 3}", "quantity": chance.randint(1, 7), "amount": chance.randint(0, 9_999)}
        for number in range(lines)
    ]
    for child in range(chance.randint(1, 3)):
        own = []
        for number, item in enumerate(items):
            off = chance.randint(0, max(0, (item["amount"] - taken[number]) // 2))
            taken[number] += off
            own.append({**item, "applied_discount_amount": off})
        rest = chance.randint(0, 500)
        total = rest + sum(item["applied_discount_amount"] for item in own)
        children.append(
            {
                "related_object_id": f"v_{child}",
                "voucher": {"campaign_id": f"camp_{child % 2}"},
                "gift": {"amount": total} if child == 1 else None,
                "order": {"items": own, "total_applied_discount_amount": total},
            }
        )
    root = [{**item, "subtotal_amount": item["amount"] - off} for item, off in zip(items, taken, strict=True)]
    return children, {"items": root}


def random_parts(chance: random.Random, sold: Sold) -> list[dict[int, int]]:
    """Units that are back after each part, until all are."""
    back = dict.fromkeys(sold.units, 0)
    states = []
    while not sold.is_whole(back):
        for line, quantity in sold.units.items():
            back[line] += chance.randint(0, quantity - back[line])
        states.append(dict(back))
    return states


@pytest.mark.parametrize("seed", range(200))
def test_parts_add_up_to_the_whole(seed: int) -> None:
    """Discounts, credits and every posting; and no part takes back what an earlier one gave."""
    chance = random.Random(seed)
    children, order = random_order(chance)
    sold = Sold.of(children, order)
    credits_of_second = (*sold.credits, None, None)[1] or 0
    postings = [
        ("n:campaign:camp_0", "discount", sum(t for n, t in enumerate(sold.totals) if n % 2 == 0)),
        ("n:campaign:camp_0", "orders", chance.randint(1, 10_000)),
        ("n:campaign:camp_1:c=cust_1:w=d2026-11-22", "credits", credits_of_second),
        ("g:1f", "v_1", -credits_of_second),
        ("n:project:p", "unheard", 17),
    ]
    given = (0,) * len(children)
    credits_back = (0,) * len(children)
    posted = [0] * len(postings)
    for back in random_parts(chance, sold):
        now = sold.given(back)
        assert all(new >= old for new, old in zip(now, given, strict=True))
        given = now
        now = sold.credits_back(back)
        assert all(new >= old for new, old in zip(now, credits_back, strict=True))
        credits_back = now
        values = [sold.posted(key, field, delta, back, uses=False) for key, field, delta in postings]
        assert all(abs(new) >= abs(old) for new, old in zip(values, posted, strict=True))
        posted = values
    assert given == sold.totals
    assert credits_back == tuple(used or 0 for used in sold.credits)
    assert posted == [delta for _, _, delta in postings]


def test_a_share_is_that_of_the_units() -> None:
    """A line's discount by its units, the order's by what the lines cost after their own discounts."""
    child = {
        "related_object_id": "v_1",
        "order": {
            "items": [
                {"product_id": "mug", "applied_discount_amount": 100},
                {"product_id": "lamp"},
            ],
            "total_applied_discount_amount": 1_000,
        },
    }
    order = {
        "items": [
            {"product_id": "mug", "quantity": 3, "amount": 3_100, "subtotal_amount": 3_000},
            {"product_id": "lamp", "quantity": 1, "amount": 6_000, "subtotal_amount": 6_000},
        ]
    }
    sold = Sold.of([child], order)
    assert sold.given({0: 1}) == (33 + 100,)
    assert sold.given({0: 3}) == (100 + 300,)
    assert sold.given({1: 1}) == (600,)
    assert sold.gross({0: 1}) == 1_033
