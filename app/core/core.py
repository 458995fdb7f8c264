"""RedemptionCore: everything the application may ask of Redis. One instance per process and event loop."""

import asyncio
from collections.abc import Sequence
from typing import Any

from app.core import keys as names
from app.core.address import CLUSTER, parse_place
from app.core.client import Client
from app.core.cluster import ClusterClient
from app.core.connection import Command, Unanswered, Unsent
from app.core.durability import PROBES, Durability, judge, weakest
from app.core.encode import (
    SCHEMA,
    VALIDATE,
    OldNamespace,
    PublishedRecord,
    apply_command,
    outcome_of,
    publish_command,
)
from app.core.keys import Keys, Partition
from app.core.ops import Apply
from app.core.outbox import Entry, Position, entries_of
from app.core.outcome import Code, CoreUnavailable, Outcome
from app.core.partition_view import (
    BELIEF_FIELDS,
    Meta,
    View,
    meta_commands,
    meta_of,
    server_of,
    view_of,
)
from app.core.rate import Rate
from app.core.scripts import script, sources
from app.core.sender import Sender, raise_first_error
from app.core.watermarks import Watermarks

OUTBOX_BYTES_MAX = 256 * 1024 * 1024
RESEND_SECONDS = 3.0
"""How long a call is resent under the same rid before its effect is reported unknown."""
BLOCK_GRACE_SECONDS = 2.0
CLUSTER_POLL_SECONDS = 0.01


