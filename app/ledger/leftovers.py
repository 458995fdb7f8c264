"""Keys of partitions that nobody may read after a recovery, unlinked in one pass over the server."""

from collections.abc import Callable, Mapping
from typing import Final

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.outcome import CoreUnavailable
from app.ledger.partitions import epoch_of
from app.ledger.patterns import literal_pattern

SCANNED: Final = 1_000
"""Keys looked at in one trip."""
RECORDS: Final = ("r", "k")
"""Families of keys that hold copies of SQL's rows of vouchers and customers."""

Judge = Callable[[str, str, str], bool]
"""Of a key's namespace, what follows it, and the namespace given for its partition: whether it goes."""


async def drop_namespaces(core: RedemptionCore, keep: Mapping[Partition, str]) -> int:
    """Unlink what earlier namespaces of these partitions left behind; how many keys. Later ones stay:
    somebody may be filling one at this moment.
    """
    return await _unlink(core, keep, lambda own, _rest, kept: epoch_of(own) < epoch_of(kept))


async def drop_records(core: RedemptionCore, namespaces: Mapping[Partition, str]) -> int:
    """Unlink the records of vouchers and customers; each is read from SQL again when it is asked for.

    They are no events, so nothing tells whether a file that was torn or restored lacks the last of them.
    """
    return await _unlink(
        core, namespaces, lambda own, rest, kept: own == kept and rest.partition(":")[0] in RECORDS
    )


async def _unlink(core: RedemptionCore, partitions: Mapping[Partition, str], goes: Judge) -> int:
    if not partitions:
        return 0
    if core.is_cluster and len(partitions) > 1:
        return sum([await _unlink(core, {one: namespace}, goes) for one, namespace in partitions.items()])
    namespaces = {partition.tag: namespace for partition, namespace in partitions.items()}
    asked = next(iter(partitions))
    tag = literal_pattern(asked.tag) if len(partitions) == 1 else "{*}"
    cursor, dropped = "0", 0
    while True:
        (reply,) = await core.read(asked, [("SCAN", cursor, "MATCH", f"{tag}:*:*", "COUNT", SCANNED)])
        if isinstance(reply, Exception):
            raise CoreUnavailable(str(reply))
        cursor = reply[0].decode()
        stale = [key for key in reply[1] if _goes(key, namespaces, goes)]
        if stale:
            (unlinked,) = await core.read(asked, [("UNLINK", *stale)])
            if isinstance(unlinked, Exception):
                raise CoreUnavailable(str(unlinked))
            dropped += len(stale)
        if cursor == "0":
            return dropped


def _goes(key: bytes, namespaces: Mapping[str, str], goes: Judge) -> bool:
    tag, own, rest = key.decode(errors="replace").split(":", 2)
    return tag in namespaces and goes(own, rest, namespaces[tag])
