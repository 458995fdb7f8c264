"""The document beyond its form: linted by a second judge, and its examples are what this engine answers."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.api.routes import ALL_ROUTES
from app.cli.openapi import openapi_text
from app.http.examples import Example, examples
from tests.support.server import Project, RunningServer
from tools.openapi_examples.__main__ import tell
from tools.openapi_lint import complaints

Document = dict[str, Any]
JSON = "application/json"


@pytest.fixture(scope="module")
def document() -> Document:
    return dict(msgspec.json.decode(openapi_text()))


def test_the_document_has_no_fault(document: Document) -> None:
    """Also: each body, its success and its refusal have an example, each example is as its schema says, and
    each refusal is one that the operation names.
    """
    assert complaints(document) == []


def redeem(document: Document) -> Any:
    return document["paths"]["/v1/redemptions"]["post"]


def request(document: Document) -> Any:
    return redeem(document)["requestBody"]["content"][JSON]


def refusal(document: Document) -> Any:
    return redeem(document)["responses"]["400"]["content"][JSON]


FAULTS: dict[str, Callable[[Document], Any]] = {
    "has no example": lambda document: request(document).pop("example"),
    "no success has an example": lambda document: redeem(document)["responses"]["200"]["content"][
        JSON
    ].pop("example"),
    "no refusal of its own has an example": lambda document: refusal(document).pop("example"),
    "not as described, at redeemables/0/id": lambda document: request(document)["example"]["redeemables"][
        0
    ].update(id=7),
    "its example's key made_up is none of": lambda document: refusal(document)["example"].update(
        key="made_up"
    ),
    "its example is a 404": lambda document: refusal(document)["example"].update(code=404),
    "does not exist": lambda document: request(document)["schema"].update({"$ref": "#/components/schemas/X"}),
    "is used by nobody": lambda document: document["components"]["schemas"].update(Alone={"type": "object"}),
    "is not a": lambda document: document["components"]["schemas"]["ErrorBody"].update(pattern=r"\Z"),
    "requires nothing_like_it": lambda document: document["components"]["schemas"]["ErrorBody"].update(
        required=["nothing_like_it"]
    ),
    "does not say when it answers 401": lambda document: redeem(document)["responses"].pop("401"),
    "does not say who may call it": lambda document: redeem(document).pop("security"),
    "has no tag": lambda document: redeem(document).update(tags=[]),
    "is declared, not used": lambda document: document["tags"].append({"name": "Nothing"}),
    "operationId create-order is used 2 times": lambda document: redeem(document).update(
        operationId="create-order"
    ),
    "its path and its path parameters differ": lambda document: document["paths"]["/v1/vouchers/{code}"][
        "get"
    ].update(parameters=[]),
}


@pytest.fixture(scope="module")
def part(document: Document) -> Document:
    """Three paths, and of the schemas those that they refer to: a document without fault."""
    kept = ("/v1/redemptions", "/v1/vouchers/{code}", "/v1/orders")
    paths = {path: document["paths"][path] for path in kept}
    schemas, reached = document["components"]["schemas"], set[str]()
    texts = [json.dumps([paths, document["components"]["responses"]])]
    while texts:
        for name in re.findall(r"#/components/schemas/([\w.]+)", texts.pop()):
            if name not in reached:
                reached.add(name)
                texts.append(json.dumps(schemas[name]))
    components = {**document["components"], "schemas": {name: schemas[name] for name in sorted(reached)}}
    components.pop("parameters")  # Of webhooks alone.
    used = {row["tags"][0] for methods in paths.values() for row in methods.values()}
    made = {**document, "paths": paths, "components": components, "tags": [{"name": tag} for tag in used]}
    made.pop("webhooks")
    assert complaints(made) == []
    return made


@pytest.mark.parametrize("told", FAULTS)
def test_a_fault_is_found(told: str, part: Document) -> None:
    """A linter that says nothing of a broken document says nothing of a good one."""
    broken = copy.deepcopy(part)
    FAULTS[told](broken)
    assert any(told in one for one in complaints(broken)), complaints(broken)


def shape(example: Example) -> dict[str, list[str]]:
    """What was answered with which status, without what may differ from run to run."""
    return {
        status: sorted(body) if isinstance(body, dict) else ["a list"]
        for status, body in example.answers.items()
    }


def test_examples_are_what_this_engine_answers(server: RunningServer, project: Project) -> None:
    """The story is told to a running server once more: the same requests, statuses and members. After a
    change of an answer, or with a new operation: `python -m tools.openapi_examples`, then `make openapi`.
    """
    recorder = tell(server.base_url, project)
    assert recorder.missing() == []
    kept = examples().operations
    assert set(recorder.examples) == set(kept)
    told = {name: shape(msgspec.convert(one, Example, from_attributes=True))
            for name, one in recorder.examples.items()}  # fmt: skip
    assert told == {name: shape(one) for name, one in kept.items()}
    known = json.dumps([one.request for one in kept.values()])
    assert project.project_id not in known


def test_no_example_holds_a_secret_or_a_moment_of_its_recording() -> None:
    """Tokens are shown once to whoever made them, and to nobody by way of the document."""
    text = json.dumps(msgspec.to_builtins(examples()))
    assert '"a-secret-that-nobody-else-has"' in text or '"the-token-is-shown-once"' in text
    tokens = [
        value
        for example in examples().operations.values()
        for answer in example.answers.values()
        if isinstance(answer, dict)
        for name, value in answer.items()
        if name in ("token", "app_token", "access_token", "secret")
    ]
    assert tokens
    assert all("the-" in value or "a-secret" in value for value in tokens), tokens


def test_every_operation_of_an_example_is_in_the_table() -> None:
    """An operation that was removed leaves no example behind."""
    assert set(examples().operations) <= {route.operation_id for route in ALL_ROUTES}
