"""The order while it is being decided: mutable lines and totals, and the frozen states answered from them.

Owns the identities of `behaviour` 3.1. A plan is computed on the side first and only then committed, so a
redeemable that is refused late leaves nothing behind.
"""

from msgspec import Struct

from rules.facts import Line, OrderFacts, Shipping
from rules.verdict import LineState, OrderState, ShippingState

NOTHING: frozenset[str] = frozenset()
NO_ONE: set[str | None] = {None}


class WorkLine(Struct, eq=False, gc=False):
    """One line of the working order. Amounts in minor units, None when unknown. Made by `work_line`."""

    index: int
    source_index: int | None
    source: Line
    quantity: int
    price: int | None
    amount: int | None
    discount: int = 0
    discount_quantity: int = 0
    initial_quantity: int | None = None
    initial_amount: int | None = None
    plain: bool = True
    """Nothing but the amounts of its discount tells it from the line as it was requested."""
    applied: int = 0
    applied_discount_quantity: int = 0
    applied_quantity: int | None = None
    applied_quantity_amount: int | None = None
    consumed: int = 0
    product_level: bool = False
    replaced: int = 0
    share: int = 0
    sum_applied: int = 0
    sum_applied_quantity: int = 0
    standing: LineState | None = None
    """As answered while nothing is applied to it."""
    products: frozenset[str] | None = None
    skus: frozenset[str] = NOTHING
    """What `product_ids` and `sku_ids` found."""

    @property
    def product_ids(self) -> frozenset[str]:
        """Every id under which a rule may name this line's product."""
        if self.products is None:
            return self._identify()
        return self.products

    @property
    def sku_ids(self) -> frozenset[str]:
        """Every id under which a rule may name this line's SKU."""
        if self.products is None:
            self._identify()
        return self.skus

    @property
    def remaining(self) -> int:
        """What is left to discount, item-level."""
        return 0 if self.amount is None else self.amount - self.discount

    @property
    def unit_price(self) -> int:
        """The list price of a unit; the average when only the amount is known."""
        if self.price is not None:
            return self.price
        if self.amount is None or self.quantity <= 0:
            return 0
        return self.amount // self.quantity

    def _identify(self) -> frozenset[str]:
        line = self.source
        products = {line.product_id}
        skus = {line.sku_id}
        if line.source_id is not None:
            (skus if line.related_object == "sku" else products).add(line.source_id)
        product, sku = line.product, line.sku
        if product is not None:
            products.add(product.id)
            products.add(product.source_id)
        if sku is not None:
            skus.add(sku.id)
            skus.add(sku.source_id)
            products.add(sku.product_id)
        known = frozenset([name for name in products if name is not None])
        self.products = known
        if skus != NO_ONE:
            self.skus = frozenset([name for name in skus if name is not None])
        return known

    def frozen(self, applied: int, applied_units: int) -> LineState:
        """The line as it stands, with what was applied to it."""
        line = self.source
        return LineState(
            self.index,
            self.source_index,
            line.product_id,
            line.sku_id,
            line.source_id,
            line.related_object,
            self.quantity,
            self.price,
            self.amount,
            self.discount,
            applied,
            False,
            self.discount_quantity,
            applied_units,
            self.applied_quantity if applied else None,
            self.applied_quantity_amount if applied else None,
            self.initial_quantity,
            self.initial_amount,
            self.share,
            self.replaced,
        )


def states_of(lines: list[WorkLine], *, summed: bool = False) -> tuple[LineState, ...]:
    """The lines as answered after the redeemable that was committed last; summed: as answered at the root,
    with what the whole request applied.
    """
    states: list[LineState] = []
    for line in lines:
        applied = line.sum_applied if summed else line.applied
        units = line.sum_applied_quantity if summed else line.applied_discount_quantity
        nothing = not (applied or units)
        state = line.standing if nothing else None
        if state is None:
            if line.plain:  # Most are, and a stack writes each line several times.
                source = line.source
                state = LineState(
                    line.index,
                    line.source_index,
                    source.product_id,
                    source.sku_id,
                    source.source_id,
                    source.related_object,
                    line.quantity,
                    line.price,
                    line.amount,
                    line.discount,
                    applied,
                    True,
                )
            else:
                state = line.frozen(applied, units)
            if nothing:
                line.standing = state
        states.append(state)
    return tuple(states)


