"""From rows of the route table to the application: one ASGI handler per path, the same way for every
operation.

The order is fixed: method, key, permission, body, admission (revocation and rate, unless the route is hot and
lets them ride in its own read trip), handler, answer. An answer always has a request id and the durability
level; an error always has the contract's shape.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from time import perf_counter
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from litestar import Litestar, Request, Response, asgi
from litestar.types import HTTPScope, Receive, Scope, Send

from app.api.call import Answer, Call
from app.engine import Engine
from app.http import cors
from app.http.addresses import client_address
from app.http.admission import Admission
from app.http.auth import Authenticator
from app.http.context import REQUEST
from app.http.errors import ApiError
from app.http.failures import api_error, method_not_allowed, no_such_path, unsupported_media_type
from app.http.limits import CLIENT_BODY_BYTES_MAX
from app.http.messages import (
    ClientGone,
    encode_body,
    encode_error,
    headers_of,
    read_body,
    send_answer,
    send_stream,
    wire_headers,
)
from app.http.observing import Observer
from app.http.paths import PathTable
from app.http.principal import PUBLIC
from app.http.problems import encode_problem, wants_problem
from app.http.query import Query
from app.http.routing import Route
from app.http.routing import Scope as RouteScope
from app.http.scopes import scopes_of
from app.http.tracing import Tracing
from app.identifiers import new_id

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


class Edge:
    """What the handlers of all paths share. `engine` is there from the lifespan's start to its end."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._authenticator: Authenticator | None = None
        self._observer = Observer("none")
        self.tracing: Tracing | None = None

    def open(self, engine: Engine) -> None:
        self._engine = engine
        self._authenticator = Authenticator(engine.db, engine.core)
        self._observer = Observer(engine.settings.request_log)
        self._observer.start()
        self.tracing = Tracing() if engine.settings.tracing else None

    async def close(self) -> None:
        """Before the engine's parts are closed."""
        await self.authenticator.close()
        self._observer.close()
        if self.tracing is not None:
            self.tracing.close()

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the lifespan has not started")
        return self._engine

    @property
    def authenticator(self) -> Authenticator:
        if self._authenticator is None:
            raise RuntimeError("the lifespan has not started")
        return self._authenticator

    async def serve(
        self, table: "PathTable[Methods]", scope: HTTPScope, receive: Receive, send: Send
    ) -> Route | None:
        """Answer one request. Gives the operation that it was for."""
        began = perf_counter()
        request_id = new_id("v-")
        headers = headers_of(scope)
        REQUEST.set((request_id, headers))
        method = str(scope["method"])
        admission: Admission | None = None
        route: Route | None = None
        answer: Answer | None = None
        call: Call | None = None
        error: ApiError | None = None
        try:
            methods, sent_parameters = _found(table, scope)
            if method == "OPTIONS":
                preflight = cors.preflight(methods, headers, _is_client_side(methods))
                await send_answer(send, 204, [*_common(request_id), *preflight], None)
                return None
            route = methods.get(method) or (methods.get("GET") if method == "HEAD" else None)
            if route is None:
                raise method_not_allowed(", ".join(sorted(methods)))
            call, admission = await self._call(route, scope, sent_parameters, headers, request_id)
            if admission is not None and not admission.likely:
                await admission.ask()
            call.raw_body = await _body(call, receive)
            if admission is not None and not admission.admitted and not route.hot:
                await admission.ask()
            answer = await route.handler(call)
            status = answer.status or route.status
            body = encode_body(answer.body)
            answer_headers = {**call.answer_headers, **answer.headers}
            extra = wire_headers(answer_headers) if answer_headers else []
        except ClientGone:
            return route
        except Exception as raised:
            answer = None
            error = await self._refused(raised, admission, request_id)
            status, extra = error.status, wire_headers(error.headers)
            if wants_problem(headers):
                body, more = encode_problem(error, request_id, self.engine.settings.public_url)
                extra += more
            else:
                body = encode_error(error, request_id)
        all_headers = self._headers(request_id, headers, route, admission, extra)
        if answer is not None and answer.stream is not None:
            await send_stream(
                send, status, all_headers, answer.stream, answer.stream_bytes, head=method == "HEAD"
            )
        else:
            await send_answer(send, status, all_headers, body, head=method == "HEAD")
        principal = call.principal if call is not None else PUBLIC
        self._observer.answered(method, route, status, began, error, principal)
        return route

    async def _call(
        self,
        route: Route,
        scope: HTTPScope,
        sent_parameters: Mapping[str, str],
        headers: Mapping[str, str],
        request_id: str,
    ) -> tuple[Call, Admission | None]:
        engine = self.engine
        principal, admission = PUBLIC, None
        if route.scope is not RouteScope.PUBLIC:
            authenticator = self.authenticator
            key = await authenticator.identify(route.scope, headers)
            principal = key.principal
            client = scope.get("client")
            address = client_address(
                client[0] if client else "",
                headers.get("x-forwarded-for", ""),
                engine.settings.trusted_proxies,
            )
            admission = Admission(
                authenticator,
                engine.core,
                key,
                engine.settings,
                permission=route.permission,
                scopes=scopes_of(route),
                origin=headers.get("origin", ""),
                address=address,
            )
        call = Call(
            engine=engine,
            route=route,
            principal=principal,
            path=_parameters(sent_parameters) if sent_parameters else sent_parameters,
            query=Query(scope["query_string"]),
            headers=headers,
            raw_body=b"",
            request_id=request_id,
            admission=admission,
        )
        return call, admission

    async def _refused(self, raised: Exception, admission: Admission | None, request_id: str) -> ApiError:
        """A hot handler may refuse before its read trip; a revoked key must be told so all the same."""
        error = api_error(raised, request_id)
        if admission is not None and not admission.answered and _told(error):
            try:
                await admission.ask()
            except Exception as refused:
                return api_error(refused, request_id)
        return error

    def _headers(
        self,
        request_id: str,
        headers: Mapping[str, str],
        route: Route | None,
        admission: Admission | None,
        extra: list[tuple[bytes, bytes]],
    ) -> list[tuple[bytes, bytes]]:
        all_headers = _common(request_id)
        if self._engine is not None:
            all_headers.append((b"vouchsafe-durability", self._engine.ledger.level.encode()))
        if admission is not None:
            all_headers.extend(admission.headers)
        if route is not None and route.scope is RouteScope.CLIENT:
            all_headers.extend(cors.answer(headers))
        if route is not None and route.deprecated is not None:
            all_headers.extend(wire_headers(route.deprecated.headers()))
        all_headers.extend(extra)
        return all_headers


