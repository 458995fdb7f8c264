"""The parent of all processes of one `vouchsafe serve`: socket, embedded parts, children, orderly end (D17,
D18).
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog
from prometheus_client.multiprocess import mark_process_dead

from app.cli.runtime import unproven_level
from app.db import migrate
from app.db.database import Database
from app.db.revisions import serves
from app.embedded.supervisor import Supervisor
from app.processes.child import Child, NotReplaced
from app.processes.lifeline import Lifeline
from app.processes.listening import bind
from app.processes.status import ServeStatus, remove_status, write_status
from app.settings import NOT_SETTINGS, PREFIX, Settings

WEB_DRAIN_SECONDS_MAX = 15.0
"""Longer than a worker's own limit for its requests in flight."""
BACKGROUND_DRAIN_SECONDS_MAX = 15.0
"""The drain ends after its batch; what it leaves stays in the outbox and is drained at the next start."""
READY_POLL_SECONDS = 0.1

log = structlog.get_logger("vouchsafe.processes")


COUNTERS = "PROMETHEUS_MULTIPROC_DIR"
"""Where the children count, so that one of them can answer for all. Counters begin at 0 with every start."""


class CannotServe(Exception):
    """Why nothing was started, as a sentence for the operator."""


async def serve(settings: Settings, ready: Callable[[str], Awaitable[None]] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Gives the exit code.

    ready: called once with the base URL when /readyz has answered 200 for the first time.
    Raises: CannotServe, PortTaken, EmbeddedServerError: each says in a sentence what to do.
    """
    data_dir = settings.data_dir.expanduser().absolute()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(data_dir):
        listener = bind(settings.host, settings.port)
        try:
            async with _redis(settings, data_dir) as redis_url:
                await _bring_schema(settings)
                unproven = await unproven_level(settings, redis_url)
                if unproven:
                    raise CannotServe(unproven)
                return await _Family(settings, data_dir, listener, redis_url).run(ready)
        finally:
            listener.close()
            remove_status(data_dir)


class _Family:
    """The children while they run."""

    def __init__(self, settings: Settings, data_dir: Path, listener: socket.socket, redis_url: str) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._redis_url = redis_url
        self._port: int = listener.getsockname()[1]
        self._lifeline = Lifeline()
        self._restarts = 0
        counters = data_dir / "metrics"
        shutil.rmtree(counters, ignore_errors=True)
        counters.mkdir(mode=0o700)
        environment = _environment(settings, data_dir, redis_url, self._port)
        environment[COUNTERS] = self._counters = str(counters)
        lifeline = self._lifeline.child_end
        self._web = [
            Child(
                f"web-{number}",
                ("app.processes.web", str(listener.fileno()), str(lifeline)),
                environment=environment,
                descriptors=(listener.fileno(), lifeline),
                changed=self._write_status,
                ended=self._forget_gauges,
            )
            for number in range(1, settings.workers + 1)
        ]
        self._background = Child(
            "background",
            ("app.processes.background", str(lifeline)),
            environment=environment,
            descriptors=(lifeline,),
            changed=self._write_status,
            ended=self._forget_gauges,
        )

    async def run(self, ready: Callable[[str], Awaitable[None]] | None) -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        lives = [
            asyncio.create_task(child.run(), name=child.name) for child in (self._background, *self._web)
        ]
        replacing = asyncio.Event()
        loop.add_signal_handler(signal.SIGHUP, replacing.set)
        restarts = asyncio.create_task(self._replace_when_asked(replacing))
        welcome = asyncio.create_task(self._when_ready(ready))
        stopped = asyncio.create_task(stop.wait())
        try:
            # A life ends before `stop` only when its child said that starting again cannot help.
            await asyncio.wait([stopped, *lives], return_when=asyncio.FIRST_COMPLETED)
        finally:
            restarts.cancel()
            welcome.cancel()
            stopped.cancel()
            await asyncio.gather(*(child.stop(WEB_DRAIN_SECONDS_MAX) for child in self._web))
            await self._background.stop(BACKGROUND_DRAIN_SECONDS_MAX)
            codes = await asyncio.gather(*lives)
            await asyncio.gather(restarts, welcome, stopped, return_exceptions=True)
            self._lifeline.close()
        return max(codes)

    async def _replace_when_asked(self, asked: asyncio.Event) -> None:
        """At SIGHUP: one child after the other, the background process first. The new ones run the code that
        is installed by then; where one does not begin its work, the old ones go on.
        """
        while True:
            await asked.wait()
            asked.clear()
            try:
                await self._background.replace(BACKGROUND_DRAIN_SECONDS_MAX)
                for child in self._web:
                    await child.replace(WEB_DRAIN_SECONDS_MAX)
            except NotReplaced as problem:
                log.warning("restart given up", reason=str(problem))
                continue
            self._restarts += 1
            self._write_status()
            log.info("restarted", restarts=self._restarts)

    async def _when_ready(self, ready: Callable[[str], Awaitable[None]] | None) -> None:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{self._port}"
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(f"{url}/readyz")).status_code == httpx.codes.OK:
                        break
                await asyncio.sleep(READY_POLL_SECONDS)
        log.info("ready", url=url, workers=len(self._web))
        if ready is not None:
            await ready(url)

    def _forget_gauges(self, pid: int) -> None:
        """What a process that is gone said of its present; its counters stay."""
        mark_process_dead(pid, self._counters)  # type: ignore[no-untyped-call]

    def _write_status(self) -> None:
        write_status(
            self._data_dir,
            ServeStatus(
                pid=os.getpid(),
                host=self._settings.host,
                port=self._port,
                web=[child.pid for child in self._web if child.pid is not None],
                background=self._background.pid,
                redis_url=_without_password(self._redis_url),
                database_url=_without_password(self._settings.database),
                restarts=self._restarts,
            ),
        )


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One parent per data directory. The lock goes with the process, however it ends."""
    with (data_dir / "serve.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotServe(
                f"{data_dir} is being served already; stop that process or choose another --data-dir"
            ) from None
        yield


@asynccontextmanager
async def _redis(settings: Settings, data_dir: Path) -> AsyncIterator[str]:
    """The address of the server that decides: the operator's, or one that is supervised here."""
    if not settings.embedded_redis:
        yield settings.redis_url
        return
    supervisor = Supervisor(data_dir, binary=settings.redis_bin)
    url = await supervisor.start()
    try:
        yield url
    finally:
        await supervisor.stop()


async def _bring_schema(settings: Settings) -> None:
    """Migrate what is ours; refuse what is the operator's and not at head."""
    database = Database(settings.database)
    try:
        if settings.embedded_database:
            await migrate.upgrade(database)
        elif not serves(await migrate.current(database)):
            raise CannotServe(
                "the database's schema is older than this version: run `vouchsafe migrate` first"
            )
    finally:
        await database.close()


def _environment(settings: Settings, data_dir: Path, redis_url: str, port: int) -> dict[str, str]:
    """The whole environment of a child: every setting resolved, so that it needs no part of how it was
    found.
    """
    resolved = msgspec.structs.replace(
        settings, data_dir=data_dir, redis_url=redis_url, database_url=settings.database, port=port
    )
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) or name in NOT_SETTINGS  # NAME_FILE and NAME together are refused.
    }
    # glibc gives each thread a heap of its own. A worker's threads are connections to SQLite, and one runs
    # at a time: with two heaps nothing waits, and a worker is smaller (`make bench-memory`).
    inherited.setdefault("MALLOC_ARENA_MAX", "2")
    return inherited | {
        PREFIX + name.upper(): str(value) for name, value in msgspec.structs.asdict(resolved).items()
    }


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)
