"""Orders: what is stored of one, how it is read in the read trip, pinned and written by the script, and
seen by the rules.

Orders have one writer, APPLY (D15): every change is an event whose operations pin the version it was made
from. Owns the stored shape and its merging with a request; reading is in order_reading. Knows nothing of how
a discount is computed nor of HTTP.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self

import msgspec
from msgspec import Struct

from app.core.keys import Keys
from app.core.ops import Add, Claim, Equal, Op, Put
from app.db.models import Order
from app.identifiers import next_version
from app.ledger.entries import Posting
from app.redeemables.customers import ORDER_CHANGES, ORDERS_AMOUNT, ORDERS_COUNT
from app.redeemables.documents import instant_text, instant_text_us
from app.redeemables.order_lines import facts_of, items_of, line_of, stored_items
from app.redeemables.order_request import OrderItemPayload, OrderPayload
from app.redeemables.products import Resolver, references_of
from rules.facts import OrderFacts

ORDER_TTL_SECONDS: Final = 86_400
"""An order stays in Redis for a day after its last change; then it is read from SQL (D15)."""
COMPLETED: Final = frozenset({"PAID", "FULFILLED"})
"""What a customer's summary counts (behaviour 2.6)."""
AMOUNTS: Final = (
    "amount",
    "initial_amount",
    "discount_amount",
    "items_discount_amount",
    "total_discount_amount",
    "applied_discount_amount",
    "items_applied_discount_amount",
    "total_applied_discount_amount",
    "total_amount",
)


class StoredOrder(Struct, kw_only=True):
    """An order as events carry it. `body` is the whole order on the wire; instants are epoch microseconds."""

    id: str
    source_id: str | None = None
    version: int = 0
    status: str = "CREATED"
    customer_id: str | None = None
    amount: int | None = None
    created_at_us: int
    updated_at_us: int | None = None
    body: dict[str, Any]
    in_core: bool = True
    """False when it was read from SQL: Redis has evicted it, so its absence there is what is pinned."""

    def wire(self) -> dict[str, Any]:
        return self.body

    @classmethod
    def composed(
        cls,
        *,
        stored: "StoredOrder | None",
        payload: OrderPayload,
        fresh_id: str,
        status: str,
        customer_id: str | None,
        referrer_id: str | None = None,
        calculated: Mapping[str, Any],
        redemptions: dict[str, Any],
        at_us: int,
        date: str = "",
    ) -> Self:
        """The next state of an order. `calculated`: amounts, items and metadata, which replace the stored
        ones together. date: the text of `at_us`, where it is known.
        """
        before = stored.body if stored is not None else {}
        order_id = stored.id if stored is not None else (payload.id or fresh_id)
        source_id = payload.source_id or (stored.source_id if stored is not None else None)
        created_us = stored.created_at_us if stored is not None else at_us
        if payload.created_at is not None:
            created_us = _microseconds(payload.created_at)
        customer_id = customer_id or (stored.customer_id if stored is not None else None)
        referrer_id = referrer_id or before.get("referrer_id")
        currency = payload.currency or before.get("currency")
        extensions: dict[str, Any] = {}
        for known in (before.get("extensions"), payload.extensions, calculated.get("extensions")):
            if known:
                extensions.update(known)
        body: dict[str, Any] = {
            "id": order_id,
            "source_id": source_id,
            "created_at": date if date and created_us == at_us else instant_text_us(created_us),
            "updated_at": (date or instant_text_us(at_us)) if stored is not None else None,
            "status": status,
            **calculated,
            "customer": {"id": customer_id, "object": "customer"} if customer_id else None,
            "customer_id": customer_id,
            "referrer": {"id": referrer_id, "object": "customer"} if referrer_id else None,
            "referrer_id": referrer_id,
            "redemptions": redemptions,
            "object": "order",
        }
        if currency is not None:
            body["currency"] = currency
        if extensions:
            body["extensions"] = extensions
        return cls(
            id=order_id,
            source_id=source_id,
            version=next_version(stored.version if stored is not None else 0),
            status=status,
            customer_id=customer_id,
            amount=calculated.get("amount"),
            created_at_us=created_us,
            updated_at_us=at_us if stored is not None else None,
            body=body,
        )

    @classmethod
    def redeemed(
        cls,
        *,
        stored: "StoredOrder | None",
        payload: OrderPayload,
        fresh_id: str,
        customer_id: str | None,
        calculated: Mapping[str, Any],
        redemption_id: str,
        entry: Mapping[str, Any],
        at_us: int,
        date: str = "",
    ) -> Self:
        """After a redemption: PAID unless the request says otherwise; a completed order keeps its status
        (D20).
        """
        redemptions = stored.body.get("redemptions") or {} if stored is not None else {}
        if stored is not None and stored.status in COMPLETED:
            status = stored.status
        else:
            status = payload.status or "PAID"
        return cls.composed(
            stored=stored,
            payload=payload,
            fresh_id=fresh_id,
            status=status,
            customer_id=customer_id,
            referrer_id=payload.referrer_id or (payload.referrer.id if payload.referrer else None),
            calculated=calculated,
            redemptions={**redemptions, redemption_id: entry},
            at_us=at_us,
            date=date,
        )


