"""The answer that was given first under an idempotency key (D1): from the event in the outbox, else from the
ledger.
"""

from msgspec import Struct

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.ops import Apply
from app.core.outbox import Position
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.db.models import EventBody
from app.ledger.client import LedgerClient
from app.ledger.entries import AskedUnder, decode_private, under_key


class KeyReused(Exception):
    """The idempotency key was used with another body."""


class KeyLife(Struct, frozen=True):
    """A request's idempotency key, known for so many seconds from now: to the epoch second `until`."""

    scope_hash: str
    fingerprint: str
    seconds: int
    until: int


def keep_key(call: Apply, life: KeyLife | None) -> None:
    """Have the request's key, if there is one, known for that long: by Redis, and by the ledger for the case
    that Redis is lost (D13).
    """
    if life is not None:
        call.idempotency_ttl_seconds = life.seconds
        call.event = under_key(call.event, AskedUnder(life.scope_hash, life.fingerprint, life.until))


def first_event(raw: bytes | None, fingerprint: str) -> str | None:
    """The event id in an idempotency record as read; None when there is no record.

    Raises: KeyReused.
    """
    if raw is None:
        return None
    event_id, _, known = raw.decode().partition("|")
    if known != fingerprint:
        raise KeyReused
    return event_id


async def first_answer(
    core: RedemptionCore, ledger: LedgerClient, db: Database, partition: Partition, event_id: str
) -> bytes:
    """The answer's bytes as they were sent. What is no longer in the outbox is in SQL, projected or not: a
    request that is sent again does not wait for the background process.

    Raises: CoreUnavailable when the event is in neither place yet.
    """
    position = Position.parse(event_id)
    before = str(Position(position.epoch, position.sequence - 1))
    entries = await core.read_outbox(partition, before, 1)
    if entries and entries[0].event_id == event_id and entries[0].private:
        answer = decode_private(entries[0].private).answer
        if answer is not None:
            return answer
    answer = await _ledgered_answer(db, partition, position)
    if answer is None:
        await ledger.barrier(partition)
        answer = await _ledgered_answer(db, partition, position)
    if answer is None:
        raise CoreUnavailable("the first answer is not to be found")
    return answer


async def _ledgered_answer(db: Database, partition: Partition, position: Position) -> bytes | None:
    async with db.reading() as session:
        row = await session.get(EventBody, (partition.name, position.epoch, position.sequence))
    return decode_private(row.body).answer if row is not None else None
