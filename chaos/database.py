"""Faults of SQL (F10): whoever else uses the database, and a PostgreSQL that dies."""

import asyncio
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from chaos.rig import Rig

LOCK_SECONDS: Final = (0.5, 4.0)
LOCK_WAIT_SECONDS_MAX: Final = 20.0

_GONE: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""The strike met a server that another strike had ended, or was itself the victim."""


async def disturb_sql(rig: Rig, randomness: random.Random) -> str:
    """On SQLite somebody else's transaction holds the write lock; on PostgreSQL that, or something worse."""
    if rig.postgres is None:
        seconds = randomness.uniform(*LOCK_SECONDS)
        await asyncio.to_thread(_lock_file, str(rig.database_file), seconds)
        return f"SQLite locked for {seconds:.1f} s"
    return await randomness.choice(_OF_POSTGRESQL)(rig, randomness)


def _lock_file(file: str, seconds: float) -> None:
    connection = sqlite3.connect(file, timeout=10, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
    finally:
        connection.close()


async def _lock_tables(rig: Rig, randomness: random.Random) -> str:
    """As a migration by hand does it."""
    seconds = randomness.uniform(*LOCK_SECONDS)
    return await _as_somebody_else(
        rig,
        f"tables locked for {seconds:.1f} s",
        "LOCK TABLE partitions, ledger_events, vouchers IN ACCESS EXCLUSIVE MODE",
        f"SELECT pg_sleep({seconds})",
    )


async def _deadlock(rig: Rig, randomness: random.Random) -> str:
    """The ledger's writer takes the same two in the other order: PostgreSQL ends one of both."""
    return await _as_somebody_else(
        rig,
        "deadlock with the writer",
        "LOCK TABLE counters IN ACCESS EXCLUSIVE MODE",
        "SELECT pg_sleep(0.3)",
        "UPDATE partitions SET told = told",
    )


async def _end_sessions(rig: Rig, randomness: random.Random) -> str:
    """Between a COMMIT and its answer too: whoever waits for it cannot know."""
    return await _as_somebody_else(
        rig,
        "all sessions ended",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


async def _kill_server(rig: Rig, randomness: random.Random) -> str:
    assert rig.postgres is not None
    await asyncio.to_thread(rig.postgres.crash)
    return "kill -9 of PostgreSQL"


_OF_POSTGRESQL: Final[tuple[Callable[[Rig, random.Random], Awaitable[str]], ...]] = (
    _lock_tables,
    _deadlock,
    _end_sessions,
    _end_sessions,
    _kill_server,
)


async def _as_somebody_else(rig: Rig, what: str, *statements: str) -> str:
    """In one transaction that changes nothing."""
    connection = None
    try:
        async with asyncio.timeout(LOCK_WAIT_SECONDS_MAX):
            connection = await asyncpg.connect(rig.database_url)
            transaction = connection.transaction()
            await transaction.start()
            for statement in statements:
                await connection.execute(statement)
            await transaction.rollback()
    except _GONE as error:
        return f"{what} ({type(error).__name__})"
    except TimeoutError:
        return f"nothing: no lock was to be had for {what}"
    finally:
        if connection is not None:
            connection.terminate()
    return what