class RedemptionCore:
    """Moves counters by one script and reads what decisions need. Every command it sends is safe to send
    twice.
    """

    def __init__(
        self,
        url: str,
        *,
        outbox_bytes_max: int = OUTBOX_BYTES_MAX,
        in_flight_max: int = 512,
        resend_seconds: float = RESEND_SECONDS,
    ) -> None:
        self._url = url
        self._outbox_bytes_max = outbox_bytes_max
        place = parse_place(url)
        self.is_cluster = place.kind == CLUSTER
        make = ClusterClient if self.is_cluster else Client
        self._client = make(url, scripts=sources(), in_flight_max=in_flight_max)
        self._sender = Sender(self._client, resend_seconds)
        self._blocking = Client(url, name="vouchsafe-outbox", in_flight_max=8)
        self._views: dict[Partition, View] = {}
        self._apply_sha = script("apply").sha
        self.watermarks = Watermarks(url, self._sender.pipeline)

    async def start(self) -> None:
        """Begin to keep connections. Does not fail when the server is away: calls then raise
        CoreUnavailable.
        """
        await self._client.start()

    async def close(self) -> None:
        await self.watermarks.close()
        await self._blocking.close()
        await self._client.close()

    @property
    def connected(self) -> bool:
        return self._client.connected

    @property
    def in_flight(self) -> int:
        """Calls under way; beyond the limit they are refused, never queued."""
        return self._client.in_flight

    @property
    def connects(self) -> int:
        """Grows with every reconnect: durability is proven again when it changes (D18)."""
        return self._client.connects

    # Partitions

    async def open(self, partition: Partition) -> Keys:
        """Key names of the partition's current namespace; cached. Raises PartitionClosed."""
        view = self._views.get(partition)
        return view.keys if view is not None else (await self.refresh(partition)).keys

    def keys(self, partition: Partition) -> Keys | None:
        """As `open`, without asking the server: None when this process has not opened the partition."""
        view = self._views.get(partition)
        return view.keys if view is not None else None

    async def refresh(self, partition: Partition) -> View:
        """Read the partition's meta again. Raises PartitionClosed."""
        read = await self.meta(partition)
        previous = self._views.get(partition)
        view = self._views[partition] = view_of(partition, read, previous)
        return view

    def forget(self, partition: Partition) -> None:
        """Drop what is cached of a partition, also its high-water mark: after its project is deleted."""
        self._views.pop(partition, None)

    async def meta(self, partition: Partition) -> Meta:
        """The partition's meta as it stands, open or not. epoch 0: it has none."""
        replies = await self.read(partition, meta_commands(partition))
        raise_first_error(replies)
        return meta_of(replies)

    async def sequence(self, partition: Partition) -> tuple[int, int]:
        """(epoch, sequence) of the last event."""
        read = await self.meta(partition)
        return read.epoch, read.sequence

    # The way of a redemption

    async def apply(self, call: Apply) -> Outcome:
        """Check and move, all or nothing.

        Raises CoreUnavailable: closed partition, server away, or (`unknown`) sent without an answer within
        the budget.
        """
        view = self._views.get(call.partition) or await self.refresh(call.partition)
        writes = call.mode != VALIDATE
        unknown = False
        for attempt in (1, 2):
            try:
                command = apply_command(
                    self._apply_sha, call, view.keys, view.epoch, view.high_water, self._outbox_bytes_max
                )
            except OldNamespace:
                # Another caller has met the new namespace since this one made its keys.
                return Outcome(code=Code.STALE, name="namespace")
            reply, unknown = await self._sender.script(command, effect=writes, unknown=unknown)
            outcome = outcome_of(reply, call)
            code = outcome.code
            if code is Code.OK or code is Code.DUP:
                if outcome.event_id:
                    view.saw(outcome.event_id)
                return outcome
            if code not in (Code.EPOCH, Code.FENCED, Code.REGRESSED):
                return outcome
            if attempt == 2:
                break
            fresh = await self._recovered(call.partition, unknown)
            if fresh.keys.namespace != view.keys.namespace:
                if unknown:
                    raise CoreUnavailable(
                        "the partition was rebuilt while a call was in flight", unknown=True
                    )
                return Outcome(code=Code.STALE, name="namespace")
            view = fresh
        raise CoreUnavailable(
            f"partition {call.partition.name} is being recovered ({code.name})", unknown=unknown
        )

    async def read(self, partition: Partition, commands: Sequence[Command]) -> list[Any]:
        """Replies of all commands in one round trip; an error reply stands in its place as an exception.

        The commands may be sent twice. Raises CoreUnavailable when there is no answer.
        """
        return await self._sender.pipeline(commands, partition.tag)

    def reachable(self, partition: Partition) -> bool:
        """False for a partition of a cluster whose master is away: work on others need not wait for it."""
        return self._client.reachable(partition.tag)

    async def servers(self) -> tuple[str, ...]:
        """Replication ids of all servers that hold data: they change when one restarts or is replaced."""
        found = []
        for replies in await self._sender.everywhere([("INFO", "replication")]):
            raise_first_error(replies)
            found += [server_of(replication) for replication in replies]
        return tuple(found)

    async def metas(self, partitions: Sequence[Partition]) -> list[Meta | None]:
        """As `meta`, of many at once; None for one whose master is away while others are there."""
        if self.is_cluster:
            return list(await asyncio.gather(*(self._meta_or_none(partition) for partition in partitions)))
        commands = [meta_commands(partition)[0] for partition in partitions]
        *replies, replication = await self.read(partitions[0], [*commands, meta_commands(partitions[0])[1]])
        raise_first_error([*replies, replication])
        return [meta_of([reply, replication]) for reply in replies]

    async def _meta_or_none(self, partition: Partition) -> Meta | None:
        if not self.reachable(partition):
            return None
        try:
            return await self.meta(partition)
        except CoreUnavailable:
            return None

    def belief_command(self, partition: Partition) -> Command:
        """To ride in a `read`: with its reply `believes` tells whether the others can be trusted."""
        return ("HMGET", names.meta(partition), *BELIEF_FIELDS)

    def believes(self, partition: Partition, reply: Any) -> bool:
        """Whether the server still has the partition as this process knows it. A taking is certain of that by
        the script alone.
        """
        view = self._views.get(partition)
        return view is not None and isinstance(reply, list) and view.agrees(reply)

    def is_of_epoch(self, partition: Partition, event_id: str) -> bool:
        """Whether an event was made since Redis was last rebuilt, as far as this process knows."""
        view = self._views.get(partition)
        return view is not None and Position.parse(event_id).epoch == view.epoch

    async def publish(
        self, partition: Partition, guards: dict[str, int], records: Sequence[PublishedRecord]
    ) -> int:
        """Raise catalogue versions and write newer records; how many records were newer than what was
        stored.

        Raises CoreUnavailable when the partition is closed: the caller's outbox row repeats it.
        """
        view = self._views.get(partition) or await self.refresh(partition)
        for _ in (1, 2):
            try:
                command = publish_command(script("publish").sha, "P", view.keys, view.epoch, guards, records)
            except OldNamespace as error:
                raise CoreUnavailable(f"partition {partition.name} was rebuilt meanwhile") from error
            reply, _unknown = await self._sender.script(command)
            if reply[0] == Code.OK:
                return int(reply[1])
            fresh = await self._recovered(partition, False)
            if fresh.keys.namespace != view.keys.namespace:
                raise CoreUnavailable(f"partition {partition.name} was rebuilt meanwhile")
            view = fresh
        raise CoreUnavailable(f"partition {partition.name} is being recovered")

    async def fill(self, keys: Keys, guards: dict[str, int], records: Sequence[PublishedRecord]) -> int:
        """As publish, for recovery: into a namespace that is not open yet."""
        command = publish_command(script("publish").sha, "F", keys, 0, guards, records)
        reply, _unknown = await self._sender.script(command)
        return int(reply[1])

    def rate_command(self, key: str, capacity: int, refill_per_second: float, cost: int = 1) -> Command:
        """A token bucket's taking, to ride in a `read`; its reply is read by `Rate.parse`."""
        return ("EVALSHA", script("rate").sha, 1, key, capacity, refill_per_second, cost)

    def guess_command(
        self,
        budget_key: str,
        block_key: str,
        alarm_key: str,
        *,
        budget: int,
        forgiven_per_second: float,
        failures: int,
        alarm_factor: int,
        block_ms: tuple[int, int],
        memory_ms: int,
    ) -> Command:
        """Failed lookups noted against one budget, to be sent in a `read`; `Guess.parse` reads the reply.

        block_ms: of the first and of the longest block.
        """
        return (
            "EVALSHA", script("guess").sha, 3, budget_key, block_key, alarm_key, budget, forgiven_per_second,
            failures, alarm_factor, *block_ms, memory_ms,
        )  # fmt: skip

    async def take_rate(
        self, partition: Partition, key: str, capacity: int, refill_per_second: float, cost: int = 1
    ) -> Rate:
        """As rate_command, in a trip of its own."""
        replies = await self.read(partition, [self.rate_command(key, capacity, refill_per_second, cost)])
        raise_first_error(replies)
        return Rate.parse(replies[0])

    # The ledger's side

    async def read_outbox(self, partition: Partition, after_id: str, count: int) -> list[Entry]:
        """Up to `count` events after an id ("0-0": from the first), without waiting."""
        after = Position.parse(after_id)
        start = str(Position(after.epoch, after.sequence + 1))
        replies = await self.read(
            partition, [("XRANGE", names.outbox(partition), start, "+", "COUNT", count)]
        )
        raise_first_error(replies)
        return entries_of(replies[0])

    async def wait_outbox(
        self, after: dict[Partition, str], count: int, block_milliseconds: int
    ) -> dict[Partition, list[Entry]]:
        """Events of several partitions, waiting for the first; on a connection of its own, one caller at a
        time.
        """
        if not after:
            await asyncio.sleep(block_milliseconds / 1000)
            return {}
        if self.is_cluster:
            return await self._poll_outboxes(after, count, block_milliseconds / 1000)
        await self._blocking.start()
        by_key = {names.outbox(partition): partition for partition in after}
        command: Command = (
            "XREAD",
            "COUNT",
            count,
            "BLOCK",
            block_milliseconds,
            "STREAMS",
            *by_key,
            *after.values(),
        )
        try:
            reply = await self._blocking.call(
                command, seconds=block_milliseconds / 1000 + BLOCK_GRACE_SECONDS
            )
        except (Unsent, Unanswered) as error:
            raise CoreUnavailable(str(error)) from error
        raise_first_error([reply])
        return {by_key[key.decode()]: entries_of(entries) for key, entries in reply or ()}

    async def _poll_outboxes(
        self, after: dict[Partition, str], count: int, seconds: float
    ) -> dict[Partition, list[Entry]]:
        """No command waits for streams of several slots: each is asked, a server's in one trip (D17)."""
        until = asyncio.get_running_loop().time() + seconds
        while True:
            asked = [partition for partition in after if self.reachable(partition)]
            replies = await asyncio.gather(
                *(self.read_outbox(partition, after[partition], count) for partition in asked),
                return_exceptions=True,
            )
            found: dict[Partition, list[Entry]] = {}
            for partition, reply in zip(asked, replies, strict=True):
                if isinstance(reply, list) and reply:
                    found[partition] = reply
                elif isinstance(reply, BaseException) and not isinstance(reply, CoreUnavailable):
                    raise reply
            if found or asyncio.get_running_loop().time() > until:
                return found
            await asyncio.sleep(CLUSTER_POLL_SECONDS)

    async def trim(self, partition: Partition, last_id: str) -> int:
        """Drop events up to an id that is committed in SQL; how many. Sending it again changes nothing."""
        last = Position.parse(last_id)
        command = (
            "EVALSHA", script("trim").sha, 2, names.meta(partition), names.outbox(partition),
            str(last), str(Position(last.epoch, last.sequence + 1)),
        )  # fmt: skip
        reply, _unknown = await self._sender.script(command)
        return int(reply[1])

    async def certify(
        self,
        partition: Partition,
        *,
        expected_epoch: int,
        server: str,
        epoch: int,
        sequence: int,
        namespace: str,
        state: str = "open",
    ) -> Code:
        """Open (or close) a partition after recovery, if meta still has `expected_epoch` (0: no meta) and
        the server is still the process `server` (Meta.server) that was verified. OK, EPOCH or FENCED; a
        resend is OK again.
        """
        command = (
            "EVALSHA", script("certify").sha, 2, names.meta(partition), names.outbox(partition),
            expected_epoch or "", server, epoch, sequence, namespace, SCHEMA, state,
        )  # fmt: skip
        reply, _unknown = await self._sender.script(command)
        return Code(reply[0])

    async def probe(self) -> Durability:
        """What the server proves about its durability now."""
        answers = await self._sender.everywhere(PROBES)
        return weakest([judge(replies) for replies in answers if replies])

    # Recovery

    async def _recovered(self, partition: Partition, unknown: bool) -> View:
        """The view after the script refused ours; raises CoreUnavailable while the partition is not open
        again.
        """
        try:
            return await self.refresh(partition)
        except CoreUnavailable as error:
            error.unknown = unknown
            raise
