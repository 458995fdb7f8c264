"""The network between the engine and its Redis, at a programme's mercy: delays, cut answers, silence, resets.

A unix-socket proxy in the programme's own loop. `target` may be changed at any time: new connections go
there, which is how a failover looks to a client that keeps one address.
"""

import asyncio
import contextlib
import random
from pathlib import Path
from typing import Self

CHUNK_BYTES = 1 << 18


class Link:
    """One connection that passes through."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.to_server: asyncio.StreamWriter | None = None
        self.silent = False
        """Half open: requests pass, answers do not, and nobody is told."""
        self.cut_after: int | None = None
        """So many more bytes of answers, then the end: requests were executed, their answers torn."""

    def reset(self) -> None:
        for writer in (self.writer, self.to_server):
            if writer is not None:
                writer.transport.abort()


class FaultProxy:
    """Use as an async context manager."""

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self.target = target
        self.delay_seconds = 0.0
        """Added to every answer."""
        self.refuses = False
        """Whether new connections are cut at once: a partition."""
        self.links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_unix_server(self._accept, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def some(self, randomness: random.Random, share: float = 0.6) -> list[Link]:
        """A share of the links, at least one when there is any."""
        links = sorted(self.links, key=id)
        return randomness.sample(links, max(1, round(len(links) * share))) if links else []

    def reset(self) -> None:
        for link in list(self.links):
            link.reset()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(writer)
        if self.refuses:
            link.reset()
            return
        self.links.add(link)
        try:
            from_server, link.to_server = await asyncio.open_unix_connection(self.target)
            back = asyncio.create_task(self._back(from_server, link))
            try:
                while chunk := await reader.read(CHUNK_BYTES):
                    link.to_server.write(chunk)
                    await link.to_server.drain()
            finally:
                back.cancel()
        except OSError:
            pass
        finally:
            self.links.discard(link)
            link.reset()

    async def _back(self, reader: asyncio.StreamReader, link: Link) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if link.silent:
                    continue
                if link.cut_after is not None:
                    if len(chunk) >= link.cut_after:
                        link.writer.write(chunk[: link.cut_after])
                        with contextlib.suppress(OSError):
                            await link.writer.drain()
                        break
                    link.cut_after -= len(chunk)
                link.writer.write(chunk)
                await link.writer.drain()
        # The server ended or the answer was torn: the engine's side learns of it at once.
        link.reset()
