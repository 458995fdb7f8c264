"""The worked numbers of the contract that hang on formulas and rules about the order (TV16, TV22, TV24)."""

from typing import Any

import pytest

from rules.facts import OrderFacts
from tests.rules.making import amount, cuts, gift, order, percent, reason, rule, run, totals, voucher

SWEATERS = "IF(ORDER_AMOUNT > 300;ORDER_ITEM_PRICE * 0.8;ORDER_ITEM_PRICE)"
PANTS = "IF(ORDER_AMOUNT > 200;ORDER_ITEM_PRICE * 0.9;ORDER_ITEM_PRICE)"
SHIPPING = "IF(ORDER_AMOUNT > 400;0;20)"


def test_tv16_prices_by_formula_are_in_major_units() -> None:
    """Each entry has a formula of its own; an order of 465.00 is more than 400."""
    entries = [
        {"object": "product", "id": name, "price_formula": formula}
        for name, formula in (
            ("pink", SWEATERS),
            ("navy", PANTS),
            ("shipping", SHIPPING),
            ("gray", PANTS),
            ("pearl", SWEATERS),
        )
    ]
    cart = order(
        ("pink", 1, 6_500),
        ("navy", 1, 6_000),
        ("shipping", 1, 2_000),
        ("gray", 2, 5_000),
        ("pearl", 2, 11_000),
    )
    discount = {"type": "FIXED", "effect": "APPLY_TO_ITEMS"}
    state = run(voucher(discount, rules=[{"applicable_to": {"included": entries}}]), cart=cart).order
    assert cuts(state) == [1_300, 600, 2_000, 1_000, 4_400]
    assert totals(state)[3] == 37_200


def about_order(name: str, operator: str, value: int) -> dict[str, Any]:
    return {"rules": {"1": {"name": name, "conditions": {operator: [value]}}}}


@pytest.mark.parametrize(
    ("first_is_ten", "total", "refused"), [(True, 9_450, "ORDER_RULES_VIOLATED"), (False, 7_560, None)]
)
def test_tv22_a_rule_sees_what_earlier_discounts_left(
    first_is_ten: bool, total: int, refused: str | None
) -> None:
    """Twenty per cent for orders above 10 000: after ten per cent the order is not above it any more."""
    large = about_order("order.amount", "$more_than", 10_000)
    ten = voucher(percent(10, effect="APPLY_TO_ORDER"), "TEN")
    twenty = voucher(percent(20, effect="APPLY_TO_ORDER"), "TWENTY", rules=[large])
    stack = (ten, twenty) if first_is_ten else (twenty, ten)
    decision = run(*stack, cart=OrderFacts(amount=10_500, has_lines=False))
    assert totals(decision.order)[3] == total
    assert reason(decision) == refused


@pytest.mark.parametrize(("gift_first", "refused"), [(True, "ORDER_RULES_VIOLATED"), (False, None)])
def test_tv24_the_amount_changes_the_initial_amount_does_not(gift_first: bool, refused: str | None) -> None:
    """A gift card of 100 on 1 050: afterwards the amount is 950, the initial amount still 1 050."""
    coupon = voucher(
        amount(10, effect="APPLY_TO_ORDER"),
        "COUPON",
        rules=[
            rule(about_order("order.amount", "$more_than", 1_000)),
            rule(about_order("order.initial_amount", "$less_than", 1_100), "val_2"),
        ],
    )
    card = gift(100)
    stack = (card, coupon) if gift_first else (coupon, card)
    decision = run(*stack, cart=order(("a", 1, 1_050)))
    assert reason(decision) == refused
    assert len(decision.applied) == (1 if gift_first else 2)
