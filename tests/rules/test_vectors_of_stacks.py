"""The worked numbers of the contract for stacks, stored orders, exchanges, points, credits and bundles."""

from decimal import Decimal

import pytest

from rules.facts import ItemFacts, Line, Reward
from tests.rules.making import (
    amount,
    customer,
    cuts,
    gift,
    order,
    percent,
    products,
    reason,
    run,
    totals,
    voucher,
)

LIMITED = {
    "prod_limited": ItemFacts(id="prod_limited", price=2500),
    "prod_mug": ItemFacts(id="prod_mug", price=1000),
}


def exchange(source: str, target: str, count: int = 1) -> dict:
    return {
        "type": "UNIT",
        "effect": "REPLACE_ITEMS",
        "unit_off": count,
        "unit_type": target,
        "replace": {"unit_off": 1, "unit_type": source},
    }


@pytest.mark.parametrize(
    ("source", "price", "target", "count", "expected"),
    [
        ("prod_tshirt", 2000, "prod_limited", 1, ((2, 4000, 0), (1, 2500, 500), 6000)),
        ("prod_bottle", 2500, "prod_mug", 1, ((2, 5000, 0), (1, 1000, 0), 6000)),
        ("prod_bottle", 2500, "prod_mug", 3, ((2, 5000, 0), (3, 3000, 500), 7500)),
    ],
    ids="abc",
)
def test_tv8_units_are_exchanged_for_others(source, price, target, count, expected) -> None:
    """The newcomers cost no more than what they replace."""
    decision = run(
        voucher(exchange(source, target, count)), cart=order((source, 3, price)), catalogue=LIMITED
    )
    state = decision.order
    assert state is not None
    seen = [(line.quantity, line.amount, line.discount_amount) for line in state.lines]
    assert (*seen, state.total_amount) == expected
    details = decision.results[0].application_details[0]
    assert (details["source_applied_quantity"], details["target_applied_quantity"]) == (1, count)


def test_tv11_a_stack_of_five() -> None:
    """Item-level amounts, points without effect, credits, a share and an amount, each on what was left."""
    cart = order(("sku_a", 1, 2000), ("b", 1, 700))
    card = voucher(None, "CARD", kind="LOYALTY_CARD", reward=Reward("MATERIAL", 4), points_opening=100)
    decision = run(
        voucher(amount(1000, effect="APPLY_TO_ITEMS"), "A"),
        card,
        gift(10000, 100),
        voucher(percent(40, effect="APPLY_TO_ORDER"), "C"),
        voucher(amount(30), "D"),
        cart=cart,
    )
    states = [result.order for result in decision.results]
    assert [totals(state)[3] for state in states] == [1000, 1000, 900, 540, 510]
    assert cuts(states[0]) == [1000, 700]
    assert states[3] is not None
    assert (states[3].applied_discount_amount, states[3].discount_amount) == (360, 460)
    assert decision.results[1].points == 4
    root = decision.order
    assert root is not None
    assert (root.discount_amount, root.applied_discount_amount) == (490, 490)
    assert (root.items_applied_discount_amount, root.total_applied_discount_amount) == (1700, 2190)
    assert [line.applied_discount_amount for line in root.lines] == [1000, 700]


def test_tv13_an_aggregate_limit_that_is_not_reached() -> None:
    """Then an order-level amount: the child shows its own, the root the sum."""
    cart = order(("mug", 3, 1000), ("tshirt", 3, 2000), ("bottle", 2, 2500))
    items = amount(2000, effect="APPLY_TO_ITEMS", aggregated_amount_limit=5000)
    decision = run(
        voucher(items, "A", rules=[products("mug", "tshirt")]), voucher(amount(2500), "B"), cart=cart
    )
    first, second = (result.order for result in decision.results)
    assert (cuts(first), totals(first)[3]) == ([2000, 2000, 0], 10000)
    assert second is not None
    assert (second.total_discount_amount, second.total_applied_discount_amount) == (6500, 2500)
    assert decision.order is not None
    assert (decision.order.total_applied_discount_amount, decision.order.total_amount) == (6500, 7500)


