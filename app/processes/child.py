"""One child process and its restarts."""

import asyncio
import contextlib
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

log = structlog.get_logger("vouchsafe.processes")


class Child:
    """Started by `run`, restarted until `stop`."""

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
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *self._arguments,
            env=self._environment,
            pass_fds=self._descriptors,
            stdin=asyncio.subprocess.DEVNULL,
            # A group of its own: Ctrl-C in a terminal reaches the parent alone, which then drains in order.
            process_group=0,
        )
        self.pid = self._process.pid
        self._changed()
        if self._stopping.is_set():  # `stop` came while the process was being made.
            self._process.terminate()
        code = await self._process.wait()
        self._ended(self._process.pid)
        self.pid = None
        self._changed()
        return code

    async def stop(self, drain_seconds_max: float) -> None:
        """SIGTERM, then SIGKILL when the drain takes longer."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), drain_seconds_max)
        except TimeoutError:
            log.warning("child did not drain in time", child=self.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
