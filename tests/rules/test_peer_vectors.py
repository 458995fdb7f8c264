"""What public test suites of twelve other engines assert, decided by this one."""

import json
from pathlib import Path
from typing import Any

import pytest

from rules.decide import decide
from rules.verdict import Decision
from tests.rules.making import MOMENT
from tests.rules.peers import Case

FILE = Path(__file__).parents[1] / "vectors" / "peer_vectors.json"
VECTORS = json.loads(FILE.read_text())["vectors"]


def per_line(decision: Decision) -> list[int]:
    """Discount per line, order-level parts included."""
    assert decision.order is not None
    return [line.discount_amount + line.order_share for line in decision.order.lines]


def off(result: Any) -> int:
    return result.order.total_applied_discount_amount if result.order is not None else 0


def shipping_off(result: Any) -> int:
    return sum(method.applied_discount_amount for method in result.order.shipping) if result.order else 0


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_the_engine_computes_what_its_peers_compute(vector) -> None:
    """Totals, lines, what was applied and what was not; alternatives count where the data names them."""
    decision = decide(Case(vector).facts(), MOMENT)
    expected = vector["expected"]
    order = decision.order
    assert order is not None
    total = order.total_discount_amount
    assert total in expected.get("accept_minor", [expected["order_discount_minor"]])
    shipping = sum(method.discount_amount for method in order.shipping)
    assert shipping == expected.get("shipping_discount_minor", 0)
    names = [item["sku"] for item in vector["items"]]
    lines = per_line(decision)
    if "items" in expected:
        found = dict(zip(names, lines, strict=True))
        allowed = [expected["items"], *expected.get("items_alternatives", ())]
        assert any(all(found[name] == value for name, value in one.items()) for one in allowed), found
    if "items_multiset" in expected:
        assert sorted(lines) == sorted(expected["items_multiset"])
    gave = {
        result.candidate.code: off(result) + shipping_off(result)
        for result in decision.results
        if result.status == "APPLICABLE"
    }
    for name in expected["rejected"]:
        assert not gave.get(name)
    for name in expected.get("applied", ()):
        if total or shipping:
            assert name in gave
    for name, value in expected.get("by_promotion", {}).items():
        assert gave.get(name) == value
