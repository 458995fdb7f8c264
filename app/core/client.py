"""A multiplexing client: all callers of a process share one connection to the primary, which comes back by
itself when it is lost or when the Sentinels have made another server primary.
"""

import asyncio
import contextlib
import random
from collections.abc import Iterable, Sequence
from typing import Any

import hiredis

from app.core.address import SENTINEL, SINGLE, Address, Place, parse_place
from app.core.connection import Command, Connection, Unsent, pack

DEADLINE_SECONDS = 1.5
CONNECT_SECONDS = 1.0
IN_FLIGHT_MAX = 512
BACKOFF_SECONDS = (0.02, 1.0)
PRIMARY_CHECK_SECONDS = 1.0
"""How often the Sentinels are asked whether the server is still the primary: a server that was cut off does
not learn of its successor, nor do those that are connected to it.
"""

ReplyError = hiredis.ReplyError
"""An error reply. It is returned in the reply's place, never raised here."""


class Saturated(Unsent):
    """Too much is in flight already: the caller shall answer 503 rather than queue."""


class Client:
    """The one connection to a server. Belongs to the event loop in which `start` was awaited."""

    def __init__(
        self,
        url: str | Address,
        *,
        name: str = "vouchsafe",
        scripts: Iterable[str] = (),
        in_flight_max: int = IN_FLIGHT_MAX,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self.place = Place(SINGLE, (url,)) if isinstance(url, Address) else parse_place(url)
        self.address: Address = self.place.primary or self.place.nodes[0]
        """Of the server that was connected to last."""
        self._name = name
        self._scripts = list(scripts)
        self._in_flight_max = in_flight_max
        self._deadline_seconds = deadline_seconds
        self._connection: Connection | None = None
        self._ready = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._closing = False
        self.connects = 0
        """How often a connection was made; grows with every reconnect."""
        self.last_error = "not started"

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def in_flight(self) -> int:
        return self._connection.in_flight if self._connection is not None else 0

    async def start(self, wait_seconds: float = CONNECT_SECONDS) -> None:
        """Begin to keep a connection. Returns when it stands or after `wait_seconds`; it goes on trying
        either way.
        """
        self._closing = False
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        await self.ready(wait_seconds)

    async def close(self) -> None:
        self._closing = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        if self._connection is not None:
            await self._connection.close()

    async def ready(self, seconds: float) -> bool:
        """Wait for a connection, at most so long."""
        if self._connection is not None:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    def call(self, command: Command, *, seconds: float | None = None) -> asyncio.Future[Any]:
        """Send one command now; the future is its reply (an error reply is a result). Raises Unsent or
        Saturated.
        """
        return self._usable().send(pack(command), 1, seconds or self._deadline_seconds)

    def pipeline(
        self, commands: Sequence[Command], *, seconds: float | None = None, tag: str = ""
    ) -> asyncio.Future[Any]:
        """Send several commands in one write; the future is the list of their replies, or the reply itself
        for one. tag: of the partition, for a cluster.
        """
        packed = b"".join([pack(command) for command in commands])
        return self._usable().send(packed, len(commands), seconds or self._deadline_seconds)

    async def load_scripts(self) -> None:
        """After the server has forgotten them. Raises Unsent, Unanswered."""
        await self.pipeline([("SCRIPT", "LOAD", source) for source in self._scripts])

    async def everywhere(self, commands: Sequence[Command]) -> list[list[Any]]:
        """The replies of every server that holds data: here, of the one. Raises Unsent, Unanswered."""
        replies = await self.pipeline(commands)
        return [[replies] if len(commands) == 1 else replies]

    def reachable(self, tag: str) -> bool:
        """Whether to try: of one server that is always so."""
        return True

    def drop(self, reason: str) -> None:
        """Cut the connection; a new one is made at once. What is in flight becomes unknown."""
        if self._connection is not None:
            self._connection.kill(reason)

    def _usable(self) -> Connection:
        """Raises: Unsent, Saturated."""
        connection = self._connection
        if connection is None:
            raise Unsent(f"no connection to {self.address}: {self.last_error}")
        if connection.in_flight >= self._in_flight_max:
            raise Saturated(f"{self._in_flight_max} calls are in flight")
        return connection

    async def _keep(self) -> None:
        pause, longest = BACKOFF_SECONDS
        while not self._closing:
            try:
                connection = await self.open_connection()
            except (OSError, ConnectionError, TimeoutError) as error:
                self.last_error = str(error) or type(error).__name__
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, longest)
                continue
            pause = BACKOFF_SECONDS[0]
            self._connection = connection
            self.connects += 1
            self._ready.set()
            self.last_error = await self._kept(connection)

    async def _kept(self, connection: Connection) -> str:
        """Until the connection is lost; why. One to a server that is no longer the primary is cut."""
        if self.place.kind != SENTINEL:
            return str(await asyncio.shield(connection.closed))
        while not connection.closed.done():
            await asyncio.wait([connection.closed], timeout=PRIMARY_CHECK_SECONDS)
            with contextlib.suppress(OSError, TimeoutError):
                if not connection.closed.done() and await self._primary() != self.address:
                    connection.kill("another server is the primary now")
        return str(connection.closed.result())

    async def open_connection(self) -> Connection:
        """A connection of its own that is greeted: authenticated, database chosen, scripts loaded."""
        place = self.place
        if place.kind == SENTINEL:
            self.address = await self._primary()
        elif len(place.nodes) > 1:
            self.address = random.choice(place.nodes)
        connection = await self._connected(self.address)
        if place.kind == SENTINEL:
            await _require_primary(connection)
        return connection

    async def _primary(self) -> Address:
        """What the first Sentinel that answers calls the primary.

        Raises: ConnectionError when none knows it.
        """
        place = self.place
        assert place.primary is not None
        for sentinel in random.sample(place.nodes, len(place.nodes)):
            try:
                connection = await self._connected(sentinel, greets=False)
            except (OSError, TimeoutError):
                continue
            command = pack(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", place.name))
            try:
                (reply,) = await _listed(connection.send(command, 1, CONNECT_SECONDS), 1)
            except (ConnectionError, Unsent):
                continue
            finally:
                connection.kill("asked")
            if isinstance(reply, list) and len(reply) == 2:
                return place.primary._replace(host=reply[0].decode(), port=int(reply[1]))
        raise ConnectionError(f"no Sentinel of {len(place.nodes)} names a primary {place.name}")

    async def _connected(self, address: Address, *, greets: bool = True) -> Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            if address.path:
                _, connection = await loop.create_unix_connection(
                    lambda: Connection(loop, self._lost), address.path
                )
            else:
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, self._lost), address.host, address.port, ssl=address.tls
                )
            try:
                await self._greet(connection, address, greets)
            except BaseException:
                connection.kill("greeting failed")
                raise
        return connection

    async def _greet(self, connection: Connection, address: Address, scripts: bool) -> None:
        commands: list[Command] = []
        if address.password:
            commands.append(
                ("AUTH", address.username, address.password)
                if address.username
                else ("AUTH", address.password)
            )
        if address.database:
            commands.append(("SELECT", address.database))
        commands.append(("CLIENT", "SETNAME", self._name))
        if scripts:
            commands += [("SCRIPT", "LOAD", source) for source in self._scripts]
        commands.append(("PING",))
        packed = b"".join([pack(command) for command in commands])
        try:
            greeted = connection.send(packed, len(commands), CONNECT_SECONDS)
        except Unsent as error:
            # Cut between being made and being greeted: a failure to connect like any other.
            raise ConnectionError(str(error)) from error
        for reply in await _listed(greeted, len(commands)):
            if isinstance(reply, ReplyError):
                raise ConnectionError(f"{address} refused the greeting: {reply}")

    def _lost(self, connection: Connection) -> None:
        if connection is self._connection:
            self._connection = None
            self._ready.clear()


async def _require_primary(connection: Connection) -> None:
    """Raises: ConnectionError when the server follows another: the Sentinels have not agreed yet."""
    try:
        (role,) = await _listed(connection.send(pack(("ROLE",)), 1, CONNECT_SECONDS), 1)
    except Unsent as error:
        raise ConnectionError(str(error)) from error
    if not isinstance(role, list) or role[0] != b"master":
        connection.kill("not the primary")
        raise ConnectionError("the server that the Sentinels name is not a primary")


async def _listed(future: asyncio.Future[Any], wanted: int) -> list[Any]:
    try:
        reply = await future
    except Exception as error:
        raise ConnectionError(str(error)) from error
    return [reply] if wanted == 1 else list(reply)
