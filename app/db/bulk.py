"""Many new rows at once, the fastest way that the database has: COPY on PostgreSQL.

COPY knows no ON CONFLICT, so it is for rows that are expected to be free. It runs in a savepoint: when a row
is not, nothing of it is left and the caller inserts them in another way.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

UNIQUE_VIOLATION: Final = "23505"
"""SQLSTATE."""


def can_copy(session: AsyncSession) -> bool:
    """Whether the database takes COPY."""
    return session.get_bind().dialect.name == "postgresql"


async def copy_free(session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Write rows that name the same columns. False, and nothing is written, when a key of one is taken."""
    connection = await session.connection()
    names = list(rows[0])
    writers = [table.columns[name].type.dialect_impl(connection.dialect) for name in names]
    processors = [writer.bind_processor(connection.dialect) for writer in writers]
    records = [tuple(row.values()) for row in rows]
    columns: list[Sequence[Any]] = list(zip(*records, strict=True))
    for number, process in enumerate(processors):
        if process is not None:
            columns[number] = _processed(process, columns[number])
    # The connection's own: a session's savepoint begins only with its next statement.
    savepoint = await connection.begin_nested()
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None  # the connection was just used
    try:
        await driver.copy_records_to_table(
            table.name, records=zip(*columns, strict=True), columns=names
        )
    except Exception as error:
        await savepoint.rollback()
        if getattr(error, "sqlstate", None) == UNIQUE_VIOLATION:
            return False
        raise
    await savepoint.commit()
    return True


def _processed(process: Any, values: Sequence[Any]) -> Sequence[Any]:
    """Rows of one batch share most of their values: each object is processed once."""
    known = {key: process(value) for key, value in dict(zip(map(id, values), values, strict=True)).items()}
    return [known[key] for key in map(id, values)]
