"""Redis = counters = base + sum of postings, for every counter of a partition (D13). Differences are
reported, never patched.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import keys as names
from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.outbox import Position
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.db.models import Counter, PartitionState, Voucher
from app.ledger.archived import TABLES
from app.ledger.drain import BATCH_MAX, ledger_entries
from app.ledger.entries import Lock
from app.ledger.locks import held_by, open_locks
from app.ledger.partitions import State, announce, read_state
from app.ledger.patterns import literal_pattern
from app.ledger.rebuild import HELD_SUFFIX
from app.ledger.replay import PAGE_ROWS, Place, Replay, Replayed, replay, value_as_of

FAMILIES: Final = ("v:", "g:", "n:")
"""Beginnings of the keys that hold counters."""
SCAN_COUNT: Final = 200
ATTEMPTS_MAX: Final = 50
"""At a counter that moves meanwhile: each attempt waits for the ledger to reach what Redis showed."""
ATTEMPT_SECONDS: Final = 0.1
DIFFERENCES_MAX: Final = 100

Values = tuple[int | None, int]
"""What Redis holds of a counter: its value (None: no field) and what is held."""


class Reconciled(Struct):
    """at: the ledger's cursor that was compared. differences: the first hundred, as sentences."""

    partition: str
    at: str = ""
    counters: int = 0
    postings: int = 0
    differences: list[str] = []
    difference_count: int = 0

    def blame(self, sentence: str) -> None:
        self.difference_count += 1
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(sentence)


async def drain_now(core: RedemptionCore, db: Database, partition: Partition) -> Position | None:
    """Ledger what waits in the outbox, beside whoever else does it; the cursor. None: no such partition.

    Raises: Diverged.
    """
    while True:
        async with db.reading() as session:
            state = await read_state(session, partition)
        if state is None:
            return None
        entries = await core.read_outbox(partition, str(state.cursor), BATCH_MAX)
        entries = [entry for entry in entries if entry.position.epoch == state.epoch]
        if not entries:
            return state.cursor
        moved = await ledger_entries(db, partition, state.cursor, entries)
        if moved is not None:
            await announce(core, partition, ledgered=moved)


async def reconcile(core: RedemptionCore, db: Database, partition: Partition) -> Reconciled:
    """Compare all three while the partition goes on working; a clean result becomes the verified checkpoint.

    Raises: CoreUnavailable when the partition is closed or the server away.
    """
    await drain_now(core, db, partition)
    keys = (await core.refresh(partition)).keys
    async with db.snapshot(TABLES) as session:
        state = await read_state(session, partition)
        if state is None:
            raise CoreUnavailable(f"partition {partition.name} was never opened")
        replayed = await replay(session, partition.name)
        found = Reconciled(partition.name, str(state.cursor), len(replayed.counters), replayed.postings)
        for problem in replayed.problems:
            found.blame(problem)
        found.difference_count += replayed.problem_count - len(replayed.problems)
        await _compare_table(session, state, replayed, found)
        await _compare_bases(session, partition, replayed, found)
        _compare_held(replayed, await open_locks(session, state), found)
    await _compare_redis(core, db, keys, (state.cursor, replayed), found)
    if not found.difference_count:
        await _verified(db, state)
    return found


async def _compare_table(session: AsyncSession, state: State, replayed: Replay, found: Reconciled) -> None:
    """Rows of ended windows are left out: they count nothing any more, and go after some days (D7)."""
    now = int(datetime.now(UTC).timestamp())
    seen: set[Place] = set()
    streamed = await session.stream(
        select(Counter.key, Counter.field, Counter.value, Counter.held, Counter.until).where(
            Counter.part == state.partition.name
        ),
        execution_options={"yield_per": PAGE_ROWS},
    )
    async for key, field, value, held, until in streamed:
        place = (key, field)
        seen.add(place)
        counter = replayed.counters.get(place)
        if (counter is not None and counter.ended(now)) or 0 < until <= now:
            continue
        if counter is not None and counter.value is None:
            counter.base = value  # Only held, never moved: no posting tells what it began with.
        if counter is None:
            found.blame(f"{key} {field}: the table has {value}, but there is no posting")
        elif (counter.value is not None and counter.value != value) or counter.held != held:
            found.blame(
                f"{key} {field}: the table has {value} (held {held}), "
                f"the postings make {counter.value} (held {counter.held})"
            )
    for key, field in replayed.counters.keys() - seen:
        if replayed.counters[key, field].ended(now):
            continue
        found.blame(f"{key} {field}: has postings, but no row in the table")


async def _compare_bases(
    session: AsyncSession, partition: Partition, replayed: Replay, found: Reconciled
) -> None:
    """A counter began where its voucher's immutable columns say."""
    families = {
        place: counter for place, counter in replayed.counters.items() if place[0][:2] in ("v:", "g:")
    }
    if not families:
        return
    streamed = await session.stream(
        select(Voucher.id, Voucher.redeemed_base, Voucher.gift_opening).where(
            Voucher.project_id == partition.project_id
        ),
        execution_options={"yield_per": PAGE_ROWS},
    )
    bases = {identity: (used, opening) async for identity, used, opening in streamed}
    for (key, field), counter in families.items():
        if field not in bases or counter.base is None:
            continue
        base = bases[field][0 if key.startswith("v:") else 1]
        if counter.base != base:
            found.blame(f"{key} {field}: the first posting began at {counter.base}, the voucher says {base}")


