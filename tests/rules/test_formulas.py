"""The formula language, as a table from text to number."""

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.context import NOBODY, Context
from rules.facts import Facts, ItemFacts, Line, OrderFacts
from rules.formulas.compile import compile_formula
from rules.moment import Now
from rules.programs import RuleError
from tests.rules.making import MOMENT, amount, customer, cuts, order, run, voucher

LINES = (
    Line(index=0, product_id="a", quantity=2, price=600, metadata={"w": 3}),
    Line(
        index=1, product_id="b", quantity=1, price=1000, product=ItemFacts(id="b", metadata={"colour": "red"})
    ),
)
CONTEXT = Context(
    Facts(
        candidates=(),
        order=OrderFacts(lines=LINES, amount=46500, metadata={"km": 7, "deep": {"er": 2}}),
        customer=customer(
            birthdate="2000-02-29",
            metadata={
                "age": 20,
                "brands": ["Nike", "Puma"],
                "since": "2026-01-04",
                "name": "Ann",
                "vip": True,
            },
        ),
        metadata={"shop": "north"},
    ),
    Now(MOMENT),
)

CONTEXT.begin(NOBODY)


def value(text: str, line: int | None = None) -> Decimal | None:
    chosen = None if line is None else CONTEXT.cart.lines[line]
    return compile_formula(text, "invalid_payload", ".f").evaluate(CONTEXT, chosen)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 2 - 3", "5"),
        ("-2 * -3", "6"),
        ("7 % 4", "3"),
        ("6 ÷ 4 x 2 × 1", "3"),
        ("ORDER_AMOUNT", "465"),
        ("ORDER_ITEMS_QUANTITY", "2"),
        ("ORDER_UNITS_QUANTITY", "3"),
        ("ROUND(75.55;1)", "75.6"),
        ("ROUND(75.55;0)", "76"),
        ("ROUND(75.55;-1)", "80"),
        ("FLOOR(75.55;1)", "75.5"),
        ("FLOOR(75.55)", "75"),
        ("FLOOR(75.55;-1)", "70"),
        ("CEIL(74.44;1)", "74.5"),
        ("CEIL(74.44;0)", "75"),
        ("CEIL(74.44;-1)", "80"),
        ("MIN(3;1;2) + MAX(3;1;2)", "4"),
        ("POW(2;10)", "1024"),
        ("IF(ORDER_ITEMS_QUANTITY > 4;IF(ORDER_AMOUNT > 200;25;15);10)", "10"),
        ("IF(ORDER_AMOUNT > 300;15;5)", "15"),
        ('IF(CUSTOMER_METADATA("brands") contains "Nike";20;CUSTOMER_METADATA("age"))', "20"),
        ('CUSTOMER_METADATA("age") - -2', "22"),
        ('SWITCH(CUSTOMER_METADATA("age");SWITCH_CASE(10;1) SWITCH_CASE(20;2);3)', "2"),
        ('SWITCH("z";SWITCH_CASE("a";1) SWITCH_CASE("b";2);3)', "3"),
        ('IF(CUSTOMER_METADATA("name") is "Ann" AND ORDER_AMOUNT > 1;1;0)', "1"),
        ('IF(CUSTOMER_METADATA("name") isNot "Ann" OR ORDER_AMOUNT < 1;1;0)', "0"),
        ('IF(CUSTOMER_METADATA("name") startsWith "An";1;0)', "1"),
        ('IF(CUSTOMER_METADATA("name") endsWith "x";1;0)', "0"),
        ('IF(REDEMPTION_METADATA("shop") IN_ARRAY "south,north";1;0)', "1"),
        ('IF(REDEMPTION_METADATA("shop") NOT_IN_ARRAY "south,north";1;0)', "0"),
        ('IF(CUSTOMER_METADATA("vip") = TRUE;1;0)', "1"),
        ('DEFAULT_TO(CUSTOMER_METADATA("gone");7)', "7"),
        ('ORDER_METADATA("km") + ORDER_METADATA("deep.er")', "9"),
        ('DAYS_SINCE(CUSTOMER_METADATA("since"))', "59"),
        ('MONTHS_SINCE(CUSTOMER_METADATA("since"))', "2"),
        ("YEARS_SINCE(CUSTOMER_BIRTHDATE)", "26"),
        ('DAYS_UNTIL(DATE("2026-03-10"))', "6"),
        ('MONTHS_UNTIL(DATE("2026-05-03"))', "1"),
        ('IF(DATE("2026-03-04") DATE_IS TODAY;1;0)', "1"),
        ('IF(NOW IS_AFTER DATE_TIME("2026-03-04T11:00:00Z");1;0)', "1"),
        ("DAY_OF_MONTH(TODAY) + MONTH(TODAY) * 100 + YEAR(TODAY)", "2330"),
        ("CHEAPEST_ORDER_ITEM_PRICE + MOST_EXPENSIVE_ORDER_ITEM_AMOUNT", "16"),
    ],
)
def test_formulas_give_the_documented_numbers(text, expected) -> None:
    """Money is in major units, everything is exact."""
    assert value(text) == Decimal(expected)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("ORDER_ITEM_PRICE * 0.01 + 1", 0, "1.06"),
        ("ORDER_ITEM_PRICE * 0.01 + 1", 1, "1.10"),
        ("ORDER_ITEM_AMOUNT / ORDER_ITEM_UNITS_QUANTITY", 0, "6"),
        ('ORDER_ITEM_METADATA("w")', 0, "3"),
        ('IF(ORDER_ITEM_PRODUCT_METADATA("colour") is "red";1;0)', 1, "1"),
    ],
)
def test_formulas_see_the_line(text, line, expected) -> None:
    """Item operands belong to the line that is being priced."""
    assert value(text, line) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        'CUSTOMER_METADATA("gone")',
        "1 / 0",
        "POW(10;100) * POW(10;99)",
        "POW(2;1000)",
        '"abc" * 2',
        "ORDER_ITEM_PRICE",
        "VOUCHER_EXPIRATION_DATE",
        'IF(CUSTOMER_METADATA("gone") > 5;1;2)',
        "TRUE",
    ],
)
def test_what_cannot_be_known_gives_nothing(text) -> None:
    """The static value beside the formula stands."""
    assert value(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        "FOO(1)",
        "IF(1;2)",
        'ORDER_METADATA("")',
        "1 2",
        "SWITCH(1;2)",
        "$",
        "(" * 60 + "1" + ")" * 60,
    ],
)
def test_what_is_no_formula_is_refused(text) -> None:
    """A wrong formula is an error of the document, not of the checkout."""
    with pytest.raises(RuleError) as refused:
        compile_formula(text, "invalid_payload", ".f")
    assert refused.value.key == "invalid_payload"


