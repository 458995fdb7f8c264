"""What is measured, standing: the engine with a Valkey of its own on either database, and the floor."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import redis

from app.core import keys
from app.core.keys import Partition
from app.core.watermarks import LEDGERED, PROJECTED
from loadtests import bench
from loadtests.lag import LagWatch
from loadtests.machine import cpu_seconds, valkey, wait_until
from tests.support.postgres import Postgres
from tests.support.server import Project, RunningServer

QUIET = {
    "VOUCHSAFE_LOG_LEVEL": "warning",
    "VOUCHSAFE_GUESS_LIMIT": "0",
    "VOUCHSAFE_CLIENT_RATE_LIMIT": "0",
}
"""Limits would refuse what a single client asks for."""
REST_SECONDS = 1.0
RESTING_SHARE = 0.2
"""Of one processor: looking for work costs up to half of that, work takes all of it."""
REST_SECONDS_MAX = 300.0


class Setting(NamedTuple):
    """How the engine is run."""

    database: str = "sqlite"
    """sqlite or postgres."""
    workers: int = 1
    level: str = "journal"
    """What an acknowledgement waits for: journal or ledger."""

    @property
    def name(self) -> str:
        return f"{self.database}-{self.workers}-{self.level}"

    @classmethod
    def parse(cls, name: str) -> "Setting":
        """Raises: ValueError when it is not like postgres-2-ledger."""
        database, workers, level = name.split("-")
        if database not in ("sqlite", "postgres") or level not in ("journal", "ledger"):
            raise ValueError(name)
        return cls(database, int(workers), level)


class Stage:
    """A running engine and where its processor time and memory are read."""

    def __init__(self, setting: Setting, folder: Path, server: RunningServer, valkey_at: tuple[str, int]):
        self.setting = setting
        self.folder = folder
        self.server = server
        self.socket, self.valkey_pid = valkey_at
        self.postgres: Postgres | None = None
        self.projects: dict[str, Project] = {}
        """By name; whoever fills one keeps it here."""

    @property
    def url(self) -> str:
        return self.server.base_url

    @property
    def database_url(self) -> str:
        given = self.server.variables().get("VOUCHSAFE_DATABASE_URL")
        return given or f"sqlite:///{self.server.data_dir / 'vouchsafe.db'}"

    @property
    def workers(self) -> list[int]:
        return list(self._status()["web"])

    @property
    def background(self) -> list[int]:
        return [int(self._status()["background"])]

    @property
    def database(self) -> list[int]:
        """The processes of PostgreSQL; none for SQLite, which works inside the engine's."""
        return [] if self.postgres is None else with_children(self.postgres.process.pid)

    def client(self, project: Project) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=project.headers, timeout=120, trust_env=False)

    def prepared(self, project: Project, work: Callable[[httpx.AsyncClient], Any]) -> Any:
        """Run `work` with a client of the project."""

        async def with_client() -> Any:
            async with self.client(project) as client:
                return await work(client)

        return asyncio.run(with_client())

    def events(self, project: Project) -> int:
        """How many the project's partition has had."""
        with redis.Redis(unix_socket_path=self.socket) as client:
            return acknowledged(client, Partition(project.project_id))

    def rest(self) -> None:
        """Until the background process has nothing to do any more, so that no row pays for the one before.

        Raises: SystemExit when it works for longer than REST_SECONDS_MAX.
        """
        deadline = time.monotonic() + REST_SECONDS_MAX
        while time.monotonic() < deadline:
            before = cpu_seconds([*self.background, *self.database])
            time.sleep(REST_SECONDS)
            if cpu_seconds([*self.background, *self.database]) - before <= REST_SECONDS * RESTING_SHARE:
                return
        raise SystemExit(f"the background process works on {REST_SECONDS_MAX:.0f} s after the load")

    def watch(self, project: Project) -> LagWatch:
        return WatermarkLag(self.socket, project.project_id)

    def _status(self) -> dict[str, Any]:
        status = self.server.status()
        assert status is not None, "the engine runs"
        return status


class WatermarkLag(LagWatch):
    """Lag as the drain tells it in Redis after its commits, whatever the database is."""

    def __init__(self, redis_socket: str, project_id: str) -> None:
        super().__init__(redis_socket, Path(), project_id)

    def _watch(self) -> None:
        with redis.Redis(unix_socket_path=self._socket) as client:
            while not self._stopping.is_set():
                self._sample_marks(client)
                self._stopping.wait(bench.LAG_SECONDS_MAX / 5)
            self._sample_marks(client)

    def _sample_marks(self, client: redis.Redis) -> None:
        marks = client.hmget(keys.watermark(self._partition), [LEDGERED, PROJECTED])
        ledgered, projected = (int(mark.split(b"-")[1]) if mark else 0 for mark in marks)  # type: ignore[union-attr]
        self.seen(acknowledged(client, self._partition), ledgered, projected)


def acknowledged(client: redis.Redis, partition: Partition) -> int:
    """The last event's number."""
    return int(client.hget(keys.meta(partition), "seq") or 0)  # type: ignore[arg-type]


@contextmanager
def engine(setting: Setting, folder: Path) -> Iterator[Stage]:
    """The engine as it is set, on a fresh Valkey that syncs before it answers, and a fresh database."""
    environment = {**QUIET, "VOUCHSAFE_DURABILITY": setting.level}
    with contextlib.ExitStack() as stack:
        socket_path, valkey_pid = stack.enter_context(valkey(folder / "v"))
        environment["VOUCHSAFE_REDIS_URL"] = f"unix://{socket_path}"
        postgres = None
        if setting.database == "postgres":
            postgres = Postgres(synced=True)
            stack.callback(postgres.stop)
            environment["VOUCHSAFE_DATABASE_URL"] = postgres.create_database()
        server = RunningServer(data_dir=folder / "data", workers=setting.workers, environment=environment)
        stack.callback(server.stop)
        server.start()
        stage = Stage(setting, folder, server, (socket_path, valkey_pid))
        stage.postgres = postgres
        yield stage


class Floor(NamedTuple):
    url: str
    workers: list[int]
    valkeys: list[int]


@contextmanager
def floor(folder: Path) -> Iterator[Floor]:
    """The bare stack, as `bench.floor_row` starts it, for as long as one wants."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    application = ["--app-dir", str(Path(__file__).parent), "floor:app", "--port", str(port)]
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"]
    command = [sys.executable, "-m", "uvicorn", *application, *options]
    with (
        valkey(folder) as (socket_path, valkey_pid),
        subprocess.Popen(command, env={**os.environ, "FLOOR_REDIS": socket_path}) as worker,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: bench.listens(f"{url}/echo"), "the floor")
            yield Floor(url, [worker.pid], [valkey_pid])
        finally:
            worker.kill()  # It has nothing to save, and asked to end it waits for connections first.


def with_children(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in path.read_text().split():
                found += with_children(int(child))
    return found
