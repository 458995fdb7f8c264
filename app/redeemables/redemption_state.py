"""What Redis keeps of a redemption for an hour: under its request's id, which is its own, which event it is;
under its id what was returned since (D9).

The event itself stands in the outbox until it is in the ledger, so there is one copy of it, and nobody's data
stays behind in Redis.
"""

from typing import Any, Final

from msgspec import Struct

from app.ledger.entries import REDEMPTION, decode_event, decode_private
from app.redeemables.order_changes import applied_of
from app.redeemables.orders import StoredOrder, kept_order

REDEMPTION_TTL_SECONDS: Final = 3600
"""How long a redemption can be rolled back without SQL (D9)."""
RETURNED, PROGRESS = "n", "u"
"""Fields of the record: the count of parts returned; which units they returned
(app.redeemables.portions.Progress).
"""


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


def state_of(redemption_id: str, event_bytes: bytes, private_bytes: bytes) -> RedemptionState | None:
    """The state that the redemption's event says; None when the event is something else."""
    event = decode_event(event_bytes)
    if event.kind != REDEMPTION or event.rid != redemption_id:
        return None
    private = decode_private(private_bytes)
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
