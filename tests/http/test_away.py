"""What is away is 503 with Retry-After, and comes back by itself (P10)."""

import asyncio
from collections import Counter

import pytest

from app.projects import create_key, create_project
from tests.http.conftest import row, server_headers, worker_of
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey


async def count(call):
    """A handler that needs SQL."""
    from sqlalchemy import func, select

    from app.api.call import Answer
    from app.db.models import Customer

    async with call.read() as session:
        total = await session.scalar(select(func.count()).where(Customer.project_id == call.project_id))
    return Answer({"total": total})


COUNT = row("GET", "/v1/count", count)


async def ask_until(worker, headers, stop: asyncio.Event) -> Counter[int]:
    """Statuses of one client that never stops asking; each 503 says when to come back."""
    seen: Counter[int] = Counter()
    while not stop.is_set():
        answer = await worker.client.get("/v1/count", headers=headers)
        seen[answer.status_code] += 1
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json()["key"] == "service_unavailable"
            await asyncio.sleep(0.05)
    return seen


async def statuses_while(worker, headers, disturb, recovered) -> Counter[int]:
    stop = asyncio.Event()
    clients = [asyncio.create_task(ask_until(worker, headers, stop)) for _ in range(8)]
    try:
        await disturb()
        async with asyncio.timeout(180):
            while (await worker.client.get(recovered, headers=headers)).status_code != 200:
                await asyncio.sleep(0.1)
    finally:
        stop.set()
    total: Counter[int] = Counter()
    for seen in await asyncio.gather(*clients):
        total += seen
    return total


@pytest.fixture
def killable_postgres():
    running = Postgres()
    yield running
    running.stop()


async def test_a_killed_database_gives_503_and_recovers(settings, killable_postgres):
    """PostgreSQL is killed under load and started again: 200 and 503, nothing else."""
    url = await asyncio.to_thread(killable_postgres.create_database)
    async with worker_of(settings, routes=(COUNT,), database_url=url) as worker:
        project = await create_project(worker.engine.core, worker.engine.db, "pg")
        headers = server_headers(await create_key(worker.engine.db, "server", project_id=project.id))
        assert (await worker.client.get("/v1/count", headers=headers)).status_code == 200

        async def disturb():
            await asyncio.sleep(0.3)
            killable_postgres.process.kill()
            killable_postgres.process.wait()
            await asyncio.sleep(0.5)
            assert (await worker.client.get("/v1/count", headers=headers)).status_code == 503
            await asyncio.to_thread(killable_postgres.revive)

        seen = await statuses_while(worker, headers, disturb, "/v1/count")
        assert set(seen) <= {200, 503}


async def test_a_killed_valkey_gives_503_on_hot_routes_and_recovers(settings):
    """Valkey is killed and started again; what needs SQL alone is answered throughout."""
    valkey = Valkey().start()
    try:
        async with worker_of(settings, redis_url=valkey.url) as worker:
            project = await create_project(worker.engine.core, worker.engine.db, "vk")
            headers = server_headers(await create_key(worker.engine.db, "server", project_id=project.id))
            assert (await worker.client.post("/v1/hot", headers=headers)).status_code == 200
            valkey.kill()
            closed = await worker.client.post("/v1/hot", headers=headers)
            assert closed.status_code == 503
            assert int(closed.headers["retry-after"]) >= 1
            assert (await worker.client.get("/v1/things", headers=headers)).status_code == 200
            valkey.start()
            async with asyncio.timeout(180):
                while (await worker.client.post("/v1/hot", headers=headers)).status_code != 200:
                    await asyncio.sleep(0.1)
    finally:
        valkey.stop()
