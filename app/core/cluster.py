"""The masters of a cluster behind the face of one client: a connection each, commands sent to their slot.

All keys of a partition carry its tag, so a command belongs to one slot. A master that no longer owns it says
MOVED, one that is handing it over says ASK; both are followed here, and neither had an effect.
"""

import asyncio
import contextlib
import re
from binascii import crc_hqx
from collections.abc import Iterable, Sequence
from typing import Any

from app.core.address import Address, parse_place
from app.core.client import CONNECT_SECONDS, Client, ReplyError
from app.core.connection import Command, Unanswered, Unsent

SLOTS = 16_384
HOPS_MAX = 5
NODE_SECONDS = 0.2
"""How long a call waits for a connection to a master that has none; whoever sends again has a budget."""
REFRESH_SECONDS = 5.0
"""The map is read again so often, and at once when a master says that it is wrong."""

_TAG = re.compile(r"\{([^}]+)\}")
_TAG_BYTES = re.compile(rb"\{([^}]+)\}")

Node = tuple[str, int]


def slot_of(tag: str) -> int:
    """The slot of all keys with this tag; with or without its braces."""
    return crc_hqx(tag.strip("{}").encode(), 0) % SLOTS


def _slot_of_command(command: Command) -> int | None:
    """By the first key; None for a command that names none."""
    if command[0] in ("EVALSHA", "EVAL"):
        place = 3 if command[2] else 0
    elif command[0] in ("PING", "INFO", "CONFIG", "SCRIPT", "SCAN", "PUBLISH", "TIME", "CLIENT", "ROLE"):
        place = 0
    else:
        place = 1
    key = command[place] if place < len(command) else ""
    if isinstance(key, bytes):
        found_bytes = _TAG_BYTES.search(key)
        return slot_of(found_bytes[1].decode()) if found_bytes else None
    found = _TAG.search(str(key))
    return slot_of(found[1]) if found else None


def _elsewhere(reply: Any) -> bool:
    return isinstance(reply, ReplyError) and str(reply).startswith(("MOVED ", "ASK "))


async def _started(client: Client) -> None:
    if not client.connected:
        await client.start(NODE_SECONDS)


