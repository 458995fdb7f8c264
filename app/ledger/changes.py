"""What a run of events means for the tables that people look at. Collected without a database, written in one
go.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from app.core.keys import Partition
from app.core.outbox import Position
from app.ledger.batch import bare_key
from app.ledger.entries import BALANCE, REDEMPTION, ROLLBACK, Event, Lock, Private, Taken
from app.ledger.transactions import Credit, Movement, credit_of, movements_of

ROLLED_BACK: Final = "ROLLED_BACK"
_CUSTOMER_KEY: Final = "n:customer:"
_ORDERS_COUNT: Final = "orders_count"
IMPORT_CHANNEL: Final = "IMPORT"
"""Of events that tell of what happened elsewhere before."""
COMPLETED: Final = frozenset({"PAID", "FULFILLED"})
"""Orders that a customer's summary counts (behaviour 2.6)."""

Row = dict[str, Any]


class ProjectionError(Exception):
    """An event that cannot be projected; it becomes a row of projection_failures and stops nothing."""


class TierMove(Struct):
    """What a promotion tier's summary gains."""

    redeemed: int = 0
    orders_amount: int = 0
    orders_discount: int = 0


class CustomerChange(Struct):
    """One customer in a run: patches in the order of their events, and what became of his orders."""

    patches: list[Row] = []
    counted: bool = False
    """Whether counters of its summary moved."""
    last_order_amount: int | None = None
    last_order_date: datetime | None = None
    """Of the newest completed order in the run, by when it was made."""
    is_history: bool = True
    """Nothing but imported orders says anything of him: nobody is told of that (behaviour 2.7)."""
    takes_back: bool = False
    """An order counts no more: which one is the last has to be looked up."""

    def ordered(self, order: Row) -> None:
        if self.last_order_date is None or order["created_at"] >= self.last_order_date:
            self.last_order_amount, self.last_order_date = order["amount"], order["created_at"]


class Undone(Struct, frozen=True):
    """A rollback as its redemption remembers it."""

    redemption_id: str
    rollback_id: str
    date: datetime
    complete: bool


class Changes(Struct):
    redemptions: list[Row] = []
    undone: list[Undone] = []
    redeemed_quantity: dict[str, int] = {}
    """By voucher: the counter as it stands after the run."""
    redeemed_amount: dict[str, int] = {}
    """By voucher: credits that the run used, less those it gave back."""
    tiers: dict[str, TierMove] = {}
    orders: dict[str, Row] = {}
    """The newest version of each order."""
    customers: dict[str, CustomerChange] = {}
    custom_events: list[Row] = []
    credits: dict[str, Credit] = {}
    """By gift card: what was credited and taken off by hand."""
    movements: list[Movement] = []
    locks: dict[tuple[str, str], Lock] = {}
    """By session digest and voucher: as they are after the run."""


def instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def collect(
    changes: Changes,
    partition: Partition,
    position: Position,
    event: Event,
    private: Private | None,
    balances: Mapping[str, int],
) -> None:
    """Add one event to a run. balances: what it left on gift cards, by voucher.

    Raises: ProjectionError, with `changes` untouched, when the event's parts contradict each other.
    """
    taken_rows = _taken_rows(partition, position, event, private)
    order = _order_row(event, private)
    for taken, row in taken_rows:
        changes.redemptions.append(row)
        complete = (row["body"].get("extensions") or {}).get("partial") is not True
        if taken.redemption_id is not None and event.kind == ROLLBACK:
            changes.undone.append(Undone(taken.redemption_id, taken.id, row["date"], complete))
        if taken.tier_id is not None and complete:
            _move_tier(changes, taken, -1 if event.kind == ROLLBACK else 1)
    _count(changes, event)
    changes.movements.extend(movements_of(event, private, balances, instant(event.at_us)))
    for lock in event.locks:
        changes.locks[lock.digest, lock.voucher_id] = lock
    if order is not None:
        known = changes.orders.get(order["id"])
        if known is None or order["version"] > known["version"]:
            changes.orders[order["id"]] = order
        if event.customer_id and order["status"] in COMPLETED:
            changes.customers.setdefault(event.customer_id, CustomerChange()).ordered(order)
    if private is not None and private.custom_event is not None:
        happened = private.custom_event
        changes.custom_events.append(
            {
                "project_id": event.project_id,
                "id": happened["id"],
                "at": instant(event.at_us),
                "name": happened["name"],
                "customer_id": happened["customer_id"],
                "body": happened["body"],
            }
        )
    if private is not None and private.customer:
        customer = changes.customers.setdefault(private.customer["id"], CustomerChange())
        customer.patches.append(private.customer)
        customer.is_history = customer.is_history and event.channel == IMPORT_CHANNEL


