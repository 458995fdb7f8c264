"""A vector of another engine's test suite as facts: promotions to candidates, conditions to rules. Nothing
is known of single cases here.
"""

from typing import Any

from rules.compile import (
    compile_collection,
    compile_discount,
    compile_rule,
    compile_segment,
    compile_window,
)
from rules.counters import tally
from rules.facts import (
    Candidate,
    CategoryFacts,
    Counter,
    CustomerFacts,
    Facts,
    Gift,
    ItemFacts,
    Line,
    OrderFacts,
    Shipping,
    StackingRules,
)
from tests.rules.peer_discounts import ALL, Discounts, known

FILTERS = (
    "collections",
    "skus",
    "product_ids",
    "unit_price_min_minor",
    "unit_price_max_minor",
    "exclude_already_discounted",
    "exclude_attributes",
    "shipping_ids",
)
USAGE = (
    "limit",
    "used",
    "per_customer_limit",
    "used_by_customer",
    "budget_spend_limit_minor",
    "budget_spend_used_minor",
    "budget_redemptions_limit",
    "budget_redemptions_used",
    "restore_on_cancel",
)
CONDITIONS = (
    "min_subtotal_minor",
    "subtotal_gt_minor",
    "basis",
    "min_quantity",
    "any_line_min_quantity",
    "min_filtered_quantity",
    "min_filtered_subtotal",
    "contains",
    "customer",
    "nth_order",
    "valid_until",
)
def expiration_of(promotion: dict[str, Any]) -> str | None:
    """A bare date is valid to its end."""
    until = (promotion.get("conditions") or {}).get("valid_until")
    return until if until is None or "T" in until else f"{until}T23:59:59.999Z"


