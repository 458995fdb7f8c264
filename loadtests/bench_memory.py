"""`make bench-memory`: what campaigns and vouchers take in a web worker, and codes and redemptions in Valkey.

One worker on SQLite. Campaigns are validated one by one, so that the worker compiles each; codes of one
campaign are validated and redeemed one by one, so that it remembers each. Memory of the worker is the
resident set from /proc, of Valkey `used_memory` without the buffers of clients and of the append-only file.
Each figure is a growth, after a first part of the same work whose growth is not counted. Exits 1 when a
bar is missed.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import redis
from sqlalchemy import select

from app.core import keys
from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.db.database import Database
from app.db.models import Voucher
from app.redeemables.catalogue import Catalogue
from app.redeemables.memory import VOUCHERS_MAX
from loadtests.bench_bars import Bar
from loadtests.codes import resident_megabytes
from loadtests.shop import CODE, body, open_shop, post
from loadtests.stage import Setting, Stage, engine
from loadtests.tiers import open_tiers
from tests.support.server import Project

WORKER_MEGABYTES_MAX = 120.0
VOUCHER_BYTES_MAX = 600.0
CODE_BYTES_MAX = 150.0
TIER_BYTES_MAX = 1_500.0
REDEMPTION_BYTES_MAX = 500.0
CAMPAIGNS = 1_000
WARM = 2_000
"""Pieces of the same work before the first reading: by then a worker has all that it keeps of the codes that
were used last, besides what it remembers of each.
"""
AT_ONCE = 16
BATCH = 1_000
TRIM_SECONDS_MAX = 300.0
OUTBOX_LEFT_MAX = 200
"""Entries: Redis trims whole nodes of a stream, so that some always stay."""
PERCENT = {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"}


class Asking:
    """Requests of one project, some at once."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.gate = asyncio.Semaphore(AT_ONCE)

    async def post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        async with self.gate:
            return await post(self.client, path, document)

    async def all(self, path: str, documents: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(documents), BATCH):
            await asyncio.gather(*(self.post(path, one) for one in documents[start : start + BATCH]))


def worker_bytes(stage: Stage) -> float:
    return sum(resident_megabytes(pid) for pid in stage.workers) * 1024 * 1024


def valkey_bytes(stage: Stage) -> int:
    """What the data takes, with all that Valkey needs to find it."""
    with redis.Redis(unix_socket_path=stage.socket) as client:
        told: dict[str, Any] = client.info("memory")  # type: ignore[assignment]
    return int(told["used_memory"]) - int(told["mem_clients_normal"]) - int(told["mem_aof_buffer"])


def asked(code: str, customer: str | None = None) -> dict[str, Any]:
    document = {**body(customer or ""), "redeemables": [{"object": "voucher", "id": code}]}
    if customer is None:
        del document["customer"]
    return document


# The worker
# ---------------------------------------------------------------------------------------------------------


async def with_campaigns(stage: Stage, client: httpx.AsyncClient, count: int) -> Bar:
    """Each with a rule, a cap, metadata and one public code."""
    asking = Asking(client)
    rule = await asking.post(
        "/v1/validation-rules",
        {
            "name": "Measured",
            "rules": {
                "1": {"name": "order.amount", "conditions": {"$more_than": [1_000]}},
                "2": {
                    "name": "redemption.count.per_customer",
                    "conditions": {"$less_than_or_equal": [5]},
                },
                "logic": "1 and 2",
            },
        },
    )
    campaigns = [
        {
            "name": f"Campaign {number}",
            "type": "STANDALONE",
            "campaign_type": "DISCOUNT_COUPONS",
            "metadata": {"season": "spring", "channel": "shop", "number": number},
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "code": f"PUBLIC-{number}",
                "discount": PERCENT,
                "redemption": {"quantity": 1_000},
            },
            "validation_rules": [rule["id"]],
        }
        for number in range(count)
    ]
    before = worker_bytes(stage)
    await asking.all("/v1/campaigns", campaigns)
    await _until_codes(asking.client, f"PUBLIC-{count - 1}")
    await asking.all("/v1/validations", [asked(f"PUBLIC-{number}", "ann") for number in range(count)])
    after = worker_bytes(stage)
    each = (after - before) / count / 1024
    note = f"({each:.1f} kB a campaign)"
    title = f"a worker with {count} campaigns"
    return Bar(title, after / 1024**2, WORKER_MEGABYTES_MAX, unit="MB", note=note)


