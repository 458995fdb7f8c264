"""Explaining: the trace says what was looked at, and costs nothing when nobody asks."""

import sys
from types import FrameType
from typing import Any

import msgspec

from rules.counters import tally
from rules.decide import decide
from rules.facts import Counter, Facts
from tests.rules.making import MOMENT, ROOMY, amount, order, percent, run, voucher

CART = order(("a", 2, 5000))


def explained(*candidates: Any, **more: Any) -> list[Any]:
    decision = run(*candidates, cart=CART, explain=True, **more)
    assert decision.trace is not None
    msgspec.json.encode(decision.trace)
    return list(decision.trace["redeemables"])


def rules(*bodies: Any, logic: str = "") -> dict[str, Any]:
    return {"rules": {**{str(number): body for number, body in enumerate(bodies, 1)}, "logic": logic}}


def test_a_rule_shows_expected_actual_and_result() -> None:
    """Every rule of the tree, in its logic."""
    more = {"name": "order.amount", "conditions": {"$more_than_or_equal": [11250]}}
    small = {"name": "order.items.count", "conditions": {"$less_than": [5]}}
    (entry,) = explained(voucher(amount(1), rules=[rules(more, small, logic="1 and 2")]))
    assert entry["status"] == "INAPPLICABLE"
    assert entry["refused_by"]["key"] == "order_rules_violated"
    first, second = entry["rules"][0]["rules"]
    assert (first["node"], first["name"], first["actual"], first["result"]) == (
        "1",
        "order.amount",
        10000,
        False,
    )
    assert first["conditions"] == [{"operator": "$more_than_or_equal", "expected": [11250]}]
    assert (second["actual"], second["result"]) == (2, True)


def test_the_nearest_miss_is_named() -> None:
    """How much more the order needs."""
    more = {"name": "order.amount", "conditions": {"$more_than_or_equal": [11250]}}
    (entry,) = explained(voucher(amount(1), rules=[rules(more)]))
    assert (entry["nearest"]["name"], entry["nearest"]["more"]) == ("order.amount", 1250)


def test_late_rules_are_shown_with_the_result() -> None:
    """What looks at the result of the discount is shown after it is known."""
    late = {"name": "order.total_amount", "conditions": {"$more_than": [9000]}}
    (entry,) = explained(voucher(amount(1000), rules=[rules(late)]))
    node = entry["rules"][0]["rules"][0]
    assert (node["actual"], node["result"]) == (9000, False)
    assert entry["amounts"] == [{"step": "order", "amount": 1000}]


def test_skipped_ones_are_explained_too() -> None:
    """Those cut by a limit say by which; those never reached say so."""
    stacking = msgspec.structs.replace(ROOMY, applicable_redeemables_limit=1)
    closed = voucher(amount(1), "C", windows=[{"active": False}], rules=[rules()])
    entries = explained(voucher(amount(1), "A"), voucher(amount(1), "B"), closed, stacking=stacking)
    assert [entry["status"] for entry in entries] == ["APPLICABLE", "SKIPPED", "INAPPLICABLE"]
    assert entries[1]["skipped_by"]["key"] == "applicable_redeemables_limit_exceeded"
    assert entries[2]["rules"][0]["omitted_reason"]


def test_amounts_and_counters_are_shown_step_by_step() -> None:
    """Per line what was taken off, and the counters as they were seen."""
    code = voucher(percent(10, effect="APPLY_TO_ITEMS"), quantity=7)
    (entry,) = explained(code, counters={tally("voucher", "v_CODE"): Counter(3, 1)})
    assert entry["amounts"] == [{"step": "item", "index": 0, "units": 2, "of": 10000, "amount": 1000}]
    assert entry["counters"][0]["seen"] == 4
    assert entry["counters"][0]["cap"] == 7
    assert (entry["order_before"]["left"], entry["order_after"]["left"]) == (10000, 9000)


def test_an_explained_decision_is_the_same_decision() -> None:
    """Explaining changes nothing but the trace."""
    more = {"name": "order.amount", "conditions": {"$more_than": [9500]}}
    codes = (voucher(percent(10), "A"), voucher(amount(500), "B", rules=[rules(more)]))
    facts = Facts(candidates=codes, order=CART, stacking=ROOMY)
    plain, told = decide(facts, MOMENT), decide(facts, MOMENT, explain=True)
    assert plain.trace is None
    assert msgspec.structs.replace(told, trace=None) == plain


def test_unexplained_decisions_run_the_same_instructions_as_ever() -> None:
    """Counted: after explaining has been used, a plain decision takes not one instruction more, none of it
    explaining.
    """
    facts = Facts(candidates=(voucher(percent(10), rules=[rules()]),), order=CART, stacking=ROOMY)
    decide(facts, MOMENT)
    before, files = instructions(facts)
    decide(facts, MOMENT, explain=True)
    after, _ = instructions(facts)
    assert before == after
    assert not any(name.endswith("explain.py") for name in files)


def instructions(facts: Facts) -> tuple[int, set[str]]:
    """How many instructions a decision takes, and in which files."""
    count = 0
    files: set[str] = set()

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        files.add(frame.f_code.co_filename)
        count += event == "opcode"
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        decide(facts, MOMENT)
    finally:
        sys.settrace(previous)
    return count, files
