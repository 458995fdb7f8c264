"""The ASGI messages of one request and its answer."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

import msgspec
from litestar.types import Receive, Scope, Send

from app.http.decode import payload_too_large
from app.http.errors import ApiError

JSON: Final = b"application/json"
encoder: Final = msgspec.json.Encoder(decimal_format="number")
"""The one encoder of answers. Instants are texts already; Decimals are numbers, exact."""


class ClientGone(Exception):
    """The client closed the connection before its request was whole: nobody waits for an answer."""


def headers_of(scope: Scope) -> dict[str, str]:
    """Lower-case names; of a name that comes twice, the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def read_body(receive: Receive, headers: Mapping[str, str], limit_bytes: int) -> bytes:
    """The whole body.

    Raises: ApiError 413 as soon as the announced or received length passes the limit; ClientGone.
    """
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit_bytes:
        raise payload_too_large(limit_bytes)
    chunks: list[bytes] = []
    length = 0
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        if chunk:
            length += len(chunk)
            if length > limit_bytes:
                raise payload_too_large(limit_bytes)
            chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def send_answer(
    send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes | None, *, head: bool = False
) -> None:
    """body None: no content. head: the length of what GET would answer, without it."""
    all_headers = list(headers)
    if body is not None:
        if not any(name == b"content-type" for name, _ in all_headers):
            all_headers.append((b"content-type", JSON))
        all_headers.append((b"content-length", b"%d" % len(body)))
    elif status != 204:
        all_headers.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send(
        {"type": "http.response.body", "body": b"" if head or body is None else body, "more_body": False}
    )


async def send_stream(
    send: Send,
    status: int,
    headers: Iterable[tuple[bytes, bytes]],
    body: AsyncIterator[bytes],
    length: int,
    *,
    head: bool = False,
) -> None:
    """A body in pieces, `length` bytes together; the headers name its type."""
    all_headers = [*headers, (b"content-length", b"%d" % length)]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    if not head:
        async for piece in body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def encode_body(body: Any) -> bytes | None:
    """bytes pass as they are."""
    return body if body is None or isinstance(body, bytes) else encoder.encode(body)


def wire_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def encode_error(error: ApiError, request_id: str) -> bytes:
    return encoder.encode(error.body(request_id))