def test_tv14_an_order_that_is_nearly_paid_by_discounts() -> None:
    """Only what is left can be taken."""
    state = run(voucher(amount(1000)), cart=order(amount=10000, discount_amount=9200)).order
    assert state is not None
    assert (state.applied_discount_amount, state.discount_amount, state.total_amount) == (800, 10000, 0)


def test_tv15_free_units_into_a_discounted_order() -> None:
    """Earlier discounts stay, added units pay for themselves."""
    catalogue = {name: ItemFacts(id=name, price=29900) for name in ("sku_1", "sku_2")}
    units = [
        {"effect": "ADD_MISSING_ITEMS", "unit_off": 3, "unit_type": "sku_1"},
        {"effect": "ADD_NEW_ITEMS", "unit_off": 4, "unit_type": "sku_2"},
    ]
    cart = order(
        ("prod_x", 1, 28000), Line(index=1, product_id="prod_ship"), amount=28000, discount_amount=8400
    )
    both = {"type": "UNIT", "effect": "ADD_MANY_ITEMS", "units": units}
    for discount, expected in (
        (both, (237300, 209300, 217700, 19600)),
        (
            {"type": "UNIT", "effect": "ADD_NEW_ITEMS", "unit_off": 3, "unit_type": "sku_1"},
            (117700, 89700, 98100, 19600),
        ),
    ):
        state = run(voucher(discount), cart=cart, catalogue=catalogue).order
        assert state is not None
        assert state.initial_amount == 28000
        found = (state.amount, state.items_discount_amount, state.total_discount_amount, state.total_amount)
        assert found == expected


@pytest.mark.parametrize(
    ("points", "base", "before", "ratio", "exchange", "off", "charged"),
    [
        (200, 4500, 0, 100, 20, 4000, 200),
        (300, 6000, 0, 100, 20, 6000, 300),
        (5, 20000, 4600, 1, 1, 500, 5),
        (1000, 4500, 0, 100, 20, 4500, 225),
        (None, 4500, 0, 100, 20, 4500, 225),
        (7, 1000, 0, 3, Decimal("0.5"), 117, 7),
    ],
)
def test_tv18_points_pay_and_surplus_is_not_charged(
    points, base, before, ratio, exchange, off, charged
) -> None:
    """Points above what the order costs stay on the card."""
    card = voucher(
        None,
        "CARD",
        kind="LOYALTY_CARD",
        points=points,
        points_opening=5000,
        reward=Reward("COIN", None, exchange, ratio),
    )
    result = run(card, cart=order(amount=base, discount_amount=before)).results[0]
    assert result.order is not None
    assert (result.order.applied_discount_amount, result.points, result.balance) == (off, charged, 5000)
    assert next(c.delta for c in result.charges if c.counter.scope == "points") == -charged


def test_points_need_a_reward_a_holder_and_enough_of_them() -> None:
    """Each has its own refusal."""
    from rules.facts import Holder

    cart = order(amount=1000)
    coin = Reward("COIN")
    cases = [
        ({"reward": None}, {}, "MISSING_REWARD"),
        ({"reward": coin, "points": 101}, {}, "LOYALTY_CARD_POINTS_EXCEEDED"),
        ({"reward": Reward("MATERIAL", 101)}, {}, "LOYALTY_CARD_POINTS_EXCEEDED"),
        ({"reward": coin, "holder": Holder("cust_9")}, {"customer": customer()}, "INVALID_CUSTOMER"),
        ({"reward": coin, "holder": Holder("cust_1")}, {"customer": customer()}, None),
    ]
    for more, facts, expected in cases:
        card = voucher(None, "CARD", kind="LOYALTY_CARD", points_opening=100, **more)
        assert reason(run(card, cart=cart, **facts)) == expected


