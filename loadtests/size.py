"""`make bench-size`: what a redemption takes on disk, with all indexes and projections, on both databases.

Redemptions of one code, each with an order of three lines, by 500 customers, through the API; then
`vouchsafe ledger size`, after the background process has done its work. Of the append-only file of Valkey
what it grew by, before it is written anew. Small databases have half-empty pages.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from loadtests.bench_memory import Asking
from loadtests.shop import body, open_shop
from loadtests.stage import Setting, Stage, engine

CUSTOMERS = 500


class Size(NamedTuple):
    """Bytes for each redemption; year_gigabytes: of one a second."""

    database: str
    redemptions: int
    bytes_each: float
    append_only_each: float
    year_gigabytes: float


def append_only(folder: Path) -> int:
    """Bytes of the files that Valkey writes."""
    return sum(file.stat().st_size for file in folder.rglob("*.aof"))


def ledger_size(stage: Stage) -> dict[str, Any]:
    return dict(json.loads(stage.server.command("ledger", "size", "--json").stdout))


def measure(database: str, redemptions: int, folder: Path) -> Size:
    with engine(Setting(database), folder) as stage:
        project = stage.server.create_project("size")

        async def prepare() -> None:
            async with stage.client(project) as client:
                await open_shop(client, CUSTOMERS)

        async def redeem() -> None:
            async with stage.client(project) as client:
                bodies = [body(f"customer-{number % CUSTOMERS}") for number in range(redemptions)]
                await Asking(client).all("/v1/redemptions", bodies)

        asyncio.run(prepare())
        before = append_only(folder)
        asyncio.run(redeem())
        stage.rest()
        grown = append_only(folder) - before
        found = ledger_size(stage)
        assert found["redemptions"] == redemptions, found
        return Size(
            database,
            redemptions,
            found["bytes_per_redemption"],
            grown / redemptions,
            found["year_bytes"] / 1e9,
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-size", description=__doc__)
    parser.add_argument("--redemptions", type=int, default=3_000)
    parser.add_argument("--databases", default="sqlite,postgres")
    options = parser.parse_args()
    for database in options.databases.split(","):
        with tempfile.TemporaryDirectory(prefix="vb-") as folder:
            size = measure(database, options.redemptions, Path(folder))
        print(
            f"{size.database}: {size.bytes_each:,.0f} bytes for each of {size.redemptions} redemptions, "
            f"a year of one a second {size.year_gigabytes:,.0f} GB; {size.append_only_each:,.0f} bytes of "
            "the append-only file",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
