"""The bench itself: it says what it lacks, and it judges a run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtests import bench
from loadtests.lag import LagWatch
from tests.support.server import ROOT


def test_the_bench_says_which_program_is_missing(tmp_path: Path) -> None:
    """Without wrk nothing is measured and the package's name is given."""
    finished = subprocess.run(
        [sys.executable, "loadtests/bench.py"],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert "apt install wrk" in finished.stderr


class Watched(LagWatch):
    """A watch whose figures are given."""

    def __init__(self, ledgered: float, projected: float) -> None:
        self.ledgered_seconds_max, self.projected_seconds_max = ledgered, projected
        self.end_seconds, self.end_events = projected, 0

    def start(self) -> "Watched":
        return self

    def stop(self) -> None:
        pass


def row_of(client_seconds: float, not_2xx: int = 0, lag: float = 0.0) -> dict[str, Any]:
    figures = {
        "requests": 1000, "microseconds": 1_000_000, "not_2xx": not_2xx, "broken": 0,
        "p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0, "max_ms": 4.0,
    }
    spent = iter((0.0, 0.0, 0.0, 0.4, 0.1, 0.1))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bench, "cpu_seconds", lambda _: next(spent))
        return bench.measure(
            "redeem", lambda _: (figures, client_seconds), [1], [2], [3], lambda: Watched(lag, lag)
        )


class TestJudgement:
    def test_a_sound_run_counts(self) -> None:
        """500 ms for 1000 requests are 500 microseconds each: worker and Valkey; the background is apart."""
        row = row_of(client_seconds=0.3)
        assert row["void"] == []
        assert row["cpu_us"] == 500.0
        assert (row["worker_cpu_us"], row["valkey_cpu_us"], row["background_cpu_us"]) == (400.0, 100.0, 100.0)

    def test_a_client_that_works_more_than_the_server_voids_the_run(self) -> None:
        """Then the client was measured."""
        assert len(row_of(client_seconds=0.7)["void"]) == 1

    def test_a_growing_lag_voids_the_run(self) -> None:
        """Then work was put off, not done."""
        assert len(row_of(client_seconds=0.3, lag=1.5)["void"]) == 1

    def test_answers_other_than_2xx_void_the_run(self) -> None:
        """Refusals are cheaper than redemptions."""
        assert len(row_of(client_seconds=0.3, not_2xx=1)["void"]) == 1

    def test_the_table_names_the_reason(self) -> None:
        """Nobody has to look for it."""
        assert "VOID: answers other than 2xx" in bench.table([row_of(0.3), row_of(0.3, not_2xx=1)])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_the_bench_measures_all_three_rows(tmp_path: Path) -> None:
    """A second each: the table has floor, validate and redeem, and the figures are kept."""
    target = tmp_path / "figures.json"
    environment = {"BENCH_SECONDS": "1", "BENCH_CUSTOMERS": "50", "BENCH_JSON": str(target)}
    finished = subprocess.run(
        [sys.executable, "loadtests/bench.py"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    for row in ("floor", "validate", "redeem"):
        assert re.search(rf"^{row} +\d+", finished.stdout, re.MULTILINE), finished.stdout + finished.stderr
    assert target.exists()
    # A second on a busy machine may be void; nothing else may be wrong.
    assert finished.returncode == 0 or "void" in finished.stderr
