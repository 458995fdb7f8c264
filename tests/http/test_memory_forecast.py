"""`vouchsafe config check --production` forecasts memory from bytes that are measured here once more."""

import time

import pytest
import redis

from app.cli import memory_forecast
from app.cli.memory_forecast import Stored, redis_parts, stored_now, worker_bytes
from app.core.keys import Keys, Partition
from app.core.records import CustomerRecord, encode_record
from app.db.database import Database
from app.identifiers import new_id
from app.redeemables.memory import VOUCHERS_MAX
from tests.support.server import RunningServer
from tests.support.valkey import Valkey

COUNT = 20_000
BATCH = 1_000


def record(number: int, customer_id: str) -> bytes:
    """A customer as shops keep them."""
    return encode_record(
        CustomerRecord(
            version=time.time_ns() // 1000,
            id=customer_id,
            source_id=f"customer-{number}",
            name="Ann Example",
            email=f"ann.{number}@example.com",
            address={"city": "Leeds", "country": "GB", "line_1": "1 Some Street", "postal_code": "LS1 1AA"},
            metadata={"tier": "gold", "newsletter": True},
        )
    )


def test_what_is_forecast_is_what_valkey_takes() -> None:
    """Counters in shared hashes, counters of their own, claims and customers: never less than nine tenths of
    what they take, never more than one and a half times.
    """
    keys = Keys(Partition(new_id("proj_")), "e1")
    ids = [new_id("cust_") for _ in range(COUNT)]
    one = Stored(partitions=1)
    cases = {
        "voucher_counters": lambda n: (keys.voucher_used(ids[n]), ids[n], "3"),
        "other_counters": lambda n: (keys.counter("campaign", "c" * 31, ids[n]), "used", "3"),
        "claims": lambda n: (keys.source_claim(f"customer-{n}"), f"customer-{n}", ids[n]),
        "customers": lambda n: (keys.customer_record(ids[n]), ids[n], record(n, ids[n])),
    }
    forecast = {
        "voucher_counters": redis_parts(Stored(partitions=1, voucher_counters=COUNT))["counters"],
        "other_counters": redis_parts(Stored(partitions=1, other_counters=COUNT))["counters"],
        "claims": redis_parts(Stored(partitions=1, customers=COUNT))["source ids"],
        "customers": redis_parts(Stored(partitions=1, customers=COUNT))["customers"],
    }
    assert sum(redis_parts(one).values()) == 0
    with Valkey(appendfsync="off") as valkey, redis.Redis.from_url(valkey.url) as client:
        for name, made in cases.items():
            before = taken(client)
            for start in range(0, COUNT, BATCH):
                pipeline = client.pipeline(transaction=False)
                for number in range(start, start + BATCH):
                    pipeline.hset(*made(number))
                pipeline.execute()
            measured = taken(client) - before
            assert 0.9 * measured < forecast[name] < 1.5 * measured, (name, measured / COUNT)


def taken(client: "redis.Redis") -> int:
    told = client.info("memory")
    return int(told["used_memory"]) - int(told["mem_clients_normal"]) - int(told["mem_aof_buffer"])


async def test_rows_are_counted_as_they_are(server: RunningServer) -> None:
    """Of a server that has worked: whatever other tests left there."""
    server.create_project(new_id("forecast_"))
    db = Database(f"sqlite:///{server.data_dir / 'vouchsafe.db'}")
    try:
        async with db.reading() as session:
            stored = await stored_now(session, time.time_ns() // 1000)
            ended = await stored_now(session, 2 * time.time_ns() // 1000)
    finally:
        await db.close()
    assert stored.partitions >= 1
    assert min(stored.voucher_counters, stored.other_counters, stored.vouchers, stored.events_of_hour) >= 0
    assert ended.events_of_hour == 0


def test_a_worker_remembers_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond, more vouchers cost it nothing. A container's limit counts in place of the machine."""
    full = worker_bytes(Stored(vouchers=VOUCHERS_MAX))
    assert full == worker_bytes(Stored(vouchers=10 * VOUCHERS_MAX))
    assert full > worker_bytes(Stored(vouchers=10)) > worker_bytes(Stored())
    whole = memory_forecast.machine_bytes()
    assert whole > 0
    limit = memory_forecast.CONTAINER_LIMIT.with_name("none-such")
    monkeypatch.setattr(memory_forecast, "CONTAINER_LIMIT", limit)
    assert memory_forecast.machine_bytes() >= whole
