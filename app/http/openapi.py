"""The OpenAPI 3.1 document, made from the route table and the Structs that requests are decoded with. Nothing
is written twice.
"""

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from app.http.documented import SHAPES
from app.http.errors import ErrorBody
from app.http.examples import examples, with_example
from app.http.links import links_of
from app.http.permissions import ROLES, allows
from app.http.problems import PROBLEM, ProblemBody
from app.http.routing import Route, Scope
from app.http.scopes import SCOPES, scope_text, scopes_of
from app.settings import VERSION

Schema = dict[str, Any]

_REFERENCE: Final = "#/components/schemas/{name}"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")

_STATUS_OF_KEY: Final = {
    "not_found": 404,
    "resource_not_found": 404,
    "duplicate_found": 409,
    "branding_exist": 409,
    "stacking_rules_exist": 409,
    "forbidden": 403,
    "missing_required_permission": 403,
    "idempotency_key_reused": 422,
    "service_unavailable": 503,
    "internal_server_error": 500,
    "precondition_failed": 412,
    "unauthorized": 401,
}
"""All other keys are answered with 400 (contract 1.5)."""


class Callout(NamedTuple):
    """A request that this server makes. summary: what happened. envelope: the shape of its body, in which
    `type` is the kind and `data` is of the shape given.
    """

    kind: str
    summary: str
    envelope: type[msgspec.Struct]
    data: type[msgspec.Struct]


def status_of(key: str) -> int:
    """The HTTP status that a key is answered with."""
    return _STATUS_OF_KEY.get(key, 400)


OAUTH: Final = "X-Voucherify-OAuth"
_SECURITY: Final[dict[Scope, list[dict[str, list[str]]]]] = {
    Scope.PROJECT: [{"X-App-Id": [], "X-App-Token": []}],
    Scope.CLIENT: [{"X-Client-Application-Id": [], "X-Client-Token": []}],
    Scope.MANAGEMENT: [{"X-Management-Id": [], "X-Management-Token": []}],
    Scope.PUBLIC: [],
}

_TEXT: Final[Schema] = {"type": "string"}
_SIGNED: Final = {
    "x-voucherify-signature": "HMAC-SHA256 of the body with the webhook's secret, in lower-case hexadecimal.",
    "webhook-id": "The id of the body. The same at every attempt: what was seen before is the same event.",
    "webhook-timestamp": "When this attempt was made, in seconds since 1970.",
    "webhook-signature": "Signatures as of Standard Webhooks; two while a secret is being rotated.",
}
_INSTANT: Final[Schema] = {"type": "string", "description": "An ISO 8601 date or date-time."}
_BETWEEN: Final[Schema] = {"type": "object", "properties": {"after": _INSTANT, "before": _INSTANT}}
_QUERY_SCHEMAS: Final[dict[str, Schema]] = {
    "page": {"type": "integer", "minimum": 1, "maximum": 100, "default": 1},
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
    "order": {"type": "string", "description": "A field; a minus in front sorts descending."},
    "filters": {
        "type": "object",
        "description": "filters[field][conditions][operator][i]=value and filters[junction]=and|or.",
    },
    "created_at": _BETWEEN,
    "updated_at": _BETWEEN,
    "ids": {"type": "array", "items": {"type": "string"}},
    "force": {"type": "boolean"},
    "explain": {
        "type": "boolean",
        "description": "Answer the trace of the decision too (or header X-Explain: 1). Server keys only.",
    },
}


def document(routes: Sequence[Route], callouts: Sequence[Callout], *, server_url: str = "/") -> Schema:
    """The whole document, its parts sorted so that the same tables give the same bytes."""
    served = [route for route in routes if not route.path.startswith("/docs")]
    schemas = _Schemas(served, callouts)
    paths: dict[str, Schema] = {}
    for route in served:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, served)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vouchsafe",
            "version": VERSION,
            "summary": "Promotions and coupon engine",
            "description": "Speaks the Voucherify v1 API. Amounts are integers of minor units.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server_url}],
        "tags": [{"name": tag} for tag in sorted({route.tag for route in served})],
        "paths": {path: paths[path] for path in sorted(paths)},
        "webhooks": {one.kind: {"post": _callout(one, schemas)} for one in sorted(callouts)},
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "parameters": {
                name: {"name": name, "in": "header", "required": True, "description": text, "schema": _TEXT}
                for name, text in _SIGNED.items()
            },
            "responses": _responses(),
            "headers": _headers(),
            "securitySchemes": _security_schemes(),
        },
    }


