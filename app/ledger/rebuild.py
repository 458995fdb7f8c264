"""Redis refilled from SQL, in a namespace that nobody reads yet (core 3.4, D13)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.outbox import Position
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.db.models import Counter, Customer, EventBody, IdempotentEvent, LedgerEvent, LedgerPosting, Order
from app.ledger.archived import TABLES
from app.ledger.entries import decode_private
from app.ledger.lease import HeldLease, database_now_ms
from app.ledger.locks import lock_commands, open_locks
from app.ledger.partitions import State
from app.ledger.positions import at_or_beyond, beyond
from app.ledger.replay import Moved, moved_since, replay
from app.ledger.versions import catalogue_versions

HELD_SUFFIX: Final = "~h"
WINDOW_GRACE_MS: Final = 48 * 3600 * 1000
"""As the script: an ended window is kept two more days (D7)."""
REPLAY_SECONDS: Final = 600
"""How long a request may be sent again under its rid (D1)."""
COMMANDS_MAX: Final = 200
"""Of one pipeline, so that no connection is blocked for long."""
PIPELINES_MAX: Final = 4
"""On their way at once: the server works while the next rows are read."""
PAGE_COUNTERS: Final = 10_000
RENEW_SECONDS: Final = 2.0

Row = tuple[str, str, int | None, int, int]
"""A counter: key, field, value (None: only held), what is held, epoch second of its window's end."""
Command = tuple[str | bytes | int, ...]


