"""Customers who go on whatever happens: a deed is sent under one Idempotency-Key until its answer is
definite.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Protocol

from chaos.history import Deed, History, Operation
from chaos.wire import Unanswered, Unsent, Wire

PAUSE_SECONDS = (0.01, 0.25)
DEED_SECONDS_MAX = 90.0
"""Counted from the last fault on, for a deed that is older: whatever has no definite answer after so long a
calm is one that the engine never resolved, however slow the machine.
"""
REFUSALS = frozenset({400, 404})
"""Definite: nothing was taken."""


class Orders(Protocol):
    """What the clients need of a workload."""

    def next(self, randomness: random.Random) -> Deed | None: ...

    def learn(self, operation: Operation) -> None: ...


class Clients:
    """So many clients, each with a connection of its own. `in_flight` holds what waits for an answer now."""

    def __init__(
        self,
        address: tuple[str, int],
        headers: Mapping[str, str],
        orders: Orders,
        history: History,
        seed: int,
    ) -> None:
        self._address = address
        self._headers = headers
        self._orders = orders
        self._history = history
        self._random = random.Random(seed)
        self._seed = seed
        self._numbers = 0
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._wires: list[Wire] = []
        self.in_flight: dict[int, Operation] = {}
        self._acknowledged: set[str] = set()
        self.answered = 0
        """Definite answers, refusals too."""
        self.faults: list[str] = []
        """Answers that no client may ever see: 5xx other than 503, and refusals of the wrong kind."""

    def start(self, count: int) -> None:
        self._tasks = [asyncio.create_task(self._live(number)) for number in range(count)]

    async def finish(self) -> None:
        """Let every deed come to its end."""
        self._stop.set()
        await asyncio.gather(*self._tasks)

    @property
    def acknowledged(self) -> int:
        """Deeds, not copies of them."""
        return len(self._acknowledged)

    def hang_up(self, randomness: random.Random) -> int:
        """Cut some of the connections on which an answer is awaited: the client's own side of the network."""
        waiting = [wire for wire in self._wires if wire.waiting]
        chosen = randomness.sample(waiting, (len(waiting) + 1) // 2)
        for wire in chosen:
            wire.drop()
        return len(chosen)

    async def _live(self, number: int) -> None:
        randomness = random.Random(f"{self._seed}:{number}")
        wires = [self._wire()]
        try:
            while not self._stop.is_set():
                deed = self._orders.next(randomness)
                if deed is None:
                    return
                while len(wires) <= deed.copies:
                    wires.append(self._wire())
                self._numbers += 1
                key = f"{self._seed}-{self._numbers}"
                if deed.kind == "redeem":
                    deed.body["metadata"] = {"deed": key}
                await asyncio.gather(*(self._perform(wires[n], deed, key) for n in range(deed.copies + 1)))
        finally:
            for wire in wires:
                wire.drop()

    def _wire(self) -> Wire:
        host, port = self._address
        wire = Wire(host, port, self._headers)
        self._wires.append(wire)
        return wire

    async def _perform(self, wire: Wire, deed: Deed, key: str) -> None:
        history = self._history
        operation = Operation(number=len(history.operations), key=key, deed=deed, called=history.now())
        self.in_flight[id(operation)] = operation
        shortest, longest = PAUSE_SECONDS
        pause = shortest
        try:
            while history.now() - max(operation.called, history.disturbed) < DEED_SECONDS_MAX:
                if await self._send(wire, operation):
                    break
                await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))
                pause = min(pause * 2, longest)
        finally:
            operation.returned = history.now()
            del self.in_flight[id(operation)]
            history.operation(operation)
        self.answered += bool(operation.status)
        if operation.acknowledged:
            self._acknowledged.add(operation.key)
        self._orders.learn(operation)

    async def _send(self, wire: Wire, operation: Operation) -> bool:
        """Whether the answer is definite."""
        deed = operation.deed
        operation.sendings += 1
        try:
            status, headers, answer = await wire.send(
                deed.method, deed.path, deed.body, {"Idempotency-Key": operation.key}
            )
        except Unsent:
            return False
        except Unanswered:
            operation.unknown = True
            return False
        if status == 200 or status in REFUSALS:
            operation.status, operation.answer = status, answer
            operation.replayed = headers.get("idempotent-replayed") == "true"
            return True
        if status == 503:
            if int(headers.get("retry-after", "0")) < 1:
                self.faults.append(f"{operation.key}: 503 without Retry-After")
            # It may have been taken: the engine says 503 also when it could not find out.
            operation.unknown = True
        elif status != 409:
            self.faults.append(f"{operation.key}: {status} {answer}")
            operation.unknown = True
        return False


async def until(reached: Callable[[], bool], seconds: float) -> bool:
    """Whether it came to be within so many seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not reached():
        if loop.time() > end:
            return False
        await asyncio.sleep(0.02)
    return True
