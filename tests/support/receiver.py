"""A receiver of webhooks in a process of its own, so that it can be killed: what it answered 200 is on disk
before it answers.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.server import ROOT

WAIT_SECONDS_MAX = 180.0
"""Far more than a delivery takes on a busy machine."""


class Receiver:
    """`behave(...)` says how it answers from now on; the port stays the same over a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.behave()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{(self.folder / 'port').read_text()}/hooks?of=shop"

    def behave(self, status: int = 200, seconds: float = 0.0, headers: dict[str, str] | None = None) -> None:
        """seconds: how long it waits before it answers."""
        text = json.dumps({"status": status, "seconds": seconds, "headers": headers or {}})
        fresh = self.folder / "behaviour.new"
        fresh.write_text(text)
        fresh.replace(self.folder / "behaviour")

    def start(self) -> "Receiver":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.receiver_process", str(self.folder)], cwd=ROOT
        )
        ready = self.folder / f"ready-{self.process.pid}"
        until(ready.exists, "the receiver listens")
        return self

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.kill()

    def received(self) -> list[dict[str, Any]]:
        """Requests that were answered 200, in their order: headers and body."""
        file = self.folder / "received"
        if not file.exists():
            return []
        lines = file.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(one["body"]) for one in self.received()]

    def different(self) -> list[dict[str, Any]]:
        """Each event once, in the order in which they were first told: delivery is at least once."""
        first = {}
        for one in self.events():
            first.setdefault(one["event"]["id"], one)
        return list(first.values())

    def kinds(self) -> list[str]:
        return [one["type"] for one in self.events()]

    def wait_for(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """The events of a kind, each once however often it was told, when there are so many of them."""

        def found() -> list[dict[str, Any]]:
            return [one for one in self.different() if one["type"] == kind]

        until(lambda: len(found()) >= count, f"{count} times {kind}")
        return found()


def until(condition: Callable[[], object], what: str, seconds_max: float = WAIT_SECONDS_MAX) -> None:
    """Wait for a condition, patiently. Raises: AssertionError."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds_max} s: {what}"
        time.sleep(0.05)


@contextmanager
def running_receiver(folder: Path) -> Iterator[Receiver]:
    receiver = Receiver(folder).start()
    try:
        yield receiver
    finally:
        receiver.stop()
