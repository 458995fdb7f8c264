"""Questions to the database that wait for each other: while some are under way, those that come share the
next one.

A statement costs as much for fifty codes as for one, and codes come by the hundred that are nowhere: mistyped
at a sale's start, or tried out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, Generic, TypeVar

from app.core.keys import Partition

NAMES_MAX: Final = 50
"""In one question."""
UNDER_WAY_MAX: Final = 4
"""Questions of this process at a time, whoever asks; half of the connections that it may read by."""

Found = TypeVar("Found")
Name = TypeVar("Name", bound=Hashable)


class _Question(Generic[Name, Found]):
    """One that has not been asked yet, or its answer to come."""

    def __init__(self) -> None:
        self.names: dict[Name, None] = {}
        self.answer: asyncio.Task[dict[Name, Found]]


class AskedTogether(Generic[Name, Found]):
    """ask: finds what of one partition goes by these names; what is nowhere is left out."""

    def __init__(self, ask: Callable[[Partition, Sequence[Name]], Awaitable[dict[Name, Found]]]) -> None:
        self._ask = ask
        self._open: dict[Partition, _Question[Name, Found]] = {}
        self._turns = asyncio.Semaphore(UNDER_WAY_MAX)

    async def find(self, partition: Partition, names: Sequence[Name]) -> dict[Name, Found]:
        """Also what others asked for at the same time, as of a moment after this call.

        Raises: what `ask` raises, for everybody who asked with it.
        """
        question = self._open.get(partition)
        if question is None or len(question.names) + len(names) > NAMES_MAX:
            question = self._open[partition] = _Question()
            question.answer = asyncio.get_running_loop().create_task(self._answer(partition, question))
        question.names.update(dict.fromkeys(names))
        # Who gives up must not take the answer from the others.
        return await asyncio.shield(question.answer)

    async def _answer(self, partition: Partition, question: _Question[Name, Found]) -> dict[Name, Found]:
        async with self._turns:
            if self._open.get(partition) is question:
                del self._open[partition]
            return await self._ask(partition, list(question.names))
