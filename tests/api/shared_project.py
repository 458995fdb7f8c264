"""One project for a whole file of tests: rooms' tests name what they make, so they do not need one each."""

import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.support.server import Project, RunningServer


@pytest.fixture(scope="module")
def project(server: RunningServer) -> Project:
    return server.create_project(f"room-{uuid.uuid4().hex[:12]}")


@pytest.fixture(scope="module")
def api(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    with server.client(project) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(server: RunningServer) -> Iterator[httpx.Client]:
    """Another project's client (P9)."""
    with server.client(server.create_project(f"stranger-{uuid.uuid4().hex[:12]}")) as client:
        yield client
