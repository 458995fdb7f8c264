"""A server on PostgreSQL, where writers do not wait for one another."""

from collections.abc import Iterator

import pytest

from tests.conftest import WEBHOOKS
from tests.support.postgres import Postgres
from tests.support.server import RunningServer


@pytest.fixture(scope="session")
def on_postgresql(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """Two web workers; tests may kill them."""
    running = RunningServer(
        data_dir=tmp_path_factory.mktemp("postgresql") / "data",
        workers=2,
        environment={"VOUCHSAFE_DATABASE_URL": postgres.create_database(), **WEBHOOKS},
    )
    running.start()
    yield running
    running.stop()