class _Schemas:
    """Schemas of all shapes of the tables, generated together so that equal names are told apart."""

    def __init__(self, routes: Iterable[Route], callouts: Iterable[Callout]) -> None:
        shapes = {
            id(shape): shape for route in routes for shape in (route.body, route.answer) if shape is not None
        }
        called: list[Any] = [shape for one in callouts for shape in (one.envelope, one.data)]
        for shape in (ErrorBody, ProblemBody, *SHAPES, *called):
            shapes.setdefault(id(shape), shape)
        self._order = list(shapes)
        generated, components = msgspec.json.schema_components(
            shapes.values(), ref_template=_REFERENCE, schema_hook=_unknown_type
        )
        self._by_shape = dict(zip(self._order, (_exact(schema) for schema in generated), strict=True))
        self.components = {name: _exact(schema) for name, schema in components.items()}

    def of(self, shape: Any) -> Schema:
        schema: Schema = self._by_shape[id(shape)]
        return schema


def _unknown_type(shape: type) -> Schema:
    """A type that only a decoder's hook knows."""
    return {"title": shape.__name__}


def _exact(node: Any) -> Any:
    """Decimals travel as JSON numbers; defaults that stand for "absent" say nothing to a reader; the ends of
    a text are written as ECMA-262 has them, which JSON Schema refers to.
    """
    if isinstance(node, dict):
        if node.get("format") == "decimal":
            return {name: _exact(value) for name, value in node.items() if name != "format"} | {
                "type": "number"
            }
        if isinstance(pattern := node.get("pattern"), str):
            node = {**node, "pattern": pattern.replace(r"\A", "^").replace(r"\Z", "$")}
        return {
            name: _exact(value) for name, value in node.items() if not (name == "default" and value is None)
        }
    if isinstance(node, list):
        return [_exact(value) for value in node]
    return node


def _operation(route: Route, schemas: _Schemas, routes: Sequence[Route]) -> Schema:
    operation: Schema = {"operationId": route.operation_id, "tags": [route.tag], "summary": route.summary}
    if text := inspect.getdoc(route.handler):
        operation["description"] = text
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]
    parameters += [_query_parameter(name) for name in route.query]
    if route.scope is Scope.CLIENT:
        parameters.append({"name": "origin", "in": "header", "required": True, "schema": {"type": "string"}})
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.body_required,
            "content": {media_type: {"schema": schemas.of(route.body)} for media_type in route.consumes},
        }
    operation["responses"] = _answers(route, schemas)
    if links := links_of(route, routes):
        operation["responses"][str(route.status)]["links"] = links
    operation["security"] = _SECURITY[route.scope] + [
        {OAUTH: [scope]} for scope in sorted(scopes_of(route))
    ]
    if route.deprecated is not None:
        operation["deprecated"] = True
    if route.permission:
        operation["x-permission"] = route.permission
        if route.scope is Scope.PROJECT:
            operation["x-roles"] = [role for role in ROLES if allows(role, route.permission)]
    with_example(route, operation)
    return operation


def _callout(callout: Callout, schemas: _Schemas) -> Schema:
    own: Schema = {
        "type": "object",
        "properties": {"type": {"const": callout.kind}, "data": schemas.of(callout.data)},
    }
    return {
        "operationId": "told-" + callout.kind.replace(".", "-"),
        "tags": ["Webhooks"],
        "summary": callout.summary,
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in _SIGNED],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"allOf": [schemas.of(callout.envelope), own]}}},
        },
        "responses": {
            "2XX": {"description": "Taken"},
            "410": {"description": "The webhook is disabled at once"},
            "default": {"description": "Told again, later"},
        },
    }