async def fill_namespace(
    core: RedemptionCore,
    db: Database,
    state: State,
    keys: Keys,
    lease: HeldLease,
    *,
    from_genesis: bool = False,
) -> int:
    """Write everything that decisions need and SQL knows: counters, versions, claims, sessions,
    the last requests, idempotency keys.

    Records of vouchers and customers stay out: they are opened one by one when they are asked for. Gives the
    number of counters.

    Raises: CoreUnavailable, LeaseLost; the namespace is then unfinished and never opened.
    """
    partition = state.partition
    async with db.snapshot(TABLES) as session:
        now_ms = await database_now_ms(session, db)
        versions = await catalogue_versions(session, partition.project_id)
        await core.fill(keys, versions, ())
        filling = _Filling(keys, now_ms // 1000)
        pages = _counters(session, state, from_genesis=from_genesis)
        await _send(core, partition, lease, filling.commands(pages))
        await _send(core, partition, lease, _singly(_claims(session, state, keys)))
        await _send(core, partition, lease, _once(lock_commands(keys, await open_locks(session, state))))
        await _send(core, partition, lease, _singly(_requests(session, state, keys, now_ms)))
        await _send(core, partition, lease, _singly(_idempotency_keys(session, state, keys, now_ms)))
    return filling.counters


async def _counters(
    session: AsyncSession, state: State, *, from_genesis: bool
) -> AsyncIterator[Sequence[Row]]:
    """Pages in the order of their keys: the checkpoint where reconcile verified it, the postings themselves
    for everything that moved since (D13).
    """
    part = state.partition.name
    if from_genesis or not state.verified.epoch:
        replayed = (await replay(session, part)).counters
        yield [
            (key, field, one.value, one.held, one.until) for (key, field), one in sorted(replayed.items())
        ]
        return
    moved = await moved_since(session, part, state.verified)
    connection = await session.connection()  # Rows as the driver gives them: no objects are made of them.
    streamed = await connection.stream(
        select(Counter.key, Counter.field, Counter.value, Counter.held, Counter.until)
        .where(Counter.part == part)
        .order_by(Counter.key, Counter.field),
        execution_options={"yield_per": PAGE_COUNTERS},
    )
    async for page in streamed.partitions():
        if not moved:
            yield page
            continue
        rows: list[Row] = []
        for row in page:
            later = moved.get((row[0], row[1]))
            rows.append(row if later is None else _moved(row, later))
        yield rows


def _moved(row: Row, later: Moved) -> Row:
    """A counter that was only held since the checkpoint has its value from there, and the other way round."""
    key, field, value, held, _ = row
    return (
        key,
        field,
        value if later.value is None else later.value,
        held if later.held is None else later.held,
        later.until,
    )


class _Filling:
    """Counters as commands, a hash at a time; `counters` is how many there were."""

    def __init__(self, keys: Keys, now_seconds: int) -> None:
        self._base = keys.base
        self._now_seconds = now_seconds
        self._current = ""
        self._flat: list[str | int] = []
        self._ends = 0
        self.counters = 0

    async def commands(self, pages: AsyncIterator[Sequence[Row]]) -> AsyncIterator[list[Command]]:
        """pages: rows of a key stand together, and may go on in the next page. A page at a time, because a
        step of a generator for each of a million rows costs more than the row.
        """
        async for page in pages:
            yield list(self._of_page(page))
        yield list(self._hash())

    def _of_page(self, page: Sequence[Row]) -> Iterator[Command]:
        """Ended windows count nothing any more and stay out (D7)."""
        now, current, flat = self._now_seconds, self._current, self._flat
        for key, field, value, held, until in page:
            if until and until <= now:
                continue
            self.counters += 1
            if key != current:
                yield from self._hash()
                self._current = current = key
                self._flat = flat = []
            if value is not None:
                flat.append(field)
                flat.append(value)
            if held:
                flat += (field + HELD_SUFFIX, held)
            if until:
                self._ends = max(self._ends, until)

    def _hash(self) -> Iterator[Command]:
        """The hash whose rows are over."""
        if self._flat:
            yield ("HSET", self._base + self._current, *self._flat)
            if self._ends:
                yield ("PEXPIREAT", self._base + self._current, self._ends * 1000 + WINDOW_GRACE_MS)
        self._ends = 0


async def _singly(commands: AsyncIterator[Command]) -> AsyncIterator[list[Command]]:
    async for command in commands:
        yield [command]


async def _once(commands: Iterable[Command]) -> AsyncIterator[list[Command]]:
    yield list(commands)


async def _claims(session: AsyncSession, state: State, keys: Keys) -> AsyncIterator[Command]:
    """Which customer and which order owns a source_id, from the projections and from events that wait for
    theirs.
    """
    project_id = state.partition.project_id
    customers = select(Customer.source_id, Customer.id).where(
        Customer.project_id == project_id, Customer.source_id.is_not(None), Customer.deleted_at.is_(None)
    )
    for source_id, identity in await session.execute(customers):
        yield ("HSET", keys.source_claim(str(source_id)), str(source_id), identity)
    orders = select(Order.source_id, Order.id).where(
        Order.project_id == project_id, Order.source_id.is_not(None)
    )
    for source_id, identity in await session.execute(orders):
        yield ("HSET", keys.order_source(str(source_id)), str(source_id), identity)
    waiting = select(EventBody.body).where(
        EventBody.part == state.partition.name,
        beyond(EventBody, state.projected),
    )
    for raw in await session.scalars(waiting.order_by(EventBody.epoch, EventBody.seq)):
        try:
            private = decode_private(raw)
        except msgspec.DecodeError:
            continue  # the projector will name it
        for owned, key_of in ((private.customer, keys.source_claim), (private.order, keys.order_source)):
            if owned and owned.get("source_id"):
                yield ("HSET", key_of(owned["source_id"]), owned["source_id"], owned["id"])


async def _requests(session: AsyncSession, state: State, keys: Keys, now_ms: int) -> AsyncIterator[Command]:
    """Replay records of the last minutes, so that a request sent again finds what it did before."""
    since_us = (now_ms - REPLAY_SECONDS * 1000) * 1000
    events = select(LedgerEvent.epoch, LedgerEvent.seq, LedgerEvent.rid).where(
        LedgerEvent.project_id == state.partition.project_id,
        LedgerEvent.part == state.partition.name,
        LedgerEvent.at_us > since_us,
    )
    requests = {Position(epoch, sequence): rid for epoch, sequence, rid in await session.execute(events)}
    if not requests:
        return
    first = min(requests)
    postings = (
        select(LedgerPosting.epoch, LedgerPosting.seq, LedgerPosting.after)
        .where(LedgerPosting.part == state.partition.name, at_or_beyond(LedgerPosting, first))
        .order_by(LedgerPosting.epoch, LedgerPosting.seq, LedgerPosting.n)
    )
    afters: dict[Position, list[str]] = {}
    for epoch, sequence, after in await session.execute(postings):
        afters.setdefault(Position(epoch, sequence), []).append(str(after))
    for position, rid in requests.items():
        value = f"{position}|{','.join(afters.get(position, ()))}"
        yield ("SET", keys.replay(rid), value, "PX", REPLAY_SECONDS * 1000)


async def _idempotency_keys(
    session: AsyncSession, state: State, keys: Keys, now_ms: int
) -> AsyncIterator[Command]:
    """Those that are still known, the oldest first: one that was used again after its time means its last
    event.
    """
    row = IdempotentEvent
    connection = await session.connection()
    streamed = await connection.stream(
        select(row.epoch, row.seq, row.scope_hash, row.fingerprint, row.until)
        .where(row.part == state.partition.name, row.until > now_ms // 1000)
        .order_by(row.epoch, row.seq),
        execution_options={"yield_per": PAGE_COUNTERS},
    )
    async for epoch, sequence, scope_hash, fingerprint, until in streamed:
        value = f"{Position(epoch, sequence)}|{fingerprint}"
        yield ("SET", keys.idempotency(scope_hash), value, "PX", until * 1000 - now_ms)


async def _send(
    core: RedemptionCore, partition: Partition, lease: HeldLease, pages: AsyncIterator[list[Command]]
) -> None:
    """In pipelines, some at a time; the lease is renewed on the way, for a large rebuild takes longer than it
    lasts.
    """
    loop = asyncio.get_running_loop()
    renewed = loop.time()
    under_way: set[asyncio.Task[None]] = set()
    waiting: list[Command] = []
    try:
        async for page in pages:
            waiting += page
            sent = 0
            while len(waiting) - sent >= COMMANDS_MAX:
                chunk = waiting[sent : sent + COMMANDS_MAX]
                sent += COMMANDS_MAX
                under_way.add(asyncio.create_task(_pipeline(core, partition, chunk)))
                while len(under_way) >= PIPELINES_MAX:
                    done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                    for one in done:
                        one.result()
            del waiting[:sent]
            if loop.time() - renewed > RENEW_SECONDS:
                await lease.renew()
                renewed = loop.time()
        if waiting:
            await _pipeline(core, partition, waiting)
        await asyncio.gather(*under_way)
    finally:
        for one in under_way:
            one.cancel()


async def _pipeline(core: RedemptionCore, partition: Partition, commands: list[Any]) -> None:
    for reply in await core.read(partition, commands):
        if isinstance(reply, Exception):
            raise CoreUnavailable(f"the namespace of {partition.name} cannot be filled: {reply}")
