"""Conditions on lines, metadata and profiles: a table from rule to verdict."""

import pytest

from rules.compile import (
    RuleError,
    compile_collection,
    compile_location,
    compile_rule,
    compile_segment,
    references,
)
from rules.facts import Facts, ItemFacts, Line
from rules.happenings import Happening
from rules.index import OfferIndex, applicable_alone
from rules.moment import Now
from rules.operators import compile_test
from tests.rules.making import MOMENT, ROOMY, amount, customer, order, reason, rule, run, tier, voucher
from tests.rules.randomly import Maker

CART = order(
    Line(index=0, product_id="a", quantity=2, price=1000, metadata={"gift": True, "tags": ["new", "red"]}),
    Line(index=1, sku_id="sku_b", quantity=1, price=3000, sku=ItemFacts(id="sku_b", product_id="b")),
    Line(index=2, product_id="c", quantity=4, price=500, product=ItemFacts(id="c", metadata={"size": 9})),
)
KNOWN = {
    "pc_ab": compile_collection(
        "pc_ab",
        {"type": "STATIC", "products": [{"id": "a", "object": "product"}, {"id": "b", "object": "product"}]},
    ),
    "pc_cheap": compile_collection(
        "pc_cheap",
        {
            "type": "AUTO_UPDATE",
            "filter": {"junction": "and", "price": {"conditions": {"$less_than": [800]}}},
        },
    ),
}


def one(name: str, op: str, *values, sub=None, **more) -> dict:
    body = {"name": name, "conditions": {f"${op}": list(values)}, **more}
    if sub is not None:
        body["rules"] = sub
    return {"rules": {"1": body}}


def part(name: str, op: str, *values, **more) -> dict:
    return {"1": {"name": name, "conditions": {f"${op}": list(values)}, **more}}


A, B, C = ({"id": name, "object": "product"} for name in "abc")
AB = {"id": "pc_ab", "object": "products_collection"}
CHEAP = {"id": "pc_cheap", "object": "products_collection"}


@pytest.mark.parametrize(
    ("document", "holds"),
    [
        (one("order.items.any", "is", A), True),
        (one("order.items.any", "is", {"id": "z", "object": "product"}), False),
        (one("order.items.any", "is", B), True),
        (one("order.items.any", "is", {**B, "strict": True}), False),
        (one("order.items.any", "is", {"id": "sku_b", "object": "sku"}), True),
        (one("order.items.any", "is", CHEAP), True),
        (one("order.items.any", "is_not", AB), True),
        (one("order.items.any", "is", A, sub=part("order.items.quantity", "more_than", 1)), True),
        (one("order.items.any", "is", A, sub=part("order.items.quantity", "more_than", 2)), False),
        (one("order.items.any", "is", AB, sub=part("order.items.aggregated_quantity", "is", 3)), True),
        (
            one("order.items.any", "is", AB, sub=part("order.items.aggregated_amount", "more_than", 4999)),
            True,
        ),
        (
            one("order.items.any", "is", AB, sub=part("order.items.aggregated_amount", "more_than", 5000)),
            False,
        ),
        (one("order.items.any", "is", AB, sub=part("order.items.price", "more_than", 2999)), True),
        (
            one("order.items.any", "is", A, sub=part("order.items.metadata", "is", True, property="gift")),
            True,
        ),
        (one("order.items.any", "is", A, sub=part("order.items.metadata", "is", 1, property="gift")), False),
        (one("order.items.every", "is", AB), False),
        (one("order.items.every", "is", A, B, C), True),
        (one("order.items.every", "from", AB, sub=part("order.items.quantity", "less_than", 3)), True),
        (one("order.items.none", "is", {"id": "z", "object": "product"}), True),
        (one("order.items.none", "is", A), False),
        (one("order.items.cheapest", "is", C), True),
        (one("order.items.cheapest", "is", A), False),
        (one("order.items.most_expensive", "is", B), True),
        ({"rules": {"1": {"name": "order.items.cheapest", "conditions": {"$is": [A], "$from": [AB]}}}}, True),
        (one("order.items.price_any", "is", 500), True),
        (one("order.items.price_each", "more_than", 500), False),
        (one("order.items.price_each", "more_than", 499), True),
        (one("order.items.metadata_any", "contains", "red", property="tags"), True),
        (one("order.items.metadata_any", "count_more", 1, property="tags"), True),
        (one("order.items.metadata_each", "is", True, property="gift"), False),
        (one("order.items.count", "is", 7), True),
        (one("product.id", "is", "a", sub=part("product.quantity", "is", 2)), True),
        (one("product.id", "is", "a", sub=part("product.price", "is", 999)), False),
        (one("sku.id", "is", "sku_b"), True),
        (one("product.metadata", "is", 9, property="size"), True),
        (
            one(
                "product.metadata",
                "is",
                9,
                property="size",
                sub=part("product.metadata.match_all", "is", True),
            ),
            False,
        ),
        (one("product.metadata.aggregated_quantity", "is", 4, property="size"), True),
    ],
)
def test_conditions_on_lines(document, holds) -> None:
    """Products, collections, quantities, prices and metadata of what is in the cart."""
    compiled = rule(document, collections=KNOWN)
    expected = None if holds else "ORDER_RULES_VIOLATED"
    assert reason(run(voucher(amount(1), rules=[compiled]), cart=CART)) == expected