def _query_parameter(name: str) -> Schema:
    base = name.partition("[")[0]
    schema = _QUERY_SCHEMAS.get(base, {"type": "string"}) if base == name else {"type": "string"}
    parameter: Schema = {"name": name, "in": "query", "required": False, "schema": schema}
    if schema.get("type") == "object":
        parameter |= {"style": "deepObject", "explode": True}
    return parameter


def _answers(route: Route, schemas: _Schemas) -> Schema:
    success: Schema = {
        "description": "Done" if route.status == 204 else "The answer",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _headers()},
    }
    if route.status != 204:
        schema = {"type": "object"} if route.answer in (None, dict) else schemas.of(route.answer)
        success["content"] = {
            media_type: {"schema": schema if media_type == "application/json" else {"type": "string"}}
            for media_type in route.produces
        }
    answers: Schema = {str(status): success for status in (route.status, *route.other_statuses)}
    keys: dict[int, list[str]] = {}
    for key in route.errors:
        keys.setdefault(status_of(key), []).append(key)
    if route.body is not None:
        keys.setdefault(400, []).insert(0, "invalid_payload")
    if route.query:
        keys.setdefault(400, []).append("invalid_query_params")
    if "{" in route.path:
        keys.setdefault(404, ["not_found"])  # for what no id can be, the edge itself says so
    if route.scope is not Scope.PUBLIC and route.method in ("PUT", "DELETE"):
        keys[412] = ["precondition_failed"]
    for status, names in keys.items():
        described = ", ".join(dict.fromkeys(names))
        answers[str(status)] = {"description": f"Error keys: {described}", "content": _error_content()}
    if route.scope is not Scope.PUBLIC:
        for status, name in (
            (401, "Unauthorized"),
            (403, "Forbidden"),
            (429, "TooManyRequests"),
            (503, "Unavailable"),
        ):
            answers.setdefault(str(status), {"$ref": f"#/components/responses/{name}"})
    if route.body is not None:
        for status, name in ((413, "TooLarge"), (415, "UnsupportedMediaType")):
            answers.setdefault(str(status), {"$ref": f"#/components/responses/{name}"})
    return dict(sorted(answers.items()))


def _error_content(example: Any = None) -> Schema:
    content: Schema = {"schema": {"$ref": _REFERENCE.format(name="ErrorBody")}}
    problem = {"schema": {"$ref": _REFERENCE.format(name="ProblemBody")}}
    return {
        "application/json": content if example is None else {**content, "example": example},
        PROBLEM: problem,
    }


def _responses() -> Schema:
    described = {
        "Unauthorized": "The key is missing, wrong, revoked or expired: unauthorized",
        "Forbidden": "The key's role or the origin does not allow it: missing_required_permission, forbidden",
        "TooLarge": "The body is larger than the server accepts",
        "UnsupportedMediaType": "The body is of another media type",
        "TooManyRequests": "The key's rate is exhausted; Retry-After says for how long",
        "Unavailable": "Redis or the database is away; nothing happened, try again: service_unavailable",
    }
    shared = examples().shared
    return {
        name: {"description": text, "content": _error_content(shared.get(name))}
        for name, text in described.items()
    }


def _headers() -> Schema:
    return {
        "X-Request-Id": {
            "description": "The id to quote when asking about this request.",
            "schema": {"type": "string"},
        },
        "Vouchsafe-Durability": {
            "description": "What an acknowledged redemption has survived.",
            "schema": {"type": "string", "enum": ["journal", "replica", "ledger"]},
        },
    }


def _security_schemes() -> Schema:
    described = {
        "X-App-Id": "Server side: the key's id.",
        "X-App-Token": "Server side: the key's token.",
        "X-Client-Application-Id": "Client side: the key's id.",
        "X-Client-Token": "Client side: the key's token.",
        "X-Management-Id": "Management: the key's id.",
        "X-Management-Token": "Management: the key's token.",
    }
    schemes: Schema = {
        name: {"type": "apiKey", "in": "header", "name": name, "description": text}
        for name, text in described.items()
    }
    schemes[OAUTH] = {
        "type": "oauth2",
        "description": "Authorization: Bearer <token>. One of an operation's scopes is enough.",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "/v1/oauth/token",
                "scopes": {scope: scope_text(scope) for scope in sorted(SCOPES)},
            }
        },
    }
    return schemes
