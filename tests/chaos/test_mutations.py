"""The fault programme notices a safeguard that is missing: else its zeros would mean nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.mutations import MUTATIONS, Mutation, mutated_copy

SEED = "4"
"""With it the writer of W2xF3 dies between trim and commit."""
KINDS = ("lost", "duplicated", "over-cap", "divergent", "broken")


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))
def test_a_missing_safeguard_fails_its_cell(mutation: Mutation, tmp_path: Path) -> None:
    """It is taken out of a copy of the engine, and the copy's own programme finds what that does."""
    copy = mutated_copy(mutation, tmp_path / "copy")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOUCHSAFE_")}
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "--cell", mutation.cell, "--seed", SEED, "--seconds-max", "30"],
        cwd=copy,
        env={**environment, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    failure = next(line for line in done.stdout.splitlines() if line.startswith("  "))
    assert any(kind in failure for kind in KINDS), told
