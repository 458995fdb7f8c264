"""uvicorn's HTTP protocol with one write per answer, and an end to large heads and slow requests.

Head and body of an answer are sent by two calls and would be two system calls; what is written within one
turn of the event loop goes out together at its end.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024
"""Of the request line and all headers. A query alone may have 16 kB."""


def _answer(status: str, message: str) -> bytes:
    body = b'{"code":%b,"message":"%b"}' % (status[:3].encode(), message.encode())
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


HEAD_TOO_LARGE = _answer("431 Request Header Fields Too Large", "The head of the request is too large")
TOO_SLOW = _answer("408 Request Timeout", "The request did not arrive in time")


class _Gathering:
    """A transport whose writes of one turn are one. Everything else is the transport's own."""

    __slots__ = ("_chunks", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._chunks: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._chunks:
            self._loop.call_soon(self.flush)
        self._chunks.append(data)

    def flush(self) -> None:
        if self._chunks:
            data = b"".join(self._chunks)
            self._chunks.clear()
            if not self._transport.is_closing():
                self._transport.write(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class GatheringProtocol(HttpToolsProtocol):
    """To be named as `http` in uvicorn's configuration."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Gathering(transport, self.loop))  # type: ignore[arg-type]
        self._since = self.loop.time()

    _last = False
    """Whether the next answer is the last of the connection."""
    _since = 0.0
    """loop.time() when the request that is still coming in began; 0.0: none is."""
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._last:
            self.last()
        # uvicorn declares both as always there; they are None until the first request.
        cycle: Any = self.cycle
        scope: Any = self.scope
        in_head = scope is None or "method" not in scope
        if not in_head and cycle is not None and not cycle.more_body:
            self._since = 0.0
            self._head_bytes = 0
            return
        if not self._since:
            self._since = self.loop.time()
        if in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(HEAD_TOO_LARGE)

    def last(self) -> None:
        """Answer what is under way, or the next request, with `Connection: close`, and close after it. A
        connection that is closed between two requests may cost its client the second one.
        """
        self._last = True
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_started:
            cycle.keep_alive = False

    def give_up(self, began_before: float) -> None:
        """End the connection when its request began before that and is not whole yet."""
        if self._since and self._since < began_before:
            self._refuse(TOO_SLOW)

    def _refuse(self, answer: bytes) -> None:
        transport = self.transport
        cycle: Any = self.cycle
        if transport.is_closing():
            return
        # A connection that was opened in advance and never used is closed without a word.
        silent = cycle is None and self.scope is None
        if not silent and (cycle is None or cycle.response_complete or not cycle.response_started):
            transport.write(answer)
        transport.close()