async def with_tiers(stage: Stage, project: Project, client: httpx.AsyncClient, count: int) -> Bar:
    """Kept by what they require; none applies to the cart, so that no terms are compiled."""
    nothing = {"order": {"items": [{"product_id": "prod_none", "quantity": 1, "price": 1}]}}
    of_tables = {"resource_type": {"conditions": {"$is": ["promotion_tier"]}}}
    await open_tiers(stage.database_url, project.project_id, client, count)
    # What looking through the tables takes by itself: the newest thousand compiled, pages of the database.
    asking = Asking(client)
    await asking.all("/v1/qualifications", [{**nothing, "options": {"filters": of_tables}}] * AT_ONCE)
    before = worker_bytes(stage)
    async with asyncio.timeout(120):
        # While the tables are looked through, the page ends after the newest thousand.
        while (await post(client, "/v1/qualifications", nothing))["redeemables"]["has_more"]:
            await asyncio.sleep(0.2)
    each = (worker_bytes(stage) - before) / count
    return Bar(f"a promotion tier that a worker keeps, of {count}", each, TIER_BYTES_MAX, unit="B")


async def _until_codes(client: httpx.AsyncClient, code: str) -> None:
    """A campaign's code is made in the background."""
    async with asyncio.timeout(120):
        while (await client.get(f"/v1/vouchers/{code}")).is_error:
            await asyncio.sleep(0.2)


async def with_vouchers(stage: Stage, client: httpx.AsyncClient, codes: Sequence[str]) -> Bar:
    """As many as a worker remembers at most: each is validated and redeemed once. Pages of SQLite that they
    come from count as well.
    """
    asking = Asking(client)
    first, rest = codes[:WARM], codes[WARM:]
    for some in (first, rest):
        before = worker_bytes(stage)
        await asking.all("/v1/validations", [asked(code) for code in some])
        await asking.all("/v1/redemptions", [asked(code) for code in some])
    each = (worker_bytes(stage) - before) / len(rest)
    return Bar(f"a voucher that a worker remembers, of {len(rest)}", each, VOUCHER_BYTES_MAX, unit="B")


# Valkey
# ---------------------------------------------------------------------------------------------------------


async def with_directory(stage: Stage, project: Project, codes: Sequence[str]) -> Bar:
    """Codes that were asked for and not redeemed: their records, put there as the engine puts them."""
    core, db = RedemptionCore(f"unix://{stage.socket}"), Database(stage.database_url)
    await core.start()
    try:
        catalogue, partition = Catalogue(core, db), Partition(project.project_id)
        before = valkey_bytes(stage)
        for start in range(0, len(codes), BATCH):
            await catalogue.hydrate_vouchers(partition, codes[start : start + BATCH])
        each = (valkey_bytes(stage) - before) / len(codes)
    finally:
        await core.close()
        await db.close()
    return Bar(f"an unredeemed code in Valkey, of {len(codes)}", each, CODE_BYTES_MAX, unit="B")


