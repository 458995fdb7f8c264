"""What sessions hold, as the ledger knows it: a table for the sweeper and for rebuilds, moved by the events
(D8, D13).
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Keys, Partition
from app.db.models import LedgerEvent, SessionLock
from app.ledger.entries import HOLD, REDEMPTION, RELEASE, Lock, decode_event, encode_lock
from app.ledger.partitions import State
from app.ledger.positions import beyond

MOVING = (HOLD, RELEASE, REDEMPTION)
"""Kinds of events that may move a lock."""

Locked = tuple[str, str]
"""Digest of the session key, voucher id."""


async def write_locks(session: AsyncSession, partition: Partition, locks: dict[Locked, Lock]) -> None:
    """Every lock as the run left it, in the caller's transaction."""
    if not locks:
        return
    table: Any = SessionLock.__table__
    connection = await session.connection()
    for digest, voucher_id in locks:
        await connection.execute(
            delete(table).where(
                table.c.project_id == partition.project_id,
                table.c.digest == digest,
                table.c.voucher_id == voucher_id,
            )
        )
    rows = [
        {
            "project_id": partition.project_id,
            "digest": lock.digest,
            "voucher_id": lock.voucher_id,
            "part": partition.name,
            "deadline_ms": lock.deadline_ms,
            "held": [list(amount) for amount in lock.held],
        }
        for lock in locks.values()
        if lock.deadline_ms
    ]
    if rows:
        await connection.execute(insert(table), rows)


async def open_locks(session: AsyncSession, state: State) -> list[Lock]:
    """What is locked as of the last ledgered event: the table, and the events that wait for their
    projection.
    """
    rows = await session.scalars(select(SessionLock).where(SessionLock.part == state.partition.name))
    locks: dict[Locked, Lock] = {
        (row.digest, row.voucher_id): Lock(
            row.digest,
            row.voucher_id,
            row.deadline_ms,
            [(key, field, amount, base) for key, field, amount, base in row.held],
        )
        for row in rows
    }
    waiting = await session.scalars(
        select(LedgerEvent.body)
        .where(
            LedgerEvent.part == state.partition.name,
            LedgerEvent.kind.in_(MOVING),
            beyond(LedgerEvent, state.projected),
        )
        .order_by(LedgerEvent.epoch, LedgerEvent.seq)
    )
    for body in waiting:
        try:
            event = decode_event(body)
        except msgspec.DecodeError:
            continue  # the projector will name it
        for lock in event.locks:
            locks[lock.digest, lock.voucher_id] = lock
    return [lock for lock in locks.values() if lock.deadline_ms]


def lock_commands(keys: Keys, locks: Iterable[Lock]) -> Iterator[tuple[str | bytes | int, ...]]:
    """Redis as it was: the sessions, and which of them hold a voucher."""
    for lock in locks:
        yield ("HSET", keys.session(lock.digest), lock.voucher_id, encode_lock(lock))
        yield ("HSET", keys.voucher_sessions(lock.voucher_id), lock.digest, lock.deadline_ms)


def held_by(locks: Iterable[Lock]) -> dict[tuple[str, str], int]:
    """What all sessions together hold of each counter, by key and field."""
    held: dict[tuple[str, str], int] = {}
    for lock in locks:
        for key, field, amount, _ in lock.held:
            held[key, field] = held.get((key, field), 0) + amount
    return held
