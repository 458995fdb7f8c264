"""One connection to a server: commands of one loop turn go out together, replies come back in order.

A command that was not written is `Unsent`; one that was written and not answered is `Unanswered`: its effect
is unknown.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis
from msgspec import Struct

FLUSH_EARLY = 64
"""Commands queued before a turn's end that are worth a write of their own: the server works while the turn
goes on. A write costs as much processor time as packing dozens of commands, so a single request's never is.
"""
WATCH_SECONDS = 0.05
IDLE_PING_SECONDS = 5.0

Command = tuple[str | bytes | int | float, ...]

# The published type of pack_command means a tuple of one.
pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]

_NOTHING = object()


class Unsent(Exception):
    """The command never left this process: it had no effect."""


class Unanswered(Exception):
    """The command was sent and no answer came: it may or may not have had its effect."""


class _Waiting(Struct, frozen=True):
    future: asyncio.Future[Any]
    wanted: int
    """Replies that complete the future."""
    replies: list[Any] | None
    """Collected so far; None when a single reply is the result itself."""
    deadline: float
    """Loop time after which the connection counts as stalled."""


class Connection(asyncio.Protocol):
    """A FIFO of futures over one socket. A cancelled waiter leaves its place, so that replies never shift."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_lost: Callable[["Connection"], None]) -> None:
        self._loop = loop
        self._on_lost = on_lost
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[_Waiting] = deque()
        self._unsent: list[bytes] = []
        self._unsent_waiting: list[_Waiting] = []
        self._paused = False
        self._watch: asyncio.TimerHandle | None = None
        self._last_heard = loop.time()
        self.closed = loop.create_future()
        self.on_push: Callable[[Any], None] | None = None
        """Set for a subscribing connection: every reply goes there."""

    @property
    def in_flight(self) -> int:
        return len(self._waiting) + len(self._unsent_waiting)

    def send(self, packed: bytes, wanted: int, seconds: float) -> asyncio.Future[Any]:
        """Queue packed commands that will get `wanted` replies; a list of them, or the reply itself for one.
        Raises Unsent when the connection is gone.
        """
        if self._transport is None or self._transport.is_closing():
            # The loop has not told us yet. Failing now makes the owner connect again.
            self._fail("connection lost")
            raise Unsent("connection lost")
        future = self._loop.create_future()
        self._unsent.append(packed)
        self._unsent_waiting.append(
            _Waiting(future, wanted, None if wanted == 1 else [], self._loop.time() + seconds)
        )
        queued = len(self._unsent)
        if queued == 1:
            self._loop.call_soon(self._flush)
        elif queued >= FLUSH_EARLY:
            self._flush()
        return future

    def write_only(self, packed: bytes) -> None:
        """Send without waiting: for (un)subscribing, whose replies are pushes."""
        if self._transport is not None:
            self._transport.write(packed)

    def kill(self, reason: str) -> None:
        """Drop the connection; what is in flight becomes unknown."""
        if self._transport is not None:
            self._transport.abort()
        self._fail(reason)

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            await self.closed

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._watch = self._loop.call_later(WATCH_SECONDS, self._look)

    def data_received(self, data: bytes) -> None:
        self._last_heard = self._loop.time()
        reader, waiting = self._reader, self._waiting
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _NOTHING:
                if self.on_push is not None:
                    self.on_push(reply)
                    continue
                head = waiting[0]
                if head.replies is None:
                    waiting.popleft()
                    if not head.future.done():
                        head.future.set_result(reply)
                    continue
                head.replies.append(reply)
                if len(head.replies) == head.wanted:
                    waiting.popleft()
                    if not head.future.done():
                        head.future.set_result(head.replies)
        except (hiredis.ProtocolError, IndexError) as error:
            self.kill(f"the server broke the protocol: {error}")

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"connection lost: {exc}" if exc else "connection closed")

    def _flush(self) -> None:
        if not self._unsent or self._paused or self._transport is None:
            return
        data = self._unsent[0] if len(self._unsent) == 1 else b"".join(self._unsent)
        self._unsent.clear()
        self._waiting.extend(self._unsent_waiting)
        self._unsent_waiting.clear()
        self._transport.write(data)

    def _look(self) -> None:
        """Replies come in order, so the head's deadline stands for all behind it."""
        now = self._loop.time()
        if (self._waiting and self._waiting[0].deadline < now) or (
            self._unsent_waiting and self._unsent_waiting[0].deadline < now
        ):
            self.kill("the server did not answer in time")
            return
        if self.on_push is None and not self._waiting and now - self._last_heard > IDLE_PING_SECONDS:
            self._last_heard = now
            self.send(pack(("PING",)), 1, IDLE_PING_SECONDS).add_done_callback(_forget)
        self._watch = self._loop.call_later(WATCH_SECONDS, self._look)

    def _fail(self, reason: str) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._transport = None
        for waiting in self._waiting:
            if not waiting.future.done():
                waiting.future.set_exception(Unanswered(reason))
        for waiting in self._unsent_waiting:
            if not waiting.future.done():
                waiting.future.set_exception(Unsent(reason))
        self._waiting.clear()
        self._unsent_waiting.clear()
        self._unsent.clear()
        if not self.closed.done():
            self.closed.set_result(reason)
            self._on_lost(self)


def _forget(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
