"""Examples of the OpenAPI document: one exchange of each operation as this engine answered it, written by
`python -m tools.openapi_examples`.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from app.http.routing import Route

Schema = dict[str, Any]


class Example(Struct, frozen=True):
    """Of one operation. answers: bodies by status, of those that are JSON."""

    path: dict[str, str] = {}
    query: dict[str, str] = {}
    request: Any = None
    answers: dict[str, Any] = {}


class Examples(Struct, frozen=True):
    """shared: bodies of answers that every operation may give, by the name of their component."""

    shared: dict[str, Any]
    operations: dict[str, Example]


NONE = Example()


@cache
def examples() -> Examples:
    """All of them; read once, when somebody asks for the document."""
    return msgspec.json.decode(
        files("app.http").joinpath("examples.json").read_bytes(), type=Examples, strict=True
    )


def with_example(route: Route, operation: Schema) -> None:
    """Show in an operation what was sent and answered."""
    example = examples().operations.get(route.operation_id, NONE)
    for parameter in operation.get("parameters", ()):
        shown = {"path": example.path, "query": example.query}.get(parameter["in"], {}).get(parameter["name"])
        if shown is not None:
            is_number = parameter["schema"].get("type") == "integer"
            parameter["example"] = int(shown) if is_number else shown
    if example.request is not None:
        for content in operation["requestBody"]["content"].values():
            content["example"] = example.request
    answers = operation["responses"]
    for status, body in example.answers.items():
        answer = answers.get(status, {})
        if "application/json" in answer.get("content", {}):
            as_json = {**answer["content"]["application/json"], "example": body}
            content = {**answer["content"], "application/json": as_json}
            answers[status] = {**answer, "content": content}
