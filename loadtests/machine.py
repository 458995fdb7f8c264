"""What the bench reads from the machine: processor time of processes, and a Valkey of its own."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from app.embedded.binary import find_binary

TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS_MAX = 30.0
VALKEY = """
port 0
unixsocket {socket}
unixsocketperm 700
dir {folder}
daemonize no
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
auto-aof-rewrite-min-size 1gb
save ""
maxmemory-policy noeviction
io-threads 1
hash-max-listpack-value 512
loglevel warning
"""
"""As the embedded server is configured; no rewrite of the file happens within a run of a minute."""


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of these processes so far. A process that is gone counts nothing."""
    total = 0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            continue
        fields = stat[stat.rindex(")") + 2 :].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


@contextmanager
def valkey(folder: Path) -> Iterator[tuple[str, int]]:
    """A server that syncs before it answers: (path of its socket, process id)."""
    folder.mkdir(mode=0o700, parents=True)
    socket = folder / "v.sock"
    configuration = folder / "valkey.conf"
    configuration.write_text(VALKEY.format(socket=socket, folder=folder))
    with subprocess.Popen([find_binary(), str(configuration)], stdout=subprocess.DEVNULL) as process:
        try:
            with redis.Redis(unix_socket_path=str(socket)) as client:
                wait_until(lambda: answers(client), "valkey")
            yield str(socket), process.pid
        finally:
            process.terminate()


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def wait_until(condition: "object", what: str) -> None:
    """Raises: SystemExit when it does not come true within START_SECONDS_MAX."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not start within {START_SECONDS_MAX:.0f} s")
        time.sleep(0.05)
