"""Holds whose deadline has passed are released here, whether or not anybody asks for what they hold (D8).

The table of locks is a projection and may be behind; what is released is what Redis holds, if the deadline
has passed by its own clock.
"""

from typing import Final

import structlog
from sqlalchemy import select, tuple_

from app.core.keys import Partition
from app.core.outcome import CoreUnavailable
from app.db.models import SessionLock
from app.engine import Engine
from app.ledger.lease import database_now_ms
from app.redeemables.overdue import release_overdue

SWEEP_SECONDS: Final = 1.0
PAGE_ROWS: Final = 200
PAGES_MAX: Final = 50
"""Of one step: ten thousand holds, so that a step ends."""

log = structlog.get_logger("vouchsafe.background")

Place = tuple[int, str, str, str]


async def sweep(engine: Engine) -> int:
    """One pass over what is due; how many holds were released."""
    released = 0
    after: Place | None = None
    for _ in range(PAGES_MAX):
        page = await _page(engine, after)
        for _, project_id, digest, voucher_id in page:
            released += await _release(engine, Partition(project_id), digest, voucher_id)
        if len(page) < PAGE_ROWS:
            break
        after = page[-1]
    if released:
        log.info("holds past their deadline were released", holds=released)
    return released


async def _page(engine: Engine, after: Place | None) -> list[Place]:
    """By the database's clock: this process's own may be wrong, and decides nothing."""
    lock = SessionLock
    columns = (lock.deadline_ms, lock.project_id, lock.digest, lock.voucher_id)
    statement = select(*columns).order_by(*columns).limit(PAGE_ROWS)
    if after is not None:
        statement = statement.where(tuple_(*columns) > tuple_(*after))
    async with engine.db.reading() as session:
        statement = statement.where(lock.deadline_ms <= await database_now_ms(session, engine.db))
        return [(row[0], row[1], row[2], row[3]) for row in await session.execute(statement)]


async def _release(engine: Engine, partition: Partition, digest: str, voucher_id: str) -> bool:
    """A partition that is closed keeps its holds until it is open again, and nobody else's wait for it."""
    try:
        # Read anew: after a rebuild the locks are in another namespace, and the old one looks empty.
        keys = (await engine.core.refresh(partition)).keys
        return await release_overdue(engine.core, keys, digest, voucher_id, engine.now())
    except CoreUnavailable as error:
        log.info("a hold past its deadline waits", partition=partition.name, error=str(error))
        return False
