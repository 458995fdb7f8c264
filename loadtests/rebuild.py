"""How long counters take from SQL into an empty namespace, beside a bare pipelined MSET of as many keys on
the same server: `make bench-rebuild`.

The ledger's checkpoint is filled directly: what is measured is the rebuild, not the redemptions before it.
"""

import argparse
import asyncio
import os
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

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


class Spent(NamedTuple):
    """Seconds by the clock, and of processor in this process and in the server: on a busy machine only the
    latter tell anything.
    """

    clock: float
    processor: float

    @classmethod
    def now(cls, valkey: Valkey) -> "Spent":
        assert valkey.process is not None
        fields = Path(f"/proc/{valkey.process.pid}/stat").read_text().rpartition(")")[2].split()
        server = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return cls(time.perf_counter(), time.process_time() + server)

    def since(self, began: "Spent") -> "Spent":
        return Spent(self.clock - began.clock, self.processor - began.processor)


async def bare_mset(valkey: Valkey, count: int) -> Spent:
    """For so many string keys."""
    url = valkey.url
    client = Client(url, deadline_seconds=60.0)
    await client.start()
    began = Spent.now(valkey)
    for start in range(0, count, BATCH * IN_FLIGHT):
        calls = []
        for first in range(start, min(start + BATCH * IN_FLIGHT, count), BATCH):
            pairs: list[str | int] = []
            for number in range(first, min(first + BATCH, count)):
                pairs += (f"{{bare}}:c:{number:032d}", number)
            calls.append(client.call(("MSET", *pairs)))
        await asyncio.gather(*calls)
    spent = Spent.now(valkey).since(began)
    await client.call(("FLUSHALL", "SYNC"), seconds=60.0)
    await client.close()
    return spent


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


async def measure(count: int) -> tuple[Spent, Spent, int]:
    """Of the MSET and of the rebuild, and the counters that it wrote."""
    with tempfile.TemporaryDirectory() as folder, Valkey() as valkey:
        file = Path(folder) / "ledger.db"
        db, core = Database(f"sqlite:///{file}"), RedemptionCore(valkey.url)
        await core.start()
        try:
            await migrate.upgrade(db)
            bare = await bare_mset(valkey, count)
            partition = Partition((await create_project(core, db, "rebuild")).id)
            await asyncio.to_thread(fill, file, partition, count)
            began = Spent.now(valkey)
            done = await recover(core, db, partition, rebuild=True)
            return bare, Spent.now(valkey).since(began), done.counters
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
        f"{counters} counters rebuilt in {rebuilt.clock:.1f} s ({rebuilt.processor:.1f} s of processor);"
        f" a bare pipelined MSET of as many keys takes {bare.clock:.1f} s ({bare.processor:.1f}):"
        f" ratio {rebuilt.clock / bare.clock:.1f} ({rebuilt.processor / bare.processor:.1f})"
    )


if __name__ == "__main__":
    main()