def work_line(index: int, source: Line) -> WorkLine:
    """A requested line before anything is done to it."""
    quantity, price, amount = source.quantity, source.price, source.amount
    if amount is None and price is not None:
        amount = price * quantity
    discount = source.discount_amount
    if discount and amount is not None and discount > amount:
        discount = amount
    units, initial_quantity = source.discount_quantity, source.initial_quantity
    if units or initial_quantity is not None or source.initial_amount is not None:
        return WorkLine(
            index,
            index,
            source,
            quantity,
            price,
            amount,
            discount,
            units,
            initial_quantity,
            source.initial_amount,
            False,
        )
    return WorkLine(index, index, source, quantity, price, amount, discount)


class WorkShipping:
    """One shipping method of the working order."""

    __slots__ = ("amount", "applied", "discount", "id", "sum_applied")

    def __init__(self, method: Shipping) -> None:
        self.id = method.id
        self.amount = method.amount
        self.discount = min(method.discount_amount, method.amount)
        self.applied = 0
        self.sum_applied = 0

    def state(self) -> ShippingState:
        return ShippingState(self.id, self.amount, self.discount, self.applied)

    def summed(self) -> ShippingState:
        return ShippingState(self.id, self.amount, self.discount, self.sum_applied)


class Cart:
    """The working order of one decision."""

    __slots__ = (
        "amount",
        "applied",
        "base_amount",
        "changed",
        "counts_units",
        "discount",
        "facts",
        "initial_amount",
        "items_applied",
        "items_discount",
        "lines",
        "moved",
        "shipping",
        "standing",
        "sum_applied",
        "sum_items_applied",
    )

    def __init__(self, order: OrderFacts) -> None:
        self.facts = order
        self.lines = [work_line(index, line) for index, line in enumerate(order.lines)]
        amount = order.amount
        if amount is None:
            for line in self.lines:
                if line.amount is not None:
                    amount = (amount or 0) + line.amount
        self.amount = amount
        self.base_amount = amount
        """The order's amount before anything was added by this request."""
        self.initial_amount = order.initial_amount
        items = 0
        for line in self.lines:
            items += line.discount
        self.items_discount = items
        self.items_applied = 0
        self.discount = order.discount_amount
        self.applied = 0
        self.sum_applied = 0
        self.sum_items_applied = 0
        self.shipping = [WorkShipping(method) for method in order.shipping] if order.shipping else []
        self.moved = False
        """Whether the redeemable that was committed last did something to a line."""
        self.changed = False
        """Whether any of this request did."""
        self.counts_units = True
        """Whether anybody asks which lines and units are discounted already."""
        self.standing: tuple[LineState, ...] | None = None
        """The lines as answered while nothing is applied to any of them: every redeemable that leaves them
        alone answers these."""

    @property
    def remaining(self) -> int:
        """What is left of the order: its amount without every discount so far, never below zero."""
        if self.amount is None:
            return 0
        left = self.amount - self.discount - self.items_discount
        return left if left > 0 else 0

    def state(self) -> OrderState:
        """The order after the redeemable that was committed last."""
        lines = states_of(self.lines) if self.moved else self._standing()
        shipping = tuple([method.state() for method in self.shipping]) if self.shipping else ()
        return self._freeze(lines, self.applied, self.items_applied, shipping)

    def _standing(self) -> tuple[LineState, ...]:
        lines = self.standing
        if lines is None:
            lines = self.standing = states_of(self.lines)
        return lines

    def root(self) -> OrderState:
        """The order with applied amounts summed over the request."""
        lines = states_of(self.lines, summed=True) if self.changed else self._standing()
        shipping = tuple([method.summed() for method in self.shipping]) if self.shipping else ()
        return self._freeze(lines, self.sum_applied, self.sum_items_applied, shipping)

    def _freeze(
        self,
        lines: tuple[LineState, ...],
        applied: int,
        items_applied: int,
        shipping: tuple[ShippingState, ...],
    ) -> OrderState:
        amount = self.amount
        total = self.discount + self.items_discount
        return OrderState(
            amount,
            lines,
            self.initial_amount,
            self.discount,
            applied,
            self.items_discount,
            items_applied,
            total,
            applied + items_applied,
            None if amount is None else (amount - total if amount > total else 0),
            shipping,
        )
