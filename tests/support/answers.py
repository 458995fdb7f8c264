"""Whether answers are what the OpenAPI document says of them: the clients of the tests look at each one."""

import copy
from functools import cache
from typing import Any, Final

import httpx
import jsonschema_rs

from app.api.adapter import table_of
from app.api.routes import ALL_ROUTES
from app.api.webhooks.callouts import CALLOUTS
from app.http.openapi import document
from app.http.shown import Shown

JSON: Final = "application/json"
Schema = dict[str, Any]


def _kinds(shape: type) -> set[str]:
    below = shape.__subclasses__()
    return {kind.__name__ for kind in below}.union(*map(_kinds, below))


@cache
def closed_document() -> Schema:
    """The document, its objects of answers closed: a member that it does not name is found."""
    whole: Schema = copy.deepcopy(document(ALL_ROUTES, CALLOUTS))
    for name, schema in whole["components"]["schemas"].items():
        if name in _kinds(Shown) and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return whole


@cache
def _validator(path: str, method: str, status: int) -> jsonschema_rs.Draft202012Validator | None:
    whole = closed_document()
    answers = whole["paths"].get(path, {}).get(method, {}).get("responses", {})
    schema = answers.get(str(status), {}).get("content", {}).get(JSON, {}).get("schema")
    if schema is None:
        return None
    return jsonschema_rs.Draft202012Validator({**schema, "components": whole["components"]})


@cache
def _table() -> Any:
    return table_of(ALL_ROUTES)


def problems_of(path: str, method: str, status: int, body: Any) -> list[str]:
    """What of a success is not as the document says. path: as the document has it."""
    validator = _validator(path, method.lower(), status)
    if validator is None:
        return []
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message[:300]}"
        for error in validator.iter_errors(body)
    ]


def checked(response: httpx.Response) -> None:
    """A response hook. Raises: AssertionError for a success that is not as the document says."""
    if _is_shown(response):
        response.read()
        _compare(response)


async def checked_async(response: httpx.Response) -> None:
    """The same for clients of a loop."""
    if _is_shown(response):
        await response.aread()
        _compare(response)


def _is_shown(response: httpx.Response) -> bool:
    return response.is_success and response.headers.get("content-type") == JSON


def _compare(response: httpx.Response) -> None:
    request = response.request
    found = _table().find(request.url.raw_path.partition(b"?")[0].decode("latin-1"))
    route = found and found[0].get(request.method)
    if route:
        wrong = problems_of(route.path, route.method, response.status_code, response.json())
        assert not wrong, f"{route.method} {route.path}: {wrong[:5]}"


LOOKED_AT: Final[dict[str, list[Any]]] = {"response": [checked]}
"""Event hooks of clients that a test makes by itself."""
