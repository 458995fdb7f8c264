"""A unix-socket proxy that lets a request through and cuts the connection before its reply: an unknown
outcome.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self


class CuttingProxy:
    """`cut` says of each chunk of requests whether the connection ends once the server has answered it."""

    def __init__(self, server: str, path: Path, cut: Callable[[bytes], bool]) -> None:
        self._server = server
        self._path = path
        self._cut = cut
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.cuts = 0

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_unix_server(self._accept, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self._server)
        self._writers += (writer, to_server)
        back = asyncio.create_task(self._back(from_server, writer))
        self._tasks.add(back)
        try:
            while chunk := await reader.read(1 << 20):
                cut = self._cut(chunk)
                if cut:
                    # No reply may pass from here on; the request does.
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                    to_server.write(chunk)
                    await to_server.drain()
                    await from_server.read(1)
                    self.cuts += 1
                    break
                to_server.write(chunk)
                await to_server.drain()
        finally:
            back.cancel()
            to_server.close()
            writer.close()

    @staticmethod
    async def _back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(1 << 20):
            writer.write(chunk)
            await writer.drain()
