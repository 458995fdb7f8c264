"""What APPLY answers. The numbers are part of the script's contract and never change."""

from enum import IntEnum

from msgspec import Struct


class Code(IntEnum):
    OK = 1
    DUP = 2
    """This rid (or idempotency key) was applied before: `event_id` is the first event's."""
    CONFLICT = -1
    """The idempotency key was used with another body."""
    LIMIT = -2
    """An Add, Hold or Claim did not pass: `op_index` names the first; `currents` holds every op's (value,
    held).
    """
    STALE = -3
    """A guard, record or pinned value differs: `name` says which."""
    EPOCH = -4
    FENCED = -5
    REGRESSED = -6
    BUSY = -7
    SCHEMA = -8

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed when it is sent again later without any change."""
        return self in _TRANSIENT


_TRANSIENT = frozenset({Code.STALE, Code.EPOCH, Code.FENCED, Code.REGRESSED, Code.BUSY})


class Outcome(Struct, frozen=True):
    code: Code
    event_id: str = ""
    """"<epoch>-<seq>" for OK and DUP of a writing mode."""
    op_index: int = -1
    name: str = ""
    currents: tuple[tuple[int, int], ...] = ()
    """(value, held) per op for LIMIT and for OK of mode V; (0, 0) for ops that are not counters."""
    afters: tuple[int, ...] = ()


class CoreUnavailable(Exception):
    """Redis could not be asked, or the partition is closed. The effect of the call is unknown only when
    `unknown` is set.
    """

    def __init__(self, message: str, *, unknown: bool = False, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.unknown = unknown
        self.retry_after_seconds = retry_after_seconds
