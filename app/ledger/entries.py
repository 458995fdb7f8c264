"""What an event of the outbox means. Bodies are msgspec arrays with a schema number; readers know N and N-1
(D11).

`Event` holds ids, amounts and digests only; `Private` holds what a person may ask to have erased (D12). A
stream entry has
the fields e (Event), b (Private, may be absent) and x (comma-separated value after each posting, from the
script).
"""

from typing import Any

import msgspec
from msgspec import Struct

EVENT_SCHEMA = 1

REDEMPTION = "redemption"
ROLLBACK = "rollback"
HOLD = "hold"
RELEASE = "release"
ORDER = "order"
BALANCE = "balance"
CUSTOMER = "customer"
EVENT = "event"
"""A custom event: what a customer did, as a shop tells it."""


class Posting(Struct, array_like=True, frozen=True):
    """One movement of a counter; in the order of the Add, Hold and Release ops of the call that moved it.

    kind: "a" Add, "h" Hold, "r" Release. `until` is the epoch second at which a windowed counter ends, else
    0.
    """

    key: str
    field: str
    delta: int
    kind: str = "a"
    base: int = 0
    until: int = 0
    redeemable_no: int = 0


class Taken(Struct, array_like=True, frozen=True):
    """One redemption or rollback within an event: a row of the redemptions table.

    amount: gift credits or points, negative on a rollback. total_discount and order_amount in minor units.
    """

    id: str
    object: str
    """redemption or redemption_rollback."""
    related_object_type: str
    related_object_id: str
    voucher_id: str | None = None
    tier_id: str | None = None
    campaign_id: str | None = None
    parent_id: str | None = None
    """For a stacked one: id of the parent redemption or parent rollback."""
    redemption_id: str | None = None
    """For a rollback: the redemption that was rolled back."""
    amount: int | None = None
    discount: int = 0
    order_amount: int = 0


class Lock(Struct, array_like=True, frozen=True):
    """What one session holds of one voucher once the event has happened (D8).

    digest: of the session key, which may name a person. deadline_ms: epoch milliseconds; 0 when nothing is
    held any more. held: [key without tag and namespace, field, amount, base] of every counter.
    """

    digest: str
    voucher_id: str
    deadline_ms: int = 0
    held: list[tuple[str, str, int, int]] = []


class AskedUnder(Struct, array_like=True, frozen=True):
    """The Idempotency-Key of the request that made an event, as digests (D1).

    scope_hash, fingerprint: see app.http.idempotency. until: epoch second from which the key is new again.
    """

    scope_hash: str
    fingerprint: str
    until: int


class Event(Struct, array_like=True, frozen=True, kw_only=True):
    schema: int = EVENT_SCHEMA
    kind: str
    rid: str
    project_id: str
    at_us: int
    """When the worker decided, epoch microseconds UTC."""
    actor_key_id: str | None = None
    postings: list[Posting] = []
    taken: list[Taken] = []
    customer_id: str | None = None
    order_id: str | None = None
    order_version: int = 0
    channel: str = "API"
    locks: list[Lock] = []
    """Of the sessions that the event moved, as they are after it."""
    asked_under: AskedUnder | None = None
    """Last of all, for `under_key`."""


class Private(Struct, array_like=True, kw_only=True):
    """Erasable snapshots. `redemptions` are the wire objects, in the order of `Event.taken`; one without
    `order` has the event's.
    """

    schema: int = EVENT_SCHEMA
    redemptions: list[dict[str, Any]] = []
    order: dict[str, Any] | None = None
    """The stored order as a row (see app.db.models.order.Order.body), or None when the event leaves no order.
    """
    customer: dict[str, Any] | None = None
    """Patch of the customer as sent: {"id": ..., "source_id": ..., ...}; merged under the row lock (D15)."""
    metadata: dict[str, Any] | None = None
    answer: bytes | None = None
    """Answer bytes for a lasting idempotency record."""
    transaction: dict[str, Any] | None = None
    """Of a balance changed by hand: {"id", "voucher_id", "source_id", "reason"}."""
    custom_event: dict[str, Any] | None = None
    """{"id", "name", "customer_id", "body"}, see app.db.models.custom_event.CustomEvent."""


_encoder = msgspec.msgpack.Encoder(decimal_format="number")
_event_decoder = msgspec.msgpack.Decoder(Event)
_private_decoder = msgspec.msgpack.Decoder(Private)
_lock_decoder = msgspec.msgpack.Decoder(Lock)


def encode_event(event: Event) -> bytes:
    return _encoder.encode(event)


def under_key(raw: bytes, asked_under: AskedUnder) -> bytes:
    """An encoded event that knows its request's key. Nothing else of it is decoded for that."""
    fields = msgspec.msgpack.decode(raw, type=list[msgspec.Raw])
    fields[-1] = msgspec.Raw(_encoder.encode(asked_under))
    return _encoder.encode(fields)


def packed_part(part: Any) -> msgspec.Raw:
    """Something that comes again in the private parts of many events, encoded once for them."""
    return msgspec.Raw(_encoder.encode(part))


def encode_private(private: Private) -> bytes:
    return _encoder.encode(private)


def decode_event(raw: bytes) -> Event:
    return _event_decoder.decode(raw)


def decode_private(raw: bytes) -> Private:
    return _private_decoder.decode(raw)


def encode_lock(lock: Lock) -> bytes:
    """As Redis keeps it in the session's hash: a rebuild writes the same bytes."""
    return _encoder.encode(lock)


def decode_lock(raw: bytes) -> Lock:
    return _lock_decoder.decode(raw)
