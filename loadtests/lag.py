"""How far the background process is behind, in seconds, while a row is measured."""

import sqlite3
import threading
import time
from pathlib import Path

import redis

from app.core import keys
from app.core.keys import Partition

SAMPLE_SECONDS = 0.2


class LagWatch:
    """Samples what the core has acknowledged and how far SQL is, from `start` to `stop`."""

    def __init__(self, redis_socket: str, database: Path, project_id: str) -> None:
        self._socket = redis_socket
        self._database = database
        self._partition = Partition(project_id)
        self._samples: list[tuple[float, int]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.ledgered_seconds_max = 0.0
        self.projected_seconds_max = 0.0
        self.end_events = 0
        self.end_seconds = 0.0

    def start(self) -> "LagWatch":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        with (
            redis.Redis(unix_socket_path=self._socket) as client,
            sqlite3.connect(self._database, timeout=10) as database,
        ):
            while not self._stopping.is_set():
                self._sample(client, database)
                self._stopping.wait(SAMPLE_SECONDS)
            self._sample(client, database)
        database.close()

    def _sample(self, client: redis.Redis, database: sqlite3.Connection) -> None:
        acknowledged = int(client.hget(keys.meta(self._partition), "seq") or 0)  # type: ignore[arg-type]
        ledgered, projected = database.execute(
            "SELECT cursor_seq, projected_seq FROM partitions WHERE part = ?", (self._partition.name,)
        ).fetchone()
        self.seen(acknowledged, ledgered, projected)

    def seen(self, acknowledged: int, ledgered: int, projected: int) -> None:
        """Numbers of events, as of now."""
        now = time.monotonic()
        self._samples.append((now, acknowledged))
        self.ledgered_seconds_max = max(self.ledgered_seconds_max, self._behind(now, ledgered))
        self.end_seconds = self._behind(now, projected)
        self.projected_seconds_max = max(self.projected_seconds_max, self.end_seconds)
        self.end_events = acknowledged - projected

    def _behind(self, now: float, reached: int) -> float:
        """Seconds since the core first had an event beyond the one that was reached."""
        for at, acknowledged in self._samples:
            if acknowledged > reached:
                return now - at
        return 0.0
