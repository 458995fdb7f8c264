"""An engine in this process, on either kind of database, with a project and a campaign to work on."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.db import migrate
from app.db.database import Database
from app.db.models import Project
from app.engine import Engine
from app.projects import create_project
from app.settings import Settings
from app.wiring import running_engine
from tests.support.valkey import Valkey


@pytest.fixture(scope="module")
def jobs_valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Empty: SQLite in the test's own folder."""
    if request.param == "sqlite":
        return ""
    return str(request.getfixturevalue("postgres").create_empty_database())


@pytest.fixture
async def settings(database_url: str, jobs_valkey: Valkey, tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path, redis_url=jobs_valkey.url, database_url=database_url)
    database = Database(settings.database)
    await migrate.upgrade(database)
    await database.close()
    return settings


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    async with running_engine(settings) as engine:
        yield engine


@pytest.fixture
async def project(engine: Engine) -> Project:
    return await create_project(engine.core, engine.db, "jobs")
