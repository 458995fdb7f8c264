"""The order while it is being decided: mutable lines and totals, and the frozen states answered from them.

Owns the identities of `behaviour` 3.1. A plan is computed on the side first and only then committed, so a
redeemable that is refused late leaves nothing behind.
"""

from rules.facts import ItemFacts, Line, OrderFacts
from rules.verdict import LineState, OrderState

NOTHING: frozenset[str] = frozenset()


class WorkLine:
    """One line of the working order. Amounts in minor units, None when unknown."""

    __slots__ = (
        "amount",
        "applied",
        "applied_discount_quantity",
        "applied_quantity",
        "applied_quantity_amount",
        "consumed",
        "discount",
        "discount_quantity",
        "index",
        "initial_amount",
        "initial_quantity",
        "plain",
        "price",
        "product_ids",
        "product_level",
        "quantity",
        "sku_ids",
        "source",
        "source_index",
        "sum_applied",
        "sum_applied_quantity",
        "touched",
    )

    index: int
    quantity: int
    price: int | None
    amount: int | None
    source: Line
    product_ids: frozenset[str]
    sku_ids: frozenset[str]

    def __init__(self, index: int, source: Line) -> None:
        self.index = index
        self.source_index: int | None = index
        self.source = source
        self.quantity = source.quantity
        self.price = source.price
        amount = source.amount
        if amount is None and source.price is not None:
            amount = source.price * source.quantity
        self.amount = amount
        discount = source.discount_amount
        self.discount = discount if amount is None or discount <= amount else amount
        self.discount_quantity = source.discount_quantity
        self.initial_quantity = source.initial_quantity
        self.initial_amount = source.initial_amount
        self.applied = 0
        self.applied_discount_quantity = 0
        self.applied_quantity: int | None = None
        self.applied_quantity_amount: int | None = None
        self.consumed = 0
        self.touched = False
        self.product_level = False
        self.sum_applied = 0
        self.sum_applied_quantity = 0
        self.plain: LineState | None = None
        self.product_ids = NOTHING
        self.sku_ids = NOTHING

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

    def identify(self) -> None:
        """Collect every id under which a rule may name this line's product or SKU."""
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
        products.discard(None)
        skus.discard(None)
        self.product_ids = frozenset(products)  # type: ignore[arg-type]
        self.sku_ids = frozenset(skus)  # type: ignore[arg-type]

    def state(self) -> LineState:
        """The line as answered after the redeemable that was committed last."""
        if not self.touched:
            plain = self.plain
            if plain is None:
                plain = self.plain = self._freeze(0, 0)
            return plain
        return self._freeze(self.applied, self.applied_discount_quantity)

    def summed(self) -> LineState:
        """The line as answered at the root: what the whole request applied."""
        return self._freeze(self.sum_applied, self.sum_applied_quantity)

    def _freeze(self, applied: int, applied_units: int) -> LineState:
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
            self.discount_quantity,
            applied_units,
            self.applied_quantity if applied else None,
            self.applied_quantity_amount if applied else None,
            self.initial_quantity,
            self.initial_amount,
            self.touched,
        )


class Cart:
    """The working order of one decision."""

    __slots__ = (
        "amount",
        "applied",
        "base_amount",
        "discount",
        "facts",
        "initial_amount",
        "items_applied",
        "items_discount",
        "lines",
        "sum_applied",
        "sum_items_applied",
        "units_discounted",
    )

    def __init__(self, order: OrderFacts) -> None:
        self.facts = order
        self.lines = [WorkLine(index, line) for index, line in enumerate(order.lines)]
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
        self.units_discounted = 0

    @property
    def remaining(self) -> int:
        """What is left of the order: its amount without every discount so far, never below zero."""
        if self.amount is None:
            return 0
        left = self.amount - self.discount - self.items_discount
        return left if left > 0 else 0

    def state(self) -> OrderState:
        """The order after the redeemable that was committed last."""
        lines = tuple([line.state() for line in self.lines])
        return self._freeze(lines, self.applied, self.items_applied)

    def root(self) -> OrderState:
        """The order with applied amounts summed over the request."""
        lines = tuple([line.summed() for line in self.lines])
        return self._freeze(lines, self.sum_applied, self.sum_items_applied)

    def _freeze(self, lines: tuple[LineState, ...], applied: int, items_applied: int) -> OrderState:
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
        )


