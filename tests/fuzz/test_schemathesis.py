"""The short form of `make schemathesis`, and the links that it walks along."""

import importlib.util
import subprocess
import sys

import pytest

from app.api.routes import ALL_ROUTES
from app.http.links import BODIES, GIVES, links_of
from tests.support.server import ROOT

LINKS = {route.operation_id: links_of(route, ALL_ROUTES) for route in ALL_ROUTES}


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="install requirements/dev.txt")
def test_the_document_is_kept() -> None:
    """No fault, nothing undocumented, what is deleted is gone; every operation is asked."""
    options = ["--examples", "2", "--walk-seconds", "10", "--phases", "fuzzing"]
    done = subprocess.run(
        [sys.executable, "-m", "tools.schemathesis", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]


@pytest.mark.parametrize(
    "path_id", [route.operation_id for route in ALL_ROUTES if "{" in route.path and route.scope != "public"]
)
def test_what_is_asked_for_by_an_id_follows_from_what_answers_one(path_id: str) -> None:
    """A new room says in app/http/links.py where its ids come from."""
    assert any(path_id in links for links in LINKS.values())


def test_links_name_operations_that_there_are() -> None:
    """An operation that is renamed takes its links along."""
    ids = {route.operation_id for route in ALL_ROUTES}
    assert set(GIVES) <= ids
    assert set(BODIES) <= ids
    assert {target for targets in BODIES.values() for target in targets} <= ids


def test_an_id_leads_to_all_that_asks_for_it_alone() -> None:
    """Reading, changing and deleting follow from making; what needs a second id follows from its own maker."""
    assert {"get-voucher", "update-voucher", "delete-voucher"} <= set(LINKS["create-voucher"])
    assert "get-promotion-stack" not in LINKS["create-campaign"]
    stack = LINKS["create-promotion-stack"]["get-promotion-stack"]["parameters"]
    assert stack == {"campaignId": "$request.path.campaignId", "stackId": "$response.body#/id"}
