"""The database: one object that gives sessions, and the settings of each kind of database that the promises
rest on.

SQLite: WAL, synchronous FULL (a commit is on the disk when it returns), BEGIN IMMEDIATE for whoever writes,
so that a transaction never finds out at its end that it may not. PostgreSQL: asyncpg, a statement timeout,
connections tested before they are lent.
"""

import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import URL, Engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.noted import WritingSession, be_quiet
from app.db.segment_checks import put_down

BUSY_TIMEOUT_MS: Final = 10_000
"""How long a writer of SQLite waits for another process's transaction; none may take more than 50 ms (D17).
"""
CHECKPOINT_PAGES: Final = 4_000
"""Of 4 kB: how long SQLite's log grows before it is moved into the file. Four times SQLite's own figure:
pages that every batch touches are moved once instead of four times.
"""
READERS_MAX: Final = 8
"""Reading connections of one process on SQLite, a thread each: enough to keep two cores busy."""
POOL_SIZE: Final = 10
POOL_OVERFLOW: Final = 10
"""PostgreSQL: 20 connections a process at most, so that four workers and the background process fit into its
default 100.
"""
POOL_TIMEOUT_SECONDS: Final = 10
STATEMENT_TIMEOUT_MS: Final = 30_000
LOCK_TIMEOUT_MS: Final = 10_000

_json_encoder = msgspec.json.Encoder(decimal_format="number")
_json_decoder = msgspec.json.Decoder(float_hook=Decimal)


def encode_json(value: Any) -> str:
    """A document as the database keeps it: Decimals are numbers and stay exact (D21)."""
    return _json_encoder.encode(value).decode()


def decode_json(text: str) -> Any:
    """Fractions come back as Decimal."""
    return _json_decoder.decode(text)


def driver_url(url: str) -> URL:
    """The URL with the driver that this program uses: sqlite:///path and postgresql://… are enough.

    Raises: ValueError for another database, or for SQLite in memory, which no second process could open.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("SQLite needs a file: the ledger is written by one process and read by others")
        return parsed.set(drivername="sqlite+aiosqlite")
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+asyncpg")
    raise ValueError(f"no support for the database {backend!r}: use sqlite or postgresql")


class Database:
    """Sessions of one database, for one process and one event loop."""

    def __init__(self, url: str) -> None:
        self.url = driver_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer, self._reader = _sqlite_engines(self.url)
        else:
            self._writer, self._reader = _postgresql_engines(self.url)
        self._writing = async_sessionmaker(
            self._writer, expire_on_commit=False, sync_session_class=WritingSession
        )
        self._reading = async_sessionmaker(self._reader, expire_on_commit=False, autoflush=False)

        self.before_commit: Callable[[AsyncSession], Awaitable[None]] | None = None
        """The last thing that every writing transaction does: set by whoever wires the process, to tell what
        was noted (app.db.noted).
        """

    @property
    def engine(self) -> AsyncEngine:
        """The writing engine, for migrations."""
        return self._writer

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A read-only transaction on one snapshot; the database refuses a write in it. Never waits for a
        writer.
        """
        async with self._reading() as session:
            yield session

    @asynccontextmanager
    async def snapshot(self, tables: Sequence[str] = ()) -> AsyncIterator[AsyncSession]:
        """Reading in which every statement sees the same moment, however long it takes.

        tables: PostgreSQL only. Nobody can drop a part of them meanwhile: what is dropped is gone from old
        snapshots too. They are locked before the moment is chosen, which any SELECT would do.
        """
        async with self._reading() as session:
            if not self.is_sqlite:
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
                await session.execute(text("SET LOCAL statement_timeout = 0"))
                if tables:
                    await session.execute(text(f"LOCK TABLE {', '.join(tables)} IN ACCESS SHARE MODE"))
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """One transaction, committed when the block ends and rolled back when it raises.

        On SQLite it holds the write lock from its start, and a process has one at a time: never open a second
        inside the first.
        """
        async with self._writing() as session, session.begin():
            if self.is_sqlite:
                await session.connection()
            if self.before_commit is None:
                be_quiet(session)
            yield session
            await session.flush()
            await put_down(session)
            if self.before_commit is not None:
                await self.before_commit(session)

    async def checkpoint(self) -> None:
        """SQLite: move its log into the file and empty it, as far as nobody reads from it now."""
        if not self.is_sqlite:
            return
        async with self._writer.connect() as connection:
            raw = await connection.get_raw_connection()
            driver: Any = raw.driver_connection
            cursor = await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            await cursor.close()

    async def close(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


def _sqlite_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """One connection that writes: writers of a process queue in its pool, fairly, instead of polling the
    file's lock.
    """
    Path(url.database or "").expanduser().parent.mkdir(parents=True, exist_ok=True)
    writer = create_async_engine(
        url,
        json_serializer=encode_json,
        json_deserializer=decode_json,
        pool_size=1,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
    )
    reader = create_async_engine(
        url,
        json_serializer=encode_json,
        json_deserializer=decode_json,
        pool_size=READERS_MAX,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
    )
    _prepare_sqlite(writer.sync_engine, "BEGIN IMMEDIATE", query_only=False)
    _prepare_sqlite(reader.sync_engine, "BEGIN", query_only=True)
    return writer, reader


def _prepare_sqlite(engine: Engine, begin: str, *, query_only: bool) -> None:
    """Take transactions out of the driver's hands: by itself it begins late and never for DDL."""

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        _write_ahead(cursor)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "recursive_triggers=ON",  # so that REPLACE cannot pass by the triggers that refuse deletion
            "cache_size=-16000",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            f"query_only={'ON' if query_only else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)


def _write_ahead(cursor: DBAPICursor) -> None:
    """The first two who open a new file at once: SQLite does not wait for this lock by itself."""
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _postgresql_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    writer = create_async_engine(
        url,
        json_serializer=encode_json,
        json_deserializer=decode_json,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "server_settings": {
                "application_name": "vouchsafe",
                "timezone": "UTC",
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "lock_timeout": str(LOCK_TIMEOUT_MS),
            },
        },
    )
    return writer, writer.execution_options(postgresql_readonly=True)
