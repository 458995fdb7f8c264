"""The background process. Run by the parent as `python -m app.processes.background LIFELINE`, with READY as
the last argument.
"""

import asyncio
import contextlib
import os
import signal
import sys

import uvloop

from app.api.telling.tell import tell
from app.jobs.background import run_background
from app.processes.child import EXIT_CONFIGURATION, REPLACED, tell_ready
from app.processes.lifeline import when_parent_ends
from app.processes.logs import set_up_logs
from app.processes.vitals import Vitals
from app.settings import Settings, SettingsError, load_settings


async def _run(settings: Settings, lifeline: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, REPLACED):
        loop.add_signal_handler(number, stop.set)
    when_parent_ends(lifeline, stop.set)
    Vitals("background").start()
    await run_background(settings, stop, tell, lambda: tell_ready(sys.argv))


def _let_others_finish() -> None:
    """Waking up does not interrupt whoever answers a request; its share of the processors stays the same
    (ADR 20). Linux only, and where it is not forbidden.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def main() -> None:
    try:
        settings = load_settings()
    except SettingsError as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(EXIT_CONFIGURATION) from None
    set_up_logs(settings.log_level)
    _let_others_finish()
    uvloop.run(_run(settings, int(sys.argv[1])))


if __name__ == "__main__":
    main()
