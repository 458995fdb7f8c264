"""What a process knows of a partition: its epoch, namespace and the highest sequence seen in any answer."""

import re
from typing import Any

from msgspec import Struct

from app.core.encode import SCHEMA
from app.core.keys import Keys, Partition, meta
from app.core.outcome import CoreUnavailable

OPEN = "open"
META_FIELDS = ("epoch", "seq", "ns", "schema", "state", "replid", "appended", "trimmed")
BELIEF_FIELDS = ("epoch", "ns", "schema", "state", "seq")

_REPLID = re.compile(rb"master_replid:([0-9a-f]+)")


class PartitionClosed(CoreUnavailable):
    """The partition has no certificate for this server yet: it is being recovered, or nobody opened it."""


class Meta(Struct, frozen=True):
    """A partition's meta and the server that it was read from. epoch 0: the partition has no meta."""

    epoch: int
    sequence: int
    namespace: str
    schema: str
    state: str
    certificate: str
    """Replication id under which the partition was opened."""
    server: str
    """Replication id of the server that answered."""
    outbox_bytes: int

    @property
    def is_open(self) -> bool:
        return bool(self.epoch) and self.state == OPEN and self.certificate == self.server


class View:
    """Cached for the hot path; replaced, never patched, when the epoch or the namespace changes."""

    __slots__ = ("_belief", "epoch", "high_water", "keys")

    def __init__(self, keys: Keys, epoch: int, high_water: int) -> None:
        self.keys = keys
        self.epoch = epoch
        self.high_water = high_water
        self._belief = [text.encode() for text in (str(epoch), keys.namespace, SCHEMA, OPEN)]

    def agrees(self, reply: list[bytes | None]) -> bool:
        """Whether BELIEF_FIELDS as read now are those of this view, no event lost."""
        return reply[:4] == self._belief and int(reply[4] or 0) >= self.high_water

    def saw(self, event_id: str) -> None:
        epoch, _, sequence = event_id.partition("-")
        if int(epoch) == self.epoch and int(sequence) > self.high_water:
            self.high_water = int(sequence)


def meta_commands(partition: Partition) -> list[tuple[str, ...]]:
    return [("HMGET", meta(partition), *META_FIELDS), ("INFO", "replication")]


def server_of(replication: bytes) -> str:
    """The replication id in an answer to INFO replication."""
    found = _REPLID.search(replication)
    return found[1].decode() if found else ""


def meta_of(replies: list[Any]) -> Meta:
    values, replication = replies
    epoch, sequence, namespace, schema, state, certificate, appended, trimmed = (
        value.decode() if value is not None else "" for value in values
    )
    return Meta(
        epoch=int(epoch or 0),
        sequence=int(sequence or 0),
        namespace=namespace,
        schema=schema,
        state=state,
        certificate=certificate,
        server=server_of(replication),
        outbox_bytes=int(appended or 0) - int(trimmed or 0),
    )


def view_of(partition: Partition, read: Meta, previous: View | None) -> View:
    """The view of an open partition; PartitionClosed for any other. The high-water mark outlives a fresh
    reading.
    """
    if not read.is_open:
        raise PartitionClosed(
            f"partition {partition.name} is not open (epoch {read.epoch}, state {read.state or 'none'})"
        )
    if read.schema != SCHEMA:
        raise PartitionClosed(
            f"partition {partition.name} has schema {read.schema}, this process knows {SCHEMA}"
        )
    if previous is not None and previous.epoch == read.epoch:
        if read.sequence < previous.high_water:
            raise PartitionClosed(f"partition {partition.name} lost events it had acknowledged")
        if previous.keys.namespace == read.namespace:
            return previous
    return View(Keys(partition, read.namespace), read.epoch, 0)
