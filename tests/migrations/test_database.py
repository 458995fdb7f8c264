"""Sessions: writing is one transaction that is on the disk when it returns, reading never takes the write
lock.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.db import migrate
from app.db.database import Database
from app.db.models import Category, Divergence, Segment, SnapshotDue
from app.identifiers import next_version


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'sessions.db'}"
    return str(request.getfixturevalue("postgres").create_database())


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    db = Database(url)
    await migrate.upgrade(db)
    yield db
    await db.close()


def category(identity: str) -> Category:
    return Category(
        project_id="p",
        id=identity,
        name=identity,
        hierarchy=1,
        version=next_version(),
        created_at=datetime.now(UTC),
    )


async def names(db: Database) -> list[str]:
    async with db.reading() as session:
        return sorted(await session.scalars(select(Category.name)))


async def test_a_block_is_one_transaction(db: Database) -> None:
    """What the block wrote is committed when it ends, and gone when it raises."""
    async with db.writing() as session:
        session.add(category("kept"))

    async def stop_halfway() -> None:
        async with db.writing() as session:
            session.add(category("lost"))
            await session.flush()
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        await stop_halfway()
    assert await names(db) == ["kept"]


async def test_reading_cannot_write(db: Database) -> None:
    """A write through a reading session is a mistake that the database itself refuses."""
    with pytest.raises(DBAPIError):
        async with db.reading() as session:
            await session.execute(text("DELETE FROM categories"))
    assert await names(db) == []


async def test_reading_does_not_wait_for_a_writer(db: Database) -> None:
    """A reader sees the last commit while somebody is in the middle of the next."""
    async with db.writing() as session:
        session.add(category("first"))
    async with db.writing() as session:
        session.add(category("second"))
        await session.flush()
        async with asyncio.timeout(60):
            assert await names(db) == ["first"]
    assert await names(db) == ["first", "second"]


async def test_writers_queue(db: Database, url: str) -> None:
    """Many writers at once, in one process and in two, all get their turn."""
    other = Database(url)

    async def write(on: Database, number: int) -> None:
        async with on.writing() as session:
            session.add(category(f"c{number:02}"))

    await asyncio.gather(*(write(on, 2 * n + side) for n in range(15) for side, on in enumerate((db, other))))
    assert len(await names(db)) == 30
    await other.close()


async def test_a_new_file_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    """Nobody is told that the database is locked because somebody else makes it at this moment."""

    async def make(url: str) -> str:
        one = Database(url)
        try:
            async with one.writing() as session:
                await session.execute(text("CREATE TABLE IF NOT EXISTS t (a)"))
                return str(await session.scalar(text("PRAGMA journal_mode")))
        finally:
            await one.close()

    for number in range(25):
        modes = await asyncio.gather(*(make(f"sqlite:///{tmp_path / str(number)}.db") for _ in range(4)))
        assert modes == ["wal"] * 4


async def test_a_read_and_the_write_after_it_are_one_step(db: Database, url: str) -> None:
    """BEGIN IMMEDIATE: on SQLite nobody writes between a transaction's read and its write."""
    if not db.is_sqlite:
        pytest.skip("PostgreSQL locks rows instead")
    other = Database(url)
    async with db.writing() as session:
        session.add(
            Segment(
                project_id="p",
                id="s",
                name="0",
                type="static",
                body={},
                version=1,
                created_at=datetime.now(UTC),
            )
        )

    async def increment(on: Database) -> None:
        async with on.writing() as session:
            segment = await session.get_one(Segment, ("p", "s"))
            segment.name = str(int(segment.name) + 1)

    await asyncio.gather(*(increment(on) for _ in range(10) for on in (db, other)))
    async with db.reading() as session:
        assert (await session.get_one(Segment, ("p", "s"))).name == "20"
    await other.close()


async def test_documents_keep_fractions_exactly(db: Database) -> None:
    """A fraction in a document is a Decimal before and after, never a float (D21)."""
    body = {
        "amount": Decimal("0.1"),
        "large": 10**15,
        "text": "é",
        "none": None,
        "list": [Decimal("2.50"), True],
    }
    async with db.writing() as session:
        session.add(
            Segment(
                project_id="p",
                id="s",
                name="n",
                type="static",
                body=body,
                version=1,
                created_at=datetime.now(UTC),
            )
        )
    async with db.reading() as session:
        stored = (await session.get_one(Segment, ("p", "s"))).body
    assert stored == body
    assert isinstance(stored["amount"], Decimal)


async def test_the_database_counts_up_keys(db: Database) -> None:
    """Rows without a key of their own get one, on SQLite too."""
    async with db.writing() as session:
        session.add(SnapshotDue(project_id="p", at=datetime.now(UTC), guards={}, records=[]))
        session.add(Divergence(part="p.0", epoch=1, seq=1, at=datetime.now(UTC), reason="r", body=b""))
    async with db.reading() as session:
        assert list(await session.scalars(select(SnapshotDue.id))) == [1]


async def test_a_commit_is_synced() -> None:
    """SQLite's settings are those that the promise rests on."""
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        db = Database(f"sqlite:///{directory}/x.db")
        async with db.writing() as session:
            found = {
                name: (await session.execute(text(f"PRAGMA {name}"))).scalar()
                for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
            }
        assert found == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 10_000, "foreign_keys": 1}
        await db.close()


async def test_instants_are_utc_on_every_database(db: Database) -> None:
    """An instant comes back aware and equal; one without a zone is refused."""
    at = datetime(2026, 11, 22, 3, 30, 15, 123456, tzinfo=UTC)
    async with db.writing() as session:
        session.add(Category(project_id="p", id="c", name="c", hierarchy=1, version=1, created_at=at))
    async with db.reading() as session:
        stored = (await session.get_one(Category, ("p", "c"))).created_at
    assert (stored, stored.tzinfo) == (at, UTC)
    with pytest.raises(Exception, match="without a zone"):
        async with db.writing() as session:
            session.add(
                Category(
                    project_id="p", id="d", name="d", hierarchy=1, version=1, created_at=datetime(2026, 1, 1)
                )
            )