@pytest.mark.parametrize(
    ("operator", "values", "actual", "expected"),
    [
        ("$is", ["x"], "x", True),
        ("$is", [5], "5", True),
        ("$is", [1], True, False),
        ("$is", ["true"], True, True),
        ("$is", ["x"], ["w", "x"], True),
        ("$is_not", ["x"], "y", True),
        ("$is_not", ["x"], None, False),
        ("$in", ["x", "y"], "y", True),
        ("$in", ["x", "y"], ["q", "y"], True),
        ("$not_in", ["x", "y"], "z", True),
        ("$more_than", [5], 5.5, True),
        ("$more_than", [5], "6", True),
        ("$more_than", [5], "six", False),
        ("$greater_than_or_equal", [5], 5, True),
        ("$less_than_equal", [5], 6, False),
        ("$starts_with", ["ab"], "abc", True),
        ("$ends_with", ["bc"], "abc", True),
        ("$contains", ["b"], "abc", True),
        ("$contains", ["b"], ["a", "b"], True),
        ("$not_contain", ["b"], "xyz", True),
        ("$count", [2], [1, 2], True),
        ("$count_less", [2], [1], True),
        ("$not_differ", [["a", "b"]], ["b", "a"], True),
        ("$not_differ", [["a", "b"]], ["b"], False),
        ("$not_intersect", [["a", "b"]], ["c"], True),
        ("$has_value", [], 0, True),
        ("$is_unknown", [], None, True),
    ],
)
def test_operators_on_plain_values(operator, values, actual, expected) -> None:
    """Absent values match nothing; numbers and their strings are the same, booleans are not numbers."""
    assert compile_test(operator, values, "k", ".x").passes(actual, Now(MOMENT)) is expected


@pytest.mark.parametrize(
    ("field", "conditions", "expected"),
    [
        ("name", {"$starts_with": ["An"]}, True),
        ("email", {"$ends_with": ["@example.com"]}, False),
        ("address.city", {"$in": ["Berlin", "Paris"]}, True),
        ("metadata.vip", {"$is": [True]}, True),
        ("metadata.a.b", {"$is": [3]}, True),
        ("metadata.shop", {"$in_location": ["loc_1"]}, True),
        ("metadata.gone", {"$in_location": ["loc_1"]}, False),
        ("summary.orders.total_count", {"$more_than": [3]}, True),
        ("loyalty.points", {"$less_than": [10]}, False),
        ("loyalty_points.campaigns.Gold.points", {"$is": [70]}, True),
        ("birthdate", {"$this_month": [True]}, True),
        ("created_at", {"$more_than_ago": [10]}, False),
        ("events.view.count", {"$more_than": [9]}, True),
    ],
)
def test_segments_look_at_the_whole_profile(field, conditions, expected) -> None:
    """S11: only customers past their third order, and everything else a profile holds."""
    place = {"shape": {"type": "circle", "distance": {"center": "geo:52.52,13.40", "radius": "1.54 km"}}}
    locations = {"loc_1": compile_location("loc_1", place)}
    document = {"type": "auto-update", "filter": {"junction": "and", field: {"conditions": conditions}}}
    segment = compile_segment("seg_1", document, locations=locations)
    who = customer(
        name="Anna",
        email="anna@shop.example",
        address={"city": "Berlin"},
        metadata={"vip": True, "a": {"b": 3}, "shop": {"lat": 52.521, "lng": 13.401}},
        summary={"orders": {"total_count": 4}},
        loyalty={"points": 70, "campaigns": {"Gold": {"points": 70}}},
        birthdate="1990-03-30",
        created_at=MOMENT.now,
        events={Happening("view"): 10},
    )
    assert segment.program.contains(who, Now(MOMENT)) is expected
    assert all(guard.startswith("loc:") for guard in segment.guards)


