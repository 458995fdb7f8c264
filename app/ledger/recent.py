"""What this process has just ledgered, kept until it is projected: stage 2 need not read back what stage 1
wrote (D10).

A shortcut and nothing else. What is not here, or does not follow on what is projected, is read from the
ledger.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from app.core.keys import Partition
from app.core.outbox import Entry, Position

KEPT_MAX: Final = 1_000
"""Events of one partition, some three kilobytes each. A projection further behind reads them again."""


class Ledgered(NamedTuple):
    """An event that stands in the ledger."""

    position: Position
    body: bytes
    private: bytes | None
    afters: tuple[int, ...] | None
    """The value after each posting; None where the ledger's postings have to be asked."""


class Recent:
    """By partition, a run of events without a gap."""

    def __init__(self) -> None:
        self._kept: dict[Partition, deque[Ledgered]] = {}

    def keep(self, partition: Partition, before: Position, last: Position, entries: Sequence[Entry]) -> None:
        """Entries after `before` and up to `last` are committed now."""
        kept = self._kept.setdefault(partition, deque())
        for entry in entries:
            position = entry.position
            if before < position <= last:
                if kept and position != _next(kept[-1].position):
                    kept.clear()
                kept.append(Ledgered(position, entry.event, entry.private or None, entry.afters))
        if len(kept) > KEPT_MAX:
            kept.clear()

    def after(self, partition: Partition, projected: Position, count: int) -> list[Ledgered]:
        """At most so many events that follow on `projected`; none when they are not here."""
        kept = self._kept.get(partition)
        while kept and kept[0].position <= projected:
            kept.popleft()
        if not kept or kept[0].position != _next(projected):
            return []
        return [kept[place] for place in range(min(count, len(kept)))]

    def forget(self, partition: Partition) -> None:
        """The partition is gone."""
        self._kept.pop(partition, None)


def _next(position: Position) -> Position:
    return Position(position.epoch, position.sequence + 1)
