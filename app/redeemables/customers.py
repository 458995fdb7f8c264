"""The customer of a request: who it is, what the rules see of it, and what is kept of it (D15).

The id of a new source_id is derived from it, so two workers that meet the same new customer mean the same
one. Owns the request's shape and the merging; knows nothing of HTTP. Neither id nor tracking id can be made
without the project's secret.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct

from app.core.records import CustomerRecord
from app.db.models import Customer
from app.identifiers import characters_of
from app.redeemables.documents import check_texts, exact, instant_text, overlaid
from rules.facts import CustomerFacts

TRACKING_PREFIX = "track_"
_TAG_BYTES = 12
IDENTITIES_KEPT = 16_384
"""Keyed hashes cost more than finding them again: a shop sees the same customer several times in a row."""
SOURCE_ID_MAX = 512
ID_MAX = 64
PROFILE = ("name", "description", "email", "phone", "birthdate")
ADDRESS = ("city", "state", "line_1", "line_2", "country", "postal_code")

REDEMPTIONS_SUCCEEDED = "redemptions"
REDEMPTIONS_ROLLED_BACK = "rolled_back"
GIFT_REDEEMED = "gift_amount"
POINTS_REDEEMED = "points"
ORDERS_COUNT = "orders_count"
ORDERS_AMOUNT = "orders_amount"
ORDER_CHANGES = "order_changes"
"""Moves when an order that counts is stored without a redemption: so that every change moves something."""
"""Fields of keys.counter("customer", id): the summary is a sum of ledger postings, never a stored guess."""


@lru_cache(maxsize=IDENTITIES_KEPT)
def derive_id(secret: bytes, prefix: str, source_id: str) -> str:
    """The one id that a new object with this source_id gets in this project."""
    digest = hmac.new(secret, f"{prefix}{source_id}".encode(), hashlib.sha256).digest()
    return prefix + characters_of(int.from_bytes(digest[:17]) >> 6)


def derive_customer_id(secret: bytes, source_id: str) -> str:
    """cust_ and 26 characters (130 bits) of HMAC-SHA256."""
    return derive_id(secret, "cust_", source_id)


@lru_cache(maxsize=IDENTITIES_KEPT)
def tracking_id(secret: bytes, source_id: str) -> str:
    """track_ and the source_id, encrypted: the same one gives the same text, and only this project can read
    it.

    A tag over the text is both the nonce of the key stream and the proof of origin (the way of SIV).
    """
    plain = source_id.encode()
    tag = _tracking_tag(secret, plain)
    sealed = bytes(a ^ b for a, b in zip(plain, _key_stream(secret, tag, len(plain)), strict=True))
    return TRACKING_PREFIX + base64.urlsafe_b64encode(tag + sealed).decode().rstrip("=")


def source_of(secret: bytes, tracking: str) -> str | None:
    """The source_id of a tracking id that this project gave out; None for any other text."""
    if not tracking.startswith(TRACKING_PREFIX):
        return None
    text = tracking[len(TRACKING_PREFIX) :]
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    tag, sealed = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
    if len(tag) < _TAG_BYTES or not sealed:
        return None
    plain = bytes(a ^ b for a, b in zip(sealed, _key_stream(secret, tag, len(sealed)), strict=True))
    if not hmac.compare_digest(tag, _tracking_tag(secret, plain)):
        return None
    return plain.decode(errors="replace")


def _tracking_tag(secret: bytes, plain: bytes) -> bytes:
    return hmac.new(secret, b"tracking:" + plain, hashlib.sha256).digest()[:_TAG_BYTES]


def _key_stream(secret: bytes, tag: bytes, length: int) -> bytes:
    key = hmac.new(secret, b"tracking stream", hashlib.sha256).digest()
    blocks = (
        hashlib.blake2b(tag + number.to_bytes(4), key=key, digest_size=64).digest()
        for number in range(-(-length // 64))
    )
    return b"".join(blocks)[:length]


class CustomerPayload(Struct, kw_only=True):
    """A customer as requests name it. A null means absent; properties that are not listed are ignored."""

    id: str | None = None
    source_id: str | None = None
    name: str | None = None
    description: str | None = None
    email: str | None = None
    phone: str | None = None
    birthdate: str | None = None
    birthday: str | None = None
    """Deprecated name of birthdate."""
    address: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        # Most requests name a customer and say nothing of it.
        if self.source_id is not None and len(self.source_id) > ID_MAX:
            check_texts({"source_id": self.source_id}, 4 * SOURCE_ID_MAX)
        elif self.source_id == "":
            self.source_id = None
        if self.id == "":
            self.id = None
        elif self.id is not None and not self.id.startswith(TRACKING_PREFIX):
            check_texts({"id": self.id}, ID_MAX)
        if self.name or self.description or self.email or self.phone:
            check_texts({name: getattr(self, name) for name in ("name", "description", "email", "phone")})
        if self.birthdate or self.birthday:
            self.birthdate = birthdate_of(self.birthdate or self.birthday)
            self.birthday = None
        elif self.birthdate is not None or self.birthday is not None:
            self.birthdate = self.birthday = None
        if self.address:
            self.address = address_of(self.address)


def birthdate_of(text: str | None) -> str | None:
    """YYYY-MM-DD of a date or of a date-time, as clients send both.

    Raises: ValueError when it is neither.
    """
    if not text:
        return None
    try:
        if len(text) == 10:
            return date.fromisoformat(text).isoformat()
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise ValueError("birthdate must be a date") from None


def address_of(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The address's known parts.

    Raises: ValueError for a part that is no text.
    """
    for name in ADDRESS:
        value = sent.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"address.{name} must be string")
    address = {name: sent[name] for name in ADDRESS if name in sent}
    check_texts(address)
    return address


