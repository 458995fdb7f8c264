"""Errors as problems (RFC 9457) for who asks for them, and a page for each key."""

import httpx
import msgspec
import pytest

from app.api.docs.error_pages import pages_of
from app.api.docs.error_texts import TEXTS
from app.api.routes import ALL_ROUTES
from app.http.problems import ProblemBody
from tests.support.server import RunningServer

PROBLEM = "application/problem+json"
REDEMPTION = {"redeemables": [{"object": "voucher", "id": "NOBODY-HAS-IT"}], "order": {"amount": 100}}


def test_a_problem_says_the_same_as_the_error(api: httpx.Client) -> None:
    """The contract's members stand beside those of the RFC; who does not ask gets the contract alone."""
    plain = api.post("/v1/redemptions", json=REDEMPTION)
    assert plain.headers["content-type"] == "application/json"
    answer = api.post(
        "/v1/redemptions", json=REDEMPTION, headers={"Accept": f"{PROBLEM}, application/json"}
    )
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == problem["code"] == answer.status_code == plain.status_code
    assert problem["type"] == f"/docs/errors/{problem['key']}"
    assert problem["instance"] == problem["request_id"] == answer.headers["x-request-id"]
    assert set(plain.json()) | {"type", "title", "status", "detail", "instance"} == set(problem)
    strict = msgspec.defstruct("Strict", [], bases=(ProblemBody,), kw_only=True, forbid_unknown_fields=True)
    msgspec.convert(problem, strict)  # As the document describes it.


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/nowhere"), ("PATCH", "/v1/campaigns")])
def test_what_never_reached_an_operation_is_a_problem_too(api: httpx.Client, method: str, path: str) -> None:
    """Also where the contract has no key."""
    answer = api.request(method, path, headers={"Accept": PROBLEM})
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["type"] in ("about:blank", "/docs/errors/not_found")


def test_the_page_of_a_problem_opens(server: RunningServer, api: httpx.Client) -> None:
    """Without a key; it says what to do, and which operations answer it."""
    link = api.post("/v1/redemptions", json=REDEMPTION, headers={"Accept": PROBLEM}).json()["type"]
    page = httpx.get(server.base_url + link)
    assert page.status_code == 200
    assert "<code>POST /v1/redemptions</code>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    listed = httpx.get(f"{server.base_url}/docs/errors").text
    assert all(f'href="/docs/errors/{key}"' in listed for key in pages_of(ALL_ROUTES))
    assert httpx.get(f"{server.base_url}/docs/errors/%3Cscript%3E").status_code == 404


def test_texts_are_of_keys_that_there_are() -> None:
    """A text for a key that nobody answers is read by nobody."""
    assert set(TEXTS) - set(pages_of(ALL_ROUTES)) == set()
