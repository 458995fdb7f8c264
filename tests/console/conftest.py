"""A sandbox per file, so that scenarios may travel in time and projects are not made for every test."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.server import Project, RunningServer
from tests.support.shop import unique

SHOP = "https://shop.example"


@pytest.fixture(scope="module")
def project(server: RunningServer) -> Project:
    """Open to the pages of a shop."""
    settings = {"client_trusted_domains": [SHOP]}
    return server.create_project(unique("console"), is_sandbox=True, settings=settings)


@pytest.fixture(scope="module")
def api(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    with server.client(project) as client:
        yield client
