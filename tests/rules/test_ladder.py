"""Refusals in their order of precedence: one line per case, ending in the reason."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from rules.compile import compile_segment
from rules.counters import tally
from rules.facts import Counter, Holder
from rules.reasons import REASONS, Reason, is_transient
from tests.rules.making import (
    MOMENT,
    ROOMY,
    amount,
    customer,
    gift,
    order,
    percent,
    products,
    reason,
    rule,
    run,
    tier,
    voucher,
)

CART = order(("a", 2, 5000))
OFF = amount(1000)
YESTERDAY = MOMENT.now - timedelta(days=1)
TOMORROW = MOMENT.now + timedelta(days=1)


def single(name: str, **conditions):
    return {
        "rules": {"1": {"name": name, "conditions": {f"${op}": [value] for op, value in conditions.items()}}}
    }


CASES = [
    (voucher(OFF, absent=True), {}, "NOT_FOUND"),
    (voucher(OFF, windows=[{"active": False}]), {}, "VOUCHER_DISABLED"),
    (tier(OFF, windows=[{"active": False, "owner": "promotion_tier"}]), {}, "PROMOTION_INACTIVE"),
    (voucher(OFF, windows=[{"active": False, "owner": "campaign"}]), {}, "CAMPAIGN_DISABLED"),
    (voucher(OFF, windows=[{"start_date": TOMORROW}]), {}, "VOUCHER_NOT_ACTIVE"),
    (voucher(OFF, windows=[{"expiration_date": YESTERDAY}]), {}, "VOUCHER_EXPIRED"),
    (voucher(OFF, windows=[{"expiration_date": MOMENT.now.isoformat()}]), {}, None),
    (voucher(OFF, windows=[{"validity_day_of_week": [0]}]), {}, "VOUCHER_NOT_ACTIVE_NOW"),
    (voucher(OFF, windows=[{"validity_day_of_week": [3]}]), {}, None),
    (tier(OFF, windows=[{"validity_day_of_week": [0]}]), {}, "PROMOTION_NOT_ACTIVE_NOW"),
    (voucher(OFF, quantity=0), {}, "QUANTITY_EXCEEDED"),
    (voucher(OFF, quantity=1), {"counters": {tally("voucher", "v_CODE"): Counter(1)}}, "QUANTITY_EXCEEDED"),
    (voucher(OFF, quantity=2), {"counters": {tally("voucher", "v_CODE"): Counter(1)}}, None),
    (
        voucher(OFF, quantity=2),
        {"counters": {tally("voucher", "v_CODE"): Counter(1, 1)}},
        "QUANTITY_EXCEEDED",
    ),
    (gift(500, 600), {}, "GIFT_AMOUNT_EXCEEDED"),
    (gift(500, 500), {}, None),
    (gift(500), {"counters": {tally("gift", "v_GIFT", "balance"): Counter(0)}}, "GIFT_AMOUNT_EXCEEDED"),
    (
        gift(500),
        {"counters": {tally("gift", "v_GIFT", "balance"): Counter(500, 500)}},
        "GIFT_AMOUNT_EXCEEDED",
    ),
    (
        voucher(OFF, is_referral_code=True, holder=Holder("cust_1")),
        {"customer": customer()},
        "REFERRER_NOT_PERMITTED",
    ),
    (voucher(OFF, rules=[single("customer.segment", **{"is": "seg_1"})]), {}, "MISSING_CUSTOMER"),
    (
        voucher(OFF, rules=[single("customer.segment", **{"is": "seg_1"})]),
        {"customer": customer()},
        "CUSTOMER_RULES_VIOLATED",
    ),
    (voucher(OFF, rules=[single("order.amount", more_than=9999)]), {}, None),
    (voucher(OFF, rules=[single("order.amount", more_than=10000)]), {}, "ORDER_RULES_VIOLATED"),
    (voucher(OFF, rules=[single("order.amount", more_than=1)]), {"cart": None}, "MISSING_ORDER"),
    (voucher(OFF, rules=[single("order.amount", more_than=1)]), {"cart": order()}, "MISSING_AMOUNT"),
    (voucher(OFF), {"cart": order()}, "MISSING_AMOUNT"),
    (voucher(OFF), {"cart": None}, None),
    (voucher(amount(1, effect="APPLY_TO_ITEMS")), {"cart": None}, "MISSING_ORDER"),
    (voucher(amount(1, effect="APPLY_TO_ITEMS")), {"cart": order(amount=5)}, "MISSING_ORDER_ITEMS"),
    (voucher(amount(1, effect="APPLY_TO_ITEMS")), {"cart": order(("a",))}, "MISSING_ORDER_ITEMS_AMOUNT"),
    (gift(500), {"cart": None}, "MISSING_ORDER"),
    (voucher(OFF, rules=[single("order.total_amount", more_than=9000)]), {}, "ORDER_RULES_VIOLATED"),
    (voucher(OFF, rules=[single("order.total_amount", more_than=8999)]), {}, None),
    (voucher(OFF, rules=[single("order.items.count", more_than=2)]), {}, "ORDER_RULES_VIOLATED"),
    (
        voucher(OFF, rules=[single("redemption.count.per_customer", less_than_or_equal=1)]),
        {},
        "MISSING_CUSTOMER",
    ),
    (
        voucher(OFF, rules=[single("redemption.count.per_customer", less_than_or_equal=1)]),
        {
            "customer": customer(),
            "counters": {tally("voucher", "v_CODE", "used", "cust_1"): Counter(1)},
        },
        "REDEMPTION_RULES_VIOLATED",
    ),
    (
        voucher(
            OFF, campaign_id="camp_1", rules=[single("campaign.orders.amount_discounted", less_than=1000)]
        ),
        {},
        "REDEMPTION_RULES_VIOLATED",
    ),
    (
        voucher(
            OFF,
            rules=[single("publication.redeemable_by_linked_customer", **{"is": True})],
            holder=Holder("cust_2"),
        ),
        {"customer": customer()},
        "CUSTOMER_RULES_VIOLATED",
    ),
    (
        voucher(OFF, rules=[single("redemption.api_key", **{"is": "k1"})]),
        {"api_key_id": "k2"},
        "REDEMPTION_RULES_VIOLATED",
    ),
    (voucher(OFF, rules=[products("b")]), {}, None),
]


@pytest.mark.parametrize(("candidate", "more", "expected"), CASES)
def test_the_first_thing_in_the_way_is_named(candidate, more, expected) -> None:
    """Each refusal has one reason, and nothing is discounted."""
    decision = run(candidate, **{"cart": CART, **more})
    assert reason(decision) == expected
    assert decision.valid is (expected is None)
    if decision.order is not None and expected is not None:
        assert decision.order.total_discount_amount == 0


def test_earlier_rungs_come_first() -> None:
    """A disabled, expired, used-up voucher with violated rules is disabled."""
    wrong = [single("order.amount", more_than=10**9)]
    steps = [
        ({"windows": [{"active": False, "expiration_date": YESTERDAY}]}, "VOUCHER_DISABLED"),
        ({"windows": [{"expiration_date": YESTERDAY}]}, "VOUCHER_EXPIRED"),
        ({}, "QUANTITY_EXCEEDED"),
    ]
    for more, expected in steps:
        assert reason(run(voucher(OFF, quantity=0, rules=wrong, **more), cart=CART)) == expected
    assert reason(run(voucher(OFF, quantity=1, rules=wrong), cart=CART)) == "ORDER_RULES_VIOLATED"


def test_every_reason_has_a_text() -> None:
    """Key, status and sentence stand in one place."""
    assert set(REASONS) == set(Reason)
    assert is_transient(Reason.QUANTITY_EXCEEDED)
    assert not is_transient(Reason.NOT_FOUND)


def test_a_segment_is_looked_at_live() -> None:
    """Membership follows from what the request knows of the customer."""
    filtered = compile_segment(
        "seg_1", {"type": "auto-update", "filter": {"metadata.tier": {"conditions": {"$is": ["gold"]}}}}
    )
    listed = compile_segment("seg_1", {"type": "static", "customers": ["cust_1"]})
    for segment, who, expected in (
        (listed, customer(), None),
        (listed, customer("cust_2"), "CUSTOMER_RULES_VIOLATED"),
        (filtered, customer(metadata={"tier": "gold"}), None),
        (filtered, customer(metadata={"tier": "tin"}), "CUSTOMER_RULES_VIOLATED"),
    ):
        compiled = rule(single("customer.segment", **{"is": "seg_1"}), segments={"seg_1": segment})
        assert compiled.guards == ("seg:seg_1",)
        assert reason(run(voucher(OFF, rules=[compiled]), cart=CART, customer=who)) == expected


def test_a_rule_speaks_with_its_own_message() -> None:
    """The rule's sentence beats the rule set's."""
    own = {"1": {"name": "order.amount", "conditions": {"$more_than": [10**9]}, "error": {"message": "own"}}}
    for rules, expected in ((own, "own"), ({"1": {**own["1"], "error": None}}, "set")):
        document = {"rules": rules, "error": {"message": "set"}}
        refusal = run(voucher(OFF, rules=[document]), cart=CART).results[0].refusal
        assert refusal is not None
        assert (refusal.message, refusal.rule_id) == (expected, "val_1")


@pytest.mark.parametrize(
    ("logic", "expected"),
    [
        ("1 and 2", "ORDER_RULES_VIOLATED"),
        ("1 or 2", None),
        ("1 AND (2 OR 3)", None),
        ("(2)", "ORDER_RULES_VIOLATED"),
        ("2 or 1 and 3", None),
        ("", "ORDER_RULES_VIOLATED"),
    ],
)
def test_logic_joins_the_rules(logic, expected) -> None:
    """`and` binds tighter than `or`; without logic all must hold."""
    yes = {"name": "order.amount", "conditions": {"$more_than": [1]}}
    no = {"name": "order.amount", "conditions": {"$less_than": [1]}}
    document = {"rules": {"1": yes, "2": no, "3": yes, "logic": logic}}
    assert reason(run(voucher(OFF, rules=[document]), cart=CART)) == expected


def test_a_limit_in_an_or_binds_only_when_it_decides() -> None:
    """The counter always moves; its cap matters only if the other branch does not hold."""
    counted = {"name": "campaign.redemptions.count", "conditions": {"$less_than_or_equal": [5]}}
    for least, cap in ((1, None), (10**9, 5)):
        big = {"name": "order.amount", "conditions": {"$more_than": [least]}}
        document = {"rules": {"1": big, "2": counted, "logic": "1 or 2"}}
        result = run(voucher(OFF, campaign_id="camp_1", rules=[document]), cart=CART).results[0]
        charge = next(charge for charge in result.charges if charge.counter == tally("campaign", "camp_1"))
        assert (charge.delta, charge.cap) == (1, cap)


class TestCharges:
    def test_a_voucher_of_a_campaign_moves_everything_that_may_be_limited_later(self) -> None:
        """Uses, the campaign's uses, its discount and its orders; one charge per counter."""
        result = run(voucher(OFF, quantity=5, redeemed_base=2, campaign_id="camp_1"), cart=CART).results[0]
        found = {(c.counter.scope, c.counter.field): (c.delta, c.cap, c.base) for c in result.charges}
        assert found == {
            ("voucher", "used"): (1, 5, 2),
            ("campaign", "used"): (1, None, 0),
            ("campaign", "discount"): (1000, None, 0),
            ("campaign", "orders"): (10000, None, 0),
        }

    def test_the_tightest_cap_stays(self) -> None:
        """Two rules on one counter make one charge."""
        rules = [single("campaign.redemptions.count", less_than_or_equal=n) for n in (7, 3, 9)]
        charges = run(voucher(OFF, campaign_id="camp_1", rules=rules), cart=CART).results[0].charges
        caps = [c.cap for c in charges if c.counter == tally("campaign", "camp_1")]
        assert caps == [3]

    def test_a_gift_card_pins_its_balance(self) -> None:
        """Its balance is a fact that the amount depends on."""
        result = run(gift(5000, 700), cart=CART).results[0]
        charge = next(c for c in result.charges if c.counter.scope == "gift")
        assert (charge.delta, charge.floor, charge.base, charge.reads) == (-700, 0, 5000, True)
        assert (result.credits, result.balance) == (700, 5000)

    def test_windows_carry_their_first_day_and_end(self) -> None:
        """Daily, weekly and monthly counters are named by the calendar of the project."""
        names = {}
        for word in ("daily", "weekly", "monthly"):
            document = single(f"redemption.count.{word}", less_than_or_equal=1)
            charges = run(voucher(OFF, rules=[document]), cart=CART).results[0].charges
            charge = next(c for c in charges if c.counter.window)
            names[word] = (
                charge.counter.window,
                datetime.fromtimestamp(charge.until, UTC).date().isoformat(),
            )
        assert names == {
            "daily": ("d2026-03-04", "2026-03-05"),
            "weekly": ("w2026-03-02", "2026-03-09"),
            "monthly": ("m2026-03-01", "2026-04-01"),
        }

    def test_a_stack_sees_what_its_own_earlier_parts_took(self) -> None:
        """Two codes of a campaign with one place left: the second is refused."""
        document = single("campaign.redemptions.count", less_than_or_equal=10)
        both = [voucher(OFF, name, campaign_id="camp_1", rules=[document]) for name in "AB"]
        counters = {tally("campaign", "camp_1"): Counter(9)}
        decision = run(*both, cart=CART, counters=counters)
        assert [result.status for result in decision.results] == ["APPLICABLE", "INAPPLICABLE"]
        assert reason(decision) == "REDEMPTION_RULES_VIOLATED"