def test_tv19_credits_pay_the_order_or_its_lines() -> None:
    """As much as asked for, as the card holds, as is left."""
    assert totals(run(gift(500, 2), cart=order(amount=1000)).order)[3] == 998
    cart = order(Line(index=0, amount=3300), Line(index=1, amount=3400), amount=6000)
    assert totals(run(gift(5000, 2000), cart=cart).order)[3] == 4000
    cart = order(("a", 1, 3000), ("b", 1, 1600))
    state = run(gift(5000, 300, effect="APPLY_TO_ITEMS", rules=[products("a")]), cart=cart).order
    assert (cuts(state), totals(state)[3]) == ([300, 0], 4300)
    state = run(gift(5000, 5000), cart=order(amount=30200, discount_amount=4530)).order
    assert state is not None
    assert (state.discount_amount, state.total_amount) == (9530, 20670)
    assert totals(run(gift(21500), cart=order(amount=165700)).order)[3] == 144200


def bundle(*parts: tuple[str, int], limit: int = 10, **applicable: object) -> dict:
    document: dict = {"bundle_rules": {"limit": limit}}
    for number, (name, quantity) in enumerate(parts, 1):
        document["bundle_rules"][str(number)] = {
            "name": "order.items.any",
            "conditions": {"$is": [{"id": name, "object": "product", "type": "product_or_sku"}]},
            "rules": {"1": {"name": "order.items.aggregated_quantity", "conditions": {"$is": [quantity]}}},
        }
    if applicable:
        document["applicable_to"] = applicable
    return document


