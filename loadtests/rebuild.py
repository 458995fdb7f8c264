"""How long counters take from SQL into an empty namespace, beside a bare pipelined MSET of as many keys on
the same server: `make bench-rebuild`.

The ledger's checkpoint is filled directly: what is measured is the rebuild, not the redemptions before it.
"""

import argparse
import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path

import structlog

from app.core.client import Client
from app.core.core import RedemptionCore
from app.core.keys import Partition, bucket_of
from app.db import migrate
from app.db.database import Database
from app.ledger.recovery import recover
from app.projects import create_project
from tests.support.valkey import Valkey

BATCH = 1_000
"""Keys of one MSET."""
IN_FLIGHT = 20


async def bare_mset(url: str, count: int) -> float:
    """Seconds for so many string keys."""
    client = Client(url, deadline_seconds=60.0)
    await client.start()
    began = time.perf_counter()
    for start in range(0, count, BATCH * IN_FLIGHT):
        calls = []
        for first in range(start, min(start + BATCH * IN_FLIGHT, count), BATCH):
            pairs: list[str | int] = []
            for number in range(first, min(first + BATCH, count)):
                pairs += (f"{{bare}}:c:{number:032d}", number)
            calls.append(client.call(("MSET", *pairs)))
        await asyncio.gather(*calls)
    seconds = time.perf_counter() - began
    await client.call(("FLUSHALL", "ASYNC"), seconds=60.0)
    await client.close()
    return seconds


def fill(file: Path, partition: Partition, count: int) -> None:
    """A verified checkpoint with so many counters of vouchers."""
    connection = sqlite3.connect(file)
    with connection:
        connection.executemany(
            'INSERT INTO counters (part, "key", field, value, held, until, epoch, seq)'
            " VALUES (?, ?, ?, ?, 0, 0, 1, 0)",
            (
                (partition.name, f"v:{bucket_of(identity)}", identity, number % 9 + 1)
                for number in range(count)
                for identity in (f"v_{number:026d}",)
            ),
        )
        connection.execute("UPDATE partitions SET verified_epoch = 1, verified_seq = 0")
    connection.close()


async def measure(count: int) -> tuple[float, float, int]:
    """Seconds of the MSET, seconds of the rebuild, counters that it wrote."""
    with tempfile.TemporaryDirectory() as folder, Valkey() as valkey:
        file = Path(folder) / "ledger.db"
        db, core = Database(f"sqlite:///{file}"), RedemptionCore(valkey.url)
        await core.start()
        try:
            await migrate.upgrade(db)
            bare = await bare_mset(valkey.url, count)
            partition = Partition((await create_project(core, db, "rebuild")).id)
            await asyncio.to_thread(fill, file, partition, count)
            began = time.perf_counter()
            done = await recover(core, db, partition, rebuild=True)
            return bare, time.perf_counter() - began, done.counters
        finally:
            await core.close()
            await db.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counters", type=int, default=1_000_000)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    bare, rebuilt, counters = asyncio.run(measure(given.counters))
    print(
        f"{counters} counters rebuilt in {rebuilt:.1f} s;"
        f" a bare pipelined MSET of as many keys takes {bare:.1f} s: ratio {rebuilt / bare:.1f}"
    )


if __name__ == "__main__":
    main()
