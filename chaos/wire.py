"""A small HTTP client that knows whether a request was sent: what was sent and not answered is unknown."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

ANSWER_SECONDS_MAX = 30.0
CONNECT_SECONDS_MAX = 5.0


class Unsent(Exception):
    """No connection: the request had no effect."""


class Unanswered(Exception):
    """The request was sent, and its answer did not come."""


class Wire:
    """One kept connection to the server, made anew when it breaks. One request at a time."""

    def __init__(self, host: str, port: int, headers: Mapping[str, str]) -> None:
        self._host, self._port = host, port
        lines = {"Host": f"{host}:{port}", "Content-Type": "application/json", **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.waiting = False
        """Whether an answer is awaited now."""

    async def send(
        self, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers in lower case and decoded body. Raises Unsent, Unanswered."""
        reader, writer = await self._connected()
        self.waiting = True
        payload = msgspec.json.encode(body)
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{more}Content-Length: {len(payload)}\r\n\r\n"
        try:
            writer.write(head.encode() + payload)
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                return await read_answer(reader)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            self.drop()
            raise Unanswered(str(error) or type(error).__name__) from error
        except asyncio.CancelledError:
            self.drop()
            raise
        finally:
            self.waiting = False

    def drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and not self._streams[0].at_eof():
            return self._streams
        self.drop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                self._streams = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError) as error:
            raise Unsent(str(error) or type(error).__name__) from error
        return self._streams


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], Any]:
    """The next answer of a connection: status, headers in lower case and decoded body."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ", 2)[1])
    pairs = (line.partition(":") for line in lines[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    payload = await reader.readexactly(int(headers.get("content-length", "0")))
    return status, headers, msgspec.json.decode(payload) if payload else {}