class LineCut:
    """A planned item-level discount on an existing line: `units` of it are discounted, worth `units_amount`
    before it.
    """

    __slots__ = ("amount", "line", "partial", "units", "units_amount")

    def __init__(self, line: WorkLine, amount: int, units: int, units_amount: int, partial: bool) -> None:
        self.line = line
        self.amount = amount
        self.units = units
        self.units_amount = units_amount
        self.partial = partial


class Addition:
    """Planned free units: `added` come into the cart and `free` are discounted wholly. `line` None appends a
    new one.
    """

    __slots__ = ("added", "discount", "free", "item", "line", "price", "unit_type")

    def __init__(
        self,
        unit_type: str,
        item: ItemFacts | None,
        line: WorkLine | None,
        added: int,
        free: int,
        price: int | None,
        discount: int,
    ) -> None:
        self.unit_type = unit_type
        self.item = item
        self.line = line
        self.added = added
        self.free = free
        self.price = price
        self.discount = discount


class Plan:
    """What one redeemable would do to the order."""

    __slots__ = ("additions", "credits", "cuts", "order", "points", "unit_uses")

    def __init__(self) -> None:
        self.order = 0
        self.cuts: list[LineCut] = []
        self.additions: list[Addition] = []
        self.credits: int | None = None
        self.points: int | None = None
        self.unit_uses: list[tuple[object, int, int | None]] = []

    @property
    def items(self) -> int:
        total = 0
        for cut in self.cuts:
            total += cut.amount
        for addition in self.additions:
            total += addition.discount
        return total

    @property
    def added_amount(self) -> int:
        total = 0
        for addition in self.additions:
            if addition.price is not None:
                total += addition.price * addition.added
        return total

    @property
    def has_effect(self) -> bool:
        """Free units without a price count as an effect (section 10, 20)."""
        if self.order or self.credits:
            return True
        if self.points:
            return True
        for cut in self.cuts:
            if cut.amount:
                return True
        return any(addition.free or addition.added for addition in self.additions)


def commit(cart: Cart, plan: Plan) -> None:
    """Carry out a plan. After this point the redeemable is applied."""
    for line in cart.lines:
        line.touched = False
        line.applied = 0
        line.applied_discount_quantity = 0
    cart.applied = plan.order
    cart.discount += plan.order
    cart.sum_applied += plan.order
    items = 0
    for cut in plan.cuts:
        line = cut.line
        amount = cut.amount
        line.touched = True
        line.plain = None
        line.applied = amount
        line.discount += amount
        line.sum_applied += amount
        line.consumed += cut.units
        line.product_level = True
        if cut.partial:
            line.applied_quantity = cut.units
            line.applied_quantity_amount = cut.units_amount
        else:
            line.applied_quantity = line.applied_quantity_amount = None
        items += amount
    for addition in plan.additions:
        items += _add(cart, addition)
    cart.items_applied = items
    cart.items_discount += items
    cart.sum_items_applied += items


def _add(cart: Cart, addition: Addition) -> int:
    line = addition.line
    price = addition.price
    if line is None:
        line = _append(cart, addition)
    else:
        if line.initial_quantity is None:
            line.initial_quantity = line.quantity
            line.initial_amount = line.amount
        line.quantity += addition.added
        if price is not None and line.amount is not None:
            line.amount += price * addition.added
    if addition.added and price is not None and cart.amount is not None:
        if cart.initial_amount is None:
            cart.initial_amount = cart.amount
        cart.amount += price * addition.added
    line.touched = True
    line.plain = None
    line.applied += addition.discount
    line.discount += addition.discount
    line.sum_applied += addition.discount
    line.applied_discount_quantity += addition.free
    line.discount_quantity += addition.free
    line.sum_applied_quantity += addition.free
    line.consumed += addition.free
    line.product_level = True
    line.applied_quantity = line.applied_quantity_amount = None
    return addition.discount


def _append(cart: Cart, addition: Addition) -> WorkLine:
    unit_type = addition.unit_type
    is_sku = unit_type.startswith("sku_")
    item = addition.item
    product_id = (item.product_id if item is not None else None) if is_sku else unit_type
    source = Line(
        index=len(cart.lines),
        quantity=addition.added,
        price=addition.price,
        product_id=product_id,
        sku_id=unit_type if is_sku else None,
        product=None if is_sku else item,
        sku=item if is_sku else None,
        related_object="sku" if is_sku else "product",
    )
    line = WorkLine(len(cart.lines), source)
    line.source_index = None
    line.initial_quantity = 0
    line.initial_amount = None if addition.price is None else 0
    line.identify()
    cart.lines.append(line)
    return line
