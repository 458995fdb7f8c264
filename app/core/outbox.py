"""Events as they wait in a partition's stream: ids, entries and how far the ledger has come."""

from typing import Any, NamedTuple


class Position(NamedTuple):
    """An event id `<epoch>-<seq>`, ordered as the events are."""

    epoch: int
    sequence: int

    @classmethod
    def parse(cls, event_id: str | bytes) -> "Position":
        text = event_id if isinstance(event_id, str) else event_id.decode()
        epoch, _, sequence = text.partition("-")
        return cls(int(epoch), int(sequence or 0))

    def __str__(self) -> str:
        return f"{self.epoch}-{self.sequence}"


class Entry(NamedTuple):
    """One event of the outbox. `afters`: the value after each posting, in their order."""

    event_id: str
    event: bytes
    private: bytes
    afters: tuple[int, ...]

    @property
    def position(self) -> Position:
        return Position.parse(self.event_id)


def entries_of(reply: list[Any] | None) -> list[Entry]:
    """Entries of one stream as XRANGE and XREAD answer them."""
    entries = []
    for event_id, flat in reply or ():
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        afters = fields.get(b"x", b"")
        entries.append(
            Entry(
                event_id.decode(),
                fields.get(b"e", b""),
                fields.get(b"b", b""),
                tuple(map(int, afters.split(b","))) if afters else (),
            )
        )
    return entries
