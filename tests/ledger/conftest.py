"""A real Valkey per test module, a real database per test: SQLite always, PostgreSQL where a test says
`any_database`.
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.core.core import RedemptionCore
from app.db import migrate
from app.db.database import Database
from tests.ledger.shop import Shop, open_core
from tests.support.valkey import Valkey


@pytest.fixture(scope="module")
def shared_valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A server of the test's own, to be killed and emptied."""
    with Valkey() as server:
        yield server


@pytest.fixture
async def core(shared_valkey: Valkey) -> AsyncIterator[RedemptionCore]:
    async with open_core(shared_valkey.url) as core:
        yield core


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    await migrate.upgrade(db)
    yield db
    await db.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return str(request.getfixturevalue("postgres").create_database())


@pytest.fixture
async def any_database(database_url: str) -> AsyncIterator[Database]:
    """The same promise on both kinds of database."""
    db = Database(database_url)
    if db.is_sqlite:
        await migrate.upgrade(db)
    yield db
    await db.close()


@pytest.fixture
async def shop(core: RedemptionCore, sqlite: Database) -> Shop:
    shop = Shop(core, sqlite, f"p_{uuid.uuid4().hex[:10]}")
    await shop.found()
    return shop


@pytest.fixture
async def any_shop(core: RedemptionCore, any_database: Database) -> Shop:
    shop = Shop(core, any_database, f"p_{uuid.uuid4().hex[:10]}")
    await shop.found()
    return shop


@pytest.fixture
async def own_shop(valkey: Valkey, any_database: Database) -> AsyncIterator[Shop]:
    """A shop whose Valkey may be killed."""
    async with open_core(valkey.url) as core:
        shop = Shop(core, any_database, f"p_{uuid.uuid4().hex[:10]}")
        await shop.found()
        yield shop
