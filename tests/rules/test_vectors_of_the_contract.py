"""The worked numbers of the contract's description of discounts (TV1 and on), as tables."""

import pytest

from rules.facts import ItemFacts, Line
from tests.rules.making import (
    ROOMY,
    amount,
    cuts,
    gift,
    order,
    percent,
    products,
    run,
    tier,
    totals,
    voucher,
)

STORE = (
    ("mug", 2, 1000),
    ("poster", 3, 1500),
    ("tshirt", 3, 2000),
    ("bottle", 2, 2500),
)
ELIGIBLE = products("mug", "poster", "tshirt")


def test_tv1_percent_on_the_order_uses_the_explicit_amount() -> None:
    """The amount that was sent is the base; lines stay untouched."""
    cart = order(("a", 1, 3000), ("b", 1, 2000), Line(index=2, quantity=2, amount=1000), amount=20050)
    state = run(voucher(percent(10, effect="APPLY_TO_ORDER")), cart=cart).order
    assert totals(state) == (20050, 2005, 0, 18045)
    assert cuts(state) == [0, 0, 0]


def test_tv2_amount_off_each_listed_line() -> None:
    """Each applicable line loses the value, others nothing."""
    cart = order(("a", 1, 2000), ("b", 1, 8000), ("c", 1, 5000), ("d", 1, 180000), amount=195000)
    state = run(voucher(amount(1000, effect="APPLY_TO_ITEMS"), rules=[products("a", "b")]), cart=cart).order
    assert cuts(state) == [1000, 1000, 0, 0]
    assert totals(state) == (195000, 0, 2000, 193000)


def test_tv3_amount_split_by_line_amounts() -> None:
    """The shares follow the amounts of the lines."""
    cart = order(("a", 1, 2000), ("b", 1, 8000), ("c", 1, 5000), ("d", 1, 180000), amount=195000)
    discount = amount(1000, effect="APPLY_TO_ITEMS_PROPORTIONALLY")
    state = run(voucher(discount, rules=[products("a", "b")]), cart=cart).order
    assert cuts(state) == [200, 800, 0, 0]
    assert totals(state)[3] == 194000


def test_tv4_shares_follow_given_amounts_and_sum_exactly() -> None:
    """147.76 and 152.24 become 148 and 152; the explicit order amount stays."""
    cart = order(
        Line(index=0, product_id="a", quantity=1, price=3000, amount=3300),
        Line(index=1, product_id="b", quantity=2, price=3000, amount=3400),
        amount=6000,
    )
    state = run(voucher(amount(300, effect="APPLY_TO_ITEMS_PROPORTIONALLY")), cart=cart).order
    assert cuts(state) == [148, 152]
    assert totals(state) == (6000, 0, 300, 5700)


@pytest.mark.parametrize(
    ("discount", "expected", "total"),
    [
        (amount(1000, effect="APPLY_TO_ITEMS"), [1000, 1000, 1000, 0], 14500),
        (amount(1000, effect="APPLY_TO_ITEMS_BY_QUANTITY"), [2000, 3000, 3000, 0], 9500),
        (amount(1000, effect="APPLY_TO_ITEMS_PROPORTIONALLY"), [160, 360, 480, 0], 16500),
        (amount(1000, effect="APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY"), [250, 375, 375, 0], 16500),
        (percent(10, effect="APPLY_TO_ITEMS"), [200, 450, 600, 0], 16250),
        ({"type": "FIXED", "fixed_amount": 1000, "effect": "APPLY_TO_ITEMS"}, [0, 1500, 3000, 0], 13000),
    ],
    ids="abcdef",
)
def test_tv5_every_effect_on_the_same_cart(discount, expected, total) -> None:
    """One cart, six ways to take a discount off its lines."""
    state = run(voucher(discount, rules=[ELIGIBLE]), cart=order(*STORE)).order
    assert cuts(state) == expected
    assert totals(state)[3] == total


def test_tv6_units_per_line() -> None:
    """At most three units of a line of five are discounted."""
    discount = amount(100, effect="APPLY_TO_ITEMS_BY_QUANTITY")
    state = run(voucher(discount, rules=[products("a", quantity_limit=3)]), cart=order(("a", 5, 1000))).order
    assert cuts(state) == [300]
    assert state is not None
    assert (state.lines[0].applied_quantity, state.lines[0].applied_quantity_amount) == (3, 3000)


def test_tv6_units_over_lines() -> None:
    """Five units over lines of two and four."""
    limited = {
        "applicable_to": {
            "included_all": True,
            "aggregated_quantity_limit": 5,
        }
    }
    discount = amount(100, effect="APPLY_TO_ITEMS_BY_QUANTITY")
    state = run(voucher(discount, rules=[limited]), cart=order(("a", 2, 1000), ("b", 4, 1000))).order
    assert cuts(state) == [200, 300]


