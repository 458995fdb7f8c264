"""Many new rows at once, the fastest way that the database has: COPY on PostgreSQL.

COPY knows no ON CONFLICT, so it is for rows that are expected to be free. It runs in a savepoint: when a row
is not, nothing of it is left and the caller inserts them in another way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Table, text
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.database import Database

UNIQUE_VIOLATION: Final = "23505"
"""SQLSTATE."""


class AlikeRows(NamedTuple):
    """New rows that differ in a few columns only: what they share is looked at once, not once a row."""

    names: tuple[str, ...]
    """Columns of which each row has its own value."""
    own: Sequence[tuple[Any, ...]]
    shared: Mapping[str, Any]

    def documents(self) -> Iterator[dict[str, Any]]:
        """Row by row with every column."""
        for values in self.own:
            yield {**self.shared, **dict(zip(self.names, values, strict=True))}


def can_copy(session: AsyncSession) -> bool:
    """Whether the database takes COPY."""
    return session.get_bind().dialect.name == "postgresql"


async def tell_planner(db: Database, table: str) -> None:
    """PostgreSQL counts the rows of a table anew, at once: until its autovacuum comes by, it plans for as
    many as there were before. A sample is read, however many there are; no reader or writer waits for it.
    """
    if not db.is_sqlite:
        async with db.writing() as session:
            await session.execute(text(f"ANALYZE {table}"))


async def copy_free(session: AsyncSession, table: Table, rows: AlikeRows) -> bool:
    """Write them. False, and nothing is written, when a key of one is taken."""
    connection = await session.connection()
    records = _records(table, connection.dialect, rows)
    # The connection's own: a session's savepoint begins only with its next statement.
    savepoint = await connection.begin_nested()
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None  # the connection was just used
    try:
        await driver.copy_records_to_table(table.name, records=records, columns=[*rows.names, *rows.shared])
    except Exception as error:
        await savepoint.rollback()
        if getattr(error, "sqlstate", None) == UNIQUE_VIOLATION:
            return False
        raise
    await savepoint.commit()
    return True


def _records(table: Table, dialect: Dialect, rows: AlikeRows) -> Iterator[tuple[Any, ...]]:
    """As the driver takes them."""

    def processor(name: str) -> Callable[[Any], Any] | None:
        return table.columns[name].type.dialect_impl(dialect).bind_processor(dialect)

    columns: list[Sequence[Any]] = list(zip(*rows.own, strict=True))
    for number, process in enumerate(map(processor, rows.names)):
        if process is not None:
            columns[number] = _processed(process, columns[number])
    shared = tuple(
        value if (process := processor(name)) is None else process(value)
        for name, value in rows.shared.items()
    )
    return (own + shared for own in zip(*columns, strict=True))


def _processed(process: Callable[[Any], Any], values: Sequence[Any]) -> Sequence[Any]:
    """Rows of one batch share most of their values: each object is processed once."""
    known = {key: process(value) for key, value in dict(zip(map(id, values), values, strict=True)).items()}
    return [known[key] for key in map(id, values)]