class TestStacking:
    def test_all_means_all(self) -> None:
        """The first failure stands, the rest is left out, nothing is discounted."""
        stacking = msgspec.structs.replace(ROOMY, redeemables_application_mode="ALL")
        decision = run(
            voucher(OFF, "A"), voucher(OFF, "B", absent=True), voucher(OFF, "C"), cart=CART, stacking=stacking
        )
        assert [(r.candidate.code, r.status) for r in decision.results] == [
            ("A", "SKIPPED"),
            ("B", "INAPPLICABLE"),
            ("C", "SKIPPED"),
        ]
        assert not decision.valid
        assert decision.order is not None
        assert decision.order.total_amount == 10000

    def test_partial_keeps_what_can_be_had(self) -> None:
        """What fails does not hinder the rest."""
        decision = run(voucher(OFF, "A", absent=True), voucher(OFF, "B"), cart=CART)
        assert [r.status for r in decision.results] == ["INAPPLICABLE", "APPLICABLE"]
        assert decision.valid

    def test_limits_count_only_what_was_applied(self) -> None:
        """Refused ones take no place; the rest is skipped in order."""
        stacking = msgspec.structs.replace(ROOMY, applicable_redeemables_limit=2)
        many = [voucher(OFF, "X", absent=True), *(voucher(amount(1), name) for name in "ABCD")]
        decision = run(*many, cart=CART, stacking=stacking)
        assert [r.status for r in decision.results] == ["INAPPLICABLE", *["APPLICABLE"] * 2, *["SKIPPED"] * 2]
        last = decision.results[-1].refusal
        assert last is not None
        assert last.reason is Reason.APPLICABLE_REDEEMABLES_LIMIT

    def test_limits_per_category(self) -> None:
        """One per category by default, more where the category says so."""
        stacking = msgspec.structs.replace(
            ROOMY,
            applicable_redeemables_per_category_limit=1,
            applicable_redeemables_category_limits={"c2": 2},
        )
        wanted = [("A", "c1"), ("B", "c1"), ("C", "c2"), ("D", "c2"), ("E", "c2")]
        many = [voucher(amount(1), name, category_ids=(category,)) for name, category in wanted]
        decision = run(*many, cart=CART, stacking=stacking)
        assert [r.candidate.code for r in decision.applied] == ["A", "C", "D"]

    def test_an_exclusive_one_wins_wherever_it_stands(self) -> None:
        """Common ones give way, joint ones stay; if it cannot be applied the common ones come back."""
        stacking = msgspec.structs.replace(ROOMY, exclusive_categories=("x",), joint_categories=("j",))
        common = voucher(amount(1), "COMMON", category_ids=("c",))
        joint = voucher(amount(2), "JOINT", category_ids=("j",))
        for absent, expected in ((False, ["EXCL", "JOINT"]), (True, ["COMMON", "JOINT"])):
            exclusive = voucher(amount(4), "EXCL", category_ids=("x",), absent=absent)
            decision = run(common, joint, exclusive, cart=CART, stacking=stacking)
            assert [r.candidate.code for r in decision.applied] == expected

    def test_hierarchy_decides_the_order(self) -> None:
        """Lower numbers first; joint ones last whatever their number; ties as requested."""
        from rules.facts import CategoryFacts

        stacking = msgspec.structs.replace(
            ROOMY, redeemables_sorting_rule="CATEGORY_HIERARCHY", joint_categories=("j",)
        )
        categories = {name: CategoryFacts(name, name, n) for name, n in (("a", 2), ("b", 1), ("j", 0))}
        many = [voucher(amount(1), name, category_ids=(name,)) for name in ("a", "j", "b")]
        decision = run(*many, cart=CART, stacking=stacking, categories=categories)
        assert [r.candidate.code for r in decision.results] == ["b", "a", "j"]

    def test_without_effect_is_skipped_where_the_project_says_so(self) -> None:
        """A redeemable that changes nothing is kept by default."""
        nothing = percent(0)
        assert run(voucher(nothing), cart=CART).valid
        stacking = msgspec.structs.replace(ROOMY, redeemables_no_effect_rule="SKIP")
        decision = run(voucher(nothing), cart=CART, stacking=stacking)
        assert decision.results[0].status == "SKIPPED"

    def test_once_means_one_item_discount_per_line(self) -> None:
        """The second product-level discount finds only lines without one."""
        stacking = msgspec.structs.replace(ROOMY, redeemables_products_application_mode="ONCE")
        cart = order(("a", 1, 1000), ("b", 1, 1000))
        first = voucher(amount(100, effect="APPLY_TO_ITEMS"), "A", rules=[products("a")])
        second = voucher(amount(10, effect="APPLY_TO_ITEMS"), "B")
        decision = run(first, second, cart=cart, stacking=stacking)
        assert decision.order is not None
        assert [line.discount_amount for line in decision.order.lines] == [100, 10]

    def test_tv22_and_tv24_rules_see_what_earlier_ones_left(self) -> None:
        """`order.amount` shrinks along the stack, `order.initial_amount` does not."""
        ten, twenty = (
            voucher(percent(10), "TEN"),
            voucher(percent(20), "TWENTY", rules=[single("order.amount", more_than=10000)]),
        )
        cart = order(("a", 1, 10500))
        assert [r.candidate.code for r in run(ten, twenty, cart=cart).applied] == ["TEN"]
        other = run(twenty, ten, cart=cart)
        assert other.order is not None
        assert other.order.total_amount == 7560
        small = order(("a", 1, 1050))
        rules = [single("order.amount", more_than=1000), single("order.initial_amount", less_than=1100)]
        coupon = voucher(amount(1), "COUPON", rules=rules)
        assert [r.candidate.code for r in run(gift(500, 100), coupon, cart=small).applied] == ["GIFT"]
        assert len(run(coupon, gift(500, 100), cart=small).applied) == 2
