"""The schema's history: from nothing to now on both databases, and now is what the models say (D18)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from app.db import migrate
from app.db.base import Base
from app.db.database import Database, driver_url
from app.db.months import is_part
from app.db.revisions import heads, revisions


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'schema.db'}"
    return str(request.getfixturevalue("postgres").create_empty_database())


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    db = Database(empty_url)
    yield db
    await db.close()


async def tables(db: Database) -> set[str]:
    async with db.engine.connect() as connection:
        found = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        return {name for name in found if not is_part(name)}


async def test_an_empty_database_is_brought_to_head(empty: Database) -> None:
    """Every table is there after one call, and a second call changes nothing."""
    assert not await migrate.at_head(empty)
    await migrate.upgrade(empty)
    assert await migrate.at_head(empty)
    assert await tables(empty) == {*Base.metadata.tables, "alembic_version"}
    await migrate.upgrade(empty)
    assert await migrate.at_head(empty)


async def test_the_schema_is_what_the_models_say(empty: Database) -> None:
    """Nobody changed a model without a migration."""
    await migrate.upgrade(empty)
    assert await migrate.differences(empty) == []


async def test_every_step_can_be_taken_back(empty: Database) -> None:
    """Downgrades work, step by step, down to an empty database and up again."""
    await migrate.upgrade(empty)
    while await migrate.current(empty):
        await migrate.downgrade(empty, "-1")
    assert await tables(empty) == {"alembic_version"}
    await migrate.upgrade(empty)
    assert await migrate.at_head(empty)


def test_there_is_one_head() -> None:
    """Two migrations that both follow the same one would leave the order to chance."""
    assert len(heads()) == 1


def test_revisions_are_those_that_alembic_finds() -> None:
    """All of them, each behind the one that it says."""
    scripts = ScriptDirectory.from_config(migrate.configuration())
    found = {script.revision: script.down_revision or "" for script in scripts.walk_revisions()}
    assert revisions() == found
    assert heads() == tuple(scripts.get_heads())


async def test_two_processes_may_migrate_at_once(empty: Database, empty_url: str) -> None:
    """Whoever comes second waits, and finds the work done."""
    other = Database(empty_url)
    await asyncio.gather(migrate.upgrade(empty), migrate.upgrade(other))
    assert await migrate.at_head(other)
    await other.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_databases_that_cannot_keep_the_ledger_are_refused(url: str) -> None:
    """A database in memory would be lost with its process and invisible to the others."""
    with pytest.raises(ValueError, match=r"SQLite needs a file|no support"):
        driver_url(url)


def test_the_statements_for_postgresql_can_be_read_before_they_are_run() -> None:
    """From nothing, and from the first revision: what `vouchsafe migrate --sql` prints."""
    whole = migrate.sql("base")
    assert "CREATE TABLE ledger_events" in whole
    assert "CREATE TRIGGER ledger_events_no_change" in whole
    rest = migrate.sql("append_only")
    assert "CREATE TABLE ledger_events" not in rest
    assert whole.rstrip().endswith("COMMIT;")
