"""Whom a restore was told to forget. Whatever the backup's last events tell of them is projected first: an
event that was only ledgered when the backup was made can bring a customer back.
"""

from typing import Final

from sqlalchemy import select

from app.core.keys import Partition
from app.db.models import Customer, Erasure, Project
from app.engine import Engine
from app.jobs.erasure import BEGUN, DONE, blank, finish_erasure

RESTORED: Final = "RESTORED"
"""Written by app.backup.restore, in the transaction that loads the backup."""
RESTORED_SECONDS: Final = 2.0
"""The first turn after a restore may come before the partition is open."""


async def finish_restored(engine: Engine) -> int:
    """Forget all of them; how many were there. Doing it twice does no harm.

    Raises: CoreUnavailable; the background process then goes on.
    """
    async with engine.db.reading() as session:
        found = (
            await session.execute(
                select(Erasure.project_id, Erasure.id)
                .join(Project, Project.id == Erasure.project_id)
                .where(Erasure.status == RESTORED, Project.deleted_at.is_(None))
                .order_by(Erasure.at, Erasure.id)
            )
        ).all()
    done = 0
    for project_id, erasure_id in found:
        await engine.core.open(Partition(project_id))  # A closed one has no sequence to wait for.
        await engine.ledger.barrier(Partition(project_id))
        customer_id = await _begin_again(engine, project_id, erasure_id)
        if customer_id:
            await engine.catalogue.publish(Partition(project_id), {}, [("customer", customer_id)])
            await finish_erasure(engine, project_id, erasure_id)
            done += 1
    return done


async def _begin_again(engine: Engine, project_id: str, erasure_id: str) -> str:
    """The customer's id when there is anybody to forget, as a tombstone; empty for nobody, and for somebody
    who came under the same id after the erasure.
    """
    async with engine.db.writing() as session:
        erasure = await session.get(Erasure, (project_id, erasure_id), with_for_update=True)
        if erasure is None or erasure.status != RESTORED:
            return ""
        row = await session.get(Customer, (project_id, erasure.customer_id), with_for_update=True)
        if row is None or row.created_at > erasure.at:
            erasure.status, erasure.counts = DONE, {}
            return ""
        names = list(erasure.counts.get("names") or ())
        names += [name for name in (row.source_id, row.email) if name and name not in names]
        erasure.status, erasure.counts = BEGUN, {"names": names}
        blank(row, engine.now())
        return str(row.id)
