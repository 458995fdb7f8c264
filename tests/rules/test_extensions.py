"""What goes beyond the contract: margins, places, currencies, groups, offers, tiers, shipping."""

import msgspec
import pytest

from rules.compile import RuleError, compile_collection, compile_discount
from rules.facts import ItemFacts, Line, Shipping
from rules.locations import metres_between
from rules.terms import compile_extensions
from tests.rules.making import amount, customer, cuts, gift, order, percent, reason, run, totals, voucher


def costly(*lines: tuple[int, int, int | None]):
    """An order of (quantity, price, cost) lines."""
    made = [
        Line(index=index, product_id=f"p{index}", quantity=quantity, price=price, cost=cost)
        for index, (quantity, price, cost) in enumerate(lines)
    ]
    return order(*made)


class TestMargin:
    def test_s2_goods_that_earn_too_little_take_no_discount(self) -> None:
        """Neither their own nor a part of one on the order."""
        terms = {"margin": {"exclude_below_percent": 20}}
        cart = costly((1, 1000, 500), (1, 1000, 900))
        on_items = voucher(percent(10, effect="APPLY_TO_ITEMS"), extensions=terms)
        assert cuts(run(on_items, cart=cart).order) == [100, 0]
        on_order = run(voucher(percent(10, effect="APPLY_TO_ORDER"), extensions=terms), cart=cart).order
        assert totals(on_order)[1] == 100
        assert on_order is not None
        assert [line.order_share for line in on_order.lines] == [100, 0]
        whole = run(voucher(amount(5000), extensions=terms), cart=cart).order
        assert totals(whole)[1] == 1000

    def test_s2_no_stack_pushes_a_line_under_its_floor(self) -> None:
        """The floor counts all discounts together; what a line cannot bear goes to the others."""
        terms = {"margin": {"floor_percent": 20}}
        cart = costly((1, 1000, 400), (1, 1000, 700))
        stack = [
            voucher(percent(10, effect="APPLY_TO_ITEMS"), "A"),
            voucher(amount(400), "B"),
            voucher(amount(900), "C"),
        ]
        state = run(*stack, cart=cart, project_extensions=terms).order
        assert state is not None
        nets = [(line.amount or 0) - line.discount_amount - line.order_share for line in state.lines]
        assert nets == [500, 875]
        assert state.total_amount == 1375

    def test_a_floor_may_refuse_instead_of_cutting(self) -> None:
        """Then the redeemable is inapplicable and nothing is taken."""
        terms = {"margin": {"floor_percent": 20, "on_floor": "refuse"}}
        for discount in (percent(40, effect="APPLY_TO_ITEMS"), percent(40, effect="APPLY_TO_ORDER")):
            decision = run(voucher(discount, extensions=terms), cart=costly((1, 1000, 700)))
            assert reason(decision) == "MARGIN_FLOOR_REACHED"

    @pytest.mark.parametrize(
        ("policy", "expected"), [("exclude", [100, 0]), ("include", [100, 100]), ("refuse", None)]
    )
    def test_goods_of_unknown_cost(self, policy, expected) -> None:
        """Left out, taken as they are, or refused, as the owner says."""
        terms = {"margin": {"floor_percent": 1, "missing_cost": policy}}
        decision = run(
            voucher(percent(10, effect="APPLY_TO_ITEMS"), extensions=terms),
            cart=costly((1, 1000, 5), (1, 1000, None)),
        )
        if expected is None:
            assert reason(decision) == "MISSING_COST"
        else:
            assert cuts(decision.order) == expected

    def test_cost_comes_from_the_item_then_the_sku_then_the_product(self) -> None:
        """The closest one counts."""
        terms = {"margin": {"floor_percent": 0}}
        sku, product = ItemFacts(id="sku_1", cost=800), ItemFacts(id="p", cost=600)
        for cost, known, expected in ((900, sku, 100), (None, sku, 200), (None, None, 400)):
            made = Line(index=0, price=1000, product_id="p", product=product, sku=known, cost=cost)
            state = run(
                voucher(percent(90, effect="APPLY_TO_ITEMS"), extensions=terms), cart=order(made)
            ).order
            assert cuts(state) == [expected]

    def test_credits_pay_and_are_no_discount(self) -> None:
        """A gift card may pay what a discount may not take off."""
        terms = {"margin": {"floor_percent": 50}}
        state = run(gift(1000), cart=costly((1, 1000, 900)), project_extensions=terms).order
        assert totals(state)[3] == 0


