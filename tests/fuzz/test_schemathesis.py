"""The short form of `make schemathesis`."""

import argparse
import importlib.util
from pathlib import Path

import pytest

from tests.support.server import RunningServer
from tools.fuzz.__main__ import SETTINGS
from tools.schemathesis.__main__ import report, run


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="install requirements/dev.txt")
def test_walks_along_the_links_meet_what_the_document_says(
    server: RunningServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No fault, nothing undocumented; what is made is there, and what is deleted is gone."""
    project = server.create_project("schemathesis", settings=SETTINGS)
    options = argparse.Namespace(examples=20, walk_seconds=12, phases="", seed=1, only="")
    status, counts = run(server, project, tmp_path, options, walk=True)
    unasked = report(counts, sorted(counts))
    assert (status, unasked) == (0, []), capfd.readouterr().out[-8_000:]
    assert counts
