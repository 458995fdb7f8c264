"""Level `replica`: an event is acknowledged when every replica has it, on disk where the servers can tell.

WAIT and WAITAOF speak of the last write of their own connection and block it. So they go over connections of
their own, behind a script that finds the event on that very server and writes once more.
"""

import asyncio
from typing import Any, Final

from app.core import keys as names
from app.core.client import Client, ReplyError
from app.core.connection import Command, Unanswered, Unsent
from app.core.keys import Partition
from app.core.outbox import Position
from app.core.outcome import Code, CoreUnavailable
from app.core.scripts import script

CONFIRM_SECONDS: Final = 2.0
"""Replicas that sync once a second need more than one of them."""
GRACE_SECONDS: Final = 1.0
LINES: Final = 2
"""Questions under way at once: one is answered while the next gathers the events that came meanwhile."""
TRIAL: Final[Command] = ("SET", "vouchsafe:replicas", "asked", "PX", 60_000)


class _Question:
    """What one trip asks: the highest sequence of each partition and epoch. answer: codes, once known."""

    def __init__(self) -> None:
        self.wanted: dict[tuple[Partition, int], int] = {}
        self.answer: asyncio.Future[dict[tuple[Partition, int], Code]] = (
            asyncio.get_running_loop().create_future()
        )


class Replicas:
    """`count` replicas must have what they are asked about. One per process; connects when first asked."""

    def __init__(self, url: str, count: int, seconds: float = CONFIRM_SECONDS) -> None:
        self.count = count
        self._seconds = seconds
        self._clients = [
            Client(url, name="vouchsafe-replicas", scripts=[script("confirm").source]) for _ in range(LINES)
        ]
        self._lines: list[asyncio.Task[None]] = []
        self._gathering: _Question | None = None
        self._asked = asyncio.Event()

    async def close(self) -> None:
        for line in self._lines:
            line.cancel()
        if self._gathering is not None:
            self._gathering.answer.cancel()
            self._gathering = None
        await asyncio.gather(*self._lines, return_exceptions=True)
        self._lines.clear()
        for client in self._clients:
            await client.close()

    async def confirm(self, partition: Partition, event_id: str) -> Code:
        """OK when every replica has the event. EPOCH, FENCED or REGRESSED: the server no longer is the one
        that took it.

        Raises: CoreUnavailable with `unknown` when the replicas do not say so in time.
        """
        if not self._lines:
            self._lines = [asyncio.create_task(self._line(client)) for client in self._clients]
        question = self._gathering
        if question is None:
            question = self._gathering = _Question()
            self._asked.set()
        position = Position.parse(event_id)
        mark = (partition, position.epoch)
        question.wanted[mark] = max(position.sequence, question.wanted.get(mark, 0))
        answer = await asyncio.shield(question.answer)
        return answer[mark]

    async def trial(self) -> None:
        """Write something and see that every replica has it. Raises: CoreUnavailable."""
        client = self._clients[0]
        await client.start()
        try:
            await self._confirmed(client, [TRIAL])
        except (Unsent, Unanswered) as error:
            raise CoreUnavailable(str(error)) from error

    async def _line(self, client: Client) -> None:
        await client.start()
        while True:
            await self._asked.wait()
            question, self._gathering = self._gathering, None
            self._asked.clear()
            if question is None:
                continue
            try:
                answer = await self._ask(client, question)
            except (CoreUnavailable, Unsent, Unanswered) as error:
                question.answer.set_exception(CoreUnavailable(str(error), unknown=True))
                question.answer.exception()  # Whoever asked may have gone.
            except BaseException:
                question.answer.cancel()
                raise
            else:
                question.answer.set_result(answer)

    async def _ask(self, client: Client, question: _Question) -> dict[tuple[Partition, int], Code]:
        await client.ready(self._seconds)
        sha = script("confirm").sha
        commands: list[Command] = [
            ("EVALSHA", sha, 1, names.meta(partition), epoch, sequence)
            for (partition, epoch), sequence in question.wanted.items()
        ]
        try:
            replies = await self._confirmed(client, commands)
        except _Forgotten:
            await client.load_scripts()
            replies = await self._confirmed(client, commands)
        return {mark: Code(reply[0]) for mark, reply in zip(question.wanted, replies, strict=True)}

    async def _confirmed(self, client: Client, commands: list[Command]) -> list[Any]:
        """The replies to writes that every replica has."""
        milliseconds = int(self._seconds * 1000)
        wait: Command = ("WAITAOF", 1, self.count, milliseconds)
        patience = self._seconds + GRACE_SECONDS
        connects = client.connects
        replies: list[Any] = await client.pipeline([*commands, wait], seconds=patience)
        confirmed = replies.pop()
        for reply in replies:
            if isinstance(reply, ReplyError):
                raise _Forgotten(str(reply)) if str(reply).startswith("NOSCRIPT") else _refused(reply)
        if isinstance(confirmed, ReplyError) and "unknown command" in str(confirmed):
            # Before 7.2 a server knows only what its replicas have received. It must be the same connection:
            # of another one's writes WAIT says nothing.
            confirmed = await client.call(("WAIT", self.count, milliseconds), seconds=patience)
            if client.connects != connects:
                raise CoreUnavailable("the connection was lost before the replicas confirmed", unknown=True)
        if isinstance(confirmed, ReplyError):
            raise _refused(confirmed)
        synced, received = confirmed if isinstance(confirmed, list) else (1, confirmed)
        if not synced or received < self.count:
            raise CoreUnavailable(f"{received} of {self.count} replicas confirmed in time", unknown=True)
        return replies


class _Forgotten(CoreUnavailable):
    """The server does not know the script any more."""


def _refused(reply: ReplyError) -> CoreUnavailable:
    return CoreUnavailable(str(reply), unknown=True)
