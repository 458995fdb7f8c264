"""What a command works with: the same parts as the server, on the same data, while that runs or not."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NoReturn, TypeVar

import msgspec
from sqlalchemy.exc import InterfaceError, OperationalError

from app.core.core import RedemptionCore
from app.core.outcome import CoreUnavailable
from app.core.replicas import Replicas
from app.db import migrate
from app.db.database import Database
from app.embedded.binary import EmbeddedServerError
from app.embedded.places import Places
from app.embedded.supervisor import Supervisor
from app.engine import Engine
from app.ledger.client import JOURNAL, REPLICA, proven_replicas
from app.processes.logs import set_up_logs
from app.settings import Settings, load_settings
from app.wiring import running_engine

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3

T = TypeVar("T")


class CommandFailed(Exception):
    """Why a command ends without having done its work, as a sentence for who typed it."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@asynccontextmanager
async def command_engine(settings: Settings) -> AsyncIterator[Engine]:
    """An engine for one command. The embedded server of a running `serve` is used; with none running, one is
    started for as long as the command lasts. The embedded database is brought to this version's schema.

    Raises: CommandFailed.
    """
    async with reachable_redis(settings) as redis_url:
        await _check_schema(settings)
        async with running_engine(msgspec.structs.replace(settings, redis_url=redis_url)) as engine:
            yield engine


@asynccontextmanager
async def reachable_redis(settings: Settings) -> AsyncIterator[str]:
    """The URL of the server that decides. Raises: CommandFailed when there is none."""
    if not settings.embedded_redis:
        yield settings.redis_url
        return
    supervisor = Supervisor(settings.data_dir, binary=settings.redis_bin)
    try:
        url = await supervisor.start()
    except EmbeddedServerError as error:
        places = Places(settings.data_dir)
        if not places.socket.exists():
            raise CommandFailed(str(error), EXIT_UNREACHABLE) from None
        yield places.url
        return
    try:
        yield url
    finally:
        await supervisor.stop()


async def unproven_level(settings: Settings, redis_url: str) -> str:
    """Why the durability level that was asked for cannot be kept by the server as it is set (D18); empty when
    it can, and for a server that is away: the workers wait for it, and ask it themselves.
    """
    wanted = settings.durability
    if wanted not in (JOURNAL, REPLICA):
        return ""
    core, replicas = RedemptionCore(redis_url), Replicas(redis_url, settings.replicas)
    await core.start()
    try:
        proven = await core.probe()
        level, reasons = proven.level, proven.reasons
        if wanted == REPLICA:
            level, reasons = await proven_replicas(proven, replicas)
    except CoreUnavailable:
        return ""
    finally:
        await replicas.close()
        await core.close()
    if level == wanted:
        return ""
    return (
        f"the durability level {wanted} cannot be proven: {'; '.join(reasons)}. "
        "Change the server's settings, or set VOUCHSAFE_DURABILITY to ledger or auto"
    )


async def _check_schema(settings: Settings) -> None:
    database = Database(settings.database)
    try:
        if await migrate.at_head(database):
            return
        if not settings.embedded_database:
            raise CommandFailed(
                "the database's schema is not that of this version: run `vouchsafe migrate` first"
            )
        await migrate.upgrade(database)
    finally:
        await database.close()


def run_command(work: Callable[[Engine], Awaitable[T]], settings: Settings | None = None) -> T:
    """Run a command's work on an engine; what cannot be done ends the process with a sentence and its exit
    code.
    """
    set_up_logs("warning")

    async def run() -> T:
        async with command_engine(settings or load_settings()) as engine:
            return await work(engine)

    try:
        return asyncio.run(run())
    except CommandFailed as failed:
        _end(str(failed), failed.exit_code)
    except CoreUnavailable as error:
        _end(f"Redis cannot be used: {error}", EXIT_UNREACHABLE)
    except (OperationalError, InterfaceError, ConnectionError) as error:
        _end(f"the database cannot be used: {getattr(error, 'orig', None) or error}", EXIT_UNREACHABLE)


def _end(message: str, exit_code: int) -> NoReturn:
    sys.stderr.write(f"vouchsafe: {message}\n")
    sys.exit(exit_code)
