"""`make bench-segments`: what do twenty segments cost where there are a million customers?

Starts a server of its own on SQLite, writes the customers, and asks for validations of a code without rules
and of one whose rule looks at twenty auto-update segments, all of which the customer is in, so that none is
skipped. CPU of the web worker per validation, in alternating rounds; the least of each counts,
as the machine's noise only ever adds. Exits 1 when twenty cost more than 1.5 times as much as none.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert, select

from app.db.database import Database
from app.db.models import Customer, Project
from app.redeemables.customers import derive_customer_id, summary_of
from loadtests.machine import cpu_seconds
from tests.support.server import RunningServer
from tools.fuzz.hostile import encoded
from tools.fuzz.wire import Connection

RATIO_MAX: Final = 1.5
SEGMENTS: Final = 20
MET: Final = 2_000
"""Customers who ask, spread over all of them."""
ROUNDS: Final = 5
BATCH: Final = 5_000
FILTERS: Final[tuple[dict[str, Any], ...]] = (
    {"metadata.level": {"conditions": {"$in": ["gold", "silver"]}}},
    {"metadata.visits": {"conditions": {"$more_than": [0]}}, "name": {"conditions": {"$has_value": [True]}}},
    {"address.country": {"conditions": {"$is": ["DE"]}}},
    {"email": {"conditions": {"$ends_with": ["@example.com"]}}},
    {"metadata.brands": {"conditions": {"$contains": ["b"]}}},
)


async def write_customers(url: str, project_id: str, count: int) -> None:
    """Straight into the table: no million requests."""
    db, now = Database(url), datetime.now(UTC)
    async with db.reading() as session:
        secret = await session.scalar(select(Project.secret).where(Project.id == project_id))
    assert secret is not None
    empty = summary_of({})
    for start in range(0, count, BATCH):
        rows = [
            {
                "project_id": project_id,
                "id": derive_customer_id(secret, f"customer-{number}"),
                "source_id": f"customer-{number}",
                "name": f"Customer {number}",
                "email": f"customer-{number}@example.com",
                "body": {
                    "metadata": {"level": "gold", "visits": number + 1, "brands": ["a", "b", "c"]},
                    "address": {"country": "DE", "city": "Bonn"},
                },
                "summary": empty,
                "version": 1,
                "created_at": now,
                "updated_at": None,
                "deleted_at": None,
            }
            for number in range(start, min(start + BATCH, count))
        ]
        async with db.writing() as session:
            await session.execute(insert(Customer), rows)
    await db.close()


def make_codes(server: RunningServer, project: Any) -> None:
    """PLAIN without rules; SEGMENTS with one rule of twenty conditions."""
    with server.client(project) as api:

        def made(path: str, body: Any) -> Any:
            answer = api.post(path, json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        rules: dict[str, Any] = {"logic": " and ".join(str(n) for n in range(1, SEGMENTS + 1))}
        for number in range(SEGMENTS):
            condition = {"junction": "and", **FILTERS[number % len(FILTERS)]}
            segment = made(
                "/v1/segments", {"name": f"S{number}", "type": "auto-update", "filter": condition}
            )
            rules[str(number + 1)] = {"name": "customer.segment", "conditions": {"$is": [segment["id"]]}}
        discount = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}}
        rule = made("/v1/validation-rules", {"name": "all of them", "rules": rules})
        made("/v1/vouchers/PLAIN", discount)
        made("/v1/vouchers/SEGMENTS", {**discount, "validation_rules": [rule["id"]]})


async def ask(server: RunningServer, project: Any, code: str, customers: list[int]) -> None:
    headers = {**project.headers, "Content-Type": "application/json"}
    connection = Connection("127.0.0.1", server.port)
    for number in customers:
        body = {
            "redeemables": [{"object": "voucher", "id": code}],
            "customer": {"source_id": f"customer-{number}"},
            "order": {"items": [{"product_id": f"p{n}", "quantity": 1, "price": 1_000} for n in range(3)]},
        }
        reply = await connection.send("POST", "/v1/validations", headers, encoded(body))
        assert reply.status == 200, reply
        assert b'"valid":true' in reply.body, reply.body
    await connection.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        server = RunningServer(data_dir=data, workers=1)
        server.start()
        try:
            project = server.create_project("segments")
            started = time.monotonic()
            url = f"sqlite:///{data / 'vouchsafe.db'}"
            asyncio.run(write_customers(url, project.project_id, arguments.customers))
            print(f"{arguments.customers} customers written in {time.monotonic() - started:.0f} s")
            make_codes(server, project)
            step = max(1, arguments.customers // MET)
            customers = list(range(0, arguments.customers, step))[:MET]
            status = server.status()
            assert status is not None
            pids = list(status["web"])
            least: dict[str, float] = {}
            for code in ("PLAIN", "SEGMENTS"):  # records are in Redis and programs compiled
                asyncio.run(ask(server, project, code, customers))
            for _ in range(ROUNDS):
                for code in ("PLAIN", "SEGMENTS"):
                    before = cpu_seconds(pids)
                    asyncio.run(ask(server, project, code, customers))
                    each = (cpu_seconds(pids) - before) / len(customers) * 1e6
                    least[code] = min(each, least.get(code, each))
        finally:
            server.stop()
    ratio = least["SEGMENTS"] / least["PLAIN"]
    print(f"CPU of the web worker per validation: {least['PLAIN']:.0f} us without rules,", end=" ")
    print(f"{least['SEGMENTS']:.0f} us with {SEGMENTS} segments: {ratio:.2f} times (bar {RATIO_MAX})")
    return 0 if ratio <= RATIO_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
