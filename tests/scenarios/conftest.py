"""Scenarios are told in one sandbox per file, so that they may travel in time."""

import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.support.server import Project, RunningServer

ZONE = "Europe/Berlin"


@pytest.fixture(scope="module")
def project(server: RunningServer) -> Project:
    return server.create_project(f"scenario-{uuid.uuid4().hex[:12]}", is_sandbox=True, timezone=ZONE)


@pytest.fixture(scope="module")
def api(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    with server.client(project) as client:
        yield client
