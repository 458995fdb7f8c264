"""The shape of a row of the route table (D26). The app, its OpenAPI document and the table tests are all made
from these rows.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from app.http.deprecation import Deprecation


class Scope(StrEnum):
    """Whose things a route touches, and which key pair opens it."""

    PROJECT = "project"
    """Server-side key: /v1/..."""
    CLIENT = "client"
    """Publishable key with an origin: /client/v1/..."""
    MANAGEMENT = "management"
    """Management key: /management/v1/..."""
    PUBLIC = "public"
    """No key: liveness, docs."""


class Route(Struct, frozen=True, kw_only=True):
    """One operation. Everything about it that is not its code."""

    method: str
    path: str
    """With {camelCase} parameters as published, e.g. /v1/campaigns/{campaignId}."""
    operation_id: str
    handler: Callable[[Any], Awaitable[Any]]
    """async def handler(call: Call) -> Answer."""
    permission: str
    """resource.verb, e.g. "campaigns.read", "redemptions.write"; "" only for PUBLIC."""
    scope: Scope = Scope.PROJECT
    tag: str
    summary: str
    status: int = 200
    other_statuses: tuple[int, ...] = ()
    """Of successes that differ from `status`, for OpenAPI: 202 where the rest goes on behind the answer."""
    body: type | None = None
    """Struct of the request body, for the decoder of Call.body() and for OpenAPI; None: no body is read."""
    body_required: bool = True
    answer: type | None = None
    """Struct of the answer (or dict), for OpenAPI."""
    query: tuple[str, ...] = ()
    """Names of the query parameters that the handler honours."""
    errors: tuple[str, ...] = ()
    """Error keys beyond those every route may answer (unauthorized, invalid_payload, ...)."""
    hot: bool = False
    """The handler takes `call.admission.commands()` into its own read trip and awaits
    `call.admission.admit(replies)`, so that a warm request pays no trip for its key and its rate. For all
    others the edge does it before the handler.
    """
    deprecated: Deprecation | None = None
    """Given by the whole table (routes_with_docs), not by rooms."""
    consumes: tuple[str, ...] = ("application/json",)
    """Media types of the request body; JSON is decoded by Call.body(), others are in Call.raw_body."""
    produces: tuple[str, ...] = ("application/json",)
    """Media types of a success, for OpenAPI."""
