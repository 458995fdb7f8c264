"""A vector of another engine's test suite as facts: promotions to candidates, conditions to rules. Nothing
is known of single cases here.
"""

from decimal import Decimal
from typing import Any

from rules.compile import compile_collection, compile_discount, compile_rule, compile_segment
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

ALL = "pc_a11pr0dUc75"
EFFECTS = {
    "each_line": "APPLY_TO_ITEMS",
    "each_unit": "APPLY_TO_ITEMS_BY_QUANTITY",
    "across": "APPLY_TO_ITEMS_PROPORTIONALLY",
}
SELECTIONS = {"cheapest": "APPLY_FROM_CHEAPEST", "most_expensive": "APPLY_FROM_MOST_EXPENSIVE"}


class Case:
    """One vector; `facts` is what `decide` gets."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector = vector
        self.collections: dict[str, Any] = {}
        self.counters: dict[Any, Counter] = {}
        self.customer = self._customer(vector.get("customer"))
        self.lines = tuple(self._line(index, item) for index, item in enumerate(vector["items"]))
        self.floors = any(item["product"].get("min_price_minor") for item in vector["items"])
        self.candidates = tuple(
            self._candidate(index, promotion) for index, promotion in enumerate(vector["promotions"])
        )

    def facts(self) -> Facts:
        stacking = self.vector.get("stacking") or {}
        extensions: dict[str, Any] = {"share_order_discounts": True}
        if stacking.get("mode") == "best_per_item":
            extensions["item_discounts"] = "BEST"
        if "unit-consumption" in self.vector["tags"]:
            extensions["units_application_mode"] = "EXCLUSIVE"
        if self.floors:
            extensions["margin"] = {"floor_percent": 0, "missing_cost": "include"}
        by_priority = stacking.get("order") == "priority_desc"
        promotions = self.vector["promotions"]
        exclusive = any(promotion.get("exclusive") for promotion in promotions)
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
            stacking=StackingRules(
                applicable_redeemables_limit=30,
                redeemables_sorting_rule="CATEGORY_HIERARCHY" if by_priority else "REQUESTED_ORDER",
                exclusive_categories=("exclusive",) if exclusive else (),
                discount_calculation_mode="INITIAL_AMOUNT"
                if stacking.get("mode") == "initial"
                else "DISCOUNTED_AMOUNT",
            ),
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
            collections=frozenset(product["collections"]),
        )

    def _filter(self, name: str, conditions: dict[str, Any]) -> dict[str, Any]:
        """A live collection as an entry."""
        identifier = f"pc_{len(self.collections)}_{name}"
        document = {"type": "AUTO_UPDATE", "filter": {"junction": "and", **conditions}}
        self.collections[identifier] = compile_collection(identifier, document)
        return {"object": "products_collection", "id": identifier}

    def _entities(self, wanted: dict[str, Any] | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """(included, excluded) entries of a filter."""
        wanted = wanted or {}
        included = [{"object": "products_collection", "id": name} for name in wanted.get("collections", ())]
        included += [{"object": "sku", "id": f"sku_{name}"} for name in wanted.get("skus", ())]
        included += [{"object": "product", "id": name} for name in wanted.get("product_ids", ())]
        bounds = {}
        if wanted.get("unit_price_min_minor") is not None:
            bounds["$more_than_or_equal"] = [wanted["unit_price_min_minor"]]
        if wanted.get("unit_price_max_minor") is not None:
            bounds["$less_than_or_equal"] = [wanted["unit_price_max_minor"]]
        if bounds:
            included.append(self._filter("price", {"price": {"conditions": bounds}}))
        excluded = [self._filter("off", {"metadata.discountable": {"conditions": {"$is": [False]}}})]
        if wanted.get("exclude_already_discounted"):
            excluded.append(
                self._filter("sale", {"metadata.already_discounted": {"conditions": {"$is": [True]}}})
            )
        for name, values in wanted.get("exclude_attributes", {}).items():
            excluded.append(self._filter(name, {f"attributes.{name}": {"conditions": {"$in": values}}}))
        return included or [{"object": "products_collection", "id": ALL}], excluded

    def _discount(self, promotion: dict[str, Any]) -> dict[str, Any]:
        kind, target, value = promotion["kind"], promotion["target"], promotion["value"]
        limit = promotion.get("limit", {})
        effect = "APPLY_TO_ORDER" if target == "order" else EFFECTS.get(promotion.get("apply", "each_line"))
        extensions: dict[str, Any] = {}
        if target == "shipping":
            extensions["shipping"] = {"methods": (promotion.get("filter") or {}).get("shipping_ids", [])}
            effect = "APPLY_TO_ORDER"
        if limit.get("group_size"):
            extensions["group"] = {
                "size": limit["group_size"],
                **({"max_groups": limit["max_groups"]} if limit.get("max_groups") is not None else {}),
            }
        if kind == "bogo":
            return self._offer(promotion["bogo"])
        document: dict[str, Any] = {"extensions": extensions} if extensions else {}
        if kind == "amount":
            document |= {"type": "AMOUNT", "amount_off": value, "effect": effect}
        elif kind == "fixed_price":
            document |= {
                "type": "FIXED",
                "fixed_amount": value,
                "effect": "APPLY_TO_ORDER" if target == "order" else "APPLY_TO_ITEMS",
            }
        else:
            document |= {
                "type": "PERCENT",
                "effect": "APPLY_TO_ORDER" if target != "items" else "APPLY_TO_ITEMS",
            }
            if kind == "tiered_percent":
                steps = [
                    {"from": step["min_subtotal_minor"], "percent_off": step["value"]}
                    for step in promotion["tiers"]
                ]
                document["extensions"] = {**extensions, "tiered": {"by": "amount", "tiers": steps}}
            else:
                document["percent_off"] = Decimal(str(value))
        if limit.get("max_discount_minor") is not None:
            document["amount_limit"] = limit["max_discount_minor"]
        return document

    def _offer(self, bogo: dict[str, Any]) -> dict[str, Any]:
        def side(part: dict[str, Any], **more: Any) -> dict[str, Any]:
            included, excluded = self._entities(part["filter"])
            return {
                "items": {"included": included, "excluded": excluded},
                "quantity": part["quantity"],
                **more,
            }

        offer = {
            name: bogo[name]
            for name in ("repeat", "max_free_units", "selection", "partial_get", "buy_includes_get")
            if name in bogo
        }
        offer["buy"] = side(bogo["buy"])
        offer["get"] = side(bogo["get"], percent_off=bogo["get"]["percent_off"])
        return {"type": "PERCENT", "effect": "APPLY_TO_ITEMS", "extensions": {"buy_x_get_y": offer}}

    def _applicable(self, promotion: dict[str, Any]) -> dict[str, Any]:
        included, excluded = self._entities(promotion.get("filter"))
        limit = promotion.get("limit", {})
        more: dict[str, Any] = {}
        if limit.get("max_units") is not None:
            more["aggregated_quantity_limit"] = limit["max_units"]
        if limit.get("max_units_per_line") is not None:
            more["quantity_limit"] = limit["max_units_per_line"]
        if limit.get("selection") is not None:
            more["effect"] = SELECTIONS[limit["selection"]]
        return {"included": [{**entry, **more} for entry in included], "excluded": excluded}

    def _conditions(self, promotion: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = promotion.get("conditions") or {}
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
            rule("order.items.any", "$is", self._entities(part["filter"])[0], **inner)

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
        if "contains" in wanted:
            of_items(wanted["contains"])
        for name, values in (wanted.get("customer") or {}).items():
            rule("customer.metadata", "$in", values if isinstance(values, list) else [values], property=name)
        if "nth_order" in wanted:
            rule("customer.segment", "$is", [f"seg_{wanted['nth_order']}"])
        return rules

    def _usage(self, promotion: dict[str, Any], identifier: str) -> tuple[list[dict[str, Any]], int | None]:
        usage = promotion.get("usage") or {}
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
            quantity=quantity,
            campaign_id=identifier,
            category_ids=(f"cat_{index}", *(("exclusive",) if promotion.get("exclusive") else ())),
            extensions={"currency": currency} if currency else {},
        )
