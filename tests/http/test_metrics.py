"""What an alarm is made of: the counters of all workers, in one answer."""

import re
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.support.server import Project, RunningServer

ORIGIN = "https://shop.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Two guesses are enough."""
    running = RunningServer(
        data_dir=tmp_path_factory.mktemp("metrics") / "data",
        workers=2,
        environment={"VOUCHSAFE_GUESS_LIMIT": "2", "VOUCHSAFE_CLIENT_RATE_LIMIT": "0"},
    )
    running.start()
    yield running
    running.stop()


def management(project: Project) -> dict[str, str]:
    return {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}


def test_failed_lookups_and_spent_budgets_are_counted_over_all_workers(server: RunningServer) -> None:
    """Whichever worker counted and whichever answers; no address and no code is in it."""
    project = server.create_project(
        f"m-{uuid.uuid4().hex[:8]}", settings={"client_trusted_domains": [ORIGIN]}
    )
    page = {"X-Client-Application-Id": project.client_id, "X-Client-Token": project.client_token}
    statuses = []
    for number in range(12):
        # A connection each: the workers take turns.
        body = {"redeemables": [{"object": "voucher", "id": f"GUESS{number}"}]}
        answer = httpx.post(
            server.base_url + "/client/v1/validations", json=body, headers={**page, "Origin": ORIGIN}
        )
        statuses.append(answer.status_code)
    assert statuses[:3] == [200] * 3
    assert statuses[3:] == [429] * 9
    seen = set()
    for _ in range(4):
        answer = httpx.get(server.base_url + "/management/v1/engine/metrics", headers=management(project))
        assert answer.headers["content-type"].startswith("text/plain")
        found = re.findall(
            r"^(vouchsafe_(?:rate|failed|guessing)\w*_total(?:\{.*\})?) (\S+)$", answer.text, re.MULTILINE
        )
        seen.add(tuple((name, value) for name, value in found if value != "0.0"))
        assert "GUESS" not in answer.text
        assert "127.0.0.1" not in answer.text
    (counters,) = seen
    assert dict(counters) == {
        'vouchsafe_rate_limited_total{scope="guess"}': "9.0",
        "vouchsafe_failed_lookups_total": "3.0",
        'vouchsafe_guessing_total{scope="ip"}': "1.0",
    }


def test_metrics_need_a_management_key(server: RunningServer) -> None:
    """They tell of every project."""
    project = server.create_project(f"m-{uuid.uuid4().hex[:8]}")
    url = server.base_url + "/management/v1/engine/metrics"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers=project.headers).status_code == 401
