"""`make second-try`: bad luck passes alone, twice; a fault does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import ROOT

LUCK = """
from pathlib import Path

def test_luck():
    runs = Path("runs")
    runs.write_text((runs.read_text() if runs.exists() else "") + "x")
    assert len(runs.read_text()) not in {bad}

def test_good():
    pass
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def second_try(folder: Path) -> subprocess.CompletedProcess[str]:
    assert run(folder, "-m", "pytest", "-q").returncode == 1
    return run(folder, str(ROOT / "tools" / "second_try.py"))


@pytest.mark.parametrize(
    ("bad", "code"), [({1}, 0), ({1, 3}, 1), ({1, 2, 3}, 1)], ids=["once", "again later", "always"]
)
def test_what_failed_must_pass_twice_in_a_row(tmp_path: Path, bad: set[int], code: int) -> None:
    """Only what failed runs again, and its name is told."""
    (tmp_path / "test_one.py").write_text(LUCK.replace("{bad}", str(bad)))
    tried = second_try(tmp_path)
    assert tried.returncode == code, tried.stdout + tried.stderr
    assert "test_one.py::test_luck" in tried.stdout
    assert "2 passed" not in tried.stdout
    assert ("to be mended" in tried.stdout) is (code == 0)


def test_many_failures_are_no_bad_luck(tmp_path: Path) -> None:
    """Five are not tried again; nor is a run that recorded none."""
    (tmp_path / "test_many.py").write_text("".join(f"def test_{n}(): assert 0\n" for n in range(5)))
    tried = second_try(tmp_path)
    assert (tried.returncode, "No second try" in tried.stdout) == (1, True)
    (tmp_path / ".pytest_cache/v/cache/lastfailed").unlink()
    assert run(tmp_path, str(ROOT / "tools" / "second_try.py")).returncode == 1
