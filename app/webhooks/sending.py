"""One attempt: a POST to an address that was looked at, within ten seconds, following nothing."""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
from msgspec import Struct

from app.webhooks.addresses import SCHEMES, Network, RefusedTarget, checked_url, resolve

TIMEOUT_SECONDS: Final = 10.0
"""From the first look at the name to the last header of the answer."""
RESOLVED_SECONDS: Final = 30.0
"""How long an address that was looked at is used again."""
CONNECTIONS_MAX: Final = 8
GONE: Final = 410


class Outcome(Struct, frozen=True):
    """status: of the answer; None: there was none, and `error` says why in a word or two."""

    milliseconds: int
    status: int | None = None
    error: str | None = None
    retry_after: float = 0.0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Target:
    """The way to one webhook: its connections are nobody else's, so they go to nobody else's host."""

    def __init__(self, url: str, allowed: Sequence[Network], context: ssl.SSLContext) -> None:
        self.url = url
        self._allowed = allowed
        self._client = httpx.AsyncClient(
            verify=context,
            follow_redirects=False,
            trust_env=False,
            timeout=httpx.Timeout(TIMEOUT_SECONDS),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
        )
        self._address = ""
        self._until = 0.0

    async def close(self) -> None:
        await self._client.aclose()

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Never raises for what the receiver does."""
        began = time.monotonic()
        status, error, retry_after = None, None, 0.0
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                request = await self._request(body, headers)
                answer = await self._client.send(request, stream=True)
                status, retry_after = answer.status_code, _retry_after(answer.headers.get("Retry-After"))
                await _drop(answer)
        except TimeoutError:
            error = None if status is not None else "timed out"
        except RefusedTarget as refused:
            error = f"refused: {refused}"
        except httpx.TimeoutException:
            error = "timed out"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RuntimeError) as failure:
            error = None if status is not None else _words_of(failure)
        if status is not None and not 200 <= status < 300:
            error = f"answered {status}"
        if error is not None and status is None:
            self._until = 0.0  # The name is resolved anew: it may have moved.
        return Outcome(round((time.monotonic() - began) * 1000), status, error, retry_after)

    async def _request(self, body: bytes, headers: Mapping[str, str]) -> httpx.Request:
        parts = checked_url(self.url)
        now = time.monotonic()
        if now >= self._until:
            self._address = await resolve(parts, self._allowed)
            self._until = now + RESOLVED_SECONDS
        host, port = parts.hostname or "", parts.port or SCHEMES[parts.scheme]
        literal = f"[{self._address}]" if ":" in self._address else self._address
        named = f"[{host}]" if ":" in host else host
        shown = named if port == SCHEMES[parts.scheme] else f"{named}:{port}"
        query = f"?{parts.query}" if parts.query else ""
        return self._client.build_request(
            "POST",
            f"{parts.scheme}://{literal}:{port}{parts.path or '/'}{query}",
            content=body,
            headers={**headers, "Host": shown},
            # The certificate is the host's, whatever the address.
            extensions={"sni_hostname": host},
        )


async def _drop(answer: httpx.Response) -> None:
    """A short body is read, so that the connection serves again; a long one is cut off with it."""
    length = answer.headers.get("Content-Length", "")
    try:
        if length.isdecimal() and int(length) <= 65_536:
            async for _ in answer.aiter_raw():
                continue  # As it came: whoever answers cannot make more of it.
    except httpx.HTTPError:
        return  # The status has been said; a body that breaks off takes nothing back.
    finally:
        await answer.aclose()


def _retry_after(value: str | None) -> float:
    """Seconds; 0 for none and for what cannot be read."""
    if value is None:
        return 0.0
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _words_of(failure: Exception) -> str:
    if isinstance(failure, httpx.ConnectError) or (
        isinstance(failure, OSError) and not isinstance(failure, TimeoutError)
    ):
        return "could not connect"
    return "no answer"
