"""What a process tells of itself: starts, processor time, memory, and how late its loop is. One timer a
second.
"""

import asyncio
import resource
import sys
from pathlib import Path
from typing import Final

from prometheus_client import Counter, Gauge

EVERY_SECONDS: Final = 1.0

STARTS: Final = Counter("vouchsafe_process_starts", "Processes that were started, by what they do.", ["role"])
CPU: Final = Counter("vouchsafe_process_cpu_seconds", "Processor time, by what the processes do.", ["role"])
RESIDENT: Final = Gauge(
    "vouchsafe_process_resident_bytes",
    "Memory of the processes that run now, together.",
    ["role"],
    multiprocess_mode="livesum",
)
LATE: Final = Gauge(
    "vouchsafe_event_loop_late_seconds",
    "How late the slowest process's timer was within the last second: its requests wait as long.",
    ["role"],
    multiprocess_mode="livemax",
)
LIVE: Final = Gauge("vouchsafe_processes", "Processes that run now.", ["role"], multiprocess_mode="livesum")


class Vitals:
    """role: web or background. Started inside the event loop; goes on until the process ends."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._cpu_seconds = 0.0
        STARTS.labels(role).inc()
        LIVE.labels(role).set(1)

    def start(self) -> None:
        self._tell(asyncio.get_running_loop().time())

    def _tell(self, wanted: float) -> None:
        loop = asyncio.get_running_loop()
        LATE.labels(self._role).set(max(0.0, loop.time() - wanted))
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu_seconds = used.ru_utime + used.ru_stime
        CPU.labels(self._role).inc(cpu_seconds - self._cpu_seconds)
        self._cpu_seconds = cpu_seconds
        RESIDENT.labels(self._role).set(resident_bytes())
        next_time = loop.time() + EVERY_SECONDS
        loop.call_at(next_time, self._tell, next_time)


def resident_bytes() -> int:
    """Memory of this process; where the system has no /proc, the most that it ever had."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * resource.getpagesize()