def test_tv7_every_second_line_from_the_dearest() -> None:
    """The dearest line is skipped, then every second one is discounted; sorting goes by unit price."""
    cart = order(
        ("tshirt", 3, 2000), ("poster", 5, 1500), ("mug", 2, 1000), ("socks", 4, 500), ("bottle", 2, 2500)
    )
    rule = products_of_collection(target="ITEM")
    state = run(voucher(amount(500, effect="APPLY_TO_ITEMS"), rules=[rule]), cart=cart).order
    assert cuts(state) == [0, 500, 0, 500, 0]
    assert totals(state)[3] == 21500


def test_tv7_every_second_unit_from_the_dearest() -> None:
    """The same by units, counted over the lines without expanding them."""
    cart = order(
        ("tshirt", 3, 2000), ("poster", 5, 1500), ("mug", 2, 1000), ("socks", 4, 500), ("bottle", 2, 2500)
    )
    rule = products_of_collection(target="UNIT")
    state = run(voucher(amount(500, effect="APPLY_TO_ITEMS_BY_QUANTITY"), rules=[rule]), cart=cart).order
    assert cuts(state) == [500, 1500, 500, 1000, 0]
    assert totals(state)[2:] == (3500, 19000)


def products_of_collection(target: str):
    from rules.compile import compile_collection, compile_rule

    members = [{"id": name, "object": "product"} for name in ("tshirt", "poster", "mug", "socks")]
    collection = compile_collection("pc_1", {"type": "STATIC", "products": members})
    entry = {
        "object": "products_collection",
        "id": "pc_1",
        "effect": "APPLY_FROM_MOST_EXPENSIVE",
        "skip_initially": 1,
        "repeat": 2,
        "target": target,
    }
    return compile_rule(
        "val_1", {"applicable_to": {"included": [entry]}}, collections={"pc_1": collection}, segments={}
    )


def unit(effect: str, count: int, unit_type: str) -> dict:
    return {"type": "UNIT", "unit_off": count, "unit_type": unit_type, "effect": effect}


def test_tv9_new_unit_joins_its_line() -> None:
    """A free unit of a product in the cart makes its line longer, not a second line."""
    state = run(voucher(unit("ADD_NEW_ITEMS", 1, "prod_a")), cart=order(("prod_a", 1, 2900))).order
    assert state is not None
    first = state.lines[0]
    assert (first.quantity, first.amount, first.discount_amount, first.discount_quantity) == (
        2,
        5800,
        2900,
        1,
    )
    assert (first.initial_quantity, first.initial_amount) == (1, 2900)
    assert (state.amount, state.initial_amount, state.total_amount) == (5800, 2900, 2900)


def test_tv9_missing_unit_that_is_there_becomes_free() -> None:
    """Nothing is added; the unit in the cart costs nothing."""
    state = run(voucher(unit("ADD_MISSING_ITEMS", 1, "prod_a")), cart=order(("prod_a", 1, 2900))).order
    assert state is not None
    assert (state.lines[0].quantity, state.lines[0].discount_amount, state.lines[0].discount_quantity) == (
        1,
        2900,
        1,
    )
    assert totals(state) == (2900, 0, 2900, 0)


def test_tv9_many_units_keep_the_given_amount() -> None:
    """The amount that was sent grows by what was added and no more."""
    discount = {
        "type": "UNIT",
        "effect": "ADD_MANY_ITEMS",
        "units": [
            {"unit_off": 1, "unit_type": "prod_a", "effect": "ADD_MISSING_ITEMS"},
            {"unit_off": 1, "unit_type": "prod_b", "effect": "ADD_NEW_ITEMS"},
        ],
    }
    state = run(voucher(discount), cart=order(("prod_a", 1, 2900), ("prod_b", 1, 3100), amount=6000)).order
    assert state is not None
    assert totals(state) == (9100, 0, 6000, 3100)
    a, b = state.lines
    assert (a.quantity, a.discount_quantity, a.discount_amount) == (1, 1, 2900)
    assert (b.quantity, b.discount_quantity, b.initial_quantity, b.initial_amount) == (2, 1, 1, 3100)
    assert (b.amount, b.discount_amount) == (6200, 3100)


def test_tv9_mug_joins_and_a_mug_without_price_changes_no_amount() -> None:
    """Without a known price the free line has no amounts."""
    discount = unit("ADD_NEW_ITEMS", 1, "prod_mug")
    state = run(voucher(discount), cart=order(("prod_mug", 1, 1000), ("bottle", 2, 2500))).order
    assert state is not None
    assert (state.lines[0].quantity, state.lines[0].amount, state.lines[0].discount_amount) == (2, 2000, 1000)
    assert totals(state) == (7000, 0, 1000, 6000)
    bare = run(voucher(discount), cart=order(("bottle", 2, 2500))).order
    assert bare is not None
    mug = bare.lines[1]
    assert (mug.quantity, mug.discount_quantity, mug.initial_quantity, mug.amount) == (1, 1, 0, None)
    assert totals(bare) == (5000, 0, 0, 5000)


