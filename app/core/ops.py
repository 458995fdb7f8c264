"""The operations of APPLY (D2) and what it takes. Amounts and counts are integers, |x| < 2**53 because Lua
numbers are doubles.
"""

from msgspec import Struct

from app.core.keys import Partition

INTEGER_MAX = 2**53 - 1


class Add(Struct, frozen=True):
    """Move a counter.

    delta > 0 is refused above `cap`: what is held counts, less what this call releases. delta < 0 is refused
    below `floor`: what others hold of a counter with a floor is not free, so give none when returning a use.
    """

    key: str
    field: str
    delta: int
    base: int = 0
    cap: int | None = None
    floor: int | None = None
    until: int = 0
    """Epoch second of the window's end; the key expires 48 h later (D7). 0: never."""
    redeemable_no: int = 0


class Equal(Struct, frozen=True):
    """Refuse with STALE unless the field has this value; None: unless it is absent."""

    key: str
    field: str
    expected: bytes | None


class Record(Struct, frozen=True):
    """Refuse with STALE unless the record in the field starts with this version and a colon."""

    key: str
    field: str
    version: int


class Put(Struct, frozen=True):
    """Write a field in the write phase; an empty value deletes it. ttl_seconds (of the whole key) 0: no
    expiry.
    """

    key: str
    field: str
    value: bytes
    ttl_seconds: int = 0


class Claim(Struct, frozen=True):
    """Set if absent or equal, else refuse with LIMIT."""

    key: str
    field: str
    value: bytes


class Hold(Struct, frozen=True):
    """Hold part of a counter: against `cap` when given, else against `floor` of a balance."""

    key: str
    field: str
    amount: int
    base: int = 0
    cap: int | None = None
    floor: int | None = None
    redeemable_no: int = 0


class Release(Struct, frozen=True):
    """Give back what this caller held; counted before the checks of the same call."""

    key: str
    field: str
    amount: int


class Due(Struct, frozen=True):
    """Refuse with STALE unless the deadline (epoch milliseconds) has passed by the server's clock (D8)."""

    deadline_ms: int


Op = Add | Equal | Record | Put | Claim | Hold | Release | Due


class Apply(Struct, kw_only=True):
    """One call of the script. `event` None for mode VALIDATE, which writes nothing."""

    partition: Partition
    mode: str
    """V validate, R redeem, H hold or release, B roll back. Guards are not looked at for B (D4)."""
    rid: str
    guards: dict[str, int]
    """Guard name to the catalogue version that was decided on."""
    ops: list[Op]
    event: bytes = b""
    private: bytes = b""
    """What may be erased: goes to event_bodies (D12)."""
    idempotency_key: str = ""
    """Full key name of the idempotency record, or empty."""
    fingerprint: str = ""
    access: tuple[str, bytes | None] | None = None
    """Full key name and value of the access version that must still stand, else STALE `access`; None: not
    compared."""
    replay_ttl_seconds: int = 600
    idempotency_ttl_seconds: int = 86_400
