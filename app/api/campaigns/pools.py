"""How many codes of a campaign are still free: counted once for all who ask at about the same moment.

A page that a million people look at must not have a million codes counted for each of them. A count is kept
for a second, and a slow one for longer, so that a worker never spends more than a twentieth of its time on
counting one campaign.
"""

import asyncio
import time

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.database import Database
from app.db.models import Voucher

KEPT_SECONDS_MIN = 1.0
KEPT_FOR_EACH_SECOND = 20.0
KEPT_CAMPAIGNS_MAX = 1_000

Key = tuple[str, str]
"""Project and campaign."""


class _Count(Struct, frozen=True):
    free: int
    until: float
    """Seconds of time.monotonic()."""


_counts: dict[Key, _Count] = {}
_counting: dict[Key, asyncio.Future[_Count]] = {}


async def free_codes(db: Database, project_id: str, campaign_id: str) -> int:
    """Codes that nobody holds and that are on, as of a second ago; where counting is slow, a little longer.
    Not to be awaited with a connection in hand: counting needs one.

    Raises: whatever the database raises; whoever waits for the same count gets it, too.
    """
    key = (project_id, campaign_id)
    kept = _counts.get(key)
    if kept is not None and kept.until > time.monotonic():
        return kept.free
    counting = _counting.get(key)
    if counting is None:
        # A task of its own: a client that goes away takes the count from nobody else.
        counting = _counting[key] = asyncio.ensure_future(_count(db, key))
        counting.add_done_callback(lambda _: _counting.pop(key, None))
    return (await asyncio.shield(counting)).free


async def _count(db: Database, key: Key) -> _Count:
    began = time.monotonic()
    async with db.reading() as session:
        free = await _counted(session, key)
    ended = time.monotonic()
    while len(_counts) >= KEPT_CAMPAIGNS_MAX:
        del _counts[next(iter(_counts))]
    kept = max(KEPT_SECONDS_MIN, (ended - began) * KEPT_FOR_EACH_SECOND)
    _counts[key] = made = _Count(free, ended + kept)
    return made


async def _counted(session: AsyncSession, key: Key) -> int:
    project_id, campaign_id = key
    free = await session.scalar(
        select(func.count())
        .select_from(Voucher)
        .where(
            Voucher.project_id == project_id,
            Voucher.campaign_id == campaign_id,
            Voucher.deleted_at.is_(None),
            Voucher.publish_count == 0,
            Voucher.holder_id.is_(None),
            Voucher.active,
        )
    )
    return int(free or 0)
