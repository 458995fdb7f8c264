"""Carrying out a plan: the one place that changes the working order."""

from rules.cart import Cart, WorkLine, work_line
from rules.facts import Line
from rules.plan import Addition, Plan, Replacement


def commit(cart: Cart, plan: Plan) -> None:
    """Carry out a plan. After this point the redeemable is applied."""
    if cart.moved:
        for line in cart.lines:
            if line.applied or line.applied_discount_quantity:
                line.applied = 0
                line.applied_discount_quantity = 0
    cart.moved = bool(plan.cuts or plan.additions or plan.replacements)
    if cart.moved:
        cart.changed = True
        cart.standing = None
    cart.applied = plan.order
    cart.discount += plan.order
    cart.sum_applied += plan.order
    items, counts_units = 0, cart.counts_units
    for cut in plan.cuts:
        line = cut.line
        amount = cut.amount
        line.standing = None
        line.applied = amount
        line.discount += amount
        line.sum_applied += amount
        if counts_units:
            line.product_level = True
            line.consumed += cut.units
        if cut.partial:
            line.plain = False
            line.applied_quantity = cut.units
            line.applied_quantity_amount = cut.units_amount
        elif not line.plain:
            line.applied_quantity = line.applied_quantity_amount = None
        items += amount
    for addition in plan.additions:
        items += _add(cart, addition)
    for replacement in plan.replacements:
        items += _replace(cart, replacement)
    for line, units in plan.used:
        line.consumed += units
    if plan.shares is not None:
        for line, part in zip(cart.lines, plan.shares, strict=False):
            if part:
                line.share += part
                line.plain = False
                line.standing = cart.standing = None
    if cart.shipping:
        for method in cart.shipping:
            method.applied = 0
    for method, amount in plan.shipping:
        method.applied = amount
        method.discount += amount
        method.sum_applied += amount
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
    line.plain = False
    line.standing = None
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


def _replace(cart: Cart, replacement: Replacement) -> int:
    """Units leave one line and others come; the order's amount follows both."""
    line = replacement.line
    if cart.initial_amount is None:
        cart.initial_amount = cart.amount
    if line.initial_quantity is None:
        line.initial_quantity, line.initial_amount = line.quantity, line.amount
    line.quantity -= replacement.units
    line.replaced += replacement.units
    if line.amount is not None:
        line.amount -= replacement.amount
        lost = max(line.discount - line.amount, 0)
        line.discount -= lost
        cart.items_discount -= lost
    if cart.amount is not None:
        cart.amount -= replacement.amount
    line.plain = False
    line.standing = None
    return _add(cart, replacement.addition)


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
    line = work_line(len(cart.lines), source)
    line.source_index = None
    line.initial_quantity = 0
    line.initial_amount = None if addition.price is None else 0
    cart.lines.append(line)
    return line