def _compare_held(replayed: Replay, locks: list[Lock], found: Reconciled) -> None:
    """Nothing is held but by a session, and what sessions hold is held."""
    held = held_by(locks)
    for place in held.keys() | {place for place, counter in replayed.counters.items() if counter.held}:
        counter = replayed.counters.get(place)
        counted = 0 if counter is None else counter.held
        if counted != held.get(place, 0):
            found.blame(f"{place[0]} {place[1]}: held {counted}, but sessions hold {held.get(place, 0)}")


async def _compare_redis(
    core: RedemptionCore, db: Database, keys: Keys, told: tuple[Position, Replay], found: Reconciled
) -> None:
    cursor, replayed = told
    now = int(datetime.now(UTC).timestamp())
    stored = await read_counters(core, keys)
    for place in stored.keys() | replayed.counters.keys():
        counter = replayed.counters.get(place)
        if counter is not None and counter.ended(now):
            continue
        if agrees(counter, stored.get(place, (None, 0))):
            continue
        difference = await _settle(core, db, keys, place, (cursor, counter))
        if difference is not None:
            found.blame(difference)


def agrees(counter: Replayed | None, values: Values) -> bool:
    """An absent field stands for the base, and so does one that was never moved; a counter without postings
    must be absent.
    """
    value, held = values
    if counter is None:
        return value is None and not held
    if counter.held != held:
        return False
    if value is None:
        return counter.value is None or counter.value == counter.base
    return value == (counter.base if counter.value is None else counter.value)


async def _settle(
    core: RedemptionCore,
    db: Database,
    keys: Keys,
    place: Place,
    known: tuple[Position, Replayed | None],
) -> str | None:
    """Compare one counter with the ledger as of the event that Redis was read at; None when they agree.
    known: what the postings said of it before that.
    """
    partition = keys.partition
    shown: Values = (None, 0)
    counter: Replayed | None = None
    for _ in range(ATTEMPTS_MAX):
        replies = await core.read(
            partition,
            [
                ("MULTI",),
                ("HMGET", names.meta(partition), "epoch", "seq"),
                ("HMGET", keys.base + place[0], place[1], place[1] + HELD_SUFFIX),
                ("EXEC",),
            ],
        )
        if isinstance(replies[-1], Exception) or replies[-1] is None:
            raise CoreUnavailable(str(replies[-1]))
        (epoch, sequence), (value, held) = replies[-1]
        shown = (None if value is None else int(value), int(held or 0))
        position = Position(int(epoch or 0), int(sequence or 0))
        cursor = await drain_now(core, db, partition)
        if cursor is not None and cursor >= position:
            async with db.snapshot(TABLES) as session:
                counter = await value_as_of(session, partition.name, place, position, known)
            if agrees(counter, shown):
                return None
            break
        await asyncio.sleep(ATTEMPT_SECONDS)
    ledger = "nothing" if counter is None else f"{counter.value} (held {counter.held})"
    return f"{place[0]} {place[1]}: Redis has {shown[0]} (held {shown[1]}), the ledger says {ledger}"


async def read_counters(core: RedemptionCore, keys: Keys) -> dict[Place, Values]:
    """All counters of a namespace as Redis holds them, read page by page."""
    values: dict[Place, Values] = {}
    for family in FAMILIES:
        cursor = "0"
        while True:
            pattern = literal_pattern(keys.base + family) + "*"
            (reply,) = await core.read(
                keys.partition, [("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT)]
            )
            if isinstance(reply, Exception):
                raise CoreUnavailable(str(reply))
            cursor = reply[0].decode()
            if reply[1]:
                hashes = await core.read(keys.partition, [("HGETALL", key) for key in reply[1]])
                for key, flat in zip(reply[1], hashes, strict=True):
                    _take(values, key.decode()[len(keys.base) :], flat)
            if cursor == "0":
                break
    return values


def _take(values: dict[Place, Values], key: str, flat: Any) -> None:
    if isinstance(flat, Exception):
        raise CoreUnavailable(str(flat))
    for field, raw in zip(flat[::2], flat[1::2], strict=True):
        name = field.decode()
        if name.endswith(HELD_SUFFIX):
            place = (key, name.removesuffix(HELD_SUFFIX))
            values[place] = (values.get(place, (None, 0))[0], int(raw))
        else:
            values[key, name] = (int(raw), values.get((key, name), (None, 0))[1])


async def _verified(db: Database, state: State) -> None:
    async with db.writing() as session:
        await session.execute(
            update(PartitionState)
            .where(PartitionState.part == state.partition.name)
            .values(verified_epoch=state.cursor.epoch, verified_seq=state.cursor.sequence)
        )