def identity(
    secret: bytes, payload: CustomerPayload | None, tracking: str | None = None
) -> tuple[str | None, str | None]:
    """(customer id, source_id) that a request means. With an id, the id wins and source_id is None.

    The id beside a source_id is the derived one: an existing customer may own the source_id under another
    id, which keys.source_claim (or SQL) tells. A tracking id stands in only for a customer without
    identity: ours is opened, any other text is taken as a raw source_id (behaviour 2.6).
    """
    if payload is not None and payload.id is not None:
        opened = source_of(secret, payload.id)
        if opened is None:
            return payload.id, None
        return derive_customer_id(secret, opened), opened
    source_id = payload.source_id if payload is not None else None
    if source_id is None and tracking:
        source_id = tracking[:SOURCE_ID_MAX]
    if source_id is None:
        return None, None
    opened = source_of(secret, source_id)
    if opened is not None:
        source_id = opened
    return derive_customer_id(secret, source_id), source_id


_PATCHED = (*PROFILE, "address", "metadata")


def patch_of(payload: CustomerPayload) -> dict[str, Any]:
    """Only what was sent: name, email, phone, description, birthdate, address, metadata."""
    patch: dict[str, Any] = {}
    for name in _PATCHED:
        value = getattr(payload, name)
        if value is not None:
            patch[name] = value
    return patch


def says_nothing(payload: CustomerPayload) -> bool:
    """Whether `patch_of` is empty: most requests only name their customer."""
    return (
        payload.metadata is None
        and payload.name is None
        and payload.email is None
        and payload.phone is None
        and payload.description is None
        and payload.birthdate is None
        and payload.address is None
    )


def changes_profile(known: CustomerRecord | None, payload: CustomerPayload | None) -> bool:
    """Whether the request says of its customer what is not stored of him."""
    if payload is None or says_nothing(payload):
        return False
    patch = patch_of(payload)
    if known is None or known.deleted:
        return True
    for name, value in patch.items():
        stored = getattr(known, name)
        if name in ("metadata", "address"):
            if exact(overlaid(stored, value)) != exact(stored):
                return True
        elif value != stored:
            return True
    return False


def private_customer(
    customer_id: str, source_id: str | None, payload: CustomerPayload | None, *, created: bool, at_us: int
) -> dict[str, Any]:
    """The `Private.customer` of an event. `created`: the caller found no such customer; `at_us`: the call's
    instant.
    """
    return {
        "id": customer_id,
        "source_id": source_id,
        "created": created,
        "at_us": at_us,
        "patch": patch_of(payload) if payload is not None else {},
    }


def merge_patch(row: Customer, patch: Mapping[str, Any]) -> bool:
    """Lay a patch over a stored customer: metadata and address key by key. Whether anything changed."""
    body = dict(row.body)
    before = (row.name, row.email, dict(row.body))
    for name, value in patch.items():
        if name == "name":
            row.name = value
        elif name == "email":
            row.email = value
        elif name in ("metadata", "address", "system_metadata"):
            body[name] = overlaid(body.get(name) or {}, value)
        else:
            body[name] = value
    row.body = body
    return before != (row.name, row.email, body)


