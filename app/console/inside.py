"""The public operations, asked in this process as a visitor. Nothing else of the program is reached from a
page.
"""

import asyncio
import shlex
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlencode

import msgspec
from litestar.types import ASGIApp
from msgspec import Struct

from app.console.session import Visitor

if TYPE_CHECKING:
    import httpx

ORIGIN: Final = "http://console.invalid"
"""Goes nowhere: requests end in this process."""


class SessionEnded(Exception):
    """The token opens nothing any more: it ran out, was signed out, or its key was revoked."""


class Reply(Struct, frozen=True):
    """What an operation answered. body: the decoded JSON, {} where there is none."""

    status: int
    body: Any
    curl: str
    """The same request for a shell, with placeholders for server and key."""

    @property
    def ok(self) -> bool:
        return self.status < 300


class Inside:
    """One per process. application: the whole application, as the network reaches it."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def ask(
        self,
        visitor: Visitor,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
    ) -> Reply:
        """Ask an operation with the visitor's token. path: percent-encoded.

        Raises: SessionEnded when the token is refused.
        """
        headers = {"Authorization": f"Bearer {visitor.token}"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        target = path + "?" + urlencode(query, quote_via=quote) if query else path
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        answer = await self._send(visitor, method, target, headers, content)
        if answer.status_code == 401:
            raise SessionEnded
        return Reply(
            answer.status_code,
            _decoded(answer),
            as_curl(method, target, content, idempotent=bool(idempotency_key)),
        )

    async def token_for(self, visitor: Visitor, secret: str, scope: str, seconds: int) -> Reply:
        """Exchange the visitor's key pair for a token (POST /v1/oauth/token)."""
        headers = {
            "X-App-Id": visitor.key_id,
            "X-App-Token": secret,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = urlencode(
            {"grant_type": "client_credentials", "scope": scope, "expires_in": seconds}
        ).encode()
        answer = await self._send(visitor, "POST", "/v1/oauth/token", headers, form)
        return Reply(answer.status_code, _decoded(answer), "")

    async def end_token(self, visitor: Visitor) -> None:
        """POST /v1/oauth/token/revoke, by the token itself. One that has ended already is ended."""
        headers = {
            "Authorization": f"Bearer {visitor.token}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = urlencode({"token": visitor.token}).encode()
        await self._send(visitor, "POST", "/v1/oauth/token/revoke", headers, form)

    async def _send(
        self, visitor: Visitor, method: str, target: str, headers: dict[str, str], content: bytes | None
    ) -> "httpx.Response":
        """The visitor's address goes along: a key may be bound to some."""
        # A worker whose console nobody opens does without the client's megabytes. In a thread: a hundred
        # files are read the first time, and others are waiting for their answers.
        library: Any = await asyncio.to_thread(import_module, "httpx")
        if visitor.forwarded:
            headers["X-Forwarded-For"] = visitor.forwarded
        transport = library.ASGITransport(app=cast("Any", self._application), client=visitor.client)
        async with library.AsyncClient(transport=transport, base_url=ORIGIN, trust_env=False) as client:
            # As bytes: what somebody typed as a key need not be ASCII to be refused.
            sent = {name.encode(): value.encode() for name, value in headers.items()}
            answer: httpx.Response = await client.request(method, target, headers=sent, content=content)
        return answer


def segment(text: str) -> str:
    """One segment of a path, whatever it holds: a dot alone would be taken for the path's own."""
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="")


def _decoded(answer: "httpx.Response") -> Any:
    try:
        return msgspec.json.decode(answer.content) if answer.content else {}
    except msgspec.DecodeError:
        return {}


def as_curl(method: str, target: str, content: bytes | None, *, idempotent: bool = False) -> str:
    """A line for a shell that asks the same with a key pair in its environment."""
    parts = ["curl" if method == "GET" else f"curl -X {method}", f'"$VOUCHSAFE_URL"{shlex.quote(target)}']
    parts.append('-H "X-App-Id: $APP_ID" -H "X-App-Token: $APP_TOKEN"')
    if idempotent:
        parts.append('-H "Idempotency-Key: $(uuidgen)"')
    if content is not None:
        parts.append(f"-H 'Content-Type: application/json' -d {shlex.quote(content.decode())}")
    return " \\\n  ".join(parts)
