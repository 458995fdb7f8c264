"""Servers that stand in for each other or share the slots, from one binary, on local ports."""

import contextlib
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import redis

from tests.support.valkey import Valkey, wheel_binary

SETTLED_SECONDS_MAX = 180.0
DOWN_AFTER_MILLISECONDS = 1_000
PRIMARY = "vouchsafe"
MASTERS = 3
SLOTS = 16_384


PORTS = range(11_000, 21_000)
"""Below those that connections of this machine are given, so that none of them takes one between its choice
and its use; the cluster's bus is 10 000 above.
"""


def free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as bus:
            one.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + 10_000))
            return port


def wait(reached: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SETTLED_SECONDS_MAX
    while True:
        with contextlib.suppress(redis.RedisError, OSError):
            if reached():
                return
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)


class Listening(Valkey):
    """A server that others can reach."""

    def __init__(self, *options: str, appendfsync: str = "everysec", binary: str | None = None) -> None:
        self.port = free_port()
        super().__init__(
            binary=binary,
            appendfsync=appendfsync,
            options=("--port", str(self.port), "--bind", "127.0.0.1", *options),
        )

    def client(self) -> Any:
        return redis.Redis(port=self.port, socket_timeout=30)


class Sentinels:
    """A primary, a replica and three Sentinels that agree by two. Use as a context manager."""

    def __init__(self) -> None:
        self.servers = [Listening(appendfsync="always"), Listening(appendfsync="always")]
        self.directory = Path(tempfile.mkdtemp(prefix="vs-sentinel-"))
        self.ports = [free_port() for _ in range(3)]
        self._sentinels: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """What VOUCHSAFE_REDIS_URL is for these."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in self.ports)}/{PRIMARY}"

    def primary(self) -> Listening:
        """The server that the Sentinels call the primary now."""
        with redis.Redis(port=self.ports[0], socket_timeout=30) as client:
            told: Any = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", PRIMARY)
        port = int(told[1] if isinstance(told, list) else told["port"])
        return next(server for server in self.servers if server.port == port)

    def complete(self) -> None:
        """Start what was killed, and wait until it follows the primary."""
        for server in self.servers:
            if server.process is None:
                server.start()
        wait(lambda: b"state=online" in self.primary().command("INFO", "replication"), "no replica")

    def start(self) -> Self:
        first, second = self.servers
        first.start()
        second.start()
        second.command("REPLICAOF", "127.0.0.1", str(first.port))
        wait(lambda: b"master_link_status:up" in second.command("INFO", "replication"), "no replica")
        for port in self.ports:
            file = self.directory / f"{port}.conf"
            file.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {self.directory}\nlogfile {self.directory}/{port}.log\n"
                f"sentinel monitor {PRIMARY} 127.0.0.1 {first.port} 2\n"
                f"sentinel down-after-milliseconds {PRIMARY} {DOWN_AFTER_MILLISECONDS}\n"
                f"sentinel failover-timeout {PRIMARY} 5000\n"
            )
            self._sentinels.append(subprocess.Popen([wheel_binary(), str(file), "--sentinel"]))
        wait(self._settled, "the Sentinels do not know each other")
        return self

    def _settled(self) -> bool:
        for port in self.ports:
            with redis.Redis(port=port, socket_timeout=30) as client:
                known: Any = client.info("sentinel")["master0"]
                if (known["slaves"], known["sentinels"]) != (1, 3):
                    return False
        return True

    def stop(self) -> None:
        for process in self._sentinels:
            process.kill()
            process.wait()
        for server in self.servers:
            server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Cluster:
    """Three masters with a third of the slots each. Use as a context manager."""

    def __init__(self) -> None:
        self.masters = [
            Listening(
                "--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
                "--cluster-require-full-coverage", "no",
            )
            for _ in range(MASTERS)
        ]  # fmt: skip

    @property
    def url(self) -> str:
        """What VOUCHSAFE_REDIS_URL is for these."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{master.port}' for master in self.masters)}"

    def owner(self, slot: int) -> Listening:
        return self.masters[slot * MASTERS // SLOTS]

    def start(self) -> Self:
        for number, master in enumerate(self.masters):
            master.start()
            first, last = (-(-SLOTS * place // MASTERS) for place in (number, number + 1))
            with master.client() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last - 1)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        with self.masters[0].client() as client:
            for other in self.masters[1:]:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", other.port)
        wait(lambda: all(self._knows_all(master) for master in self.masters), "no cluster")
        return self

    @staticmethod
    def _knows_all(master: Listening) -> bool:
        facts = master.command("CLUSTER", "INFO")
        return b"cluster_state:ok" in facts and b"cluster_slots_ok:16384" in facts

    def stop(self) -> None:
        for master in self.masters:
            master.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