CART = (
    ("prod_1", 1, 2900),
    ("prod_2", 1, 3100),
    ("prod_3", 1, 2900),
    ("sku_s", 1, 1700),
    ("prod_p", 1, 1500),
    ("prod_q", 1, 60000),
)
CATALOGUE = {
    "sku_t": ItemFacts(id="sku_t", price=210000, product_id="prod_t"),
    "prod_new": ItemFacts(id="prod_new", price=500),
}


@pytest.mark.parametrize(
    ("discount", "expected"),
    [
        (unit("ADD_MISSING_ITEMS", 23, "sku_s"), (109500, 0, 39100, 70400)),
        (unit("ADD_MISSING_ITEMS", 5, "prod_p"), (78100, 0, 7500, 70600)),
        (unit("ADD_NEW_ITEMS", 8, "prod_new"), (76100, 0, 4000, 72100)),
        (unit("ADD_NEW_ITEMS", 45, "sku_t"), (9522100, 0, 9450000, 72100)),
        (amount(100), (72100, 100, 0, 72000)),
    ],
    ids="bcdef",
)
def test_tv10_units_into_a_cart_of_six(discount, expected) -> None:
    """Added units raise the amount by what they take off it."""
    assert totals(run(voucher(discount), cart=order(*CART), catalogue=CATALOGUE).order) == expected


def test_tv10_many_units_at_once() -> None:
    """Four products of which one was not in the cart."""
    wanted = [
        ("MISSING", 11, "sku_t"),
        ("NEW", 22, "sku_s"),
        ("MISSING", 111, "prod_q"),
        ("MISSING", 222, "prod_p"),
    ]
    units = [
        {"effect": f"ADD_{effect}_ITEMS", "unit_off": n, "unit_type": name} for effect, n, name in wanted
    ]
    discount = {"type": "UNIT", "effect": "ADD_MANY_ITEMS", "units": units}
    state = run(voucher(discount), cart=order(*CART), catalogue=CATALOGUE).order
    assert state is not None
    assert (totals(state), state.initial_amount) == ((9351000, 0, 9340400, 10600), 72100)
    seen = {entry.sku_id or entry.product_id: entry for entry in state.lines}
    assert (seen["sku_s"].quantity, seen["sku_s"].discount_amount) == (23, 37400)
    assert (seen["prod_p"].quantity, seen["prod_p"].discount_amount) == (222, 333000)
    assert (seen["prod_q"].quantity, seen["prod_q"].discount_amount) == (111, 6660000)
    assert (seen["sku_t"].quantity, seen["sku_t"].amount) == (11, 2310000)


def test_tv10_new_price_for_all_lines() -> None:
    """Every unit costs 800 afterwards."""
    every = {
        "applicable_to": {
            "included": [{"object": "products_collection", "id": "pc_a11pr0dUc75", "price": 800}]
        }
    }
    state = run(
        voucher({"type": "FIXED", "effect": "APPLY_TO_ITEMS"}, rules=[every]), cart=order(*CART)
    ).order
    assert cuts(state) == [2100, 2300, 2100, 900, 700, 59200]
    assert totals(state)[2:] == (67300, 4800)


def test_tv12_gift_then_percent_then_amount() -> None:
    """Each redeemable works on what the earlier ones left."""
    results = run(
        gift(5000, 100), voucher(percent(20), "PCT"), tier(amount(8000)), cart=order(("a", 1, 200000))
    )
    states = [result.order for result in results.results]
    assert [totals(state)[3] for state in states] == [199900, 159920, 151920]
    assert states[1] is not None
    assert (states[1].applied_discount_amount, states[1].discount_amount) == (39980, 40080)
    assert results.order is not None
    assert (results.order.discount_amount, results.order.applied_discount_amount) == (48080, 48080)


@pytest.mark.parametrize(
    ("discount", "base", "off"),
    [
        (percent(10), 46500, 4650),
        (amount(1000), 46500, 1000),
        (percent(30), 20000, 6000),
        (percent(40), 200000, 80000),
    ],
)
def test_tv17_plain_order_discounts(discount, base, off) -> None:
    """The plainest cases of all."""
    assert totals(run(voucher(discount), cart=order(amount=base)).order) == (base, off, 0, base - off)


@pytest.mark.parametrize(("mode", "expected"), [("INITIAL_AMOUNT", 3000), ("DISCOUNTED_AMOUNT", 2800)])
def test_tv23_what_a_second_percent_counts_on(mode, expected) -> None:
    """On the original amount or on what is left, as the project decides."""
    import msgspec

    stacking = msgspec.structs.replace(ROOMY, discount_calculation_mode=mode)
    decision = run(
        voucher(percent(10), "A"), voucher(percent(20), "B"), cart=order(("a", 1, 10000)), stacking=stacking
    )
    assert decision.order is not None
    assert decision.order.total_discount_amount == expected
