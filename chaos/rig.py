"""The processes of one cell: the server with its workers, its Redis, and what stands between them."""

import asyncio
import os
import random
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from chaos.proxy import FaultProxy
from tests.support.postgres import Postgres
from tests.support.server import RunningServer
from tests.support.valkey import Valkey

WORKERS = 2


class Rig:
    """`external`: the Redis is started here, behind a proxy, and not by the server itself. postgresql: the
    ledger is there, and not in SQLite.

    environment: further variables of the server's processes.
    """

    def __init__(
        self,
        level: str,
        *,
        external: bool,
        postgresql: bool = False,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.level = level
        self.directory = Path(tempfile.mkdtemp(prefix="vs-chaos-"))
        self.environment = {"VOUCHSAFE_DURABILITY": level, **(environment or {})}
        self.external = external
        self.postgresql = postgresql
        self.postgres: Postgres | None = None
        self._database_url = ""
        self.valkey: Valkey | None = None
        self.replica: Valkey | None = None
        self.proxy: FaultProxy | None = None
        self.hang_up: Callable[[random.Random], int] | None = None
        """Cuts connections of the clients, once there are any."""
        self.server = RunningServer(
            data_dir=self.directory / "data", workers=WORKERS, environment=self.environment
        )

    async def start(self) -> None:
        if self.external:
            self.valkey = await asyncio.to_thread(new_valkey(self.level).start)
            self.proxy = FaultProxy(self.directory / "p", self.valkey.socket)
            await self.proxy.__aenter__()
            self.environment["VOUCHSAFE_REDIS_URL"] = self.proxy.url
        if self.postgresql:
            self.postgres = await asyncio.to_thread(Postgres)
            self._database_url = await asyncio.to_thread(self.postgres.create_database)
            self.environment["VOUCHSAFE_DATABASE_URL"] = self._database_url
        await asyncio.to_thread(self.server.start)

    async def stop(self) -> None:
        try:
            await asyncio.to_thread(self.server.stop)
        finally:
            if self.proxy is not None:
                await self.proxy.__aexit__()
            for part in (self.valkey, self.replica, self.postgres):
                if part is not None:
                    await asyncio.to_thread(part.stop)
            shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.port

    @property
    def redis_url(self) -> str:
        """Where the server's processes find their Redis."""
        return str(self._status()["redis_url"])

    @property
    def database_url(self) -> str:
        return self._database_url or f"sqlite:///{self.database_file}"

    @property
    def database_file(self) -> Path:
        return self.server.data_dir / "vouchsafe.db"

    def _status(self) -> dict[str, Any]:
        status = self.server.status()
        assert status is not None, self.server.log_tail()
        return status

    def web_pids(self) -> list[int]:
        return [int(pid) for pid in self._status()["web"]]

    def background_pid(self) -> int | None:
        pid = self._status()["background"]
        return None if pid is None else int(pid)

    def valkey_pid(self) -> int | None:
        """None while it is away."""
        if self.valkey is not None:
            return self.valkey.process.pid if self.valkey.process is not None else None
        try:
            with redis.Redis.from_url(self.redis_url, socket_timeout=2) as client:
                server: Any = client.info("server")
                return int(server["process_id"])
        except redis.RedisError:
            return None

    async def kill_valkey(self, down_seconds: float = 0.0) -> None:
        """SIGKILL; a supervisor starts the embedded one again, this method the external one."""
        if self.valkey is not None:
            await asyncio.to_thread(self.valkey.kill)
            await asyncio.sleep(down_seconds)
            await asyncio.to_thread(self.valkey.start)
            return
        pid = await asyncio.to_thread(self.valkey_pid)
        if pid is not None:
            signal_process(pid, signal.SIGKILL)


def new_valkey(level: str) -> Valkey:
    """A server that proves what the level needs of it: at `ledger` it need not sync before it answers."""
    return Valkey(appendfsync="always" if level == "journal" else "everysec")


def signal_process(pid: int, number: signal.Signals) -> bool:
    """Whether it was there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
