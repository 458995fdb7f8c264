"""Notes of catalogue writes (snapshots_due) that the core has been told of: taken away together, a moment
later.

A note is there for who dies between the commit and the telling. Taking each away by itself would be one more
commit, and one more sync of the disk, for every catalogue write.
"""

import asyncio
from typing import Final

import structlog
from sqlalchemy import delete

from app.db.database import Database
from app.db.models import SnapshotDue

GATHERED_SECONDS: Final = 0.3
"""Well below the 2 s after which the background process tells the core again (harmless, but work)."""
ROWS_MAX: Final = 500
"""Taken away by one statement."""

log = structlog.get_logger("vouchsafe.catalogue")


class ToldPublications:
    """Of one process. What a crash leaves behind is told once more."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._told: list[int] = []
        self._taking: asyncio.Task[None] | None = None

    def told(self, due_id: int) -> None:
        self._told.append(due_id)
        if self._taking is None:
            self._taking = asyncio.get_running_loop().create_task(self._later())

    async def close(self) -> None:
        """Before the database is closed."""
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.gather(self._taking, return_exceptions=True)
        await self._take_away()

    async def _later(self) -> None:
        try:
            await asyncio.sleep(GATHERED_SECONDS)
            await self._take_away()
        finally:
            self._taking = None

    async def _take_away(self) -> None:
        while self._told:
            some, self._told = self._told[:ROWS_MAX], self._told[ROWS_MAX:]
            try:
                async with self._db.writing() as session:
                    await session.execute(delete(SnapshotDue).where(SnapshotDue.id.in_(some)))
            except Exception as error:
                log.warning("notes of told publications stay for the background process", error=str(error))
                return
