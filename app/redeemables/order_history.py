"""What a marketer tells customers apart by, worked out from their orders: first and last, how far apart, what
they buy most. Nothing of it is stored: it is read when a rule or a reader asks.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Order, ProductCollection
from app.redeemables.customers import ORDERS_AMOUNT, ORDERS_COUNT
from app.redeemables.documents import instant_text
from app.redeemables.order_lines import line_of
from app.redeemables.order_request import OrderItemPayload
from app.redeemables.orders import COMPLETED
from app.redeemables.products import Resolver, references_of
from app.redeemables.referred import COLLECTION, load_referred
from rules.cart import work_line
from rules.moment import Now

ORDERS_LOOKED_AT: Final = 200
"""Of one customer, the newest: what somebody buys most is what he bought most of lately."""
TOP_MAX: Final = 5
DAY: Final = timedelta(days=1)


class OrderHistory(Struct, frozen=True):
    """Of completed orders, by the time at which they were made. `items`: one line of each that was bought,
    with the units in the newest orders; None where nobody asked for them.
    """

    first: datetime | None = None
    last: datetime | None = None
    last_amount: int | None = None
    items: tuple[tuple[OrderItemPayload, int], ...] | None = None


async def load_history(
    session: AsyncSession, project_id: str, customer_id: str, *, with_items: bool
) -> OrderHistory:
    """As far as orders are projected."""
    owned = (
        Order.project_id == project_id,
        Order.customer_id == customer_id,
        Order.status.in_(COMPLETED),
    )
    last = (
        await session.execute(
            select(Order.created_at, Order.amount)
            .where(*owned)
            .order_by(Order.created_at.desc(), Order.id.desc())
            .limit(1)
        )
    ).one_or_none()
    if last is None:
        return OrderHistory(items=() if with_items else None)
    first = await session.scalar(select(func.min(Order.created_at)).where(*owned))
    items = None
    if with_items:
        bodies = await session.scalars(
            select(Order.body)
            .where(*owned)
            .order_by(Order.created_at.desc(), Order.id.desc())
            .limit(ORDERS_LOOKED_AT)
        )
        items = _added_up([body.get("items") or () for body in bodies])
    return OrderHistory(first=first, last=last[0], last_amount=last[1], items=items)


def _added_up(orders: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[tuple[OrderItemPayload, int], ...]:
    units: Counter[str] = Counter()
    examples: dict[str, Mapping[str, Any]] = {}
    for lines in orders:
        for line in lines:
            name = str(line.get("sku_id") or line.get("product_id") or line.get("source_id") or "")
            if name:
                units[name] += int(line.get("quantity") or 0)
                examples.setdefault(name, line)
    return tuple((msgspec.convert(line, OrderItemPayload), units[name]) for name, line in examples.items())


def orders_wire(history: OrderHistory, counters: Mapping[str, int], now: datetime) -> dict[str, Any]:
    """`extensions.orders` without the top of anything. interval_days: between two orders, on average; whole
    days, rounded half up. next_number: which order the next one will be.
    """
    count, amount = counters.get(ORDERS_COUNT, 0), counters.get(ORDERS_AMOUNT, 0)
    wire: dict[str, Any] = {
        "count": count,
        "lifetime_value": amount,
        "average_amount": (2 * amount + count) // (2 * count) if count else 0,
        "next_number": count + 1,
        "first_order_date": None,
        "last_order_date": None,
        "last_order_amount": history.last_amount,
        "days_since_last": None,
        "interval_days": None,
    }
    if history.first is not None and history.last is not None:
        wire["first_order_date"] = instant_text(history.first)
        wire["last_order_date"] = instant_text(history.last)
        wire["days_since_last"] = max(0, (now - history.last) // DAY)
        if count > 1:
            wire["interval_days"] = (2 * (history.last - history.first) // (count - 1) + DAY) // (2 * DAY)
    return wire


async def top_products(products: Resolver, project_id: str, history: OrderHistory) -> list[str]:
    """Ids of the products bought most, the first the most; what is not stored by the name it was bought
    under.
    """
    items = history.items or ()
    resolved = await products.resolve(project_id, references_of(item for item, _ in items))
    units: Counter[str] = Counter()
    for item, count in items:
        product, _ = resolved.of(item)
        name = (product.id if product is not None else None) or item.product_id or item.source_id
        if name:
            units[name] += count
    return _top(units)


async def top_collections(
    session: AsyncSession, products: Resolver, project_id: str, history: OrderHistory, now: Now
) -> list[str]:
    """Ids of the collections bought from most, as they are now."""
    items = history.items or ()
    ids = await session.scalars(
        select(ProductCollection.id).where(ProductCollection.project_id == project_id)
    )
    referred = await load_referred(session, project_id, [COLLECTION + one for one in ids])
    resolved = await products.resolve(project_id, references_of(item for item, _ in items))
    lines = [
        (work_line(index, line_of(index, item, resolved)), count) for index, (item, count) in enumerate(items)
    ]
    units: Counter[str] = Counter()
    for collection in referred.collections.values():
        bought = sum(count for line, count in lines if collection.program.contains(line, now))
        if bought:
            units[collection.id] += bought
    return _top(units)


def _top(units: Counter[str]) -> list[str]:
    return [name for name, _ in sorted(units.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP_MAX]]