class TestBundles:
    def test_tv25_values_are_multiplied(self) -> None:
        """By as many bundles as the cart holds."""
        five = order(("a", 5, 1000), ("b", 5, 1000))
        rules = [bundle(("a", 1), ("b", 1))]
        assert totals(run(voucher(amount(100), rules=rules), cart=five).order)[1] == 500
        assert (
            totals(run(voucher(percent(5, effect="APPLY_TO_ORDER"), rules=rules), cart=five).order)[1] == 2500
        )
        two = order(("a", 2, 1000), ("b", 2, 1000))
        assert cuts(run(voucher(percent(5, effect="APPLY_TO_ITEMS"), rules=rules), cart=two).order) == [
            200,
            200,
        ]
        fixed = {"type": "FIXED", "fixed_amount": 5000, "effect": "APPLY_TO_ORDER"}
        assert totals(run(voucher(fixed, rules=rules), cart=five).order)[3] == 5000

    def test_tv25_per_line_and_by_share(self) -> None:
        """An amount per line doubles with two bundles, so does a shared one."""
        rules = [bundle(("a", 1), ("b", 1))]
        lines = order(("a", 3, 3000), ("b", 2, 5000), ("c", 1, 9000))
        per_line = run(voucher(amount(2000, effect="APPLY_TO_ITEMS"), rules=rules), cart=lines).order
        assert cuts(per_line) == [4000, 4000, 4000]
        entries = [{"object": "product", "id": name} for name in "ab"]
        for effect, first, second in (("", 3, 2), ("_BY_QUANTITY", 1, 1)):
            shared = order(("a", 3, 1000 * first), ("b", 2, 1000 * second), ("x", 2, 1))
            discount = amount(1000, effect=f"APPLY_TO_ITEMS_PROPORTIONALLY{effect}")
            state = run(voucher(discount, rules=[bundle(("x", 1), included=entries)]), cart=shared).order
            assert cuts(state) == ([1385, 615, 0] if not effect else [1200, 800, 0])
        cart = order(("a", 1, 3000), ("b", 1, 2000), ("x", 2, 1))
        discount = amount(1000, effect="APPLY_TO_ITEMS_PROPORTIONALLY")
        state = run(voucher(discount, rules=[bundle(("x", 1), included=entries)]), cart=cart).order
        assert cuts(state) == [1200, 800, 0]

    def test_tv25_unit_limits_grow_with_the_bundles(self) -> None:
        """One mouse per laptop: two laptops, two of three mice."""
        discount = amount(2000, effect="APPLY_TO_ITEMS_BY_QUANTITY")
        cart = order(("laptop", 2, 90000), ("mouse", 3, 5000))
        entry = {"object": "product", "id": "mouse"}
        for limit, expected in ((1, 4000), (None, 6000)):
            more = {} if limit is None else {"quantity_limit": limit}
            document = bundle(("laptop", 1), ("mouse", 1), included=[{**entry, **more}])
            assert cuts(run(voucher(discount, rules=[document]), cart=cart).order) == [0, expected]

    def test_tv25_new_prices_for_the_units_of_the_bundles(self) -> None:
        """One ticket and two drinks per bundle, two bundles."""
        entries = [
            {"object": "product", "id": "ticket", "price": 1000, "quantity_limit": 1},
            {"object": "product", "id": "drink", "price": 100, "quantity_limit": 2},
        ]
        cart = order(("ticket", 3, 1500), ("drink", 5, 400))
        document = bundle(("ticket", 1), ("drink", 2), included=entries)
        state = run(voucher({"type": "FIXED", "effect": "APPLY_TO_ITEMS"}, rules=[document]), cart=cart).order
        assert cuts(state) == [1000, 1200]

    def test_tv25_a_bag_per_laptop(self) -> None:
        """Free units multiply as well."""
        discount = {"type": "UNIT", "effect": "ADD_NEW_ITEMS", "unit_off": 1, "unit_type": "prod_bag"}
        catalogue = {"prod_bag": ItemFacts(id="prod_bag", price=3000)}
        state = run(
            voucher(discount, rules=[bundle(("laptop", 1))]),
            cart=order(("laptop", 2, 90000)),
            catalogue=catalogue,
        ).order
        assert state is not None
        assert (state.lines[1].quantity, state.lines[1].discount_amount) == (2, 6000)

    def test_an_incomplete_bundle_says_what_is_missing(self) -> None:
        """The redeemable cannot be applied."""
        decision = run(voucher(amount(100), rules=[bundle(("a", 2), ("b", 1))]), cart=order(("a", 1, 1000)))
        assert reason(decision) == "INCOMPLETE_BUNDLE"
        answer = decision.results[0].bundle
        assert answer is not None
        assert answer["quantity"] == 0
        assert {part["id"]: part["item_quantity"] for part in answer["missing"]} == {"a": 1, "b": 1}

    def test_a_unit_serves_one_part_only(self) -> None:
        """The SKU's own part takes it before the collection's."""
        document = bundle(("a", 1))
        document["bundle_rules"]["2"] = {
            "name": "order.items.any",
            "conditions": {"$is": [{"id": "pc_a11pr0dUc75", "object": "products_collection"}]},
        }
        assert (
            reason(run(voucher(amount(1), rules=[document]), cart=order(("a", 1, 500))))
            == "INCOMPLETE_BUNDLE"
        )
        result = run(voucher(amount(1), rules=[document]), cart=order(("b", 1, 500), ("a", 1, 500))).results[
            0
        ]
        assert result.bundle is not None
        assert result.bundle["quantity"] == 1


def test_same_items_are_added_to_their_lines() -> None:
    """Each line of the named collection gets free units of its own product."""
    discount = {"type": "UNIT", "effect": "ADD_SAME_ITEMS", "unit_off": 1, "unit_type": "pc_a11pr0dUc75"}
    state = run(voucher(discount), cart=order(("a", 1, 500), ("b", 2, 300))).order
    assert state is not None
    assert [(line.quantity, line.discount_amount) for line in state.lines] == [(2, 500), (3, 300)]
    assert totals(state) == (1900, 0, 800, 1100)


def test_tv6_stateful_caps_count_over_orders() -> None:
    """Ten units per campaign: orders of five, four and three get five, four and one."""
    from rules.charges import counters_of
    from rules.counters import tally
    from rules.facts import Counter, Facts

    rule = products("a", product_campaign_quantity_limit=10)
    discount = amount(100, effect="APPLY_TO_ITEMS_BY_QUANTITY")
    code = voucher(discount, rules=[rule], campaign_id="camp_1")
    name = tally("campaign", "camp_1", "units", "", "a")
    used, given = 0, []
    for quantity in (5, 4, 3):
        cart = order(("a", quantity, 1000))
        assert counters_of(Facts(candidates=(code,), order=cart)) == (name,)
        result = run(code, cart=cart, counters={name: Counter(used)}).results[0]
        charge = next(charge for charge in result.charges if charge.counter == name)
        assert (charge.cap, charge.reads) == (10, True)
        used += charge.delta
        given.append(charge.delta)
    assert given == [5, 4, 1]


