"""What holds for every cart and every document, not only for the worked ones."""

import os
import resource
import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rules.charges import counters_of
from rules.compile import RuleError, compile_discount, compile_rule, references
from rules.decide import decide
from rules.facts import Line, Moment, OrderFacts
from rules.verdict import Decision, OrderState
from tests.rules.making import amount, cuts, order, percent, run, totals, voucher
from tests.rules.randomly import COLLECTION, EFFECTS, SEGMENT, Maker

DOCUMENTS = int(os.environ.get("VOUCHSAFE_RULE_DOCUMENTS", "100000"))
REQUESTS = int(os.environ.get("VOUCHSAFE_RULE_REQUESTS", "2000"))
MEMORY_KIB_MAX = 100_000
MONEY = st.integers(0, 20_000)
PERCENTS = st.decimals(0, 100, places=2)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def plain_lines(draw: Any) -> tuple[Line, ...]:
    """Lines with prices and nothing else."""
    return tuple(
        Line(index=index, quantity=draw(st.integers(1, 5)), price=draw(MONEY), product_id=f"p{index}")
        for index in range(draw(st.integers(1, 4)))
    )


def check_identities(state: OrderState) -> None:
    """The sums of the contract, and nothing below zero."""
    assert state.items_discount_amount == sum(line.discount_amount for line in state.lines)
    assert state.items_applied_discount_amount == sum(line.applied_discount_amount for line in state.lines)
    assert state.total_discount_amount == state.discount_amount + state.items_discount_amount
    assert state.applied_discount_amount >= 0
    for line in state.lines:
        assert line.quantity >= 0
        assert 0 <= line.applied_discount_amount <= line.discount_amount or line.amount is None
        if line.amount is not None:
            assert 0 <= line.discount_amount <= line.amount
    if state.total_amount is not None and state.amount is not None:
        assert 0 <= state.total_amount <= state.amount


def check(decision: Decision) -> None:
    for result in decision.results:
        assert (result.refusal is None) is (result.status == "APPLICABLE")
        if result.order is not None:
            check_identities(result.order)
        names = [charge.counter for charge in result.charges]
        assert len(names) == len(set(names))
    if decision.order is not None:
        check_identities(decision.order)


def refused(document: Any, compile_one: Any) -> bool:
    """Is it refused? Anything but a program or a RuleError escapes and fails the test."""
    try:
        compile_one(document)
    except RuleError as error:
        found = error
    else:
        return False
    assert found.key in ("invalid_validation_rules", "invalid_payload")
    assert found.details.startswith(("Property", "Payload"))
    return True


def test_random_rule_documents_are_programs_or_errors() -> None:
    """Never an exception of another kind, never slow, and nothing of them stays in memory."""
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    maker = Maker(seed=7, noise=0.05)
    known = {"collections": {"pc_1": COLLECTION}, "segments": {"seg_1": SEGMENT}}
    outcomes = {True: 0, False: 0}
    slowest = 0.0
    for _ in range(DOCUMENTS):
        document = maker.rule_set()
        references(document)
        begun = time.process_time()
        outcomes[refused(document, lambda body: compile_rule("val_1", body, **known))] += 1
        slowest = max(slowest, time.process_time() - begun)
        outcomes[refused(maker.discount(), compile_discount)] += 1
    assert outcomes[False] > DOCUMENTS / 4
    assert outcomes[True] > DOCUMENTS / 20
    assert slowest < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < MEMORY_KIB_MAX


def test_deciding_never_raises_and_the_sums_hold() -> None:
    """Any decodable input gives a decision whose amounts add up; the same facts give the same decision."""
    seen: dict[str, int] = {}
    for seed in range(REQUESTS):
        maker = Maker(seed)
        facts, moment = maker.request()
        decision = decide(facts, moment)
        check(decision)
        for result in decision.results:
            seen[result.status] = seen.get(result.status, 0) + 1
        counters_of(facts, moment)
        again = decide(facts, moment, explain=seed % 5 == 0)
        assert (again.order, again.valid) == (decision.order, decision.valid)
        assert [r.charges for r in again.results] == [r.charges for r in decision.results]
    assert seen["APPLICABLE"] > REQUESTS / 3
    assert seen["INAPPLICABLE"] > REQUESTS / 10


