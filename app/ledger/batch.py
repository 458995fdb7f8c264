"""A run of the outbox made ready for the ledger: decoded, checked for gaps, spread over rows. Knows no
database.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.core.keys import Partition
from app.core.outbox import Entry, Position
from app.ledger.entries import EVENT_SCHEMA, Event, Posting, decode_event

Row = tuple[Any, ...]

HOLDING: Final = frozenset({"h", "r"})
SCHEMAS_READ: Final = frozenset({EVENT_SCHEMA, EVENT_SCHEMA - 1})
"""Readers know the schema before their own, so that workers may be upgraded one by one (D11)."""

GAP: Final = "gap in the sequence"
UNREADABLE: Final = "event cannot be read"
FOREIGN: Final = "event of another project"
REPEATED: Final = "request was ledgered before"
ORPHAN: Final = "never ledgered: its epoch is over"


class Problem(Struct, frozen=True):
    """An entry that must not enter the ledger, and why. Everything after it waits for the recovery."""

    entry: Entry
    reason: str


class Batch(Struct):
    """Rows of one run, in order; `last` is the cursor after it."""

    last: Position
    events: list[Row] = []
    postings: list[Row] = []
    bodies: list[Row] = []
    keyed: list[Row] = []
    """Events whose request had an Idempotency-Key."""
    moved: dict[tuple[str, str], Row] = {}
    """Counters by key and field as the last Add left them."""
    held: dict[tuple[str, str], Row] = {}


def bare_key(key: str) -> str:
    """A counter's key without tag and namespace: it outlives both."""
    return key.split(":", 2)[2] if key.startswith("{") else key


def prepare(partition: Partition, cursor: Position, entries: Sequence[Entry]) -> tuple[Batch, Problem | None]:
    """Rows for the entries that follow the cursor without a gap, and the first entry that does not.

    Entries at or before the cursor are skipped: they are ledgered and wait for the trim.
    """
    batch = Batch(last=cursor)
    for entry in entries:
        position = entry.position
        if position <= batch.last:
            continue
        if position != Position(batch.last.epoch, batch.last.sequence + 1):
            return batch, Problem(entry, GAP)
        try:
            event = decode_event(entry.event)
        except msgspec.DecodeError:
            return batch, Problem(entry, UNREADABLE)
        if event.schema not in SCHEMAS_READ or len(event.postings) != len(entry.afters):
            return batch, Problem(entry, UNREADABLE)
        if event.project_id != partition.project_id:
            return batch, Problem(entry, FOREIGN)
        _add(batch, partition.name, position, entry, event)
        batch.last = position
    return batch, None


def _add(batch: Batch, part: str, position: Position, entry: Entry, event: Event) -> None:
    epoch, sequence = position
    batch.events.append(
        (
            part, epoch, sequence, event.rid, event.project_id, event.kind, event.schema, event.at_us,
            event.actor_key_id, entry.event,
        )
    )  # fmt: skip
    if event.asked_under is not None:
        under = event.asked_under
        batch.keyed.append((part, epoch, sequence, under.scope_hash, under.fingerprint, under.until))
    if entry.private:
        batch.bodies.append((part, epoch, sequence, event.customer_id, entry.private))
    for number, (posting, after) in enumerate(zip(event.postings, entry.afters, strict=True)):
        key = bare_key(posting.key)
        batch.postings.append(
            (
                part, epoch, sequence, number, key, posting.field, posting.delta, posting.kind, after,
                posting.until, posting.redeemable_no,
            )
        )  # fmt: skip
        _count(batch, part, position, key, posting, after)


def _count(batch: Batch, part: str, position: Position, key: str, posting: Posting, after: int) -> None:
    """Keep the last state alone: a hot counter is written once per batch."""
    place = (key, posting.field)
    if posting.kind in HOLDING:
        base = batch.moved[place][3] if place in batch.moved else posting.base
        batch.held[place] = (part, key, posting.field, base, after, posting.until, *position)
    else:
        batch.moved[place] = (part, key, posting.field, after, 0, posting.until, *position)
