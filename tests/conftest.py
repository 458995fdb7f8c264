"""What all tests share: a real server per test process, a project per test, and the table of minutes per
area.

Fixtures: `server` (one per test process, 2 web workers), `project` (one per test), `api` and `async_api`
(httpx clients with that project's server-side key), `stranger` (the same for another project), `official`
(the `voucherify` client).
"""

import os
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import voucherify
from hypothesis import HealthCheck, settings

from tests.support.postgres import Postgres
from tests.support.server import Project, RunningServer

METRICS_TOKEN = "scrape-me"

WEBHOOKS = {
    "VOUCHSAFE_WEBHOOK_NETWORKS": "127.0.0.1/32",
    "VOUCHSAFE_WEBHOOK_RETRY_SECONDS": "1,2,3,4,5,6,8,10,15,20,30,60",
}
"""Receivers of tests listen on this address alone, and nobody waits minutes for a retry."""

UNHURRIED = {"VOUCHSAFE_CLIENT_RATE_LIMIT": "0"}
"""All tests come from one address: the limit of addresses has servers of its own."""

DAY_SECONDS = 86_400
LAST_SECONDS = 90
"""Of a day (UTC): more than a test takes."""

settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
"""Neither a busy machine nor an example that no run has tried before decides about somebody's change."""

for _part in ("connect", "read", "write", "pool"):
    # Five seconds are a measurement where two test processes and their servers share two processors.
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, _part, 60.0)

_seconds_of_area: dict[str, float] = defaultdict(float)
_tests_of_area: dict[str, int] = defaultdict(int)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`vouchsafe serve` with two web workers, so that what one wrote is read back from another."""
    running = RunningServer(
        data_dir=tmp_path_factory.mktemp("server") / "data",
        workers=2,
        environment={
            "VOUCHSAFE_METRICS_TOKEN": METRICS_TOKEN,
            "VOUCHSAFE_CONSOLE": "on",
            **WEBHOOKS,
            **UNHURRIED,
        },
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture
def project(server: RunningServer) -> Project:
    """A project that nobody else uses."""
    return server.create_project(f"test-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def api(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    with server.client(project) as client:
        yield client


@pytest.fixture
async def async_api(server: RunningServer, project: Project) -> AsyncIterator[httpx.AsyncClient]:
    async with server.async_client(project) as client:
        yield client


@pytest.fixture
def stranger(server: RunningServer) -> Iterator[httpx.Client]:
    """Another project's client: it must never see or touch what is `project`'s (P9)."""
    with server.client(server.create_project(f"stranger-{uuid.uuid4().hex[:12]}")) as client:
        yield client


@pytest.fixture
def official(server: RunningServer, project: Project) -> Iterator[voucherify.ApiClient]:
    """The official Python client. Use: voucherify.CampaignsApi(official).create_campaign(...)."""
    configuration = voucherify.Configuration(
        host=server.base_url, api_key={"X-App-Id": project.app_id, "X-App-Token": project.app_token}
    )
    with voucherify.ApiClient(configuration) as client:
        yield client
        client.rest_client.pool_manager.clear()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of this test process; each test asks it for a database."""
    running = Postgres()
    yield running
    running.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts a server is marked so, without anybody having to remember it."""
    for item in items:
        if {"server", "valkey", "postgres"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.service)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Days, weeks and months are counted: no test begins in one and ends in the next."""
    left = DAY_SECONDS - time.time() % DAY_SECONDS
    if left < LAST_SECONDS:
        time.sleep(left + 1)


def _area(nodeid: str) -> str:
    parts = Path(nodeid.split("::", maxsplit=1)[0]).parts
    return "/".join(parts[1:-1][:2]) or "house"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    area = _area(report.nodeid)
    _seconds_of_area[area] += report.duration
    _tests_of_area[area] += report.when == "call"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The minutes of CI, by area: what a slow suite is slow at."""
    if os.environ.get("PYTEST_XDIST_WORKER") or not _seconds_of_area:
        return
    terminalreporter.section("minutes per area (sum over test processes)")
    for area, seconds in sorted(_seconds_of_area.items(), key=lambda pair: -pair[1]):
        terminalreporter.write_line(f"{seconds / 60:6.2f} min  {_tests_of_area[area]:5d} tests  {area}")
