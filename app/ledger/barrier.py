"""The read barrier (D10): who reads projections waits until they hold all that was applied before."""

from typing import Final

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.outbox import Position
from app.core.outcome import CoreUnavailable
from app.core.watermarks import PROJECTED
from app.db.database import Database
from app.ledger.partitions import read_state

BARRIER_SECONDS: Final = 2.0
"""A read that would wait longer is answered 503."""


async def wait_projected(core: RedemptionCore, db: Database, partition: Partition) -> None:
    """Return when everything applied before this call is projected.

    Raises: CoreUnavailable after 2 s, or when the core cannot say what was applied.
    """
    epoch, sequence = await core.sequence(partition)
    target = Position(epoch, sequence)
    known = core.watermarks.known(partition, PROJECTED)
    if known is not None and known >= target:
        return
    async with db.reading() as session:
        state = await read_state(session, partition)
    if state is None or state.projected >= target:
        return
    if not await core.watermarks.wait(partition, PROJECTED, str(target), BARRIER_SECONDS):
        raise CoreUnavailable("projections are behind", retry_after_seconds=2)
