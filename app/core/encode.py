"""An Apply as the flat arguments of apply.lua, and its reply as an Outcome. The layout is declared in the
script's header.
"""

from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from app.core.keys import Keys, meta, outbox
from app.core.ops import INTEGER_MAX, Add, Apply, Claim, Due, Equal, Hold, Op, Put, Record, Release
from app.core.outcome import Code, Outcome

SCHEMA = "1"
"""Of the state in Redis: meaning of meta, counters and records. A script refuses any other."""

VALIDATE, REDEEM, HOLD, ROLL_BACK = "V", "R", "H", "B"
HELD_SUFFIX = "~h"

RECORD_BUCKET_SECONDS = 86_400

Argument = str | bytes | int

PublishedRecord = tuple[str, str, int, bytes]
"""Key, field, version (0: always written) and value of a record."""


def _bound(value: int) -> int:
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise ValueError(f"{value} is not below 2**53")
    return value


def _limit(value: int | None) -> int | str:
    return "" if value is None else _bound(value)


def _amount(amount: int) -> int:
    if not 0 <= amount <= INTEGER_MAX:
        raise ValueError(f"an amount held or released is not negative and below 2**53, not {amount}")
    return amount


class OldNamespace(Exception):
    """Keys were made before the partition was rebuilt into another namespace: writing there would be lost."""


class _Plan:
    """Which fields of which hashes the script reads, each once; and the operations that refer to them."""

    __slots__ = ("arguments", "fields", "has_release", "places", "slots")

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}
        self.places: dict[tuple[str, str, bool], int] = {}
        self.arguments: list[Argument] = []
        self.slots: list[tuple[int, str, int]] = []
        """Where in `arguments` a slot stands: the field's place within its key, until all keys are known."""
        self.has_release = 0

    def _slot(self, key: str, field: str, counter: bool) -> int:
        place = self.places.get((key, field, counter))
        if place is None:
            fields = self.fields.get(key)
            if fields is None:
                fields = self.fields[key] = []
            place = self.places[key, field, counter] = len(fields) + 1
            fields.append(field)
            if counter:
                fields.append(field + HELD_SUFFIX)
        self.slots.append((len(self.arguments) + 1, key, place))
        return place

    def add(self, op: Op) -> None:
        """Append one operation, in the layout of the script's header."""
        if isinstance(op, Add):
            slot = self._slot(op.key, op.field, True)
            self.arguments += (
                "A", slot, _bound(op.delta), _bound(op.base), _limit(op.cap), _limit(op.floor), op.until
            )  # fmt: skip
        elif isinstance(op, Record):
            self.arguments += ("V", self._slot(op.key, op.field, False), op.version)
        elif isinstance(op, Equal):
            slot = self._slot(op.key, op.field, False)
            self.arguments += ("N", slot) if op.expected is None else ("E", slot, op.expected)
        elif isinstance(op, Put):
            self.fields.setdefault(op.key, [])
            self.arguments += ("P", self._number(op.key), op.field, op.value, op.ttl_seconds * 1000)
        elif isinstance(op, Hold):
            slot = self._slot(op.key, op.field, True)
            self.arguments += (
                "H", slot, _amount(op.amount), _bound(op.base), _limit(op.cap), _limit(op.floor)
            )  # fmt: skip
        elif isinstance(op, Release):
            self.has_release = 1
            self.arguments += ("R", self._slot(op.key, op.field, True), _amount(op.amount))
        elif isinstance(op, Claim):
            self.arguments += ("C", self._slot(op.key, op.field, False), op.value)
        elif isinstance(op, Due):
            self.arguments += ("D", op.deadline_ms)
        else:
            assert_never(op)

    def _number(self, key: str) -> int:
        for number, known in enumerate(self.fields, 1):
            if known == key:
                return number
        raise KeyError(key)

    def read_plan(self) -> list[Argument]:
        """Number of fields and fields of each key. Gives the slots their place in the whole."""
        flat: list[Argument] = []
        offsets: dict[str, int] = {}
        before = 0
        for key, fields in self.fields.items():
            offsets[key] = before
            before += len(fields)
            flat.append(len(fields))
            flat += fields
        for at, key, place in self.slots:
            self.arguments[at] = offsets[key] + place
        return flat


