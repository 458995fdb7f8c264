"""What Redis keeps of a redemption for an hour under its id: which event it is, and what was returned since
(D9).

The event itself stands in the outbox until it is in the ledger, so there is one copy of it, and nobody's data
stays behind in Redis.
"""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from app.core.encode import EVENT_FIELD
from app.core.ops import Keep, Op, Put
from app.ledger.entries import decode_event, decode_private
from app.redeemables.order_changes import applied_of
from app.redeemables.orders import StoredOrder, kept_order

REDEMPTION_TTL_SECONDS: Final = 3600
"""How long a redemption can be rolled back without SQL (D9)."""
RETURNED, PARENT, PROGRESS = "n", "p", "u"
"""Fields of the record: the count of parts returned; for a child of a stack, its parent; which units the
parts returned (app.redeemables.portions.Progress).
"""
FIELDS: Final = (RETURNED, EVENT_FIELD, PARENT)
"""What is read of the record."""


class RedemptionState(Struct, kw_only=True):
    """A redemption as it was taken."""

    id: str
    parent_id: str | None = None
    """For a child of a stack: it cannot be rolled back by itself."""
    rolled_back: bool = False
    """Only when read from the ledger: within the hour the count of parts returned tells."""
    children: list[dict[str, Any]] = []
    """Wire objects of what was taken, the parent's last when there is one."""
    postings: list[Any] = []
    """[key without namespace, field, delta, base, until, redeemable number] of every counter that was moved.
    """
    order_id: str | None = None
    order_applied: list[Any] = []
    """What the redemption took off the order, see app.redeemables.order_changes.applied_of."""
    order: StoredOrder | None = None
    """The order as the redemption left it; Redis has none under its own name until it changes again."""
    customer_id: str | None = None
    at_us: int = 0


def state_puts(root_key: str, children: Iterable[str], parent_id: str) -> list[Op]:
    """children: keys of the records of a stack's parts; none for a redemption without a parent."""
    ops: list[Op] = [Keep(key=root_key, ttl_seconds=REDEMPTION_TTL_SECONDS)]
    ops.extend(
        Put(key=key, field=PARENT, value=parent_id.encode(), ttl_seconds=REDEMPTION_TTL_SECONDS)
        for key in children
    )
    return ops


def state_of(redemption_id: str, event_bytes: bytes, private_bytes: bytes) -> RedemptionState:
    """The state that the redemption's event says."""
    event, private = decode_event(event_bytes), decode_private(private_bytes)
    order = kept_order(private.order)
    return RedemptionState(
        id=redemption_id,
        children=private.redemptions,
        postings=[
            [posting.key, posting.field, posting.delta, posting.base, posting.until, posting.redeemable_no]
            for posting in event.postings
            if posting.kind == "a"
        ],
        order_id=event.order_id,
        order_applied=applied_of(order.body if order is not None else None),
        order=order,
        customer_id=event.customer_id,
        at_us=event.at_us,
    )


def without_order(row: dict[str, Any]) -> dict[str, Any]:
    """The order of a single redemption is that of its event; who reads the row puts it back."""
    copied = row.copy()
    copied.pop("order", None)
    return copied