BERLIN = {"country": "DE", "city": "Berlin", "postal_code": "10115"}
CIRCLE = {"circle": {"center": "52.52,13.40", "radius_metres": 5000}}
SQUARE = {"type": "Polygon", "coordinates": [[[13, 52], [14, 52], [14, 53], [13, 53], [13, 52]]]}


class TestPlaces:
    @pytest.mark.parametrize(
        ("geo", "address", "point", "expected"),
        [
            ({"include": ["DE"]}, BERLIN, None, None),
            ({"include": ["DE"]}, {"country": "FR"}, None, "LOCATION_NOT_PERMITTED"),
            ({"include": ["DE"]}, {}, None, "MISSING_LOCATION"),
            ({"include": ["DE"], "missing": "pass"}, {}, None, None),
            ({"exclude": ["FR"]}, BERLIN, None, None),
            ({"exclude": ["FR"]}, {"country": "fr"}, None, "LOCATION_NOT_PERMITTED"),
            ({"exclude": ["FR"]}, {}, None, "MISSING_LOCATION"),
            ({"include": [{"country": "de", "city": " BERLIN "}]}, BERLIN, None, None),
            (
                {"include": [{"country": "DE", "region": "Bayern"}]},
                {"country": "DE", "state": "bayern"},
                None,
                None,
            ),
            ({"include": [{"postal_prefix": "101"}]}, BERLIN, None, None),
            ({"include": [{"postal_prefix": "102"}]}, BERLIN, None, "LOCATION_NOT_PERMITTED"),
            ({"include": [CIRCLE]}, {}, "geo:52.53,13.41", None),
            ({"include": [CIRCLE]}, {}, {"lat": 48.1, "lng": 11.6}, "LOCATION_NOT_PERMITTED"),
            ({"include": [CIRCLE]}, BERLIN, None, "MISSING_LOCATION"),
            ({"include": [{"polygon": SQUARE}]}, {}, [52.5, 13.5], None),
            ({"include": [{"polygon": SQUARE}]}, {}, [51.5, 13.5], "LOCATION_NOT_PERMITTED"),
            ({"include": ["FR", {"polygon": SQUARE}]}, {"country": "FR"}, None, None),
            (
                {"include": ["DE"], "exclude": [{"postal_prefix": "101"}]},
                BERLIN,
                None,
                "LOCATION_NOT_PERMITTED",
            ),
        ],
    )
    def test_s5_s11_an_offer_is_good_where_it_says(self, geo, address, point, expected) -> None:
        """By address or by coordinates; what is not known follows the owner's word."""
        metadata = {} if point is None else {"location": point}
        decision = run(
            voucher(amount(1), extensions={"geo": geo}),
            cart=order(("a", 1, 5)),
            customer=customer(address=address),
            metadata=metadata,
        )
        assert reason(decision) == expected

    def test_distances_are_great_circles(self) -> None:
        """Berlin to Munich, to within a kilometre."""
        assert abs(metres_between((52.52, 13.405), (48.137, 11.575)) - 504_200) < 1000


class TestCurrency:
    def test_money_in_another_currency_is_refused(self) -> None:
        """A share of the order is good in any."""
        euros = {"currency": "EUR"}
        cart = order(("a", 1, 1000), currency="USD")
        assert reason(run(voucher(amount(1), extensions=euros), cart=cart)) == "CURRENCY_MISMATCH"
        assert reason(run(voucher(percent(1), extensions=euros), cart=cart)) is None
        assert reason(run(gift(10), cart=cart, currency="EUR")) == "CURRENCY_MISMATCH"
        assert reason(run(voucher(amount(1)), cart=order(amount=5), currency="EUR")) is None


