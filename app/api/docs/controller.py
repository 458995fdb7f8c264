"""GET /docs, its assets, a page for each error, and GET /openapi.json."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import structs

from app.api.call import Answer, Call
from app.api.docs.error_pages import error_page_handlers
from app.api.webhooks.callouts import CALLOUTS
from app.http.deprecation import deprecation_of
from app.http.errors import not_found
from app.http.openapi import document
from app.http.routing import Route, Scope

_ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'"
)
"""The page may load and call this server alone."""

_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Vouchsafe API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
"""
_TEXT: Final = {"Content-Type": "text/plain; charset=utf-8"}
_PLAIN: Final = ("text/plain",)
SECURITY_VALID: Final = timedelta(days=180)
_LLMS: Final = b"""# Vouchsafe

> A self-hosted promotions and coupon engine that speaks the Voucherify v1 REST API. Amounts are integers of
> minor units. Authenticate with X-App-Id and X-App-Token. Redeem with an Idempotency-Key, and never give a
> discount that was not redeemed.

## API

- [OpenAPI 3.1](/openapi.json): every operation, its roles, scopes and errors
- [Errors](/docs/errors): a page for each key, with what to do
- [Version](/v1/engine/version)

## The usual way

1. POST /v1/validations: what codes do to a cart; takes nothing
2. POST /v1/redemptions: takes them; the same Idempotency-Key has one effect and one answer
3. POST /v1/redemptions/{redemptionId}/rollback: gives back what was taken, once
4. explain=true on 1 and 2: why a code applies or not, rule by rule
"""
_START: Final = b"""SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  filter: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: true,
  validatorUrl: null,
});
"""


@cache
def _asset(name: str) -> bytes:
    spec = find_spec("swagger_ui")
    if spec is None or not spec.submodule_search_locations:
        raise not_found("asset", name)
    return Path(spec.submodule_search_locations[0], "static", name).read_bytes()


async def page(call: Call) -> Answer:
    """Every operation, to read and to try with keys of one's own."""
    return Answer(
        _PAGE, headers={"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": _POLICY}
    )


async def asset(call: Call) -> Answer:
    """Only the files that the page needs."""
    name = call.path["name"]
    cached = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
    if name == "start.js":
        return Answer(_START, headers={"Content-Type": _ASSETS["swagger-ui-bundle.js"], **cached})
    if name not in _ASSETS:
        raise not_found("asset", name)
    return Answer(_asset(name), headers={"Content-Type": _ASSETS[name], **cached})


async def security(call: Call) -> Answer:
    """RFC 9116: whom to tell of a weakness, when the operator has said whom."""
    settings = call.engine.settings
    if not settings.security_contact:
        raise not_found("file", "security.txt")
    expires = (call.engine.now() + SECURITY_VALID).strftime("%Y-%m-%dT00:00:00Z")
    lines = [f"Contact: {settings.security_contact}", f"Expires: {expires}", "Preferred-Languages: en"]
    if settings.public_url:
        lines.append(f"Canonical: {settings.public_url.rstrip('/')}/.well-known/security.txt")
    return Answer(("\n".join(lines) + "\n").encode(), headers=_TEXT)


async def llms(call: Call) -> Answer:
    """What a program that reads needs to know first."""
    return Answer(_LLMS, headers=_TEXT)


def routes_with_docs(routes: Sequence[Route]) -> tuple[Route, ...]:
    """The routes, and those that document them."""
    marked = tuple(
        structs.replace(route, deprecated=deprecation_of(route.operation_id, route.path)) for route in routes
    )

    @cache
    def encoded(server_url: str) -> bytes:
        return msgspec.json.encode(document(marked, CALLOUTS, server_url=server_url))

    async def openapi(call: Call) -> Answer:
        """This server's own description, made from the table that it routes by."""
        return Answer(encoded(call.engine.settings.public_url or "/"))

    errors, error = error_page_handlers(marked)
    return (
        *marked,
        _public("/openapi.json", "get-openapi", openapi, "The OpenAPI document"),
        _public("/docs", "get-docs", page, "The documentation"),
        _public("/docs/assets/{name}", "get-docs-asset", asset, "Files of the documentation"),
        _public(
            "/.well-known/security.txt",
            "get-security-txt",
            security,
            "Whom to tell of a weakness",
            errors=("not_found",),
            produces=_PLAIN,
        ),
        _public(
            "/llms.txt",
            "get-llms-txt",
            llms,
            "What a program that reads needs to know first",
            produces=_PLAIN,
        ),
        _public("/docs/errors", "get-docs-errors", errors, "Every key that an error may have"),
        _public("/docs/errors/{key}", "get-docs-error", error, "What a key of an error means"),
    )


def _public(
    path: str,
    operation_id: str,
    handler: Callable[[Any], Awaitable[Any]],
    summary: str,
    errors: tuple[str, ...] = (),
    produces: tuple[str, ...] = ("application/json",),
) -> Route:
    return Route(
        method="GET",
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="",
        scope=Scope.PUBLIC,
        tag="Operation",
        summary=summary,
        errors=errors,
        produces=produces,
    )