def project_of(vector: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(extensions, stacking rules without categories) of the project in which a vector is decided."""
    asked = known("stacking", vector.get("stacking"), "mode", "order")
    extensions: dict[str, Any] = {"share_order_discounts": True}
    if asked.get("mode") == "best_per_item":
        extensions["item_discounts"] = "BEST"
    if "unit-consumption" in vector.get("tags", ()):
        extensions["units_application_mode"] = "EXCLUSIVE"
    if any(item["product"].get("min_price_minor") for item in vector["items"]):
        extensions["margin"] = {"floor_percent": 0, "missing_cost": "include"}
    by_priority = asked.get("order") == "priority_desc"
    effects: dict[str, int] = {}
    for index, promotion in enumerate(vector["promotions"]):
        if promotion.get("exclusive"):
            # What one promotion of the peer does in several ways is still one exclusive promotion.
            group = str(promotion.get("group") or index)
            effects[group] = effects.get(group, 0) + 1
    return extensions, {
        "applicable_redeemables_limit": 30,
        "applicable_exclusive_redeemables_limit": min(max(effects.values(), default=1), 5),
        "redeemables_sorting_rule": "CATEGORY_HIERARCHY" if by_priority else "REQUESTED_ORDER",
        "discount_calculation_mode": "INITIAL_AMOUNT"
        if asked.get("mode") == "initial"
        else "DISCOUNTED_AMOUNT",
    }


class Case(Discounts):
    """One vector; `facts` is what `decide` gets."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector = vector
        self.collections: dict[str, Any] = {}
        self.counters: dict[Any, Counter] = {}
        self.customer = self._customer(vector.get("customer"))
        self.lines = tuple(self._line(index, item) for index, item in enumerate(vector["items"]))
        self.candidates = tuple(
            self._candidate(index, promotion) for index, promotion in enumerate(vector["promotions"])
        )

    def facts(self) -> Facts:
        extensions, stacking = project_of(self.vector)
        promotions = self.vector["promotions"]
        if any(promotion.get("exclusive") for promotion in promotions):
            stacking["exclusive_categories"] = ("exclusive",)
            stacking["applicable_redeemables_per_category_limit"] = None
            stacking["applicable_exclusive_redeemables_per_category_limit"] = None
        categories = {
            f"cat_{index}": CategoryFacts(f"cat_{index}", "", -(promotion.get("priority") or 0))
            for index, promotion in enumerate(promotions)
        }
        return Facts(
            candidates=self.candidates,
            order=OrderFacts(
                lines=self.lines,
                currency=self.vector["currency"],
                shipping=tuple(
                    Shipping(method["id"], method["amount_minor"])
                    for method in self.vector.get("shipping", ())
                ),
            ),
            customer=self.customer,
            counters=self.counters,
            categories=categories,
            project_extensions=extensions,
            stacking=StackingRules(**stacking),
        )

    def _customer(self, customer: dict[str, Any] | None) -> CustomerFacts | None:
        if customer is None:
            return None
        placed = customer.get("orders_placed")
        summary = {} if placed is None else {"orders": {"total_count": placed}}
        return CustomerFacts(id=customer.get("id", "c"), metadata=customer, summary=summary)

    def _line(self, index: int, item: dict[str, Any]) -> Line:
        product = item["product"]
        traits = {
            name: value for name, value in product.items() if name not in ("id", "collections", "attributes")
        }
        return Line(
            index=index,
            quantity=item["quantity"],
            price=item["unit_price_minor"],
            product_id=product["id"],
            sku_id=f"sku_{item['sku']}",
            product=ItemFacts(id=product["id"], attributes=product.get("attributes", {}), metadata=traits),
            cost=product.get("min_price_minor"),
            collections=frozenset(product.get("collections") or ()),
        )

    def _filter(self, name: str, conditions: dict[str, Any]) -> dict[str, Any]:
        """A live collection as an entry."""
        identifier = f"pc_{len(self.collections)}_{name}"
        document = {"type": "AUTO_UPDATE", "filter": {"junction": "and", **conditions}}
        self.collections[identifier] = compile_collection(identifier, document)
        return {"object": "products_collection", "id": identifier}

    def _entities(self, wanted: dict[str, Any] | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """(included, excluded) entries of a filter: any of the named ones, but none of the excluded."""
        wanted = known("filter", wanted, *FILTERS)
        included = [
            {"object": "products_collection", "id": name} for name in wanted.get("collections") or ()
        ]
        included += [{"object": "sku", "id": f"sku_{name}"} for name in wanted.get("skus") or ()]
        included += [{"object": "product", "id": name} for name in wanted.get("product_ids") or ()]
        excluded = [self._filter("off", {"metadata.discountable": {"conditions": {"$is": [False]}}})]
        least, most = wanted.get("unit_price_min_minor"), wanted.get("unit_price_max_minor")
        if included:
            # Named ones must also have the price: whatever is outside of it is taken away.
            for operator, bound in (("$less_than", least), ("$more_than", most)):
                if bound is not None:
                    excluded.append(self._filter("price", {"price": {"conditions": {operator: [bound]}}}))
        elif least is not None or most is not None:
            bounds = {"$more_than_or_equal": least, "$less_than_or_equal": most}
            within = {operator: [bound] for operator, bound in bounds.items() if bound is not None}
            included.append(self._filter("price", {"price": {"conditions": within}}))
        if wanted.get("exclude_already_discounted"):
            excluded.append(
                self._filter("sale", {"metadata.already_discounted": {"conditions": {"$is": [True]}}})
            )
        for name, values in (wanted.get("exclude_attributes") or {}).items():
            listed = values if isinstance(values, list) else [values]
            excluded.append(self._filter(name, {f"attributes.{name}": {"conditions": {"$in": listed}}}))
        return included or [{"object": "products_collection", "id": ALL}], excluded

    def _conditions(self, promotion: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = known("conditions", promotion.get("conditions"), *CONDITIONS)
        amount = "order.amount" if wanted.get("basis") == "discounted" else "order.initial_amount"
        rules = []

        def rule(name: str, operator: str, values: list[Any], **more: Any) -> None:
            rules.append({"name": name, "conditions": {operator: values}, **more})

        def of_items(part: dict[str, Any], sub: str | None = None, least: int = 0) -> None:
            inner = (
                {}
                if sub is None
                else {"rules": {"1": {"name": sub, "conditions": {"$more_than_or_equal": [least]}}}}
            )
            included, excluded = self._entities(part.get("filter") or {})
            conditions = {"$is": included}
            # Goods that take no discount still count as bought.
            if excluded[1:]:
                conditions["$is_not"] = excluded[1:]
            rules.append({"name": "order.items.any", "conditions": conditions, **inner})

        if "min_subtotal_minor" in wanted:
            rule(amount, "$more_than_or_equal", [wanted["min_subtotal_minor"]])
        if "subtotal_gt_minor" in wanted:
            rule(amount, "$more_than", [wanted["subtotal_gt_minor"]])
        if "min_quantity" in wanted:
            rule("order.items.count", "$more_than_or_equal", [wanted["min_quantity"]])
        if "any_line_min_quantity" in wanted:
            of_items({"filter": {}}, "order.items.quantity", wanted["any_line_min_quantity"])
        if "min_filtered_quantity" in wanted:
            of_items(
                wanted["min_filtered_quantity"],
                "order.items.aggregated_quantity",
                wanted["min_filtered_quantity"]["quantity"],
            )
        if "min_filtered_subtotal" in wanted:
            of_items(
                wanted["min_filtered_subtotal"],
                "order.items.aggregated_amount",
                wanted["min_filtered_subtotal"]["amount_minor"],
            )
        if wanted.get("contains") is not None:
            least = wanted["contains"].get("quantity", 1)
            of_items(wanted["contains"], "order.items.aggregated_quantity", least)
        for name, values in (wanted.get("customer") or {}).items():
            rule("customer.metadata", "$in", values if isinstance(values, list) else [values], property=name)
        if "nth_order" in wanted:
            rule("customer.segment", "$is", [f"seg_{wanted['nth_order']}"])
        return rules

    def _usage(self, promotion: dict[str, Any], identifier: str) -> tuple[list[dict[str, Any]], int | None]:
        usage = known("usage", promotion.get("usage"), *USAGE)
        history = [
            event for event in self.vector.get("history", ()) if event.get("promotion") == promotion["id"]
        ]
        cancelled = sum(event["event"] == "cancel_order" for event in history)
        redeemed = [event for event in history if event["event"] == "redeem"]
        used = len(redeemed) - (cancelled if usage.get("restore_on_cancel", True) else 0)
        customer = self.customer.id if self.customer is not None and self.customer.id else ""
        own = sum(event.get("customer") == customer for event in redeemed)
        self.counters[tally("voucher", identifier)] = Counter(usage.get("used", used))
        if customer:
            name = tally("voucher", identifier, "used", customer)
            self.counters[name] = Counter(usage.get("used_by_customer", own))
        self.counters[tally("campaign", identifier)] = Counter(usage.get("budget_redemptions_used", 0))
        self.counters[tally("campaign", identifier, "discount")] = Counter(
            usage.get("budget_spend_used_minor", 0)
        )
        rules = []
        for field, name in (
            ("per_customer_limit", "redemption.count.per_customer"),
            ("budget_redemptions_limit", "campaign.redemptions.count"),
            ("budget_spend_limit_minor", "campaign.orders.amount_discounted"),
        ):
            if usage.get(field) is not None:
                rules.append({"name": name, "conditions": {"$less_than_or_equal": [usage[field]]}})
        return rules, usage.get("limit")

    def _candidate(self, index: int, promotion: dict[str, Any]) -> Candidate:
        identifier = f"v_{index}"
        counted, quantity = self._usage(promotion, identifier)
        rules = self._conditions(promotion) + counted
        document: dict[str, Any] = {"rules": {str(number): rule for number, rule in enumerate(rules, 1)}}
        if promotion["target"] == "items" and promotion["kind"] != "bogo":
            document["applicable_to"] = self._applicable(promotion)
        gift = promotion.get("is_gift_credits")
        discount = None if gift else compile_discount(self._discount(promotion), collections=self.collections)
        segments = {
            f"seg_{n}": compile_segment(
                f"seg_{n}",
                {
                    "type": "passive",
                    "filter": {"summary.orders.total_count": {"conditions": {"$is": [n - 1]}}},
                },
            )
            for n in range(1, 10)
        }
        compiled = compile_rule("val_1", document, collections=self.collections, segments=segments)
        currency = promotion.get("value_currency")
        return Candidate(
            object="voucher",
            requested_id=promotion["id"],
            id=identifier,
            code=promotion["id"],
            kind="GIFT_VOUCHER" if gift else "DISCOUNT_VOUCHER",
            discount=discount,
            gift=Gift(promotion["value"]) if gift else None,
            rules=(compiled,),
            windows=(compile_window({"owner": "voucher", "expiration_date": expiration_of(promotion)}),),
            quantity=quantity,
            campaign_id=identifier,
            category_ids=(f"cat_{index}", *(("exclusive",) if promotion.get("exclusive") else ())),
            extensions={"currency": currency} if currency else {},
        )
