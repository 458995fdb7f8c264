"""Notes of catalogue writes that the core was told of (app.redeemables.told_publications)."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import select

from app.db.database import Database
from app.db.models import SnapshotDue
from app.redeemables.told_publications import ToldPublications

SECONDS_MAX = 60


async def _noted(db: Database, count: int) -> list[int]:
    async with db.writing() as session:
        now = datetime.now(UTC)
        rows = [SnapshotDue(project_id="p", at=now, guards={}, records=[]) for _ in range(count)]
        session.add_all(rows)
        await session.flush()
        return [row.id for row in rows]


async def _left(db: Database) -> list[int]:
    async with db.reading() as session:
        return list(await session.scalars(select(SnapshotDue.id).order_by(SnapshotDue.id)))


async def _become(db: Database, expected: list[int]) -> bool:
    """Whether exactly these are left, at last."""
    async with asyncio.timeout(SECONDS_MAX):
        while await _left(db) != expected:
            await asyncio.sleep(0.01)
    return True


async def test_what_was_told_is_taken_away_and_nothing_else(sqlite: Database) -> None:
    """Without anybody waiting for it; a note whose telling is under way stays."""
    publications = ToldPublications(sqlite)
    first, under_way, last = await _noted(sqlite, 3)
    publications.told(first)
    publications.told(last)
    assert await _become(sqlite, [under_way])
    publications.told(under_way)
    assert await _become(sqlite, [])
    await publications.close()


async def test_what_was_told_is_taken_away_before_the_process_ends(sqlite: Database) -> None:
    """Also of more than fit into one statement."""
    publications = ToldPublications(sqlite)
    for due_id in await _noted(sqlite, 1_200):
        publications.told(due_id)
    await publications.close()
    assert await _left(sqlite) == []


async def test_a_database_that_is_away_leaves_the_notes_to_the_background_process(sqlite: Database) -> None:
    """Nothing is raised, and the next ones are taken away as before."""
    publications = ToldPublications(sqlite)
    first, second = await _noted(sqlite, 2)
    writing = sqlite.before_commit

    async def refuses(_: object) -> None:
        raise ConnectionError

    sqlite.before_commit = refuses
    publications.told(first)
    await publications.close()
    sqlite.before_commit = writing
    assert await _left(sqlite) == [first, second]
    publications.told(second)
    await publications.close()
    assert await _left(sqlite) == [first]
