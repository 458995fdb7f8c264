"""Statements that follow one another, written once for both kinds of database and run as cheaply as each can.

A script is a generator: it yields a statement and is sent what that did. On SQLite it runs as a whole in the
thread of its connection: handing every statement over to that thread and back costs more than most of them.
On PostgreSQL each statement is awaited by itself. Either way it is part of the session's transaction.
"""

import sqlite3
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.db.database import Database

Values = tuple[Any, ...]
"""As the driver takes them."""


class Together(str):
    """A statement that takes all rows at once, as one list for each column."""

    __slots__ = ()


class Write(NamedTuple):
    """Executed once per row; answered by the number of rows touched, -1 where the driver does not say it of
    several.
    """

    statement: str
    rows: Sequence[Values]


class Read(NamedTuple):
    """Answered by the list of rows found."""

    statement: str
    values: Values


T = TypeVar("T")
Script = Generator[Write | Read, Any, T]
NOTHING: Final = 0
ALONE: Final[Sequence[Values]] = [()]
"""A statement without parameters."""


async def run_script(session: AsyncSession, script: Script[T]) -> T:
    """What the script returns. Raises: what it raises; DBAPIError as SQLAlchemy does."""
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        return await _in_its_thread(connection, _drive, script)
    answer: Any = None
    while True:
        try:
            step = script.send(answer)
        except StopIteration as ended:
            result: T = ended.value
            return result
        if isinstance(step, Read):
            answer = (await connection.exec_driver_sql(step.statement, step.values)).all()
        elif not step.rows:
            answer = NOTHING
        else:
            statement = str(step.statement)  # The driver takes no kind of its own.
            answer = (await connection.exec_driver_sql(statement, _parameters(step))).rowcount


async def run_alone(db: Database, script: Script[T]) -> T:
    """A transaction that is nothing but the script: committed when it returns, rolled back when it raises.

    Nobody is told of it (app.db.noted). On SQLite its begin and its end are part of the one visit.
    """
    if not db.is_sqlite:
        async with db.writing() as session:
            return await run_script(session, script)
    async with db.engine.connect() as connection:
        return await _in_its_thread(connection, _transact, script)


async def _in_its_thread(
    connection: AsyncConnection, run: Callable[[sqlite3.Connection, Dialect, Script[T]], T], script: Script[T]
) -> T:
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    opened: sqlite3.Connection = driver._conn  # noqa: SLF001  its thread is reached in no public way
    done: T = await driver._execute(run, opened, connection.dialect, script)  # noqa: SLF001  the same
    return done


def _parameters(step: Write) -> Any:
    if isinstance(step.statement, Together):
        return tuple(map(list, zip(*step.rows, strict=True)))
    return list(step.rows) if len(step.rows) > 1 else step.rows[0]


def _transact(opened: sqlite3.Connection, dialect: Dialect, script: Script[T]) -> T:
    def framed() -> Script[T]:
        yield Write("BEGIN IMMEDIATE", ALONE)
        done = yield from script
        yield Write("COMMIT", ALONE)
        return done

    try:
        return _drive(opened, dialect, framed())
    finally:
        if opened.in_transaction:
            opened.rollback()


def _drive(opened: sqlite3.Connection, dialect: Dialect, script: Script[T]) -> T:
    """Run in the connection's own thread."""
    cursor = opened.cursor()
    answer: Any = None
    try:
        while True:
            try:
                step = script.send(answer)
            except StopIteration as ended:
                result: T = ended.value
                return result
            try:
                answer = _answer(cursor, step)
            except sqlite3.Error as error:
                known: Any = dialect.loaded_dbapi
                raise DBAPIError.instance(step.statement, (), error, known.Error, dialect=dialect) from error
    finally:
        cursor.close()


def _answer(cursor: sqlite3.Cursor, step: Write | Read) -> Any:
    if isinstance(step, Read):
        return cursor.execute(step.statement, step.values).fetchall()
    if not step.rows:
        return NOTHING
    if len(step.rows) == 1:
        return cursor.execute(step.statement, step.rows[0]).rowcount
    return cursor.executemany(step.statement, step.rows).rowcount