def test_a_long_chain_is_refused_and_not_overflowed() -> None:
    """Length is bounded before the stack is."""
    with pytest.raises(RuleError):
        compile_formula("+".join(["1"] * 900), "invalid_payload", ".f")
    nested = "1"
    for _ in range(30):
        nested = f"({nested}){'+1' * 3}"
    assert value(nested) == 91


PIECES = st.sampled_from(
    [
        "1",
        "2.5",
        "(",
        ")",
        ";",
        "+",
        "-",
        "*",
        "/",
        "%",
        ">",
        "=",
        "AND",
        "OR",
        "IF(",
        "MIN(",
        "ROUND(",
        "SWITCH(",
        "SWITCH_CASE(",
        "TODAY",
        "NOW",
        "ORDER_AMOUNT",
        'CUSTOMER_METADATA("age")',
        '"x"',
        "POW(",
        "DAYS_SINCE(",
        "contains",
        "IN_ARRAY",
        "ORDER_ITEM_PRICE",
        "DATE(",
        '"2026-01-01"',
        "NULL",
        "FLOOR(",
        "DEFAULT_TO(",
    ]
)


@given(st.lists(PIECES, max_size=40).map(" ".join) | st.text(max_size=60))
def test_any_text_is_refused_or_evaluates(text) -> None:
    """A formula never raises and never loops."""
    begun = time.process_time()
    try:
        formula = compile_formula(text, "k", ".f")
    except RuleError:
        return
    found = formula.evaluate(CONTEXT, CONTEXT.cart.lines[0])
    assert found is None or isinstance(found, Decimal)
    assert time.process_time() - begun < 5


def test_tv16_new_prices_by_formula() -> None:
    """Prices in formulas are major units; the order amount is the one before discounts."""
    cart = order(
        ("pink", 1, 6500),
        ("navy", 1, 6000),
        ("ship", 1, 2000),
        ("gray", 2, 5000),
        ("pearl", 2, 11000),
        amount=46500,
    )
    sweaters = "IF(ORDER_AMOUNT > 300;ORDER_ITEM_PRICE * 0.8;ORDER_ITEM_PRICE)"
    pants = "IF(ORDER_AMOUNT > 200;ORDER_ITEM_PRICE * 0.9;ORDER_ITEM_PRICE)"
    entries = [
        ("pink", sweaters),
        ("pearl", sweaters),
        ("navy", pants),
        ("gray", pants),
        ("ship", "IF(ORDER_AMOUNT > 400;0;20)"),
    ]
    rule = {
        "applicable_to": {
            "included": [
                {"object": "product", "id": name, "price": 99900, "price_formula": text}
                for name, text in entries
            ]
        }
    }
    state = run(voucher({"type": "FIXED", "effect": "APPLY_TO_ITEMS"}, rules=[rule]), cart=cart).order
    assert cuts(state) == [1300, 600, 2000, 1000, 4400]
    assert state is not None
    assert state.total_amount == 37200


def test_a_formula_falls_back_and_never_goes_below_zero() -> None:
    """Missing data gives the static value, a negative result gives nothing."""
    cart = order(amount=10000)
    missing = run(voucher(amount(700, amount_off_formula='CUSTOMER_METADATA("gone")')), cart=cart)
    assert missing.order is not None
    assert missing.order.discount_amount == 700
    negative = run(voucher(amount(700, amount_off_formula="0 - 5")), cart=cart)
    assert negative.order is not None
    assert negative.order.discount_amount == 0
    assert negative.results[0].discount is not None
    assert negative.results[0].discount["is_dynamic"] is True


def test_minor_units_follow_the_currency() -> None:
    """Yen have none, dinars have three."""
    for currency, minor in (("JPY", 12), ("KWD", 12340), ("EUR", 1234)):
        cart = order(amount=1_000_000, currency=currency)
        state = run(voucher(amount(0, amount_off_formula="12.34")), cart=cart).order
        assert state is not None
        assert state.discount_amount == minor
