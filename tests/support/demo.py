"""A running demo shop, for the tests of `vouchsafe demo` and of the snippets in the docs."""

import json
import time
from pathlib import Path
from typing import Any

from tests.support.server import RunningServer

TELL_SECONDS_MAX = 300.0


def start_demo(data_dir: Path, workers: int = 1) -> RunningServer:
    """`vouchsafe demo`, with its story told."""
    running = RunningServer(data_dir=data_dir, workers=workers, verb="demo")
    running.start()
    wait_told(running)
    return running


def wait_told(running: RunningServer) -> None:
    """Raises: AssertionError with the log when the story is not told in TELL_SECONDS_MAX."""
    deadline = time.monotonic() + TELL_SECONDS_MAX
    # The variables are written last, at each start anew.
    while not (told(running) and f"is open on {running.base_url}" in running.log_tail()):
        assert time.monotonic() < deadline, running.log_tail()
        assert "could not be opened" not in running.log_tail(), running.log_tail()
        time.sleep(0.1)


def told(running: RunningServer) -> bool:
    return bool(saved_keys(running).get("told"))


def saved_keys(running: RunningServer) -> dict[str, Any]:
    try:
        return dict(json.loads((running.data_dir / "demo.json").read_text()))
    except FileNotFoundError:
        return {}
