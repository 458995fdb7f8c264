"""The OpenAPI document says what each answer looks like; the clients of the tests notice when it does not."""

import copy
from typing import Any

import httpx
import pytest

from app.api.routes import ALL_ROUTES
from app.http.examples import NONE, examples
from app.http.routing import Route
from tests.support.answers import JSON, checked, closed_document, problems_of
from tests.support.server import Project, RunningServer

FREE = {"get-openapi"}
"""A document of its own standard."""
SHOWN = [route for route in ALL_ROUTES if JSON in route.produces and route.status != 204]


def shape_of(route: Route) -> Any:
    answers = closed_document()["paths"][route.path][route.method.lower()]["responses"]
    return answers[str(route.status)]["content"][JSON]["schema"]


@pytest.mark.parametrize("route", SHOWN, ids=lambda route: route.operation_id)
def test_the_document_says_what_an_answer_looks_like(route: Route) -> None:
    """And names every member of the example."""
    if route.path.startswith("/docs") or route.operation_id in FREE:
        return
    assert shape_of(route) != {"type": "object"}
    example = examples().operations.get(route.operation_id, NONE).answers.get(str(route.status))
    if example is not None:
        assert problems_of(route.path, route.method, route.status, example) == []


def test_an_answer_that_is_not_as_the_document_says_is_noticed() -> None:
    """A member too few, one too many, one of another type."""
    example = examples().operations["get-voucher"].answers["200"]
    path = "/v1/vouchers/{code}"
    assert problems_of(path, "GET", 200, example) == []
    fewer = {name: value for name, value in example.items() if name != "redemption"}
    assert problems_of(path, "GET", 200, fewer)
    assert problems_of(path, "GET", 200, {**example, "colour": "red"})
    deeper = copy.deepcopy(example)
    deeper["redemption"]["quantity"] = "2"
    assert problems_of(path, "GET", 200, deeper)


def test_the_clients_of_tests_look(server: RunningServer, project: Project) -> None:
    """The hook finds the operation by its path, and fails the request."""
    with server.client(project) as api:
        made = api.post("/v1/vouchers/LOOK", json={"discount": {"type": "AMOUNT", "amount_off": 500}})
    assert made.status_code == 200
    wrong = httpx.Response(200, json={**made.json(), "colour": "red"}, request=made.request)
    with pytest.raises(AssertionError, match="colour"):
        checked(wrong)
