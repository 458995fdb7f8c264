"""What a formula can look at. Money is in major units."""

# ruff: noqa: ARG005 - every closure takes the context and the line, whether it looks at them or not.

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rules.cart import WorkLine
from rules.filters import walk
from rules.formulas.values import MATHS, Evaluate, Unknown, Value
from rules.values import number_of

if TYPE_CHECKING:
    from rules.context import Context as Deciding


def _major(context: "Deciding", amount: int | None) -> Decimal:
    if amount is None:
        raise Unknown
    return MATHS.scaleb(Decimal(amount), -context.exponent)


def plain(value: Value) -> Value:
    """A JSON value as formulas see it: numbers are decimals."""
    if isinstance(value, bool | str) or value is None:
        return value
    number = number_of(value)
    return value if number is None else MATHS.plus(Decimal(number))


def _need(line: WorkLine | None) -> WorkLine:
    if line is None:
        raise Unknown
    return line


def _units(context: "Deciding", line: WorkLine | None) -> Value:
    return Decimal(sum(one.quantity for one in context.cart.lines))


def _quantity(context: "Deciding", line: WorkLine | None) -> Value:
    quantity = context.candidate.quantity
    if quantity is None:
        raise Unknown
    return Decimal(quantity)


def _birthdate(context: "Deciding", line: WorkLine | None) -> Value:
    return None if context.customer is None else context.customer.birthdate


def _redeemed(context: "Deciding", line: WorkLine | None) -> Value:
    seen = context.seen(context.own_counter())
    return Decimal(context.candidate.redeemed_base if seen is None else seen)


def _candidate_date(field: str, *, tier: bool) -> Evaluate:
    def evaluate(context: "Deciding", line: WorkLine | None) -> Value:
        if (context.candidate.object == "promotion_tier") is not tier:
            return None
        return getattr(context.candidate, field)

    return evaluate


def _price(context: "Deciding", line: WorkLine) -> Value:
    return _major(context, line.price if line.price is not None else line.unit_price)


LINE: Final[dict[str, Callable[["Deciding", WorkLine], Value]]] = {
    "PRICE": _price,
    "AMOUNT": lambda context, line: _major(context, line.amount),
    "SUBTOTAL": lambda context, line: _major(
        context, None if line.amount is None else line.amount - line.discount
    ),
    "UNITS_QUANTITY": lambda context, line: Decimal(line.quantity),
}


def _of_line(field: str) -> Evaluate:
    read = LINE[field]
    return lambda context, line: read(context, _need(line))


def _extreme_line(context: "Deciding", sign: int) -> WorkLine:
    """The cheapest (1) or most expensive (-1) line: by price, then lowest subtotal, then first."""
    lines = [line for line in context.cart.lines if line.amount is not None]
    if not lines:
        raise Unknown
    return min(lines, key=lambda line: (sign * line.unit_price, line.remaining, line.index))


def _of_extreme(field: str, sign: int) -> Evaluate:
    read = LINE[field]
    return lambda context, line: read(context, _extreme_line(context, sign))


OPERANDS: Final[dict[str, Evaluate]] = {
    "ORDER_AMOUNT": lambda context, line: _major(context, context.cart.base_amount),
    "ORDER_ITEMS_QUANTITY": lambda context, line: Decimal(len(context.cart.lines)),
    "ORDER_UNITS_QUANTITY": _units,
    "CUSTOMER_BIRTHDATE": _birthdate,
    "VOUCHER_REDEMPTION_QUANTITY": _quantity,
    "VOUCHER_REDEEMED_QUANTITY": _redeemed,
    "VOUCHER_PUBLISH_COUNT": lambda context, line: Decimal(context.candidate.publish_count),
    "VOUCHER_START_DATE": _candidate_date("start_date", tier=False),
    "VOUCHER_EXPIRATION_DATE": _candidate_date("expiration_date", tier=False),
    "PROMOTION_TIER_START_DATE": _candidate_date("start_date", tier=True),
    "PROMOTION_TIER_EXPIRATION_DATE": _candidate_date("expiration_date", tier=True),
    "ORDER.BUNDLE.QUANTITY": lambda context, line: Decimal(context.bundles),
    "TODAY": lambda context, line: context.now.local.date(),
    "NOW": lambda context, line: context.now.instant,
    "TRUE": lambda context, line: True,
    "FALSE": lambda context, line: False,
    "NULL": lambda context, line: None,
    **{f"ORDER_ITEM_{field}": _of_line(field) for field in LINE},
    **{f"CHEAPEST_ORDER_ITEM_{field}": _of_extreme(field, 1) for field in LINE},
    **{f"MOST_EXPENSIVE_ORDER_ITEM_{field}": _of_extreme(field, -1) for field in LINE},
}
READS_USES: Final = "VOUCHER_REDEEMED_QUANTITY"


def _product_metadata(line: WorkLine) -> Mapping[str, Value]:
    product, sku = line.source.product, line.source.sku
    return {**(product.metadata if product is not None else {}), **(sku.metadata if sku is not None else {})}


Bag = Callable[["Deciding", WorkLine | None], Mapping[str, Value]]
METADATA: Final[dict[str, Bag]] = {
    "ORDER_METADATA": lambda context, line: context.cart.facts.metadata,
    "CUSTOMER_METADATA": lambda context, line: {} if context.customer is None else context.customer.metadata,
    "REDEMPTION_METADATA": lambda context, line: context.facts.metadata,
    "PUBLICATION_METADATA": lambda context, line: context.candidate.publication_metadata,
    "REDEEMABLE_METADATA": lambda context, line: context.candidate.metadata,
    "VOUCHER_METADATA": lambda context, line: context.candidate.metadata,
    "ORDER_ITEM_METADATA": lambda context, line: _need(line).source.metadata,
    "ORDER_ITEM_PRODUCT_METADATA": lambda context, line: _product_metadata(_need(line)),
    "CHEAPEST_ORDER_ITEM_METADATA": lambda context, line: _extreme_line(context, 1).source.metadata,
    "CHEAPEST_ORDER_ITEM_PRODUCT_METADATA": lambda context, line: _product_metadata(
        _extreme_line(context, 1)
    ),
    "MOST_EXPENSIVE_ORDER_ITEM_METADATA": lambda context, line: _extreme_line(context, -1).source.metadata,
    "MOST_EXPENSIVE_ORDER_ITEM_PRODUCT_METADATA": lambda context, line: _product_metadata(
        _extreme_line(context, -1)
    ),
}


def metadata_operand(name: str, key: str) -> Evaluate:
    """`NAME("key")`; dots in the key reach into nested objects."""
    bag = METADATA[name]
    path = key.split(".")
    return lambda context, line: plain(walk(bag(context, line), path))
