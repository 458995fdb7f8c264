"""How far the ledger has come, as the drain tells it: acknowledgements of durability `ledger` and the read
barrier wait here.

Messages may be lost with a connection, so every new subscription, and a slow poll while somebody waits,
reads the hash.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from app.core.client import Client
from app.core.connection import Command, Connection, pack
from app.core.keys import Partition, watermark, watermark_channel
from app.core.outbox import Position
from app.core.outcome import CoreUnavailable

LEDGERED, PROJECTED = "ledgered", "projected"
POLL_SECONDS = 0.25
HEARTBEAT_SECONDS = 5.0

Pipeline = Callable[[Sequence[Command]], Awaitable[list[Any]]]


class Watermarks:
    """Waits for, and announces, the last event id of a partition that is ledgered or projected."""

    def __init__(self, url: str, pipeline: Pipeline) -> None:
        self._client = Client(url, name="vouchsafe-watermarks")
        self._pipeline = pipeline
        self._known: dict[tuple[Partition, str], Position] = {}
        self._parked: dict[tuple[Partition, str], list[tuple[Position, asyncio.Future[None]]]] = {}
        self._channels: dict[bytes, Partition] = {}
        self._connection: Connection | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def announce(self, partition: Partition, **marks: str) -> None:
        """Called by the drain and the projector after their commits: `ledgered=id` and/or `projected=id`."""
        message = " ".join(f"{stage}={event_id}" for stage, event_id in marks.items())
        flat = [part for mark in marks.items() for part in mark]
        replies = await self._pipeline(
            [("HSET", watermark(partition), *flat), ("PUBLISH", watermark_channel(partition), message)]
        )
        for reply in replies:
            if isinstance(reply, Exception):
                raise CoreUnavailable(str(reply)) from reply

    def known(self, partition: Partition, stage: str) -> Position | None:
        """The last watermark this process has heard of."""
        return self._known.get((partition, stage))

    async def read(self, partition: Partition) -> dict[str, Position]:
        """Ask the server for the partition's watermarks."""
        (reply,) = await self._pipeline([("HGETALL", watermark(partition))])
        if isinstance(reply, Exception):
            raise CoreUnavailable(str(reply)) from reply
        for stage, event_id in zip(reply[::2], reply[1::2], strict=True):
            self._heard(partition, stage.decode(), event_id)
        return {stage: at for (known, stage), at in self._known.items() if known == partition}

    async def wait(self, partition: Partition, stage: str, event_id: str, seconds: float) -> bool:
        """Whether the partition's `stage` reached the event within so many seconds."""
        mark = (partition, stage)
        position = Position.parse(event_id)
        known = self._known.get(mark)
        if known is not None and known >= position:
            return True
        loop = asyncio.get_running_loop()
        parked: asyncio.Future[None] = loop.create_future()
        self._parked.setdefault(mark, []).append((position, parked))
        self.subscribe(partition)
        until = loop.time() + seconds
        try:
            while (remaining := until - loop.time()) > 0:
                done, _ = await asyncio.wait([parked], timeout=min(POLL_SECONDS, remaining))
                if done:
                    return True
                with contextlib.suppress(CoreUnavailable):
                    await self.read(partition)
            return parked.done()
        finally:
            if not parked.done():
                parked.cancel()
                self._parked[mark] = [one for one in self._parked.get(mark, []) if one[1] is not parked]

    def subscribe(self, partition: Partition) -> None:
        """Hear of a partition from now on."""
        channel = watermark_channel(partition).encode()
        if channel not in self._channels:
            self._channels[channel] = partition
            if self._connection is not None:
                self._connection.write_only(pack(("SUBSCRIBE", channel)))
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _keep(self) -> None:
        while True:
            try:
                connection = await self._client.open_connection()
            except (OSError, TimeoutError):
                await asyncio.sleep(POLL_SECONDS)
                continue
            connection.on_push = self._pushed
            self._connection = connection
            connection.write_only(pack(("SUBSCRIBE", *self._channels)))
            while not connection.closed.done():
                await asyncio.wait([connection.closed], timeout=HEARTBEAT_SECONDS)
                connection.write_only(pack(("PING",)))
            self._connection = None

    def _pushed(self, push: Any) -> None:
        if not isinstance(push, list) or len(push) != 3:
            return
        kind, channel, payload = push
        partition = self._channels.get(channel)
        if partition is None:
            return
        if kind == b"subscribe":
            task = asyncio.ensure_future(self._caught_up(partition))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        elif kind == b"message":
            for mark in payload.split():
                stage, _, event_id = mark.partition(b"=")
                self._heard(partition, stage.decode(), event_id)

    async def _caught_up(self, partition: Partition) -> None:
        with contextlib.suppress(CoreUnavailable):
            await self.read(partition)

    def _heard(self, partition: Partition, stage: str, event_id: bytes) -> None:
        mark, position = (partition, stage), Position.parse(event_id)
        known = self._known.get(mark)
        if known is not None and position <= known:
            return
        self._known[mark] = position
        parked = self._parked.pop(mark, None)
        if not parked:
            return
        still = []
        for one in parked:
            if one[0] <= position:
                if not one[1].done():
                    one[1].set_result(None)
            else:
                still.append(one)
        if still:
            self._parked[mark] = still
