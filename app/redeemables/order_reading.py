"""Finding a stored order: in the read trip of a request, in Redis by its names, else in SQL (D15)."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.db.models import LedgerEvent, Order
from app.ledger.barrier import wait_projected
from app.ledger.partitions import read_state
from app.redeemables.orders import StoredOrder, decode_kept, stored_of

OWN_ID_PREFIX: Final = "ord_"
PROJECTED_LOOKS_MAX: Final = 20
PROJECTED_LOOK_SECONDS: Final = 0.1

Command = tuple[str | bytes | int, ...]



def order_commands(keys: Keys, order_id: str | None, source_id: str | None) -> list[Command]:
    """What of the read trip finds an order: by id its state, else the id that owns the source_id."""
    if order_id is not None:
        return [("HGET", keys.order(order_id), "d")]
    if source_id is not None:
        return [("HGET", keys.order_source(source_id), source_id)]
    return []


def decode_order(replies: Sequence[Any]) -> StoredOrder | None:
    """The order among the replies to `order_commands`; None when it takes `load_order` to know."""
    for reply in replies:
        if (
            isinstance(reply, bytes) and reply and reply[0] & 0xF0 == 0x80
        ):  # A map, and never the text of an id.
            return decode_kept(reply)
    return None


async def load_order(
    core: RedemptionCore,
    db: Database,
    partition: Partition,
    order_id: str | None,
    source_id: str | None,
    *,
    is_kept: bool = False,
) -> StoredOrder | None:
    """An order by id, else by source_id; from Redis, else from SQL; None when there is none. Both names may
    be the same text, where a path takes either. is_kept: an order of this id was stored by its own request,
    if at all, so that Redis has it for a day.

    Raises: CoreUnavailable.
    """
    keys = await core.open(partition)
    owner = order_id
    raw = await _state(core, keys, owner)
    if raw is None and source_id is not None:
        claimed = (await core.read(partition, [("HGET", keys.order_source(source_id), source_id)]))[0]
        owner = claimed.decode() if isinstance(claimed, bytes) else None
        raw = await _state(core, keys, owner)
    if raw is not None:
        return decode_kept(raw)
    if order_id is not None and order_id.startswith(OWN_ID_PREFIX) and not is_kept:
        # Of an order that nobody else has named, a redemption leaves nothing in Redis but its event.
        await wait_projected(core, db, partition)
    else:
        await _earlier_epochs_projected(db, partition)
    async with db.reading() as session:
        # Compared with no source_id at all, every order that has none would be the one.
        named: ColumnElement[bool] = Order.id.in_([name for name in (order_id, owner) if name])
        if source_id is not None:
            named = or_(named, Order.source_id == source_id)
        found = await session.scalars(
            select(Order).where(Order.project_id == partition.project_id, named)
        )
        rows = sorted(found, key=lambda row: (row.id != order_id, row.id != owner))
    if not rows:
        return None
    # Found under a name that Redis had forgotten: its state may still be there, and newer.
    raw = await _state(core, keys, rows[0].id)
    return stored_of(rows[0]) if raw is None else decode_kept(raw)


async def order_after(
    core: RedemptionCore, db: Database, partition: Partition, order_id: str, then: StoredOrder | None
) -> StoredOrder | None:
    """The order of a redemption now. `then`: as the redemption left it, known for the hour after it; a change
    since would be in Redis, where it stays for a day.
    """
    keys = await core.open(partition)
    raw = await _state(core, keys, order_id)
    if raw is not None:
        return decode_kept(raw)
    return then or await load_order(core, db, partition, order_id, None)


async def _earlier_epochs_projected(db: Database, partition: Partition) -> None:
    """Return when SQL is no older than what Redis may have forgotten: an order that a caller named stays in
    Redis for a day, so only events of earlier epochs count, which a recovery leaves to the projector.

    Raises: CoreUnavailable when they take longer than 2 s.
    """
    for _ in range(PROJECTED_LOOKS_MAX):
        async with db.reading() as session:
            state = await read_state(session, partition)
            if state is None:
                return
            event, done = LedgerEvent, state.projected
            behind = await session.scalar(
                select(event.seq)
                .where(
                    event.part == partition.name,
                    event.epoch < state.epoch,
                    or_(event.epoch > done.epoch, and_(event.epoch == done.epoch, event.seq > done.sequence)),
                )
                .limit(1)
            )
        if behind is None:
            return
        await asyncio.sleep(PROJECTED_LOOK_SECONDS)
    raise CoreUnavailable("projections are behind", retry_after_seconds=2)


async def _state(core: RedemptionCore, keys: Keys, order_id: str | None) -> bytes | None:
    if order_id is None:
        return None
    raw = (await core.read(keys.partition, [("HGET", keys.order(order_id), "d")]))[0]
    return raw if isinstance(raw, bytes) else None