class _Kept(Struct):
    """What of a StoredOrder is written: everything but where it was read."""

    id: str
    source_id: str | None
    version: int
    status: str
    customer_id: str | None
    amount: int | None
    created_at_us: int
    updated_at_us: int | None
    body: dict[str, Any]


_encoder = msgspec.msgpack.Encoder(decimal_format="number")
_decoder = msgspec.msgpack.Decoder(StoredOrder)


def _microseconds(instant: datetime) -> int:
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1_000_000)


def private_order(order: StoredOrder) -> dict[str, Any]:
    """The `Private.order` of an event."""
    return {
        "id": order.id,
        "source_id": order.source_id,
        "version": order.version,
        "status": order.status,
        "customer_id": order.customer_id,
        "amount": order.amount,
        "created_at_us": order.created_at_us,
        "updated_at_us": order.updated_at_us,
        "body": order.body,
    }


def kept_order(body: dict[str, Any] | None) -> StoredOrder | None:
    """An order out of the `Private.order` of an event: as it was then, and not known to be in Redis."""
    return None if body is None else msgspec.convert({**body, "in_core": False}, StoredOrder)


def decode_kept(raw: bytes) -> StoredOrder:
    """An order as Redis has it."""
    return _decoder.decode(raw)


def stored_of(row: Order) -> StoredOrder:
    """An order as SQL has it."""
    return StoredOrder(
        id=row.id,
        source_id=row.source_id,
        version=row.version,
        status=row.status,
        customer_id=row.customer_id,
        amount=row.amount,
        created_at_us=_microseconds(row.created_at),
        updated_at_us=None if row.updated_at is None else _microseconds(row.updated_at),
        body=row.body,
        in_core=False,
    )


# Writing ------------------------------------------------------------------------------------------


def order_ops(keys: Keys, stored: StoredOrder | None, new: StoredOrder) -> list[Op]:
    """Pin the version that `new` was made from, and write `new`. The counters are `summary_adds`."""
    key = keys.order(new.id)
    pinned = b"%d" % stored.version if stored is not None and stored.in_core else None
    kept = _Kept(**private_order(new))
    ops: list[Op] = [
        Equal(key=key, field="v", expected=pinned),
        Put(key=key, field="v", value=b"%d" % new.version, ttl_seconds=ORDER_TTL_SECONDS),
        Put(key=key, field="d", value=_encoder.encode(kept), ttl_seconds=ORDER_TTL_SECONDS),
    ]
    if new.source_id is not None and (
        stored is None or not stored.in_core or stored.source_id != new.source_id
    ):
        ops.append(Claim(key=keys.order_source(new.source_id), field=new.source_id, value=new.id.encode()))
    return ops


def summary_adds(keys: Keys, stored: StoredOrder | None, new: StoredOrder) -> list[Add]:
    """How the summaries of the customers of both states move (D15). None for an order that counts as
    before.
    """
    if stored is None:
        if new.status not in COMPLETED or new.customer_id is None:
            return []
        key = keys.counter("customer", new.customer_id)
        adds = [Add(key, ORDERS_COUNT, 1)]
        if new.amount:
            adds.append(Add(key, ORDERS_AMOUNT, new.amount))
        return adds
    moves: dict[tuple[str, str], int] = {}
    for order, sign in ((stored, -1), (new, 1)):
        if order.status not in COMPLETED or order.customer_id is None:
            continue
        for field, amount in ((ORDERS_COUNT, 1), (ORDERS_AMOUNT, order.amount or 0)):
            place = (order.customer_id, field)
            moves[place] = moves.get(place, 0) + sign * amount
    return [
        Add(key=keys.counter("customer", customer_id), field=field, delta=delta)
        for (customer_id, field), delta in moves.items()
        if delta
    ]


def order_change_adds(keys: Keys, stored: StoredOrder | None, new: StoredOrder) -> list[Add]:
    """For an order that is stored without a redemption: that something of it changed for the customers of
    both states, also where count and amount stay. None for one that counts neither before nor after.
    """
    customers = {
        order.customer_id
        for order in (stored, new)
        if order is not None and order.status in COMPLETED and order.customer_id is not None
    }
    return [
        Add(key=keys.counter("customer", customer_id), field=ORDER_CHANGES, delta=1)
        for customer_id in sorted(customers)
    ]


def postings_of(keys: Keys, adds: Iterable[Add]) -> list[Posting]:
    """As the ledger keeps them: keys without tag and namespace."""
    cut = len(keys.base)
    return [Posting(add.key[cut:], add.field, add.delta, "a", add.base, add.until) for add in adds]


# Facts --------------------------------------------------------------------------------------------


async def order_facts(
    products: Resolver, project_id: str, payload: OrderPayload, stored: StoredOrder | None
) -> OrderFacts:
    """The order before this request's redeemables: sent fields over stored ones, earlier discounts kept
    (decision 35).
    """
    items = items_of(payload, stored)
    resolved = await products.resolve(project_id, references_of(items))
    return facts_of(payload, stored, items, resolved)


__all__ = [
    "AMOUNTS",
    "COMPLETED",
    "OrderItemPayload",
    "OrderPayload",
    "StoredOrder",
    "facts_of",
    "instant_text",
    "items_of",
    "kept_order",
    "line_of",
    "order_change_adds",
    "order_facts",
    "order_ops",
    "postings_of",
    "private_order",
    "stored_items",
    "stored_of",
    "summary_adds",
]