class ClusterClient:
    """Has the calls of Client that a Sender needs. Belongs to the event loop in which `start` was awaited."""

    def __init__(
        self, url: str, *, scripts: Iterable[str] = (), in_flight_max: int = 512, name: str = "vouchsafe"
    ) -> None:
        self._seeds = parse_place(url).nodes
        self._scripts = list(scripts)
        self._in_flight_max = in_flight_max
        self._name = name
        self._clients: dict[Node, Client] = {}
        self._owners: list[Node | None] = [None] * SLOTS
        self._masters: frozenset[Node] = frozenset()
        self._keeper: asyncio.Task[None] | None = None
        self._wrong = asyncio.Event()
        self._mapped = asyncio.Event()
        self._maps = 0
        self.last_error = "not started"

    @property
    def connected(self) -> bool:
        return any(self._clients[node].connected for node in self._masters)

    @property
    def connects(self) -> int:
        """Grows with every reconnect to a master and with every change of the masters."""
        return self._maps + sum(client.connects for client in self._clients.values())

    @property
    def in_flight(self) -> int:
        return sum(client.in_flight for client in self._clients.values())

    async def start(self, wait_seconds: float = CONNECT_SECONDS) -> None:
        """Begin to keep connections. Returns when there is a map or after `wait_seconds`."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        await self.ready(wait_seconds)

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        await asyncio.gather(*(client.close() for client in self._clients.values()))

    async def ready(self, seconds: float) -> bool:
        """Wait for a map and a connection, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._mapped.wait()
        except TimeoutError:
            return False
        return self.connected

    def call(self, command: Command, *, seconds: float | None = None) -> asyncio.Future[Any]:
        """Send one command to the master of its slot; the future raises Unsent, Unanswered or Saturated."""
        return asyncio.ensure_future(self._call(command, _slot_of_command(command), seconds))

    def pipeline(
        self, commands: Sequence[Command], *, seconds: float | None = None, tag: str = ""
    ) -> asyncio.Future[Any]:
        """Those of a master go in one write; a command without a key goes with the partition of `tag`. A list
        of replies in the order of the commands, or the reply itself for one.
        """
        return asyncio.ensure_future(self._pipeline(commands, slot_of(tag) if tag else None, seconds))

    async def load_scripts(self) -> None:
        for client in self._master_clients():
            await client.load_scripts()

    async def everywhere(self, commands: Sequence[Command]) -> list[list[Any]]:
        """The replies of every master; none of one that is away."""
        clients = self._master_clients()
        if not clients:
            raise Unsent(f"no map of the cluster: {self.last_error}")
        if not self.connected:
            raise Unsent(f"no master answers: {self.last_error}")
        replies: list[list[Any]] = []
        for client in clients:
            # One that is away proves nothing and has nothing to say; its return changes the list.
            try:
                replies.append((await client.everywhere(commands))[0])
            except (Unsent, Unanswered) as error:
                self.last_error = str(error)
                replies.append([])
        return replies

    def reachable(self, tag: str) -> bool:
        """Whether there is a connection to the master of this tag's slot."""
        node = self._owners[slot_of(tag)]
        return node is not None and self._client_at(node).connected

    def drop(self, reason: str) -> None:
        """A master that became a replica is found out by the next map."""
        self._wrong.set()

    def _master_clients(self) -> list[Client]:
        return [self._clients[node] for node in sorted(self._masters)]

    def _client_of(self, slot: int | None) -> Client:
        node = next(iter(sorted(self._masters)), None) if slot is None else self._owners[slot]
        if node is None:
            raise Unsent(f"no master is known for slot {slot}: {self.last_error}")
        return self._client_at(node)

    def _client_at(self, node: Node) -> Client:
        client = self._clients.get(node)
        if client is None:
            address: Address = self._seeds[0]._replace(host=node[0], port=node[1], path="")
            client = Client(
                address, name=self._name, scripts=self._scripts, in_flight_max=self._in_flight_max
            )
            self._clients[node] = client
        return client

    async def _call(self, command: Command, slot: int | None, seconds: float | None) -> Any:
        client = self._client_of(slot)
        for _ in range(HOPS_MAX):
            await _started(client)
            reply = await client.call(command, seconds=seconds)
            if not isinstance(reply, ReplyError):
                return reply
            word, _, where = str(reply).partition(" ")
            if word not in ("MOVED", "ASK"):
                return reply
            owned, _, address = where.partition(" ")
            node = self._node_of(address, client)
            client = self._client_at(node)
            if word == "ASK":
                await _started(client)
                return (await client.pipeline([("ASKING",), command], seconds=seconds))[1]
            self._owners[int(owned)] = node
            self._wrong.set()
        raise Unsent("the slot moved on and on")

    @staticmethod
    def _node_of(address: str, asked: Client) -> Node:
        host, _, port = address.rpartition(":")
        return host or asked.address.host, int(port)

    async def _pipeline(self, commands: Sequence[Command], slot: int | None, seconds: float | None) -> Any:
        groups: dict[Node | None, list[int]] = {}
        slots = []
        for number, command in enumerate(commands):
            own = _slot_of_command(command)
            slot = slot if own is None else own
            slots.append(slot)
            groups.setdefault(None if slot is None else self._owners[slot], []).append(number)
        replies: list[Any] = [None] * len(commands)

        async def group(numbers: list[int]) -> None:
            client = self._client_of(slots[numbers[0]])
            await _started(client)
            reply = await client.pipeline([commands[number] for number in numbers], seconds=seconds)
            found = dict(zip(numbers, [reply] if len(numbers) == 1 else reply, strict=True))
            moved = {slots[number] for number, one in found.items() if _elsewhere(one)}
            for number, one in found.items():
                # What names no key speaks of the server that the command before it was sent to.
                follows = slots[number] in moved and _slot_of_command(commands[number]) is None
                again = follows or _elsewhere(one)
                replies[number] = (
                    await self._call(commands[number], slots[number], seconds) if again else one
                )

        done = await asyncio.gather(*(group(numbers) for numbers in groups.values()), return_exceptions=True)
        for error in done:
            if isinstance(error, BaseException):
                raise error
        return replies[0] if len(commands) == 1 else replies

    # The map

    async def _keep(self) -> None:
        while True:
            self._wrong.clear()
            if not await self._read_map():
                await asyncio.sleep(0.1)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_SECONDS):
                    await self._wrong.wait()

    async def _read_map(self) -> bool:
        """From the first node that answers; masters that are gone lose their connection."""
        known = [self._client_at(node) for node in sorted(self._masters)]
        for client in [*known, *(Client(seed, name=self._name) for seed in self._seeds)]:
            temporary = client not in self._clients.values()
            try:
                await client.start()
                reply = await client.call(("CLUSTER", "SLOTS"))
            except (Unsent, Unanswered) as error:
                self.last_error = str(error)
                continue
            finally:
                if temporary:
                    await client.close()
            if isinstance(reply, ReplyError) or not reply:
                self.last_error = f"{client.address} shows no cluster: {reply}"
                continue
            await self._take_map(reply, client)
            return True
        return False

    async def _take_map(self, reply: list[Any], asked: Client) -> None:
        owners: list[Node | None] = [None] * SLOTS
        masters = set()
        for first, last, (host, port, *_), *_replicas in reply:
            node = (host.decode() if host else asked.address.host, int(port))
            masters.add(node)
            owners[first : last + 1] = [node] * (last + 1 - first)
        self._owners = owners
        if masters != self._masters:
            self._maps += 1
            self._masters = frozenset(masters)
            for node in [node for node in self._clients if node not in masters]:
                await self._clients.pop(node).close()
        starts = (self._client_at(node).start(0.2) for node in masters)
        await asyncio.gather(*starts)
        self._mapped.set()
