"""The fault programme notices a safeguard that is missing: else its zeros would mean nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.mutations import MUTATIONS, Mutation, mutated_copy

SEEDS = tuple(str(number) for number in range(4, 16))
"""One seed may miss a race that no run is bound to meet. What none of them misses is found."""
KINDS = ("lost", "duplicated", "over-cap", "divergent", "broken")


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))
def test_a_missing_safeguard_fails_its_cell(mutation: Mutation, tmp_path: Path) -> None:
    """It is taken out of a copy of the engine, and the copy's own programme finds what that does."""
    copy = mutated_copy(mutation, tmp_path / "copy")
    told = ""
    for seed in SEEDS:
        told = run_cell(mutation, copy, seed)
        if found(told):
            return
    pytest.fail(told)


def run_cell(mutation: Mutation, copy: Path, seed: str) -> str:
    """What the programme in `copy` prints of the mutation's cell."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOUCHSAFE_")}
    arguments = ["--cell", mutation.cell, "--seed", seed, "--seconds-max", "30"]
    done = subprocess.run(
        [sys.executable, "-m", "chaos", *arguments, "--crash-point", mutation.crash_point],
        cwd=copy,
        env={**environment, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def found(told: str) -> bool:
    """Whether the cell was failed for what went wrong in it, and not for showing too little."""
    failures = [line for line in told.splitlines() if line.startswith("  ")]
    return any(kind in line for line in failures for kind in KINDS)