def test_tv6_a_cap_per_customer() -> None:
    """Five per customer: orders of three and three get three and two."""
    from rules.counters import tally
    from rules.facts import Counter

    rule = products("a", product_customer_campaign_quantity_limit=5)
    code = voucher(amount(100, effect="APPLY_TO_ITEMS_BY_QUANTITY"), rules=[rule], campaign_id="camp_1")
    name = tally("campaign", "camp_1", "units", "cust_1", "a")
    for used, expected in ((0, 300), (3, 200)):
        decision = run(code, cart=order(("a", 3, 1000)), counters={name: Counter(used)}, customer=customer())
        assert cuts(decision.order) == [expected]


def test_tv20_alone_on_the_same_cart() -> None:
    """What qualification shows: each offer by itself, collections matched by what the request says of a
    product.
    """
    from rules.compile import compile_collection
    from tests.rules.making import rule

    named = {"type": "AUTO_UPDATE", "filter": {"junction": "and", "name": {"conditions": {"$is": ["First"]}}}}
    known = {"pc_first": compile_collection("pc_first", named)}
    cart = order(
        Line(
            index=0,
            source_id="unknown",
            related_object="product",
            price=10000,
            product=ItemFacts(name="First"),
        ),
        Line(index=1, product_id="second", price=1500),
    )
    of_first = {"applicable_to": {"included": [{"object": "products_collection", "id": "pc_first"}]}}
    cases = [
        (voucher(percent(10, effect="APPLY_TO_ORDER")), 1150),
        (gift(2500), 2500),
        (voucher(percent(10, effect="APPLY_TO_ITEMS"), rules=[rule(of_first, collections=known)]), 1000),
        (voucher(percent(20, effect="APPLY_TO_ITEMS"), rules=[products("second")]), 300),
    ]
    for candidate, expected in cases:
        state = run(candidate, cart=cart).order
        assert state is not None
        assert state.total_applied_discount_amount == expected


def test_tv21_free_shipping_changes_no_amount() -> None:
    """A line without amounts is added; the totals stay."""
    discount = {"type": "UNIT", "unit_off": 1, "unit_type": "prod_5h1pp1ng", "effect": "ADD_MISSING_ITEMS"}
    state = run(voucher(discount), cart=order(("a", 1, 1200), ("b", 1, 3100))).order
    assert state is not None
    shipping = state.lines[2]
    assert (shipping.product_id, shipping.quantity, shipping.discount_quantity) == ("prod_5h1pp1ng", 1, 1)
    assert (shipping.initial_quantity, shipping.amount, shipping.source_index) == (0, None, None)
    assert (totals(state), state.initial_amount) == ((4300, 0, 0, 4300), None)


def test_qualification_leaves_out_budgets_and_counts() -> None:
    """A used-up budget hides no offer, and the numbers of what was left out can be told."""
    from rules.rulesets import OMITTED_WHEN_QUALIFYING

    rules = {
        "1": {"name": "campaign.orders.amount_discounted", "conditions": {"$less_than": [1]}},
        "2": {"name": "order.amount", "conditions": {"$more_than": [1]}},
    }
    for logic in ("", "1 and 2", "(1) and (2 or 1)"):
        code = voucher(amount(100), campaign_id="camp_1", rules=[{"rules": {**rules, "logic": logic}}])
        assert reason(run(code, cart=order(amount=500))) == "REDEMPTION_RULES_VIOLATED"
        assert reason(run(code, cart=order(amount=500), omitted_rules=OMITTED_WHEN_QUALIFYING)) is None
        assert code.rules[0].program.omits(OMITTED_WHEN_QUALIFYING) == ["1"]
