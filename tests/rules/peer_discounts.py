"""What a promotion of a vector takes off, as a discount document and the entries it applies to."""

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any

ALL = "pc_a11pr0dUc75"
EFFECTS = {
    "each_line": "APPLY_TO_ITEMS",
    "each_unit": "APPLY_TO_ITEMS_BY_QUANTITY",
    "across": "APPLY_TO_ITEMS_PROPORTIONALLY",
    "across_quantity": "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY",
    "bundle": "APPLY_TO_ITEMS_PROPORTIONALLY",
}
VALUES = {"percent": "percent_off", "amount": "amount_off", "fixed_price": "fixed_amount"}
SELECTIONS = {"cheapest": "APPLY_FROM_CHEAPEST", "most_expensive": "APPLY_FROM_MOST_EXPENSIVE"}


LIMITS = (
    "max_units",
    "max_units_per_line",
    "selection",
    "max_discount_minor",
    "group_size",
    "max_groups",
)
class Unmapped(ValueError):
    """The vector asks for something that has no place here."""


def known(what: str, given: dict[str, Any] | None, *names: str) -> dict[str, Any]:
    """The members of a part that say something, none of which may be passed over. Raises: Unmapped."""
    said = {name: value for name, value in (given or {}).items() if value is not None}
    unknown = said.keys() - set(names)
    if unknown:
        raise Unmapped(f"{what} {', '.join(sorted(unknown))}: no mapping")
    return said


class Discounts(ABC):
    """The discounts of one vector; what its filters name is up to the class that knows its collections."""

    vector: dict[str, Any]

    @abstractmethod
    def _entities(self, wanted: dict[str, Any] | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """(included, excluded) entries of a filter."""

    def _discount(self, promotion: dict[str, Any]) -> dict[str, Any]:
        kind, target = promotion["kind"], promotion["target"]
        if kind == "bogo":
            most = known("limit of a bogo", promotion.get("limit"), "max_units").get("max_units")
            offer = dict(promotion["bogo"])
            if most is not None:
                offer["max_free_units"] = min(offer.get("max_free_units") or most, most)
            return self._offer(offer)
        limit = known("limit", promotion.get("limit"), *LIMITS)
        on_items = target == "items"
        effect = EFFECTS[promotion.get("apply") or "each_line"] if on_items else "APPLY_TO_ORDER"
        document: dict[str, Any] = self._value(promotion, on_items)
        if on_items and document["type"] != "AMOUNT":
            effect = "APPLY_TO_ITEMS"
        extensions: dict[str, Any] = document.pop("extensions", {})
        if target == "shipping":
            methods = (promotion.get("filter") or {}).get("shipping_ids") or []
            extensions["shipping"] = {"methods": methods}
        if limit.get("group_size"):
            extensions["group"] = {"size": limit["group_size"]}
            if limit.get("max_groups") is not None:
                extensions["group"]["max_groups"] = limit["max_groups"]
        elif self._caps_several(promotion):
            # One limit over entries of several kinds: groups of one unit.
            extensions["group"] = {"size": 1, "max_groups": limit["max_units"]}
        if "group" in extensions and limit.get("selection"):
            extensions["group"]["selection"] = limit["selection"]
        most = limit.get("max_discount_minor")
        if most is not None:
            document["aggregated_amount_limit" if on_items else "amount_limit"] = most
            if target == "order" and "amount_off" in document:
                document["amount_off"] = min(document["amount_off"], most)
        if extensions:
            document["extensions"] = extensions
        return {**document, "effect": effect}

    def _value(self, promotion: dict[str, Any], on_items: bool) -> dict[str, Any]:
        """Type and value of a discount, tiers and formulas included. Raises: Unmapped."""
        kind, value = promotion["kind"], promotion.get("value")
        kind, tiered = (kind.removeprefix("tiered_"), True) if kind.startswith("tiered_") else (kind, False)
        if kind == "flexi_rate":
            return self._flexible(promotion, on_items)
        if kind not in VALUES:
            raise Unmapped(f"kind {promotion['kind']}: no mapping")
        field = VALUES[kind]
        type_ = {"percent": "PERCENT", "amount": "AMOUNT", "fixed_price": "FIXED"}[kind]

        def exactly(number: Any) -> Any:
            return Decimal(str(number)) if kind == "percent" else number

        if not tiered:
            return {"type": type_, field: exactly(value)}
        steps = [
            {"from": step["min_subtotal_minor"], field: exactly(step["value"])} for step in promotion["tiers"]
        ]
        if value and all(step["from"] for step in steps):
            steps.append({"from": 0, field: exactly(value)})
        return {"type": type_, "extensions": {"tiered": {"by": "amount", "tiers": steps}}}

    def _flexible(self, promotion: dict[str, Any], on_items: bool) -> dict[str, Any]:
        """So much off the first unit, so much off each further one, up to a number of units."""
        found: dict[str, Any] = {}
        parts = [promotion, promotion.get("value"), promotion.get("flexi_rate"), promotion.get("flexi")]
        for part in parts:
            for name, number in part.items() if isinstance(part, dict) else ():
                for word in ("first", "additional", "max"):
                    if name.startswith(word) and isinstance(number, int):
                        found[word] = number
        if "first" not in found and "additional" not in found:
            raise Unmapped("flexi_rate without amounts: no mapping")
        major = Decimal(self.vector.get("minor_units_per_major") or 100)
        units = "ORDER_ITEM_UNITS_QUANTITY" if on_items else "ORDER_UNITS_QUANTITY"
        if found.get("max"):
            units = f"MIN({units};{found['max']})"
        first, more = (Decimal(found.get(word, 0)) / major for word in ("first", "additional"))
        return {"type": "AMOUNT", "amount_off_formula": f"{first} + ({units} - 1) * {more}"}

    @staticmethod
    def _caps_several(promotion: dict[str, Any]) -> bool:
        """Is there a limit over all units of a filter that names several things?"""
        wanted = promotion.get("filter") or {}
        named = sum(len(wanted.get(name) or ()) for name in ("collections", "skus", "product_ids"))
        return named > 1 and (promotion.get("limit") or {}).get("max_units") is not None

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
        limit = promotion.get("limit") or {}
        more: dict[str, Any] = {}
        several = self._caps_several(promotion)
        if limit.get("max_units") is not None and not several:
            more["aggregated_quantity_limit"] = limit["max_units"]
        if limit.get("max_units_per_line") is not None:
            more["quantity_limit"] = limit["max_units_per_line"]
        if limit.get("selection") is not None and not several:
            more["effect"] = SELECTIONS[limit["selection"]]
        return {"included": [{**entry, **more} for entry in included], "excluded": excluded}
