"""The edge with routes of its own, on a real server and a real database."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import Struct

from app.api.adapter import Edge, application_of
from app.api.call import Answer, Call
from app.db import migrate
from app.db.database import Database
from app.engine import Engine
from app.http.routing import Route, Scope
from app.projects import KeyPair, create_key, create_project
from app.settings import Settings
from app.wiring import running_engine
from tests.support.valkey import Valkey


class Item(Struct):
    id: str
    quantity: int = 1


class EchoBody(Struct):
    name: str
    items: list[Item] = []
    metadata: dict[str, Any] = {}


async def echo(call: Call) -> Answer:
    body = call.body()
    return Answer(
        {
            "project": call.project_id,
            "path": dict(call.path),
            "body": body,
            "role": call.principal.role,
            "names": call.query.tree,
        }
    )


async def fail(call: Call) -> Answer:
    raise ZeroDivisionError("a secret of the program")


async def hot(call: Call) -> Answer:
    commands = [*call.admission.commands(), ("ECHO", "mine")]
    replies = await call.engine.core.read(call.partition, commands)
    mine = await call.admission.admit(replies)
    return Answer({"mine": [reply.decode() for reply in mine]})


async def nothing(call: Call) -> Answer:
    return Answer(None)


def row(method: str, path: str, handler: Any = echo, **more: Any) -> Route:
    more = {"permission": "campaigns.read", "tag": "Test", "summary": "Test"} | more
    return Route(method=method, path=path, handler=handler, operation_id=f"{method}{path}", **more)


ROUTES = (
    row("GET", "/v1/things"),
    row("POST", "/v1/things", body=EchoBody, permission="campaigns.write"),
    row("GET", "/v1/things/{code}"),
    row("POST", "/v1/things/{code}", body=EchoBody, body_required=False, permission="campaigns.write"),
    row("DELETE", "/v1/things/{code}", nothing, status=204, permission="campaigns.delete"),
    row("GET", "/v1/things/{code}/parts/{part}"),
    row("GET", "/v1/things/special"),
    row("GET", "/v1/faults", fail),
    row("POST", "/v1/hot", hot, body=EchoBody, body_required=False, hot=True, permission="redemptions.write"),
    row("GET", "/client/v1/things", scope=Scope.CLIENT),
    row("GET", "/management/v1/things", scope=Scope.MANAGEMENT),
    row("GET", "/open", nothing, scope=Scope.PUBLIC, permission=""),
)


class Worker:
    """What one worker process has, in this process."""

    def __init__(self, engine: Engine, routes: tuple[Route, ...] = ROUTES) -> None:
        self.engine = engine
        self.edge = Edge()
        self.edge.open(engine)
        self.application = application_of(self.edge, routes)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.application), base_url="http://edge"
        )


class Shop(Struct):
    """A project and its keys."""

    id: str
    server: KeyPair
    client: KeyPair
    management: KeyPair

    @property
    def headers(self) -> dict[str, str]:
        return server_headers(self.server)


def server_headers(pair: KeyPair) -> dict[str, str]:
    return {"X-App-Id": pair.id, "X-App-Token": pair.token}


@pytest.fixture(scope="session")
def edge_valkey() -> Iterator[Valkey]:
    valkey = Valkey().start()
    yield valkey
    valkey.stop()


@pytest.fixture
async def settings(edge_valkey: Valkey, tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path, redis_url=edge_valkey.url, client_rate_limit=0)
    database = Database(settings.database)
    await migrate.upgrade(database)
    await database.close()
    return settings


@asynccontextmanager
async def worker_of(
    settings: Settings, *, routes: tuple[Route, ...] = ROUTES, **changes: Any
) -> AsyncIterator[Worker]:
    async with running_engine(msgspec.structs.replace(settings, **changes)) as engine:
        worker = Worker(engine, routes)
        yield worker
        await worker.client.aclose()
        await worker.edge.close()


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    async with worker_of(settings) as running:
        yield running


@pytest.fixture
async def shop(worker: Worker) -> Shop:
    engine = worker.engine
    project = await create_project(
        engine.core, engine.db, "shop", settings={"client_trusted_domains": ["https://shop.example"]}
    )
    return Shop(
        project.id,
        await create_key(engine.db, "server", project_id=project.id),
        await create_key(engine.db, "client", project_id=project.id),
        await create_key(engine.db, "management", project_id=None),
    )
