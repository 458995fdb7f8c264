"""Random documents and requests from a seed: plausible most of the time, wrong some of the time, thousands a
second.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from rules.compile import RuleError, compile_collection, compile_discount, compile_rule, compile_segment
from rules.counters import tally
from rules.facts import (
    Candidate,
    Counter,
    CustomerFacts,
    Facts,
    Gift,
    Holder,
    ItemFacts,
    Line,
    Moment,
    OrderFacts,
    Reward,
    Shipping,
    StackingRules,
)
from rules.operators import ALIASES, BUILDERS
from rules.rulesets import RULE_NAMES

NAMES = ("a", "b", "c", "sku_s", "prod_p")
EFFECTS = (
    "APPLY_TO_ORDER",
    "APPLY_TO_ITEMS",
    "APPLY_TO_ITEMS_BY_QUANTITY",
    "APPLY_TO_ITEMS_PROPORTIONALLY",
    "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY",
)
SELECTIONS = ("EVERY", "TO_CHEAPEST", "TO_MOST_EXPENSIVE", "FROM_CHEAPEST", "FROM_MOST_EXPENSIVE")
SUB_RULES = (
    "order.items.quantity",
    "order.items.aggregated_quantity",
    "order.items.price",
    "order.items.aggregated_amount",
    "order.items.metadata",
    "product.metadata.match_all",
)
FORMULAS = (
    "ORDER_AMOUNT * 0.1",
    "ORDER_ITEM_PRICE / 3",
    'CUSTOMER_METADATA("k")',
    "IF(ORDER_ITEMS_QUANTITY > 2;5;1)",
    "0 - 3",
    "VOUCHER_REDEEMED_QUANTITY + 1",
    "DAYS_SINCE(CUSTOMER_BIRTHDATE)",
)
TEXTS = ("2024-11-12T14:59:23Z;P1D;PT1H", "18:00;20:01;2,3", "2026-01-31", "x", "geo:52.5,13.4", "", "true")
OPERATORS = (*BUILDERS, *ALIASES, "$has_value", "$is_unknown", "$from", "$in_location")
COLLECTION = compile_collection("pc_1", {"type": "STATIC", "products": [{"id": "a", "object": "product"}]})
SEGMENT = compile_segment("seg_1", {"type": "static", "customers": ["cust_1"]})
ZONES = tuple(ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Pacific/Apia"))


class Maker:
    """One source of chance. `noise` is how often something senseless stands where something else was
    meant.
    """

    def __init__(self, seed: int, noise: float = 0.02) -> None:
        self.random = Random(seed)
        self.noise = noise

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def one(self, *values: Any) -> Any:
        return self.random.choice(values)

    def junk(self, depth: int = 0) -> Any:
        kinds = [
            None,
            True,
            -1,
            10**18,
            0.1,
            float("inf"),
            Decimal("1e40"),
            "junk",
            "",
            "\u2028",
            -5,
            Decimal("NaN"),
        ]
        if depth < 2 and self.chance(0.4):
            inner = [self.junk(depth + 1) for _ in range(self.random.randrange(3))]
            return inner if self.chance(0.5) else {str(index): value for index, value in enumerate(inner)}
        return self.random.choice(kinds)

    def maybe(self, value: Any) -> Any:
        return self.junk() if self.chance(self.noise) else value

    def some(self, probability: float = 0.5, **fields: Any) -> dict[str, Any]:
        """An object with each field by chance; a field may be a function that makes its value."""
        found = {}
        for name, value in fields.items():
            if self.chance(probability):
                found[name.rstrip("_")] = self.maybe(value() if callable(value) else value)
        return found

    def money(self) -> int:
        return self.random.choice((0, 1, 99, 500, 1000, 1999, self.random.randrange(20_000)))

    def number(self) -> Any:
        return self.one(self.money(), Decimal("12.5"), 7, "9", 0.5)

    def entity(self) -> Any:
        name = self.one(*NAMES, "pc_1", "pc_a11pr0dUc75")
        return self.one(
            name, {"id": name}, {"id": name, "object": self.one("product", "sku", "products_collection")}
        )

    def conditions(self, name: str) -> Any:
        found = {}
        for _ in range(self.one(1, 1, 1, 2)):
            if (
                name.startswith(("order.items.", "product.id", "sku.id"))
                and "price" not in name
                and "metadata" not in name
            ):
                operator, values = self.one("$is", "$is", "$is_not", "$from"), [self.entity()]
            elif name == "customer.segment":
                operator, values = self.one("$is", "$is_not"), ["seg_1"]
            elif self.chance(0.6):
                operator = self.one(
                    "$more_than", "$less_than", "$more_than_or_equal", "$less_than_or_equal", "$is"
                )
                values = [self.number()]
            else:
                operator, values = self.random.choice(OPERATORS), [self.one(self.number(), *TEXTS)]
            found[operator] = self.maybe(values)
        return self.maybe(found)

    def numbered(self, rules: list[Any]) -> dict[str, Any]:
        found: dict[str, Any] = {str(index): self.maybe(rule) for index, rule in enumerate(rules, 1)}
        if self.chance(0.4):
            words = [str(index) for index in range(1, len(rules) + 1)] or [""]
            text = words[0]
            for word in words[1:]:
                text = f"({text} {self.one('and', 'or', 'AND')} {word})"
            found["logic"] = self.maybe(text)
        return found

    def rule(self) -> dict[str, Any]:
        name = self.random.choice(RULE_NAMES)
        found = {"name": name, "conditions": self.conditions(name)}
        if "metadata" in name:
            found["property"] = self.one("k", "l.m")
        if name.startswith(("order.items.", "product.")) and self.chance(0.4):
            inner = []
            for _ in range(self.one(1, 2)):
                sub = self.random.choice(SUB_RULES)
                inner.append({"name": sub, "property": "k", "conditions": self.conditions("")})
            found["rules"] = self.numbered(inner)
        if self.chance(0.2):
            found["error"] = {"message": "no"}
        return self.maybe(found)

    def entry(self) -> Any:
        found = self.some(
            0.2,
            strict=True,
            effect=lambda: f"APPLY_{self.one(*SELECTIONS)}".replace("APPLY_EVERY", "APPLY_TO_EVERY"),
            quantity_limit=lambda: self.one(0, 1, 3),
            aggregated_quantity_limit=lambda: self.one(0, 1, 5),
            amount_limit=self.money,
            aggregated_amount_limit=self.money,
            price=self.money,
            price_formula=lambda: self.one(*FORMULAS),
            skip_initially=lambda: self.one(0, 1, 3),
            repeat=lambda: self.one(1, 2, 3),
            target=lambda: self.one("ITEM", "UNIT"),
            product_campaign_quantity_limit=lambda: self.one(0, 4),
            product_in_collection_customer_campaign_quantity_limit=lambda: self.one(1, 4),
            product_promotion_tier_quantity_limit_formula=lambda: self.one(*FORMULAS),
        )
        entity = self.entity()
        return self.maybe({**found, **(entity if isinstance(entity, dict) else {"id": entity})})

    def rule_set(self) -> Any:
        bundle = {
            "1": {"name": "order.items.any", "conditions": {"$is": [self.entity()]}, "rules": {}},
            "limit": self.one(1, 3),
        }
        applicable = self.some(
            0.6,
            included=lambda: [self.entry() for _ in range(self.one(1, 1, 2))],
            excluded=lambda: [self.entry() for _ in range(self.one(0, 0, 1))],
            included_all=lambda: self.one(True, False),
        )
        found = self.some(0.3, error={"message": "set"}, type="expression", applicable_to=applicable)
        if self.chance(0.7):
            found["rules"] = self.maybe(self.numbered([self.rule() for _ in range(self.one(0, 1, 1, 2, 3))]))
        if self.chance(0.1):
            found["bundle_rules"] = self.maybe(bundle)
        return self.maybe(found)

    def discount(self) -> Any:
        kind = self.one("AMOUNT", "PERCENT", "FIXED", "UNIT")
        fields = {
            "AMOUNT": "amount_off",
            "PERCENT": "percent_off",
            "FIXED": "fixed_amount",
            "UNIT": "unit_off",
        }
        field = fields[kind]
        found: dict[str, Any] = {"type": kind}
        if kind == "PERCENT":
            found[field] = self.one(10, Decimal("33.33"), 100, 150, 0.5)
            found |= self.some(0.6, effect=lambda: self.one("APPLY_TO_ORDER", "APPLY_TO_ITEMS"))
        elif kind == "UNIT":
            found |= {"unit_off": self.one(0, 1, 3), "unit_type": self.one(*NAMES, "prod_5h1pp1ng", "pc_1")}
            effects = ("ADD_NEW_ITEMS", "ADD_MISSING_ITEMS", "ADD_SAME_ITEMS", "REPLACE_ITEMS")
            found |= self.some(0.8, effect=lambda: self.one(*effects))
            found |= self.some(0.3, replace={"unit_off": 1, "unit_type": self.one(*NAMES)})
        else:
            found[field] = self.money()
            found |= self.some(0.7, effect=lambda: self.one(*(EFFECTS if kind == "AMOUNT" else EFFECTS[:2])))
        found |= self.some(0.15, amount_limit=self.money, aggregated_amount_limit=self.money)
        found |= self.some(0.15, **{f"{field}_formula": lambda: self.one(*FORMULAS)})
        found |= self.some(0.2, extensions=lambda: self.discount_extensions(field))
        return self.maybe(found)

    def discount_extensions(self, field: str) -> dict[str, Any]:
        side = {"items": {"included": [self.entity()]}, "quantity": self.one(1, 2, 3)}
        return self.some(
            0.35,
            buy_x_get_y=lambda: self.some(
                0.5,
                buy=side,
                get={"quantity": self.one(1, 2), "percent_off": self.one(50, 100)},
                repeat=lambda: self.one(True, False, 2),
                max_free_units=lambda: self.one(0, 1, 5),
                selection=lambda: self.one("cheapest", "most_expensive", "cheapest_per_group"),
                partial_get=True,
                buy_includes_get=True,
            ),
            group=lambda: {"size": self.one(1, 2, 3), "max_groups": self.one(1, 2)},
            tiered=lambda: {
                "by": self.one("amount", "quantity"),
                "tiers": [{"from": 0, field: 5}, {"from": 9, field: 9}],
            },
            shipping=lambda: {"methods": ["dhl"]},
        )

    def extensions(self) -> Any:
        area = {"country": "DE", "postal_prefix": "1"}
        return self.some(
            0.3,
            margin=lambda: self.some(
                0.6,
                exclude_below_percent=20,
                floor_percent=self.one(0, 10, 50),
                on_floor=self.one("cut", "refuse"),
                missing_cost=self.one("exclude", "include", "refuse"),
            ),
            geo=lambda: self.some(
                0.6, include=[area, {"circle": {"center": "52.5,13.4", "radius": "5 km"}}], missing="pass"
            ),
            currency="EUR",
            group=lambda: {"name": "g", "mode": self.one("first", "best")},
        )

    def line(self, index: int) -> Line:
        name = self.one(*NAMES)
        is_sku = name.startswith("sku_")
        priced = self.chance(0.9)
        return Line(
            index=index,
            quantity=self.one(1, 1, 2, 5, 1_000_000) if self.chance(0.3) else self.one(1, 2),
            price=self.money() if priced else None,
            amount=self.money() if self.chance(0.1) else None,
            product_id=None if is_sku else name,
            sku_id=name if is_sku else None,
            product=ItemFacts(id=name, cost=self.one(None, self.money()), metadata={"k": self.number()}),
            metadata={"k": self.maybe(self.number())},
            discount_amount=self.money() if self.chance(0.05) else 0,
            collections=frozenset(self.one((), ("pc_1",))),
        )

    def order(self) -> OrderFacts | None:
        if self.chance(0.04):
            return None
        lines = tuple(self.line(index) for index in range(self.one(1, 2, 3, 4))) if self.chance(0.95) else ()
        return OrderFacts(
            lines=lines,
            amount=self.money() if self.chance(0.15) else None,
            discount_amount=self.money() if self.chance(0.1) else 0,
            metadata={"k": self.maybe(self.number()), "location": self.one("52.5,13.4", self.junk())},
            currency=self.one(None, "EUR", "JPY"),
            has_lines=bool(lines),
            shipping=(Shipping("dhl", self.money()), Shipping("ups", 500, 700)) if self.chance(0.2) else (),
        )

    def customer(self) -> CustomerFacts | None:
        if self.chance(0.3):
            return None
        return CustomerFacts(
            id=self.one("cust_1", "cust_2", None),
            birthdate=self.one(None, "2000-02-29", "junk"),
            metadata={"k": self.maybe(self.number())},
            address=self.some(country="DE", postal_code="10115"),
        )

    def candidate(self, number: int) -> Candidate:
        kind = self.one("GIFT_VOUCHER", "LOYALTY_CARD", "PROMOTION_TIER", *["DISCOUNT_VOUCHER"] * 7)
        rules = [compiled_rule(self.rule_set()) for _ in range(self.one(0, 1, 1, 2))]
        gives = kind in ("DISCOUNT_VOUCHER", "PROMOTION_TIER")
        return Candidate(
            object="promotion_tier" if kind == "PROMOTION_TIER" else "voucher",
            requested_id=f"C{number}",
            id=f"v_{number}",
            kind=kind,
            absent=self.chance(0.02),
            discount=compiled_discount(self.discount()) if gives else None,
            gift=Gift(self.money(), self.one(*EFFECTS[:2])) if kind == "GIFT_VOUCHER" else None,
            rules=tuple(rule for rule in rules if rule is not None),
            quantity=self.one(None, None, None, 0, 3),
            campaign_id=self.one(None, "camp_1"),
            category_ids=self.one((), (), (), ("x",), ("j",), ("c",)),
            holder=self.one(None, Holder("cust_1")),
            credits=self.one(None, self.money()),
            points=self.one(None, self.money()),
            reward=self.one(
                None,
                Reward("COIN", None, 20, 100),
                Reward("COIN", None, Decimal("0.3"), 7),
                Reward("MATERIAL", 5),
            ),
            points_opening=self.money(),
            extensions=self.extensions() if self.chance(0.2) else {},
        )

    def request(self) -> tuple[Facts, Moment]:
        count = self.one(1, 1, 2, 3, 4)
        names = [tally("campaign", "camp_1"), tally("campaign", "camp_1", "discount")]
        for number in range(count):
            names += [tally("voucher", f"v_{number}"), tally("gift", f"v_{number}", "balance")]
        counters = {
            name: Counter(self.one(0, 1, 5, 500), self.one(0, 0, 1)) for name in names if self.chance(0.15)
        }
        project = self.one(
            {}, {}, {"item_discounts": "BEST"}, {"units_application_mode": "EXCLUSIVE"}, self.extensions()
        )
        facts = Facts(
            candidates=tuple(self.candidate(number) for number in range(count)),
            order=self.order(),
            customer=self.customer(),
            metadata={"k": self.maybe(self.number())},
            counters=counters,
            stacking=self.stacking(),
            week_start=self.random.randrange(7),
            currency=self.one(None, "EUR"),
            project_extensions=project if isinstance(project, dict) else {},
        )
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.random.randrange(10**8))
        return facts, Moment(at, self.random.choice(ZONES))

    def stacking(self) -> StackingRules:
        return StackingRules(
            applicable_redeemables_limit=self.one(1, 5, 30),
            applicable_redeemables_per_category_limit=self.one(None, 1),
            exclusive_categories=self.one((), (), ("x",)),
            joint_categories=self.one((), ("j",)),
            redeemables_application_mode=self.one("ALL", "PARTIAL", "PARTIAL"),
            redeemables_sorting_rule=self.one("REQUESTED_ORDER", "CATEGORY_HIERARCHY"),
            redeemables_products_application_mode=self.one("STACK", "STACK", "ONCE"),
            redeemables_no_effect_rule=self.one("REDEEM_ANYWAY", "SKIP"),
            discount_calculation_mode=self.one("DISCOUNTED_AMOUNT", "INITIAL_AMOUNT"),
        )


def compiled_rule(document: Any) -> Any:
    """The program, or None when the document is refused; anything else escapes and fails the test."""
    try:
        return compile_rule("val_1", document, collections={"pc_1": COLLECTION}, segments={"seg_1": SEGMENT})
    except RuleError:
        return None


def compiled_discount(document: Any) -> Any:
    try:
        return compile_discount(document)
    except RuleError:
        return None