def test_what_a_redeemable_applies_to_is_said_beside_the_decision() -> None:
    """Where nobody asks for the lists they are empty, and nothing else is another."""
    listed = 0
    for seed in range(REQUESTS // 4):
        facts, moment = Maker(seed).request()
        told, short = decide(facts, moment), decide(facts, moment, lists=False)
        bare = [msgspec.structs.replace(one, applicable_to=(), inapplicable_to=()) for one in told.results]
        assert list(short.results) == bare
        assert (short.order, short.valid) == (told.order, told.valid)
        listed += any(one.applicable_to for one in told.results)
    assert listed > REQUESTS / 40


def test_senseless_quantities_and_prices_raise_nothing() -> None:
    """What a decoder should have refused is still only a decision."""
    for seed in range(REQUESTS // 4):
        maker = Maker(seed)
        facts, moment = maker.request()
        if facts.order is None:
            continue
        lines = tuple(
            msgspec.structs.replace(
                line, quantity=maker.one(0, -1, 1, 10**6), price=maker.one(None, 0, -5, 10**12)
            )
            for line in facts.order.lines
        )
        odd = msgspec.structs.replace(facts.order, lines=lines, amount=maker.one(None, -5, 0, 10**13))
        decision = decide(msgspec.structs.replace(facts, order=odd), moment)
        assert len(decision.results) == len(facts.candidates)


@given(JUNK)
def test_anything_is_a_program_or_an_error(document) -> None:
    """What is no document at all is refused like one that is wrong."""
    references(document)
    refused(document, lambda body: compile_rule("val_1", body, collections={}, segments={}))
    refused(document, compile_discount)


PLAIN_CARTS = plain_lines().map(lambda lines: OrderFacts(lines=lines))


@given(PLAIN_CARTS, MONEY, st.sampled_from(EFFECTS[3:]))
def test_shares_sum_to_the_discount(cart, value, effect) -> None:
    """No cent is lost between lines while every line bears its share."""
    state = run(voucher(amount(value, effect=effect)), cart=cart).order
    assert state is not None
    assert sum(cuts(state)) <= value
    if effect == "APPLY_TO_ITEMS_PROPORTIONALLY" and state.amount:
        assert sum(cuts(state)) == min(value, state.amount)


@given(PLAIN_CARTS, PERCENTS, st.sampled_from(EFFECTS[:2]), MONEY)
def test_a_cap_never_raises_a_discount(cart, value, effect, limit) -> None:
    """With a limit there is at most as much off as without."""
    free = run(voucher(percent(value, effect=effect)), cart=cart).order
    capped = run(voucher(percent(value, effect=effect, amount_limit=limit)), cart=cart).order
    assert free is not None
    assert capped is not None
    assert capped.total_discount_amount <= free.total_discount_amount
    assert all(line.applied_discount_amount <= limit for line in capped.lines)


@given(PLAIN_CARTS, PERCENTS, st.randoms())
def test_the_order_of_independent_lines_does_not_matter(cart, value, random) -> None:
    """Each line gets the same discount wherever it stands."""
    shuffled = list(cart.lines)
    random.shuffle(shuffled)
    other = OrderFacts(
        lines=tuple(msgspec.structs.replace(line, index=index) for index, line in enumerate(shuffled))
    )
    discount = percent(value, effect="APPLY_TO_ITEMS")
    first, second = run(voucher(discount), cart=cart).order, run(voucher(discount), cart=other).order
    assert sorted(cuts(first)) == sorted(cuts(second))


@given(st.integers(2, 50), MONEY, MONEY)
def test_splitting_a_line_changes_nothing_per_unit(quantity, price, value) -> None:
    """An amount per unit is the same for one line of n as for n lines of one."""
    discount = amount(value, effect="APPLY_TO_ITEMS_BY_QUANTITY")
    whole = run(voucher(discount), cart=order(("a", quantity, price))).order
    split = run(voucher(discount), cart=order(*[("a", 1, price)] * quantity)).order
    assert totals(whole) == totals(split)


@given(PLAIN_CARTS, PERCENTS, MONEY, st.none() | MONEY, st.sampled_from(EFFECTS[1:]))
def test_naming_every_product_is_naming_none(cart, value, off, limit, effect) -> None:
    """The short way for plain discounts and the long way for named products give the same amounts."""
    every = {"applicable_to": {"included": [{"object": "products_collection", "id": "pc_a11pr0dUc75"}]}}
    limits = {} if limit is None else {"amount_limit": limit}
    for discount in (percent(value, effect="APPLY_TO_ITEMS", **limits), amount(off, effect=effect, **limits)):
        plain = run(voucher(percent(7), "FIRST"), voucher(discount), cart=cart).order
        named = run(voucher(percent(7), "FIRST"), voucher(discount, rules=[every]), cart=cart).order
        assert (cuts(plain), totals(plain)) == (cuts(named), totals(named))


@given(plain_lines(), st.lists(PERCENTS, min_size=1, max_size=4), st.integers(0, 99), st.booleans())
def test_margins_hold_after_any_stack(lines, values, floor, on_items) -> None:
    """Whatever is stacked, no line's net falls below what its cost allows."""
    priced = tuple(msgspec.structs.replace(line, cost=min(line.price or 0, 4000) * 7 // 10) for line in lines)
    effect = "APPLY_TO_ITEMS" if on_items else "APPLY_TO_ORDER"
    stack = [voucher(percent(value, effect=effect), f"C{n}") for n, value in enumerate(values)]
    stack.append(voucher(amount(3000), "LAST"))
    extensions = {"margin": {"floor_percent": floor, "missing_cost": "include"}}
    decision = run(*stack, cart=OrderFacts(lines=priced), project_extensions=extensions)
    assert decision.order is not None
    for line, source in zip(decision.order.lines, priced, strict=True):
        assert line.amount is not None
        assert source.cost is not None
        net = line.amount - line.discount_amount - line.order_share
        cost = source.cost * source.quantity
        began_below = (line.amount - cost) * 100 < floor * line.amount
        assert (net - cost) * 100 >= floor * net or began_below
        if began_below:
            assert net == line.amount


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)))
def test_a_moment_with_any_zone_is_decided(at) -> None:
    """No clock of the world breaks a decision."""
    for zone in ("Pacific/Apia", "America/Sao_Paulo", "Asia/Kathmandu"):
        moment = Moment(at.replace(tzinfo=ZoneInfo("UTC")), ZoneInfo(zone))
        document = {"rules": {"1": {"name": "redemption.count.monthly", "conditions": {"$less_than": [5]}}}}
        assert run(voucher(amount(1), rules=[document]), cart=order(("a", 1, 5)), moment=moment).valid
