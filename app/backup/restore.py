"""Making a database from a backup: an empty one, of either kind, in one transaction."""

import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import String, Table, cast, column, func, inspect, literal, select, table, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.backup.forgotten import Forgotten, forget_loaded
from app.backup.form import WRITE_TYPES, BackupError, Manifest, TableEntry
from app.backup.read import read_manifest, rows_of
from app.db import migrate
from app.db.base import Base
from app.db.database import Database
from app.db.models import PartitionState
from app.db.revisions import revisions

CHUNK_ROWS: Final = 1_000


NOBODY: Final[Forgotten] = {}


async def restore_backup(db: Database, file: Path, forgotten: Forgotten = NOBODY) -> Manifest:
    """Fill an empty database. The schema is brought to that of the backup, filled, and brought to this
    version's. Every partition begins a new epoch, so that no Redis with another past is taken for its own.

    forgotten: who was erased, by any list there is. Whoever the backup still knows is a tombstone when this
    returns, and the rest is for app.jobs.erasure_restored.

    Raises: BackupError for a database that holds something, a backup of a later version, or damaged rows; the
    database is then as empty as before.
    """
    manifest = read_manifest(file)
    if manifest.schema not in revisions():
        raise BackupError(f"the backup is of version {manifest.version}, later than this one: use that")
    if await _holds_something(db):
        raise BackupError("the database is not empty: restore into a new one")
    if await migrate.current(db) not in ((), (manifest.schema,)):
        raise BackupError("the database has tables of another version: restore into one without tables")
    await migrate.upgrade(db, manifest.schema)
    async with db.engine.begin() as connection:
        if not db.is_sqlite:
            await connection.execute(text("SET LOCAL statement_timeout = 0"))
        with zipfile.ZipFile(file) as archive:
            for entry in manifest.tables:
                await _load(connection, archive, entry)
        await forget_loaded(connection, manifest.tables, forgotten, datetime.now(UTC))
        if not db.is_sqlite:
            await _move_sequences(connection)
        await connection.execute(_new_epochs())
    await migrate.upgrade(db)
    return manifest


async def _holds_something(db: Database) -> bool:
    async with db.engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        if "projects" not in names:
            return False
        projects = select(func.count()).select_from(table("projects"))
        return bool((await connection.execute(projects)).scalar_one())


async def _load(connection: AsyncConnection, archive: zipfile.ZipFile, entry: TableEntry) -> None:
    columns: Any = [column(name, WRITE_TYPES[kind]) for name, kind in entry.columns.items()]
    statement = table(entry.name, *columns).insert()
    for chunk in _chunks(rows_of(archive, entry)):
        await connection.execute(statement, chunk)


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK_ROWS)):
        yield chunk


async def _move_sequences(connection: AsyncConnection) -> None:
    """PostgreSQL counts up by itself; what was loaded came with its numbers."""
    for one in Base.metadata.sorted_tables:
        counted = _counted(one)
        if counted is not None:
            await connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{one.name}', '{counted}'), "  # noqa: S608 own names
                    f"greatest((SELECT max({counted}) FROM {one.name}), 1))"
                )
            )


def _counted(one: Table) -> str | None:
    counting = one.autoincrement_column
    return None if counting is None or counting.autoincrement is not True else counting.name


def _new_epochs() -> Any:
    epoch = PartitionState.epoch + 1
    return update(PartitionState).values(
        epoch=epoch,
        namespace=literal("e") + cast(epoch, String),
        cursor_epoch=epoch,
        cursor_seq=0,
    )
