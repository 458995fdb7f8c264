"""The ASGI messages of one request and its answer."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

import msgspec
from litestar.types import Receive, Scope, Send

from app.http.decode import payload_too_large
from app.http.errors import ApiError, unavailable

JSON: Final = b"application/json"
encoder: Final = msgspec.json.Encoder(decimal_format="number")
"""The one encoder of answers. Instants are texts already; Decimals are numbers, exact."""


BUFFERED_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of bodies that are still coming in, over all requests of a process: what slow large ones may occupy."""


class _Buffered:
    """Bytes of the bodies that this process holds in part."""

    bytes = 0


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
    message: Any = await receive()
    chunk: bytes = message.get("body", b"")
    if len(chunk) > limit_bytes:
        raise payload_too_large(limit_bytes)
    if message["type"] != "http.disconnect" and not message.get("more_body", False):
        return chunk
    return await _rest_of_body(receive, message, limit_bytes)


async def _rest_of_body(receive: Receive, message: Any, limit_bytes: int) -> bytes:
    """A body that comes in parts. Raises: as read_body; ApiError 503 when parts of others fill the memory."""
    chunks: list[bytes] = []
    length = 0
    try:
        while True:
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk = message.get("body", b"")
            length += len(chunk)
            _Buffered.bytes += len(chunk)
            if length > limit_bytes:
                raise payload_too_large(limit_bytes)
            if _Buffered.bytes > BUFFERED_BYTES_MAX:
                raise unavailable("Too many large requests are coming in at once")
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)
            message = await receive()
    finally:
        _Buffered.bytes -= length


async def send_answer(
    send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes | None, *, head: bool = False
) -> None:
    """body None: no content. head: the length of what GET would answer, without it."""
    all_headers = list(headers)
    if body is not None:
        for name, _ in all_headers:
            if name == b"content-type":
                break
        else:
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
