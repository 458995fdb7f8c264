"""HTTP/1.1 as bytes: a client that sends what no client library would, and reads the status and the body."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

HEAD_BYTES_MAX = 64 * 1024


class Reply(NamedTuple):
    status: int
    body: bytes


class Connection:
    """One connection, opened again when the server closes it."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Raises: ConnectionError when the server gives no answer twice."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
        for attempt in (1, 2):
            try:
                if self.writer is None:
                    self.reader, self.writer = await asyncio.open_connection(
                        self.host, self.port, limit=HEAD_BYTES_MAX
                    )
                self.writer.write(request)
                return await self._reply(method)
            except (OSError, asyncio.IncompleteReadError, ValueError) as lost:
                await self.close()
                if attempt == 2:
                    raise ConnectionError(f"{method} {target[:200]}: {lost!r}") from lost
        raise AssertionError

    async def _reply(self, method: str) -> Reply:
        assert self.reader is not None
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 300)
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ", 2)[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        body = b"" if method == "HEAD" or status == 204 else await self.reader.readexactly(length)
        if headers.get("connection", "").lower() == "close":
            await self.close()
        return Reply(status, body)

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None
