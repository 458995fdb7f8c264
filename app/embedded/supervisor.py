"""Keeps one server alive on a data directory, from `start` to `stop`."""

import asyncio
import contextlib
import fcntl
import io
from pathlib import Path

import structlog

from app.embedded.binary import EmbeddedServerError, find_binary
from app.embedded.configuration import ACCESS, configuration, default_memory_bytes
from app.embedded.places import Places
from app.embedded.process import ServerProcess

READY_SECONDS = 600.0
"""A file of many gigabytes is loaded before the first answer."""
SILENT_SECONDS = 60.0
WATCH_SECONDS = 0.1
STOP_SECONDS = 10.0
BACKOFF_SECONDS = (0.1, 5.0)
STEADY_SECONDS = 30.0
"""A server that lived so long is restarted without the pause that earlier failures had earned."""

log = structlog.get_logger("vouchsafe.embedded")


class Supervisor:
    """One per data directory: a second one is refused by a lock that goes with the process.

    binary: what VOUCHSAFE_REDIS_BIN says. maxmemory_bytes 0: half of the machine's memory.
    """

    def __init__(self, data_dir: Path, *, binary: str = "", maxmemory_bytes: int = 0) -> None:
        self._places = Places(data_dir)
        self._binary = binary
        self._maxmemory_bytes = maxmemory_bytes
        self._lock: io.TextIOWrapper | None = None
        self._process: ServerProcess | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def url(self) -> str:
        """Where the server listens; the same across restarts."""
        return self._places.url

    @property
    def pid(self) -> int:
        """The server's process, 0 before it is ready."""
        return self._process.state.pid if self._process else 0

    @property
    def run_id(self) -> str:
        """The server's own name for its life; another after each restart."""
        return self._process.state.run_id if self._process else ""

    @property
    def adopted(self) -> bool:
        """Whether the server had outlived an earlier supervisor."""
        return self._process is not None and self._process.adopted

    async def start(self) -> str:
        """Adopt the live server of this directory or start one, and watch it from now on. Gives its URL.

        Raises: EmbeddedServerError when there is no binary, another supervisor, or a server that will not
        start.
        """
        await asyncio.to_thread(self._begin)
        self._watcher = asyncio.create_task(self._watch())
        return self.url

    async def stop(self) -> None:
        """End the server. Everything it acknowledged is on disk."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        if self._process is not None:
            await asyncio.to_thread(self._process.end, STOP_SECONDS)
            self._process = None
        self._unlock()

    def _begin(self) -> None:
        self._places.prepare()
        self._take_lock()
        try:
            self._process = ServerProcess.adopt(self._places, READY_SECONDS)
            if self._process is None:
                self._launch()
            else:
                log.info("adopted the running server", pid=self.pid, run_id=self.run_id)
        except BaseException:
            self._unlock()
            raise

    def _launch(self) -> None:
        binary = find_binary(self._binary)
        memory = self._maxmemory_bytes or default_memory_bytes()
        self._places.access.write_text(ACCESS)
        self._places.configuration.write_text(configuration(self._places, memory))
        process = ServerProcess.launch(self._places, binary)
        try:
            process.wait_ready(READY_SECONDS, SILENT_SECONDS)
        except BaseException:
            process.end(STOP_SECONDS)
            raise
        self._process = process
        log.info(
            "server ready", binary=binary, pid=self.pid, run_id=self.run_id, socket=str(self._places.socket)
        )

    async def _watch(self) -> None:
        """Restart a server that ended. One that is alive and does not answer is not killed: it may be
        loading.
        """
        loop = asyncio.get_running_loop()
        pause, longest = BACKOFF_SECONDS
        since = loop.time()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self._process is not None and self._process.alive():
                continue
            if self._process is not None:
                log.warning("server ended", pid=self.pid, run_id=self.run_id)
                self._process = None
                if loop.time() - since > STEADY_SECONDS:
                    pause = BACKOFF_SECONDS[0]
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
            try:
                await asyncio.to_thread(self._launch)
            except (EmbeddedServerError, OSError) as error:
                log.warning("server does not start", error=str(error), next_try_seconds=pause)
                continue
            self.restarts += 1
            since = loop.time()

    def _take_lock(self) -> None:
        self._lock = self._places.lock.open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._unlock()
            raise EmbeddedServerError(
                f"another process supervises the server on {self._places.directory}"
            ) from None

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
