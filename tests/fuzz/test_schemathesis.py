"""The short form of `make schemathesis`."""

import importlib.util
import subprocess
import sys

import pytest

from tests.support.server import ROOT


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="install requirements/dev.txt")
def test_walks_along_the_links_meet_what_the_document_says() -> None:
    """Along its links: no fault, nothing undocumented, what is deleted is gone."""
    options = ["--walk-seconds", "12", "--phases", ""]
    done = subprocess.run(
        [sys.executable, "-m", "tools.schemathesis", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
