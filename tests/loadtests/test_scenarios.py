"""`make load`: every scenario runs headless, ends, and passes on errors and exact counts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import ROOT, Project, RunningServer

SCENARIOS = sorted(
    path.stem
    for path in (ROOT / "loadtests/scenarios").glob("*.py")
    if path.stem not in ("__init__", "standing")
)


def run(server: RunningServer, project: Project, scenario: Path) -> "subprocess.CompletedProcess[str]":
    variables = {
        "LOAD_APP_ID": project.app_id,
        "LOAD_APP_TOKEN": project.app_token,
        "SEED_CODES": "40",
        "CAP": "25",
        "TIERS": "10",
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "locust", "-f", str(scenario), "--headless"]
    options = ["--users", "6", "--spawn-rate", "6", "--run-time", "2s", "--stop-timeout", "60"]
    return subprocess.run(
        [*command, *options, "--only-summary", "--host", server.base_url],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_passes(scenario: str, server: RunningServer, project: Project) -> None:
    """Some seconds, without an error, and every count is exact in the end."""
    finished = run(server, project, ROOT / f"loadtests/scenarios/{scenario}.py")
    printed = finished.stdout + finished.stderr
    assert finished.returncode == 0, printed[-3000:]
    passed = re.search(r"passed: (\d+) requests, 0 failed, counts are exact", printed)
    assert passed, printed[-3000:]
    assert int(passed[1]) > 0


LOST = """
from locust import task
from loadtests.scenarios.standing import Shopper, at_the_end

@at_the_end
def one_too_many(api):
    return "one too many was counted"

class Lost(Shopper):
    @task
    def redeem(self):
        self.ask("/v1/redemptions", self.cart("NO-SUCH-CODE"))
"""


@pytest.mark.slow
def test_a_scenario_fails_on_errors_and_on_counts(
    server: RunningServer, project: Project, tmp_path: Path
) -> None:
    """Both are named, and the exit code says so."""
    file = tmp_path / "lost.py"
    file.write_text(LOST)
    finished = run(server, project, file)
    assert finished.returncode == 1
    assert re.search(r"FAILED: 100.00% of \d+ requests failed", finished.stdout), finished.stdout
    assert "FAILED: one too many was counted" in finished.stdout