async def with_redemptions(stage: Stage, project: Project, client: httpx.AsyncClient, count: int) -> Bar:
    """Of one public code by customers who have redeemed before, when the ledger has them all."""
    customers = max(1, min(2_000, count // 5))
    await open_shop(client, customers)
    asking = Asking(client)
    everybody = [asked(CODE, f"customer-{number}") for number in range(customers)]
    await asking.all("/v1/redemptions", everybody)
    await trimmed(stage, project)
    before = valkey_bytes(stage)
    await asking.all("/v1/redemptions", [everybody[number % customers] for number in range(count)])
    await trimmed(stage, project)
    each = (valkey_bytes(stage) - before) / count
    return Bar(f"a redemption in Valkey after the trim, of {count}", each, REDEMPTION_BYTES_MAX, unit="B")


async def trimmed(stage: Stage, project: Project) -> None:
    """Until the outbox is as short as it gets. Raises: TimeoutError."""
    outbox = keys.outbox(Partition(project.project_id))
    async with asyncio.timeout(TRIM_SECONDS_MAX):
        with redis.Redis(unix_socket_path=stage.socket) as client:
            while int(client.xlen(outbox)) > OUTBOX_LEFT_MAX:  # type: ignore[arg-type]
                await asyncio.sleep(0.5)
    await asyncio.to_thread(stage.rest)


# All of it
# ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def project_with_codes(stage: Stage, name: str, count: int) -> AsyncIterator[tuple[Project, list[str]]]:
    """A campaign of so many codes, made by the engine, with the codes as it made them."""
    project = await asyncio.to_thread(stage.server.create_project, name)
    async with stage.client(project) as client:
        document = {
            "name": "Unique",
            "campaign_type": "DISCOUNT_COUPONS",
            "vouchers_count": count,
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "discount": PERCENT,
                "redemption": {"quantity": 1},
                "code_config": {"length": 10},
            },
        }
        campaign = await post(client, "/v1/campaigns", document)
        path = f"/v1/campaigns/{campaign['id']}"
        while (await client.get(path)).json()["vouchers_generation_status"] != "DONE":
            await asyncio.sleep(0.5)
    yield project, await _codes(stage, project)


async def _codes(stage: Stage, project: Project) -> list[str]:
    db = Database(stage.database_url)
    async with db.reading() as session:
        found = list(
            await session.scalars(select(Voucher.code).where(Voucher.project_id == project.project_id))
        )
    await db.close()
    return found


Measure = Callable[[Stage, argparse.Namespace], Awaitable[Bar]]


async def _campaigns(stage: Stage, options: argparse.Namespace) -> Bar:
    project = await asyncio.to_thread(stage.server.create_project, "campaigns")
    async with stage.client(project) as client:
        return await with_campaigns(stage, client, options.campaigns)


async def _vouchers(stage: Stage, options: argparse.Namespace) -> Bar:
    async with (
        project_with_codes(stage, "vouchers", WARM + options.vouchers) as (project, codes),
        stage.client(project) as client,
    ):
        return await with_vouchers(stage, client, codes)


async def _tiers(stage: Stage, options: argparse.Namespace) -> Bar:
    project = await asyncio.to_thread(stage.server.create_project, "tiers")
    async with stage.client(project) as client:
        return await with_tiers(stage, project, client, options.tiers)


async def _directory(stage: Stage, options: argparse.Namespace) -> Bar:
    async with project_with_codes(stage, "directory", options.codes) as (project, codes):
        return await with_directory(stage, project, codes)


async def _redemptions(stage: Stage, options: argparse.Namespace) -> Bar:
    project = await asyncio.to_thread(stage.server.create_project, "redemptions")
    async with stage.client(project) as client:
        return await with_redemptions(stage, project, client, options.redemptions)


MEASURES: dict[str, Measure] = {
    "campaigns": _campaigns,
    "vouchers": _vouchers,
    "tiers": _tiers,
    "directory": _directory,
    "redemptions": _redemptions,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-memory", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=CAMPAIGNS)
    parser.add_argument("--vouchers", type=int, default=VOUCHERS_MAX - WARM)
    parser.add_argument("--tiers", type=int, default=20_000, help="more than a thousand")
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--redemptions", type=int, default=20_000)
    parser.add_argument("--only", default=",".join(MEASURES), help="such as campaigns,vouchers")
    parser.add_argument("--json", type=Path, help="keep the figures")
    options = parser.parse_args()
    bars = []
    for name in options.only.split(","):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="vb-") as folder, engine(Setting(), Path(folder)) as stage:
            bar = asyncio.run(MEASURES[name](stage, options))
        print(f"{bar.line} ({time.monotonic() - began:.0f} s)", flush=True)
        bars.append(bar)
    if options.json:
        figures = [{**bar._asdict(), "held": bar.held} for bar in bars]
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return int(not all(bar.held for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