def apply_command(
    sha: str, call: Apply, keys: Keys, epoch: int, high_water: int, outbox_limit: int
) -> tuple[Argument, ...]:
    """The EVALSHA command of one call. Raises OldNamespace when its keys are not those of `keys`."""
    plan = _Plan()
    for op in call.ops:
        plan.add(op)
    _require(keys, plan.fields)
    if call.idempotency_key:
        _require(keys, (call.idempotency_key,))
    hashes = len(plan.fields)
    replay = keys.replay(call.rid)
    return (
        "EVALSHA", sha, 5 + hashes,
        meta(call.partition), keys.versions(), outbox(call.partition), replay, call.idempotency_key or replay,
        *plan.fields,
        call.mode, epoch, high_water, keys.namespace, SCHEMA, outbox_limit, call.event, call.private,
        call.replay_ttl_seconds * 1000, call.idempotency_ttl_seconds * 1000, call.fingerprint,
        len(call.guards), *call.guards, *call.guards.values(),
        hashes, *plan.read_plan(),
        plan.has_release, len(call.ops), *plan.arguments,
    )  # fmt: skip


def _require(keys: Keys, made: Iterable[str]) -> None:
    """The script compares the namespace of `keys` with meta; this makes that speak for all keys."""
    base = keys.base
    for key in made:
        if not key.startswith(base):
            raise OldNamespace(key)


def _integers(joined: bytes) -> tuple[int, ...]:
    return tuple(map(int, joined.split(b","))) if joined else ()


def _pairs(joined: bytes) -> tuple[tuple[int, int], ...]:
    flat = _integers(joined)
    return tuple(zip(flat[::2], flat[1::2], strict=True))


def outcome_of(reply: list[Any], call: Apply) -> Outcome:
    """What the script answered."""
    code = Code(reply[0])
    match code:
        case Code.OK if call.mode == VALIDATE:
            return Outcome(code=code, currents=_pairs(reply[3]))
        case Code.OK:
            return Outcome(code=code, event_id=reply[1].decode(), afters=_integers(reply[2]))
        case Code.DUP:
            return Outcome(
                code=code, event_id=reply[1].decode(), afters=_integers(reply[2]), name=reply[3].decode()
            )
        case Code.CONFLICT:
            return Outcome(code=code, event_id=reply[1].decode())
        case Code.LIMIT:
            return Outcome(
                code=code,
                op_index=reply[1],
                name=reply[2].decode(errors="replace"),
                currents=_pairs(reply[3]),
            )
        case Code.STALE:
            return Outcome(code=code, op_index=reply[1], name=_stale_name(reply, call))
    return Outcome(code=code)


def _stale_name(reply: list[Any], call: Apply) -> str:
    """The guard's name; for an operation, its field (the operation itself is `op_index`)."""
    if reply[1] < 0:
        return str(reply[2].decode())
    op = call.ops[reply[1]]
    return "deadline" if isinstance(op, Due) else op.field


def publish_command(
    sha: str, mode: str, keys: Keys, epoch: int, guards: dict[str, int], records: Sequence[PublishedRecord]
) -> tuple[Argument, ...]:
    """The EVALSHA command of publish.lua; mode "P" into an open partition, "F" into a namespace being
    filled.
    """
    buckets: dict[str, int] = {}
    for key, _, _, _ in records:
        buckets.setdefault(key, len(buckets) + 1)
    _require(keys, buckets)
    command: list[Argument] = [
        "EVALSHA", sha, 2 + len(buckets), meta(keys.partition), keys.versions(), *buckets,
        mode, epoch, keys.namespace, SCHEMA, RECORD_BUCKET_SECONDS * 1000, len(guards),
    ]  # fmt: skip
    for name, version in guards.items():
        command += (name, version)
    for key, field, version, value in records:
        command += (buckets[key], field, version, value)
    return tuple(command)