def _microseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1_000_000)


def record_of(row: Customer) -> CustomerRecord:
    """What the core keeps of a stored customer."""
    body = row.body
    return CustomerRecord(
        version=row.version,
        id=row.id,
        source_id=row.source_id,
        name=row.name,
        email=row.email,
        description=body.get("description"),
        phone=body.get("phone"),
        birthdate=body.get("birthdate"),
        address=body.get("address") or {},
        metadata=body.get("metadata") or {},
        system_metadata=body.get("system_metadata") or {},
        deleted=row.deleted_at is not None,
        created_at=_microseconds(row.created_at),
        updated_at=None if row.updated_at is None else _microseconds(row.updated_at),
    )


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def customer_facts(
    record: CustomerRecord | None,
    payload: CustomerPayload | None,
    summary: Mapping[str, Any] | None = None,
    customer_id: str | None = None,
) -> CustomerFacts:
    """Values of the request over stored ones, for this call only (behaviour 2.6). A deleted record counts
    as none.

    customer_id: who is meant when nothing is stored yet.
    """
    if record is None or record.deleted:
        record = CustomerRecord(id="")
    sent = payload if payload is not None else CustomerPayload()
    return CustomerFacts(
        id=record.id or customer_id or sent.id,
        source_id=record.source_id or sent.source_id,
        name=record.name if sent.name is None else sent.name,
        email=record.email if sent.email is None else sent.email,
        phone=record.phone if sent.phone is None else sent.phone,
        birthdate=record.birthdate if sent.birthdate is None else sent.birthdate,
        address=overlaid(record.address, sent.address),
        metadata=exact(overlaid(record.metadata, sent.metadata)),
        system_metadata=exact(record.system_metadata),
        summary=summary if summary is not None else {},
        created_at=_instant(record.created_at) if record.id else None,
        updated_at=_instant(record.updated_at),
    )


def simple_customer(customer_id: str | None, facts: CustomerFacts | None) -> dict[str, Any] | None:
    """The customer within a redemption (appendix A2), from the facts decided on; None for nobody."""
    if customer_id is None or facts is None:
        return None
    return {
        "id": customer_id,
        "name": facts.name,
        "email": facts.email,
        "source_id": facts.source_id,
        "metadata": facts.metadata,
        "object": "customer",
    }


def summary_of(
    counters: Mapping[str, int], last_order_amount: int | None = None, last_order_date: datetime | None = None
) -> dict[str, Any]:
    """The summary on the wire, from the customer's counters. Failures are best effort and not counted
    (D14).
    """
    succeeded = counters.get(REDEMPTIONS_SUCCEEDED, 0)
    rolled_back = counters.get(REDEMPTIONS_ROLLED_BACK, 0)
    count = counters.get(ORDERS_COUNT, 0)
    amount = counters.get(ORDERS_AMOUNT, 0)
    orders: dict[str, Any] = {
        "total_amount": amount,
        "total_count": count,
        "average_amount": (2 * amount + count) // (2 * count) if count else 0,
        "last_order_amount": last_order_amount or 0,
    }
    if last_order_date is not None:
        orders["last_order_date"] = instant_text(last_order_date)
    return {
        "redemptions": {
            "total_redeemed": succeeded,
            "total_failed": 0,
            "total_succeeded": succeeded,
            "total_rolled_back": rolled_back,
            "total_rollback_failed": 0,
            "total_rollback_succeeded": rolled_back,
            "gift": {"redeemed_amount": counters.get(GIFT_REDEEMED, 0), "amount_to_go": 0},
            "loyalty_card": {"redeemed_points": counters.get(POINTS_REDEEMED, 0), "points_to_go": 0},
        },
        "orders": orders,
    }


def normalized_email(email: str | None) -> str | None:
    """The address by which a customer is told: case and spaces around it make no other person. None for
    none.
    """
    text = (email or "").strip().lower()
    return text if "@" in text[1:-1] else None


def customer_id_of_email(secret: bytes, email: str) -> str:
    """The one id of a customer of whom only this normalised address is known."""
    return derive_id(secret, "cust_", f"email:{email}")
