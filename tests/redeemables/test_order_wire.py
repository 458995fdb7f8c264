"""Orders of one answer are written from each other: each must read as if it had been written alone."""

import msgspec

from app.redeemables.customers import CustomerPayload, patch_of, says_nothing
from app.redeemables.order_wire import OrderWriter, order_wire
from rules.decide import decide
from rules.facts import OrderFacts
from rules.verdict import Decision
from tests.rules.making import ROOMY, line, order, percent, run, tier, voucher
from tests.rules.randomly import Maker

ON_ITEMS, ON_ORDER = "APPLY_TO_ITEMS", "APPLY_TO_ORDER"
CART = order(("a", 3, 1_000), ("sku_s", 1, 250), ("free", 1, 0), ("b", 2, None))
FREE_MUG = {"type": "UNIT", "unit_off": 1, "unit_type": "mug", "effect": "ADD_NEW_ITEMS"}


def written(decision: Decision, facts: OrderFacts) -> int:
    """Compare every order of the decision; how many there were."""
    orders = [decision.order, *(result.order for result in decision.results)]
    states = [state for state in orders if state is not None]
    writer = OrderWriter(facts)
    for state in states:
        alone = order_wire(state, facts)
        assert msgspec.json.encode(writer.wire(state)) == msgspec.json.encode(alone)
    # Nothing that was given was changed by what came after it.
    for state in states:
        assert writer.wire(state) == order_wire(state, facts)
    return len(states)


def test_a_stack_reads_as_if_each_of_its_orders_were_written_alone():
    """Discounts on lines and on the order, a line that is discounted already, free units, shares."""
    earlier = order(
        line(0, "a", 2, 500, discount_amount=100),
        line(1, "b", 1, 700),
        line(2, "c", 2, 50, initial_quantity=1),
    )
    candidates = (
        voucher(percent(10, effect=ON_ORDER), "FIRST"),
        voucher(percent(10, effect=ON_ITEMS), "ITEMS"),
        voucher(percent(5, effect=ON_ORDER), "ORDER"),
        voucher(percent(5, effect=ON_ORDER), "AGAIN"),
        voucher(FREE_MUG, "MUG"),
        tier(percent(10, effect=ON_ITEMS), "promo_2"),
    )
    for cart in (CART, earlier):
        for more in ({}, {"project_extensions": {"share_order_discounts": True}}):
            decision = run(*candidates, cart=cart, **more)
            assert written(decision, cart) == 1 + len(candidates)


def test_any_decision_reads_so():
    """Whatever was asked and decided."""
    seen = 0
    for seed in range(300):
        facts, moment = Maker(seed).request()
        if facts.order is not None:
            seen += written(decide(facts, moment), facts.order)
    assert seen > 100


def test_redeemables_that_leave_the_lines_alone_share_them():
    """Each line is frozen and written once for all of them."""
    decision = run(
        voucher(percent(10, effect=ON_ITEMS), "ITEMS"),
        voucher(percent(5, effect=ON_ORDER), "ORDER"),
        voucher(percent(5, effect=ON_ORDER), "AGAIN"),
        cart=CART,
        stacking=ROOMY,
    )
    items, first, second = (result.order for result in decision.results)
    assert first.lines is second.lines is not items.lines
    writer = OrderWriter(CART)
    assert writer.wire(first)["items"] is writer.wire(second)["items"]


def test_a_customer_of_whom_nothing_is_said_has_an_empty_patch():
    """What is asked before a patch is made says the same as the patch would."""
    named = {"id": "cust_1", "source_id": "kim"}
    assert says_nothing(CustomerPayload(**named))
    assert not patch_of(CustomerPayload(**named))
    for name in ("name", "description", "email", "phone", "address", "metadata"):
        said = CustomerPayload(**named, **{name: {} if name in ("address", "metadata") else "x"})
        assert patch_of(said), name
        assert not says_nothing(said), name
    born = CustomerPayload(**named, birthday="1990-01-02")
    assert patch_of(born) == {"birthdate": "1990-01-02"}
    assert not says_nothing(born)
