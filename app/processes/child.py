"""One child process and its restarts."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import structlog

RESTART_SECONDS_MIN = 0.1
RESTART_SECONDS_MAX = 5.0
"""A child that dies at once is started again after 0.1, 0.2, 0.4 ... 5 s: a fault is visible, a processor is
not burnt."""
HEALTHY_SECONDS = 10.0
"""Having lived this long, a child is taken to have been well, and its next restart is quick."""
EXIT_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h: starting again cannot help, so the parent stops as well."""

REPLACED = signal.SIGUSR2
"""Tells a process that another one of its kind has taken over."""
READY_SECONDS_MAX = 60.0
"""How long a process may take to begin its work, on a machine that has other work."""

log = structlog.get_logger("vouchsafe.processes")


class NotReplaced(Exception):
    """The new process did not begin its work; the old one goes on."""


def tell_ready(arguments: Sequence[str]) -> None:
    """In a child that has begun its work: its last argument is the descriptor to say so on."""
    descriptor = int(arguments[-1])
    with contextlib.suppress(OSError):  # Nobody listens at the first start.
        os.write(descriptor, b"r")
    os.close(descriptor)


class Child:
    """Started by `run`, restarted until `stop`, replaced by `replace` without a moment of nobody working."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        descriptors: Sequence[int],
        changed: Callable[[], None],
        ended: Callable[[int], None] = lambda _: None,
    ) -> None:
        """arguments: run as `python -m *arguments`. descriptors: inherited. changed: called after each start
        and end; ended: with the process id of each that ended.
        """
        self.name = name
        self.pid: int | None = None
        self._arguments = arguments
        self._environment = environment
        self._descriptors = tuple(descriptors)
        self._changed = changed
        self._ended = ended
        self._process: asyncio.subprocess.Process | None = None
        self._next: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        """Keep one process alive until `stop`. The exit code that ended it: 0 after a stop,
        EXIT_CONFIGURATION when hopeless.
        """
        pause = RESTART_SECONDS_MIN
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._one_life()
            if self._stopping.is_set():
                break
            if self._next is not None:
                continue  # It was replaced.
            if code == EXIT_CONFIGURATION:
                log.error("child refuses its configuration", child=self.name)
                return code
            lived = time.monotonic() - started
            pause = RESTART_SECONDS_MIN if lived > HEALTHY_SECONDS else min(pause * 2, RESTART_SECONDS_MAX)
            log.warning(
                "child died", child=self.name, code=code, seconds=round(lived, 1), restart_seconds=pause
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
        return 0

    async def _one_life(self) -> int:
        if self._next is not None:
            self._process, self._next = self._next, None
        else:
            self._process, ready = await self._start()
            ready.cancel()
        self.pid = self._process.pid
        self._changed()
        if self._stopping.is_set():  # `stop` came while the process was being made.
            self._process.terminate()
        code = await self._process.wait()
        self._ended(self._process.pid)
        self.pid = None
        self._changed()
        return code

    async def _start(self) -> "tuple[asyncio.subprocess.Process, asyncio.Future[bool]]":
        """A new process, and whether it has said that it works."""
        heard, said = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self._arguments,
                str(said),
                env=self._environment,
                pass_fds=(*self._descriptors, said),
                stdin=asyncio.subprocess.DEVNULL,
                # A group of its own: Ctrl-C in a terminal reaches the parent alone, which drains in order.
                process_group=0,
            )
        except BaseException:
            os.close(heard)
            raise
        finally:
            os.close(said)
        return process, _readiness(heard)

    async def replace(self, drain_seconds_max: float) -> None:
        """Start another process, wait until it works, and let the old one finish what it has.

        Raises: NotReplaced; the old process goes on then.
        """
        old = self._process
        if old is None or old.returncode is not None or self._stopping.is_set():
            raise NotReplaced(f"{self.name} is not running now")
        process, ready = await self._start()
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                works = await ready
        except TimeoutError:
            works = False
        if not works or self._stopping.is_set():
            await _end(process, drain_seconds_max)
            raise NotReplaced(f"the new {self.name} did not begin its work (exit code {process.returncode})")
        self._next = process
        with contextlib.suppress(ProcessLookupError):
            old.send_signal(REPLACED)
        try:
            await asyncio.wait_for(old.wait(), drain_seconds_max)
        except TimeoutError:
            log.warning("child did not drain in time", child=self.name)
            with contextlib.suppress(ProcessLookupError):
                old.kill()

    async def stop(self, drain_seconds_max: float) -> None:
        """SIGTERM, then SIGKILL when the drain takes longer."""
        self._stopping.set()
        ends = (_end(process, drain_seconds_max) for process in (self._process, self._next) if process)
        if not all(await asyncio.gather(*ends)):
            log.warning("child did not drain in time", child=self.name)


async def _end(process: asyncio.subprocess.Process, drain_seconds_max: float) -> bool:
    """SIGTERM, then SIGKILL; whether the first was enough."""
    if process.returncode is not None:
        return True
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), drain_seconds_max)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return False
    return True


def _readiness(heard: int) -> "asyncio.Future[bool]":
    """True when something comes through the pipe, False when it is closed without."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[bool] = loop.create_future()

    def readable() -> None:
        if not ready.done():
            ready.set_result(os.read(heard, 1) == b"r")

    def done(_: "asyncio.Future[bool]") -> None:
        loop.remove_reader(heard)
        os.close(heard)

    loop.add_reader(heard, readable)
    ready.add_done_callback(done)
    return ready