class TestGroups:
    def test_the_first_of_a_group_is_enough(self) -> None:
        """The second is skipped, not refused."""
        pair = [voucher(amount(n), f"C{n}", extensions={"group": "g"}) for n in (1, 2)]
        decision = run(*pair, cart=order(("a", 1, 1000)))
        assert [r.status for r in decision.results] == ["APPLICABLE", "SKIPPED"]
        refusal = decision.results[1].refusal
        assert refusal is not None
        assert refusal.reason.name == "EXCLUSIVE_GROUP_TAKEN"

    def test_the_best_of_a_group_wins(self) -> None:
        """Wherever it stands; what cannot be applied does not compete."""
        best = {"group": {"name": "g", "mode": "best"}}
        many = [
            voucher(amount(100), "LOW", extensions=best),
            voucher(percent(50), "BEST", extensions=best),
            voucher(amount(900), "GONE", extensions=best, absent=True),
        ]
        decision = run(*many, cart=order(("a", 1, 1000)))
        assert [(r.candidate.code, r.status) for r in decision.results] == [
            ("LOW", "SKIPPED"),
            ("BEST", "APPLICABLE"),
            ("GONE", "INAPPLICABLE"),
        ]


def offer(buy: int, get: int, off: int = 100, **more) -> dict:
    body = {"buy": {"quantity": buy}, "get": {"quantity": get, "percent_off": off}, **more}
    return {"type": "PERCENT", "effect": "APPLY_TO_ITEMS", "extensions": {"buy_x_get_y": body}}


class TestOffers:
    @pytest.mark.parametrize(
        ("discount", "cart", "expected"),
        [
            (offer(1, 1), [("a", 2, 1000)], [1000]),
            (offer(2, 1), [("a", 7, 1000)], [2000]),
            (offer(2, 1, repeat=False), [("a", 7, 1000)], [1000]),
            (offer(2, 1, max_free_units=1), [("a", 9, 1000)], [1000]),
            (offer(1, 1, 50), [("a", 1, 1000), ("b", 1, 400)], [0, 200]),
            (offer(1, 1, selection="most_expensive"), [("a", 1, 1000), ("b", 1, 400)], [1000, 0]),
            (offer(3, 1, buy_includes_get=True), [("a", 2, 1000), ("b", 1, 400)], [0, 400]),
            (offer(3, 1, buy_includes_get=True), [("a", 6, 1000)], [2000]),
            (offer(2, 2), [("a", 3, 1000)], [0]),
            (offer(2, 2, partial_get=True), [("a", 3, 1000)], [1000]),
            (offer(1, 1), [("a", 1_000_000, 7)], [3_500_000]),
        ],
    )
    def test_s6_buy_some_get_some(self, discount, cart, expected) -> None:
        """Bought and given units differ; three for two counts the given one among the three."""
        assert cuts(run(voucher(discount), cart=order(*cart)).order) == expected

    def test_s6_on_one_product_a_collection_or_the_dearest_item(self) -> None:
        """Offers name products and collections as conditions do."""
        collection = compile_collection(
            "pc_1", {"type": "STATIC", "products": [{"id": "b", "object": "product"}]}
        )
        body = {
            "buy": {"items": [{"object": "product", "id": "a"}], "quantity": 2},
            "get": {"items": ["pc_1"], "quantity": 1, "percent_off": 100},
        }
        document = {"type": "PERCENT", "extensions": {"buy_x_get_y": body}}
        compiled = compile_discount(document, collections={"pc_1": collection})
        code = msgspec.structs.replace(voucher(amount(1)), discount=compiled)
        state = run(code, cart=order(("a", 4, 1000), ("b", 5, 300), ("c", 9, 100))).order
        assert cuts(state) == [0, 600, 0]

    def test_s13_a_gift_card_that_pays_only_one_collection(self) -> None:
        """Credits of a card with product rules pay the lines that match."""
        rule = {"applicable_to": {"included": [{"object": "products_collection", "id": "pc_x"}]}}
        made = [
            Line(index=0, product_id="a", price=3000, collections=frozenset({"pc_x"})),
            Line(index=1, product_id="b", price=9000),
        ]
        result = run(gift(5000, effect="APPLY_TO_ITEMS", rules=[rule]), cart=order(*made)).results[0]
        assert (cuts(result.order), result.credits) == ([3000, 0], 3000)