def _taken_rows(
    partition: Partition, position: Position, event: Event, private: Private | None
) -> list[tuple[Taken, Row]]:
    if not event.taken:
        return []
    bodies = private.redemptions if private is not None else []
    if len(bodies) != len(event.taken):
        raise ProjectionError(f"{len(event.taken)} redemptions with {len(bodies)} bodies")
    date = instant(event.at_us)
    order = private.order["body"] if private is not None and private.order is not None else None
    return [
        (
            taken,
            {
                "project_id": event.project_id,
                "id": taken.id,
                "object": taken.object,
                "date": date,
                "result": body.get("result") or "SUCCESS",
                "status": body.get("status") or "SUCCEEDED",
                "customer_id": event.customer_id,
                "order_id": event.order_id,
                "related_object_type": taken.related_object_type,
                "related_object_id": taken.related_object_id,
                "voucher_id": taken.voucher_id,
                "tier_id": taken.tier_id,
                "campaign_id": taken.campaign_id,
                "parent_id": taken.parent_id,
                "redemption_id": taken.redemption_id,
                "failure_code": None,
                "amount": taken.amount,
                "part": partition.part,
                "epoch": position.epoch,
                "seq": position.sequence,
                "body": body if "order" in body else {**body, "order": order},
            },
        )
        for taken, body in zip(event.taken, bodies, strict=True)
    ]


def _move_tier(changes: Changes, taken: Taken, sign: int) -> None:
    assert taken.tier_id is not None
    tier = changes.tiers.setdefault(taken.tier_id, TierMove())
    tier.redeemed += sign
    tier.orders_amount += sign * abs(taken.order_amount)
    tier.orders_discount += sign * abs(taken.discount)


def _count(changes: Changes, event: Event) -> None:
    """Counters that have a column. What a voucher's counter is after the event is not in it: the caller
    overlays it.
    """
    for posting in event.postings:
        if posting.kind != "a":
            continue
        key = bare_key(posting.key)
        if key.startswith("g:") and event.kind in (REDEMPTION, ROLLBACK):
            used = changes.redeemed_amount
            used[posting.field] = used.get(posting.field, 0) - posting.delta
        elif event.kind == BALANCE:
            credit_of(changes.credits, key, posting.field, posting.delta)
        elif key.startswith(_CUSTOMER_KEY) and ":" not in key[len(_CUSTOMER_KEY) :]:
            customer = changes.customers.setdefault(key[len(_CUSTOMER_KEY) :], CustomerChange())
            customer.counted = True
            if posting.delta < 0 and posting.field == _ORDERS_COUNT:
                customer.takes_back = True


def _order_row(event: Event, private: Private | None) -> Row | None:
    if private is None or not private.order:
        return None
    order = private.order
    try:
        updated_us = order.get("updated_at_us")
        return {
            "project_id": event.project_id,
            "id": order["id"],
            "source_id": order.get("source_id"),
            "version": order["version"],
            "status": order["status"],
            "customer_id": order.get("customer_id"),
            "amount": order.get("amount"),
            "created_at": instant(order["created_at_us"]),
            "updated_at": None if updated_us is None else instant(updated_us),
            "body": order["body"],
        }
    except KeyError as error:
        raise ProjectionError(f"an order without {error}") from None
