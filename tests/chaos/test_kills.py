"""The short form of `make kills`."""

from pathlib import Path

import pytest

from chaos.kills import run_kills


@pytest.mark.slow
@pytest.mark.service
async def test_kills_of_everything_lose_nothing(tmp_path: Path) -> None:
    """Five kills in a row of Valkey, workers and the ledger's writer: every request came to one answer."""
    figures = await run_kills(5, 10.0, "1", tmp_path)
    assert figures.problems == []
    assert (figures.kills, figures.unresolved) == (5, 0)
    assert figures.acknowledged >= 5, "one at least after each kill"
    print(figures)