async def _body(call: Call, receive: Receive) -> bytes:
    """Read to its end for every method, so that the connection can be used again."""
    route, headers, limit = call.route, call.headers, call.engine.settings.body_bytes_max
    if route.scope is RouteScope.CLIENT:
        limit = min(limit, CLIENT_BODY_BYTES_MAX)
    raw = await read_body(receive, headers, limit)
    if raw and route.body is not None:
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type and media_type not in route.consumes:
            raise unsupported_media_type(route.consumes)
    return raw


def _told(error: ApiError) -> bool:
    """Whether an error tells something that only the holder of a valid key may know."""
    return error.status < 500 and error.status not in (401, 429)


def _is_client_side(methods: Mapping[str, Route]) -> bool:
    return any(route.scope is RouteScope.CLIENT for route in methods.values())


def _common(request_id: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-request-id", request_id.encode())]


def _found(table: "PathTable[Methods]", scope: HTTPScope) -> "tuple[Methods, dict[str, str]]":
    """The path's methods, and its parameters as they were sent. Some servers leave the query string on
    raw_path.
    """
    raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
    found = table.whole(raw_path) or table.find(raw_path.partition(b"?")[0].decode("latin-1"))
    if found is None:
        raise no_such_path()
    return found


def _parameters(sent: Mapping[str, str]) -> dict[str, str]:
    """Decoded once, after routing."""
    parameters = {}
    for name, value in sent.items():
        text = value
        if "%" in text or not text.isascii():
            try:
                text = unquote_to_bytes(text.encode("latin-1")).decode()
            except UnicodeDecodeError:
                raise ApiError(404, "not_found", "Resource not found", "The path is not UTF-8") from None
        if "\0" in text or len(text) > IDENTIFIER_LENGTH_MAX:
            raise ApiError(404, "not_found", "Resource not found", f"Cannot find anything by this {name}")
        parameters[name] = text
    return parameters


IDENTIFIER_LENGTH_MAX = 512
"""Longer than any code, name or id that can be made here."""

Methods = Mapping[str, Route]


def table_of(routes: Sequence[Route]) -> PathTable[Methods]:
    """The routes of each path by method. Raises: ValueError when two rows claim one method of one path."""
    by_path: dict[str, dict[str, Route]] = defaultdict(dict)
    for route in routes:
        methods = by_path[route.path]
        if route.method in methods:
            raise ValueError(f"{route.method} {route.path} is in the table twice")
        methods[route.method] = route
    table: PathTable[Methods] = PathTable()
    for path, methods in by_path.items():
        table.add(path, methods)
    return table


class Application(Litestar):
    """Litestar, with a shorter way for the hot paths: its router, its middleware and its look for exception
    handlers do nothing for a path that the edge knows whole.
    """

    hot_paths: frozenset[bytes] = frozenset()
    operations: Any = None
    """The edge's ASGI function."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope.get("raw_path") in self.hot_paths:
            await self.operations(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def application_of(edge: Edge, routes: Sequence[Route], lifespan: Lifespan | None = None) -> Application:
    """The application that serves a table of routes. lifespan opens the edge."""
    table = table_of(routes)

    async def serve(scope: Any, receive: Receive, send: Send) -> None:
        if edge.tracing is None:
            await edge.serve(table, scope, receive, send)
        else:
            await edge.tracing.serve(partial(edge.serve, table), scope, receive, send)

    @asgi("/", is_mount=True, copy_scope=False)
    async def operations(scope: Scope, receive: Receive, send: Send) -> None:
        await serve(scope, receive, send)

    application = Application(
        route_handlers=[operations],
        lifespan=[lifespan] if lifespan is not None else [],
        openapi_config=None,
        logging_config=None,  # the process that serves says where logs go
        exception_handlers={Exception: refused_by_router},
        request_max_body_size=None,  # the edge reads bodies itself, under its own limit
    )
    application.hot_paths = frozenset(
        route.path.encode() for route in routes if route.hot and "{" not in route.path
    )
    application.operations = serve
    return application


def refused_by_router(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer where no handler was found: the same shape, an id of its own."""
    request_id = new_id("v-")
    answer = api_error(error, request_id)
    return Response(
        encode_error(answer, request_id),
        status_code=answer.status,
        media_type="application/json",
        headers={"X-Request-Id": request_id, **answer.headers},
    )