class TestShapes:
    @pytest.mark.parametrize(("spent", "expected"), [(1999, 0), (2000, 200), (4999, 500), (5000, 1000)])
    def test_tiers_by_spend(self, spent, expected) -> None:
        """The highest step that is reached gives the value."""
        steps = [{"from": 5000, "percent_off": 20}, {"from": 2000, "percent_off": 10}]
        document = {"type": "PERCENT", "effect": "APPLY_TO_ORDER", "extensions": {"tiered": {"tiers": steps}}}
        assert totals(run(voucher(document), cart=order(("a", 1, spent))).order)[1] == expected

    def test_tiers_by_quantity(self) -> None:
        """The same for units in the cart."""
        steps = [{"from": 1, "amount_off": 10}, {"from": 3, "amount_off": 50}]
        extensions = {"tiered": {"by": "quantity", "tiers": steps}}
        document = {"type": "AMOUNT", "effect": "APPLY_TO_ITEMS_BY_QUANTITY", "extensions": extensions}
        for quantity, expected in ((2, [20]), (3, [150])):
            assert cuts(run(voucher(document), cart=order(("a", quantity, 1000))).order) == expected

    def test_shipping_is_discounted_by_method(self) -> None:
        """The order's own amounts stay; never a surcharge, never below zero."""
        cart = order(("a", 1, 1000), shipping=(Shipping("dhl", 500), Shipping("ups", 900)))
        for discount, expected in (
            (percent(50, extensions={"shipping": {"methods": ["dhl"]}}), [250, 0]),
            (amount(700, extensions={"shipping": True}), [500, 700]),
            ({"type": "FIXED", "fixed_amount": 600, "extensions": {"shipping": {}}}, [0, 300]),
        ):
            state = run(voucher(discount), cart=cart).order
            assert state is not None
            assert [method.discount_amount for method in state.shipping] == expected
            assert totals(state) == (1000, 0, 0, 1000)

    def test_only_complete_groups_count(self) -> None:
        """Any three for twenty, twice at most."""
        group = {"group": {"size": 3, "max_groups": 2}}
        document = {"type": "FIXED", "fixed_amount": 2000, "effect": "APPLY_TO_ITEMS", "extensions": group}
        for quantity, expected in ((2, [0]), (3, [400]), (5, [400]), (9, [800])):
            assert cuts(run(voucher(document), cart=order(("a", quantity, 800))).order) == expected


@pytest.mark.parametrize(
    "document",
    [
        {"margin": {"floor_percent": 100}},
        {"margin": {"on_floor": "hope"}},
        {"margin": []},
        {"geo": {"include": [{}]}},
        {"geo": {"include": [{"circle": {"center": "x", "radius": 1}}]}},
        {"geo": {"missing": "maybe"}},
        {"currency": "EURO"},
        {"group": {"mode": "best"}},
        {"messages": {"voucher_expired": {"en": 5}}},
        None,
    ],
)
def test_an_extension_that_makes_no_sense_is_refused(document) -> None:
    """When it is written; foreign extensions are left alone."""
    with pytest.raises(RuleError) as refused:
        compile_extensions(document)
    assert refused.value.key == "invalid_payload"
    assert compile_extensions({"somebody": "else"}).margin is None
