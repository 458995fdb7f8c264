"""A project per file, without webhooks at the start of every test; a receiver per test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.answers import LOOKED_AT
from tests.support.receiver import Receiver, running_receiver
from tests.support.server import Project, RunningServer
from tests.support.shop import created, unique


@pytest.fixture(scope="module")
def project(server: RunningServer) -> Project:
    return server.create_project(unique("webhooks"))


@pytest.fixture(scope="module")
def api(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    with server.client(project) as client:
        yield client


@pytest.fixture(scope="module")
def management(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    path = f"{server.base_url}/management/v1/projects/{project.project_id}/"
    with httpx.Client(base_url=path, headers=headers, timeout=30, event_hooks=LOOKED_AT) as client:
        yield client


@pytest.fixture
def manage(management: httpx.Client) -> Iterator[httpx.Client]:
    yield management
    for webhook in created(management.get("webhooks"))["data"]:
        assert management.delete(f"webhooks/{webhook['id']}").status_code == 204


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with running_receiver(tmp_path / "receiver") as running:
        yield running


Subscribe = Callable[..., dict[str, Any]]


@pytest.fixture
def subscribe(manage: httpx.Client, receiver: Receiver) -> Subscribe:
    def make(*events: str, **more: Any) -> dict[str, Any]:
        return created(manage.post("webhooks", json={"target_url": receiver.url, "events": events, **more}))

    return make


def beyond(manage: httpx.Client, webhook: dict[str, Any], end: str) -> str:
    """The address of an operation that the contract does not have."""
    base = str(manage.base_url).replace("/v1/projects/", "/v1/engine/projects/")
    return f"{base}webhooks/{webhook['id']}/{end}"