def test_references_are_found_before_anything_is_compiled() -> None:
    """Segments, collections and places, each once."""
    document = {
        "rules": {
            "1": {"name": "customer.segment", "conditions": {"$is": ["seg_1"]}},
            "2": {"name": "order.items.any", "conditions": {"$is": [AB], "$from": [{"id": "pc_from"}]}},
        },
        "applicable_to": {"included": [AB, CHEAP]},
        "bundle_rules": {"1": {"conditions": {"$is": [{"id": "pc_bundle", "type": "products_collection"}]}}},
    }
    assert set(references(document)) == {
        "seg:seg_1",
        "col:pc_ab",
        "col:pc_from",
        "col:pc_cheap",
        "col:pc_bundle",
    }
    assert len(references(document)) == 5
    offer = {
        "extensions": {"buy_x_get_y": {"buy": {"items": ["pc_buy"]}, "get": {"items": {"included": [CHEAP]}}}}
    }
    assert set(references(offer)) == {"col:pc_buy", "col:pc_cheap"}
    short = {"rules": {"1": {"name": "order.items.any", "conditions": {"$is": ["pc_short", "a"]}}}}
    assert references(short) == ("col:pc_short",)
    nested = {"filter": {"metadata.shop": {"conditions": {"$in_location": ["loc_1"]}}}}
    assert references(nested) == ("loc:loc_1",)


@pytest.mark.parametrize(
    "document",
    [
        {"rules": {"1": {"name": "order.amount"}}},
        {"rules": {"1": {"name": "order.amount", "conditions": {"$more_than": ["much"]}}}},
        {"rules": {"1": {"name": "order.metadata", "conditions": {"$is": [1]}}}},
        {"rules": {"1": {"name": "order.amounts", "conditions": {"$is": [1]}}}},
        {"rules": {"1": {"name": "order.amount", "conditions": {"$equals": [1]}}}},
        {"rules": {"one": {"name": "order.amount", "conditions": {"$is": [1]}}}},
        {"rules": {"1": {"name": "order.amount", "conditions": {"$is": [1]}}, "logic": "1 and 2"}},
        {"rules": {"1": {"name": "order.amount", "conditions": {"$is": [1]}}, "logic": "1 xor 1"}},
        {"rules": []},
        {"applicable_to": {"included": [{"object": "thing", "id": "x"}]}},
        {"applicable_to": {"included": [{"id": "x", "effect": "APPLY_SOMEHOW"}]}},
        {"applicable_to": {"included": [{"id": "x", "quantity_limit": -1}]}},
        {"bundle_rules": {"limit": 101, "1": {}}},
        {"type": "wild"},
    ],
)
def test_a_rule_set_that_makes_no_sense_is_refused(document) -> None:
    """With the documented key and a sentence that says where."""
    with pytest.raises(RuleError) as refused:
        compile_rule("val_1", document, collections={}, segments={})
    assert refused.value.key == "invalid_validation_rules"
    assert "Property ." in refused.value.details


def test_the_index_answers_what_deciding_everything_answers() -> None:
    """On random offers and random carts; it looks at fewer of them."""
    maker = Maker(seed=3, noise=0)
    offers = []
    for number in range(400):
        document = maker.rule_set()
        try:
            offers.append(tier(amount(5), f"promo_{number}", rules=[rule(document, collections=KNOWN)]))
        except RuleError:
            continue
    assert len(offers) > 200
    index = OfferIndex(offers)
    looked = 0
    for seed in range(100):
        facts, moment = Maker(seed, noise=0).request()
        plain = Facts(
            candidates=(), order=facts.order, customer=facts.customer, metadata=facts.metadata, stacking=ROOMY
        )
        some = index.applicable(plain, moment)
        every = applicable_alone(offers, plain, moment)
        assert [result.candidate.id for result in some] == [result.candidate.id for result in every]
        looked += len(index.possible(plain, moment))
    assert looked < 100 * len(offers)
