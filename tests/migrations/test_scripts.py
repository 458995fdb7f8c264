"""Scripts: statements that depend on each other are one step of the session's transaction."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.db import migrate
from app.db.database import Database
from app.db.models import Counter
from app.db.scripts import Read, Script, Write, run_alone, run_script
from app.ledger.statements import POSTGRESQL, SQLITE, among, statements_of
from tests.support.postgres import Postgres

ROWS = [("p.0", f"n:customer:{number}", "used", number, 0, 0, 1, number) for number in range(1, 4)]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'scripts.db'}"
    return str(request.getfixturevalue("postgres").create_database())


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    db = Database(url)
    await migrate.upgrade(db)
    yield db
    await db.close()


async def stored(db: Database) -> list[int]:
    async with db.reading() as session:
        return sorted(await session.scalars(select(Counter.value)))


async def test_what_a_statement_did_is_what_the_next_one_is_made_of(db: Database) -> None:
    """Rows that were written are found; nothing to write is no statement; the last word is the script's."""
    async with db.writing() as session:
        statements = statements_of(session)

        def script() -> Script[int]:
            assert (yield Write(statements.counter_value, [])) == 0
            assert (yield Write(statements.counter_value, ROWS[:1])) == 1
            yield Write(statements.counter_value, ROWS[1:])
            wanted = among(session, ["n:customer:3", "n:customer:1", "n:customer:9"])
            found = yield Read(statements.customer_counters, ("p.0", wanted))
            return sum(value for _, _, value in found)

        assert await run_script(session, script()) == 4
    assert await stored(db) == [1, 2, 3]


async def test_a_script_is_part_of_its_transaction(db: Database) -> None:
    """What it raises is raised, and takes back what it wrote and what was written before it."""

    def script(statement: str) -> Script[None]:
        yield Write(statement, ROWS[1:])
        raise LookupError("halfway")

    async def stop_halfway() -> None:
        async with db.writing() as session:
            await session.execute(text("DELETE FROM counters"))
            await run_script(session, script(statements_of(session).counter_value))

    async with db.writing() as session:
        await session.execute(text("INSERT INTO counters VALUES ('p.0', 'k', 'f', 7, 0, 0, 1, 1)"))
    with pytest.raises(LookupError, match="halfway"):
        await stop_halfway()
    assert await stored(db) == [7]


async def test_a_script_alone_is_a_transaction(db: Database) -> None:
    """Committed when it returns; what it raises, or the database refuses, leaves nothing and no lock."""
    statements = SQLITE if db.is_sqlite else POSTGRESQL

    def script(problem: Exception | None = None) -> Script[str]:
        yield Write(statements.counter_value, ROWS)
        if problem is not None:
            raise problem
        return "done"

    def refused() -> Script[None]:
        yield Write(statements.counter_value, ROWS)
        yield Write(statements.keyed, [("p.0", 1, 1, "scope", "print", 9)] * 2)

    with pytest.raises(LookupError, match="halfway"):
        await run_alone(db, script(LookupError("halfway")))
    with pytest.raises(IntegrityError):
        await run_alone(db, refused())
    assert await stored(db) == []
    assert await run_alone(db, script()) == "done"
    assert await stored(db) == [1, 2, 3]


async def test_what_the_database_refuses_is_raised_as_everywhere(db: Database) -> None:
    """The projector and the drain tell by it what can be repeated and what cannot."""
    keyed = ("p.0", 1, 1, "scope", "print", 9)

    async def write_twice() -> None:
        async with db.writing() as session:
            write = Write(statements_of(session).keyed, [keyed, keyed])

            def script() -> Script[None]:
                yield write

            await run_script(session, script())

    with pytest.raises(IntegrityError) as refused:
        await write_twice()
    assert "UNIQUE" in str(refused.value.orig).upper()


async def test_on_sqlite_it_is_one_visit_to_the_thread(db: Database) -> None:
    """The whole script runs where its connection lives, away from the event loop."""
    threads = []

    def script(statement: str) -> Script[None]:
        for row in ROWS:
            threads.append(threading.get_ident())
            yield Write(statement, [row])

    async with db.writing() as session:
        await run_script(session, script(statements_of(session).counter_value))
    assert len(set(threads)) == 1
    assert (threads[0] != threading.get_ident()) is db.is_sqlite


async def test_any_of_many_is_looked_up_in_the_key(tmp_path: Path) -> None:
    """One parameter for however many ids, and no walk over the table for it."""
    db = Database(f"sqlite:///{tmp_path / 'plans.db'}")
    await migrate.upgrade(db)
    async with db.reading() as session:
        for statement, table in ((SQLITE.summaries, "customers"), (SQLITE.customer_counters, "counters")):
            connection = await session.connection()
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("p", '["a", "b"]'))
            steps = [row[3] for row in plan]
            assert any(step.startswith(f"SEARCH {table} USING INDEX") for step in steps), steps
    await db.close()


@pytest.fixture
def strict_url(postgres: Postgres) -> str:
    return postgres.create_database()


async def test_a_text_that_does_not_fit_is_refused_not_cut(strict_url: str) -> None:
    """Many rows in one statement of PostgreSQL are held to their columns as single ones are."""
    db = Database(strict_url)

    def script(statement: str) -> Script[None]:
        yield Write(statement, [("p.0", 1, 1, "s" * 65, "print", 9), ("p.0", 1, 2, "scope", "print", 9)])

    async def write() -> None:
        async with db.writing() as session:
            await run_script(session, script(statements_of(session).keyed))

    with pytest.raises(DBAPIError, match="too long"):
        await write()
    await db.close()
