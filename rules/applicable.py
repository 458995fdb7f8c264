"""Which lines, and how many of their units, a discount may touch: `applicable_to` of validation rules
(`behaviour` 3.5).

Units are never expanded: a line of a million units costs what a line of one costs.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from rules.cart import WorkLine
from rules.collections import ALL_PRODUCTS
from rules.documents import one_of
from rules.entities import RANKS, Entity
from rules.formulas.compile import Formula, compile_formula
from rules.moment import Now
from rules.money import AMOUNT_MAX, QUANTITY_MAX, read_whole
from rules.programs import RuleError

if TYPE_CHECKING:
    from rules.context import Context

KEY: Final = "invalid_validation_rules"
ENTRIES_MAX: Final = 1000
IDENTITY: Final = frozenset({"object", "id", "source_id", "product_id", "product_source_id", "strict"})
"""What names an entry; the rest is taken over by the lines it lets in."""
UNITS_LISTED_MAX: Final = 1000

EVERY, CHEAPEST, MOST_EXPENSIVE, FROM_CHEAPEST, FROM_MOST_EXPENSIVE = range(5)
EFFECTS: Final = {
    "APPLY_TO_EVERY": EVERY,
    "APPLY_TO_CHEAPEST": CHEAPEST,
    "APPLY_TO_MOST_EXPENSIVE": MOST_EXPENSIVE,
    "APPLY_FROM_CHEAPEST": FROM_CHEAPEST,
    "APPLY_FROM_MOST_EXPENSIVE": FROM_MOST_EXPENSIVE,
}
UNIT_CAPS: Final = {
    # field: (scope, per customer, per product of the collection)
    "product_campaign_quantity_limit": ("campaign", False, False),
    "product_customer_campaign_quantity_limit": ("campaign", True, False),
    "product_in_collection_campaign_quantity_limit": ("campaign", False, True),
    "product_in_collection_customer_campaign_quantity_limit": ("campaign", True, True),
    "product_promotion_tier_quantity_limit": ("tier", False, False),
    "product_customer_promotion_tier_quantity_limit": ("tier", True, False),
    "product_in_collection_promotion_tier_quantity_limit": ("tier", False, True),
    "product_in_collection_customer_promotion_tier_quantity_limit": ("tier", True, True),
}


class UnitCap:
    """A cap on discounted units over all redemptions: counted per `scope`, maybe per customer, maybe per
    product.
    """

    __slots__ = ("by_customer", "by_product", "formula", "limit", "scope")

    def __init__(
        self, scope: str, by_customer: bool, by_product: bool, limit: int | None, formula: Formula | None
    ) -> None:
        self.scope = scope
        self.by_customer = by_customer
        self.by_product = by_product
        self.limit = limit
        self.formula = formula


class Entry(Entity):
    """One line of `included` or `excluded`."""

    __slots__ = (
        "aggregated_amount_limit",
        "aggregated_quantity_limit",
        "amount_limit",
        "by_unit",
        "echo",
        "effect",
        "price",
        "price_formula",
        "quantity_limit",
        "rank",
        "repeat",
        "selects",
        "skip",
        "tail",
        "unit_caps",
    )

    def __init__(self, document: Mapping[str, Any], collections: Mapping[str, Any], where: str) -> None:
        super().__init__(document, collections, KEY, where)
        self.rank = RANKS[self.kind]
        self._read_selection(document, where)
        self._read_limits(document, where)
        self.echo = {
            name: value
            for name, value in document.items()
            if name not in ("order_item_indices", "order_item_units") and value is not None
        }
        self.echo["object"] = self.kind
        self.echo["effect"] = document.get("effect") or "APPLY_TO_EVERY"
        self.tail = {name: value for name, value in self.echo.items() if name not in IDENTITY}

    def _read_selection(self, document: Mapping[str, Any], where: str) -> None:
        effect = document.get("effect") or "APPLY_TO_EVERY"
        self.effect = EFFECTS[one_of(effect, EFFECTS, KEY, f"{where}.effect")]
        self.skip = read_whole(document, "skip_initially", KEY, most=QUANTITY_MAX) or 0
        self.repeat = read_whole(document, "repeat", KEY, most=QUANTITY_MAX) or 1
        target = one_of(document.get("target") or "ITEM", ("ITEM", "UNIT"), KEY, f"{where}.target")
        self.by_unit = target == "UNIT"

    def _read_limits(self, document: Mapping[str, Any], where: str) -> None:
        self.quantity_limit = read_whole(document, "quantity_limit", KEY, most=AMOUNT_MAX)
        self.aggregated_quantity_limit = read_whole(
            document, "aggregated_quantity_limit", KEY, most=AMOUNT_MAX
        )
        self.amount_limit = read_whole(document, "amount_limit", KEY)
        self.aggregated_amount_limit = read_whole(document, "aggregated_amount_limit", KEY)
        self.price = read_whole(document, "price", KEY)
        formula = document.get("price_formula")
        self.price_formula = (
            compile_formula(formula, KEY, f"{where}.price_formula") if formula is not None else None
        )
        caps = []
        for field, (scope, by_customer, by_product) in UNIT_CAPS.items():
            limit = read_whole(document, field, KEY)
            text = document.get(f"{field}_formula")
            inner = compile_formula(text, KEY, f"{where}.{field}_formula") if text is not None else None
            if limit is not None or inner is not None:
                caps.append(UnitCap(scope, by_customer, by_product, limit, inner))
        self.unit_caps = tuple(caps)
        self.selects = bool(
            self.effect
            or self.skip
            or self.repeat > 1
            or caps
            or self.quantity_limit is not None
            or self.aggregated_quantity_limit is not None
        )

    def formulas(self) -> list[Formula]:
        found = [cap.formula for cap in self.unit_caps] + [self.price_formula]
        return [formula for formula in found if formula is not None]


class Applicable:
    """A compiled `applicable_to`. `included` is sorted most specific first; `everything` stands for
    `included_all`.
    """

    __slots__ = ("capped", "everything", "excluded", "explicit", "included", "reads_uses")

    def __init__(self, document: Any, collections: Mapping[str, Any]) -> None:
        if not isinstance(document, Mapping):
            raise RuleError(KEY, "Property .applicable_to must be object")
        included = _entries(document, "included", collections)
        self.excluded = _entries(document, "excluded", collections)
        takes_all = document.get("included_all") is True or not included
        self.explicit = bool(included or self.excluded or takes_all)
        self.everything: Entry | None = None
        if takes_all:
            body = {
                name: value
                for name, value in document.items()
                if name not in ("included", "excluded", "included_all")
            }
            self.everything = Entry(
                {**body, "object": "products_collection", "id": ALL_PRODUCTS}, collections, ".applicable_to"
            )
        self.included = tuple(sorted(included, key=lambda entry: entry.rank))
        self.capped = any(entry.unit_caps for entry in self.entries())
        self.reads_uses = any(formula.reads_uses for entry in self.entries() for formula in entry.formulas())

    def entries(self) -> tuple[Entry, ...]:
        """Every entry that lets lines in."""
        return self.included if self.everything is None else (*self.included, self.everything)

    def excludes(self, line: WorkLine, now: Now) -> bool:
        return any(entry.matches(line, now) for entry in self.excluded)


def _entries(document: Mapping[str, Any], field: str, collections: Mapping[str, Any]) -> tuple[Entry, ...]:
    found = document.get(field) or ()
    if isinstance(found, Mapping):
        found = found.get("data") or ()
    if not isinstance(found, list | tuple) or len(found) > ENTRIES_MAX:
        raise RuleError(KEY, f"Property .applicable_to.{field} must be array of at most {ENTRIES_MAX} items")
    entries = []
    for index, entry in enumerate(found):
        where = f".applicable_to.{field}[{index}]"
        if not isinstance(entry, Mapping):
            raise RuleError(KEY, f"Property {where} must be object")
        entries.append(Entry(entry, collections, where))
    return tuple(entries)


class Chosen(Struct, eq=False, gc=False):
    """A line that may be discounted, how many of its units, and the entries that let it in (the deciding one
    first).
    """

    line: WorkLine
    units: int
    entries: tuple[Entry, ...] = ()
    rank: int = 0
    """Position among the candidates of the deciding entry."""
    unit_numbers: range | None = None


def choose(context: "Context") -> list[Chosen]:
    """The lines that the current redeemable may discount, in request order. Several rules must all let a
    line in.
    """
    once = context.once
    exclusive = context.exclusive_units
    lines = context.cart.lines
    if once:
        lines = [line for line in lines if not line.product_level]
    if context.withheld_lines:
        lines = [line for line in lines if line.index not in context.withheld_lines]
    if context.reserved:
        mine, owners = context.candidate.id, context.reserved
        lines = [line for line in lines if owners.get(line.index, mine) == mine]
    applicables = context.applicables
    if not applicables:
        result = [Chosen(line, line.quantity) for line in lines if line.quantity > 0]
        if not exclusive:
            return result
    else:
        picked = _choose_one(context, applicables[0], lines)
        for applicable in applicables[1:]:
            picked = _intersect(picked, _choose_one(context, applicable, lines))
        result = [picked[line.index] for line in lines if line.index in picked]
    if exclusive:
        for chosen in result:
            chosen.units = min(chosen.units, chosen.line.quantity - chosen.line.consumed)
    return [chosen for chosen in result if chosen.units > 0]


def _intersect(first: dict[int, Chosen], second: dict[int, Chosen]) -> dict[int, Chosen]:
    both = {}
    for index, chosen in first.items():
        other = second.get(index)
        if other is not None:
            chosen.units = min(chosen.units, other.units)
            chosen.entries += other.entries
            both[index] = chosen
    return both


def _choose_one(context: "Context", applicable: Applicable, lines: list[WorkLine]) -> dict[int, Chosen]:
    now = context.now
    if applicable.excluded:
        lines = [line for line in lines if not applicable.excludes(line, now)]
    picked: dict[int, Chosen] = {}
    for entry in applicable.included:
        matched = [line for line in lines if entry.matches(line, now)]
        if matched:
            _pick(context, entry, matched, picked)
    everything = applicable.everything
    if everything is not None:
        rest = (
            lines
            if not picked or everything.selects
            else [line for line in lines if line.index not in picked]
        )
        _pick(context, everything, rest, picked)
    return picked


def _pick(context: "Context", entry: Entry, matched: list[WorkLine], picked: dict[int, Chosen]) -> None:
    if entry.selects:
        selected = _select(context, entry, matched)
    else:
        selected = [(line, line.quantity, None) for line in matched]
    for rank, (line, units, numbers) in enumerate(selected):
        chosen = picked.get(line.index)
        if chosen is None:
            picked[line.index] = Chosen(line, units, (entry,), rank, numbers)
        else:
            chosen.units = min(chosen.units, units)
            chosen.entries += (entry,)


def _select(
    context: "Context", entry: Entry, matched: list[WorkLine]
) -> list[tuple[WorkLine, int, range | None]]:
    """Sort, skip, repeat, then limit the units per line and over all lines."""
    effect = entry.effect
    if effect in (CHEAPEST, FROM_CHEAPEST):
        matched = sorted(matched, key=lambda line: line.unit_price)
    elif effect in (MOST_EXPENSIVE, FROM_MOST_EXPENSIVE):
        matched = sorted(matched, key=lambda line: -line.unit_price)
    skip, repeat = entry.skip, entry.repeat
    found: list[tuple[WorkLine, int, range | None]] = []
    if entry.by_unit:
        position = 0
        for line in matched:
            first = max(skip - position, 0)
            after = position + first - skip
            first += -after % repeat
            numbers = range(first + 1, line.quantity + 1, repeat)
            position += line.quantity
            if numbers:
                if effect in (CHEAPEST, MOST_EXPENSIVE):
                    numbers = numbers[:1]
                found.append((line, len(numbers), numbers))
    else:
        found = [(line, line.quantity, None) for line in matched[skip::repeat]]
    if effect in (CHEAPEST, MOST_EXPENSIVE):
        found = found[:1]
    return _limit_units(context, entry, found)


def _limit_units(
    context: "Context", entry: Entry, found: list[tuple[WorkLine, int, range | None]]
) -> list[tuple[WorkLine, int, range | None]]:
    per_line, left = entry.quantity_limit, entry.aggregated_quantity_limit
    scale = context.limit_scale
    if scale > 1:
        per_line = None if per_line is None else per_line * scale
        left = None if left is None else left * scale
    rooms: dict[Any, int] = {}
    limited = []
    for line, quantity, numbers in found:
        units = quantity
        if context.exclusive_units:
            units = min(units, line.quantity - line.consumed)
        if per_line is not None and units > per_line:
            units = per_line
        if left is not None:
            units = min(units, left)
        if entry.unit_caps:
            units = context.units_within_caps(entry, line, units, rooms)
        if left is not None:
            left -= units
        if units > 0:
            limited.append((line, units, numbers[:units] if numbers is not None else None))
    return limited
