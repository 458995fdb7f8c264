"""Bundles: which complete sets of products are in the cart, and how often (`behaviour` 3.9)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.conditions.numbering import numbered
from rules.documents import array_of, object_of
from rules.entities import RANKS, Entity
from rules.money import QUANTITY_MAX
from rules.programs import RuleError
from rules.values import number_of

if TYPE_CHECKING:
    from rules.cart import WorkLine
    from rules.context import Context

KEY: Final = "invalid_validation_rules"
ENTRIES_MAX: Final = 100
LIMIT_MAX: Final = 100
NAME: Final = "order.items.any"
QUANTITY: Final = "order.items.aggregated_quantity"


class Part:
    """One product, SKU or collection of a bundle, and how many units of it make one."""

    __slots__ = ("entity", "quantity", "rank")

    def __init__(self, body: Any, collections: Mapping[str, Any], where: str) -> None:
        document = object_of(body, KEY, where)
        if document.get("name", NAME) != NAME:
            raise RuleError(KEY, f"Property {where}.name must be equal to one of the allowed values: {NAME}")
        conditions = object_of(document.get("conditions"), KEY, f"{where}.conditions")
        named = array_of(conditions.get("$is"), KEY, f"{where}.conditions.$is", most=1)
        if not named:
            raise RuleError(KEY, f"Property {where}.conditions.$is must NOT have fewer than 1 items")
        self.entity = Entity(named[0], collections, KEY, f"{where}.conditions.$is[0]")
        self.rank = RANKS[self.entity.kind]
        self.quantity = self._quantity(document.get("rules"), where)

    @staticmethod
    def _quantity(rules: Any, where: str) -> int:
        if not rules:
            return 1
        for number, body in numbered(object_of(rules, KEY, f"{where}.rules"), f"{where}.rules").items():
            place = f"{where}.rules.{number}"
            document = object_of(body, KEY, place)
            if document.get("name") != QUANTITY:
                raise RuleError(KEY, f"Property {place}.name must be equal to {QUANTITY}")
            conditions = object_of(document.get("conditions"), KEY, f"{place}.conditions")
            values = array_of(conditions.get("$is"), KEY, f"{place}.conditions.$is", most=1)
            wanted = number_of(values[0]) if values else None
            if wanted is None or not 1 <= wanted <= QUANTITY_MAX or wanted != int(wanted):
                raise RuleError(KEY, f"Property {place}.conditions.$is must be a positive integer")
            return int(wanted)
        return 1


class Bundle:
    """Compiled `bundle_rules`. Every part is required; `limit` is how often the discount may be
    multiplied.
    """

    __slots__ = ("limit", "once", "parts")

    def __init__(self, document: Any, collections: Mapping[str, Any]) -> None:
        body = object_of(document, KEY, ".bundle_rules")
        limit = number_of(body.get("limit", 1) or 1)
        if limit is None or not 1 <= limit <= LIMIT_MAX or limit != int(limit):
            raise RuleError(KEY, f"Property .bundle_rules.limit must be an integer from 1 to {LIMIT_MAX}")
        self.limit = int(limit)
        self.once = body.get("multiply") is False
        rules = {name: value for name, value in body.items() if name not in ("limit", "multiply", "logic")}
        found = numbered(rules, ".bundle_rules")
        if not found or len(found) > ENTRIES_MAX:
            raise RuleError(KEY, f"Property .bundle_rules must have 1 to {ENTRIES_MAX} rules")
        self.parts = [Part(entry, collections, f".bundle_rules.{number}") for number, entry in found.items()]

    def identify(self, context: "Context") -> tuple[int, Mapping[str, Any]]:
        """How many bundles are in the cart, and the answer about them."""
        ordered = sorted(range(len(self.parts)), key=lambda index: self.parts[index].rank)
        lines = {
            index: [line for line in context.cart.lines if part.entity.matches(line, context.now)]
            for index, part in enumerate(self.parts)
        }
        units = sum(line.quantity for line in context.cart.lines)
        low, high = 0, min(self.limit, units // sum(part.quantity for part in self.parts))
        while low < high:
            middle = (low + high + 1) // 2
            if self._missing(self._take(ordered, lines, middle), middle):
                high = middle - 1
            else:
                low = middle
        return low, self._answer(low, self._take(ordered, lines, max(low, 1)))

    def _take(
        self, ordered: list[int], lines: "dict[int, list[WorkLine]]", times: int
    ) -> "dict[int, list[tuple[WorkLine, int]]]":
        """Hand out units, the most specific part first; each unit is consumed once."""
        left: dict[int, int] = {}
        taken: dict[int, list[tuple[WorkLine, int]]] = {}
        for index in ordered:
            wanted = self.parts[index].quantity * times
            mine = taken.setdefault(index, [])
            for line in lines[index]:
                use = min(left.get(line.index, line.quantity), wanted)
                if use > 0:
                    left[line.index] = left.get(line.index, line.quantity) - use
                    wanted -= use
                    mine.append((line, use))
        return taken

    def _missing(self, taken: "dict[int, list[tuple[WorkLine, int]]]", times: int) -> list[tuple[Part, int]]:
        found = []
        for index, part in enumerate(self.parts):
            lacking = part.quantity * times - sum(units for _, units in taken.get(index, ()))
            if lacking > 0:
                found.append((part, lacking))
        return found

    def _answer(self, times: int, taken: "dict[int, list[tuple[WorkLine, int]]]") -> Mapping[str, Any]:
        identified = [
            {
                "id": line.source.sku_id or line.source.product_id or line.source.source_id,
                "object": "sku" if line.source.sku_id else "product",
                "item_index": line.index,
                "item_quantity": units,
            }
            for uses in taken.values()
            for line, units in uses
        ]
        missing = [
            {"id": part.entity.id, "object": part.entity.kind, "item_quantity": lacking}
            for part, lacking in self._missing(taken, max(times, 1))
        ]
        return {"quantity": times, "limit": self.limit, "identified": identified, "missing": missing}
