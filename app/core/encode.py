"""An Apply as the arguments of apply.lua, and its reply as an Outcome. The layout is declared in the
script's header.
"""

from collections.abc import Iterable, Sequence
from typing import Any, assert_never

import msgspec

from app.core.keys import Keys
from app.core.ops import INTEGER_MAX, Add, Apply, Claim, Due, Equal, Hold, Op, Put, Record, Release
from app.core.outcome import Code, Outcome

_LEAST = -INTEGER_MAX
SCHEMA = "1"
"""Of the state in Redis: meaning of meta, counters and records. A script refuses any other."""

VALIDATE, REDEEM, HOLD, ROLL_BACK = "V", "R", "H", "B"
HELD_SUFFIX = "~h"

RECORD_BUCKET_SECONDS = 86_400

Argument = str | bytes | int

PublishedRecord = tuple[str, str, int, bytes]
"""Key, field, version (0: always written) and value of a record."""


def _require_bound(*values: int | None) -> None:
    """Raises: ValueError for a number that is not exact in Lua."""
    for value in values:
        if value is not None and not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise ValueError(f"{value} is not below 2**53")


def _amount(amount: int) -> int:
    if not 0 <= amount <= INTEGER_MAX:
        raise ValueError(f"an amount held or released is not negative and below 2**53, not {amount}")
    return amount


class OldNamespace(Exception):
    """Keys were made before the partition was rebuilt into another namespace: writing there would be lost."""


_VALUES_AT = 4
"""Place of the first value in the script's ARGV."""

_pack = msgspec.msgpack.Encoder().encode


FLAT_MAX = 1_000
"""Values of a plan that the script takes on its stack, which has room for 8 000 (LUAI_MAXCSTACK)."""

_ARRAY_16_BYTES = 3
"""Header of a MessagePack array of 16 to 65 535 values."""



class _Moves:
    """The operations at the front that move counters of which nothing else is asked, most of nearly every
    call: the script reads, checks and writes them hash by hash.
    """

    __slots__ = ("amounts", "fields", "hashes")

    def __init__(self, ops: Iterable[Op]) -> None:
        self.hashes: dict[str, int] = {}
        """Each with the number of its first operation."""
        self.fields: list[Any] = []
        """Of each hash their number, then the fields, each with what is held of it."""
        self.amounts: list[int | None] = []
        """Of each counter delta and cap."""
        hashes, fields, amounts = self.hashes, self.fields, self.amounts
        last, begins = "", 0
        for number, op in enumerate(ops):
            if not isinstance(op, Add) or not op.delta or op.until or op.base or op.floor is not None:
                return
            key, field, delta, cap = op.key, op.field, op.delta, op.cap
            if not _LEAST <= delta <= INTEGER_MAX or (cap is not None and not _LEAST <= cap <= INTEGER_MAX):
                _require_bound(delta, cap)
            if key != last:
                if key in hashes:
                    return
                hashes[key], last, begins = number, key, len(fields)
                fields += (2, field, field + HELD_SUFFIX)
            elif field in fields[begins:]:
                return
            else:
                fields[begins] += 2
                fields += (field, field + HELD_SUFFIX)
            amounts += (delta, cap)


class _Plan:
    """The other operations: which fields of which hashes they read, each once, what is asked of them, and
    what is written at the end. Records are compared in a way of their own, last of all.
    """

    __slots__ = (
        "arguments", "checks", "fields", "has_release", "places", "record_keys", "records", "slots", "values",
        "writes",
    )  # fmt: skip

    def __init__(self, ops: Iterable[Op]) -> None:
        self.fields: dict[str, list[str]] = {}
        self.places: dict[tuple[str, str, bool], int] = {}
        self.arguments: list[Argument | None] = []
        self.slots: list[tuple[int, str, int]] = []
        """Where in `arguments` a slot stands: the field's place within its key, until all keys are known."""
        self.writes: dict[tuple[str, int], list[str | int]] = {}
        """Per hash and lifetime in seconds: names of fields, and where in ARGV their values stand."""
        self.values: list[bytes] = []
        self.record_keys: list[str] = []
        self.records: list[str] = []
        """Of each its field and what it begins with."""
        self.checks = 0
        self.has_release = False
        for op in ops:
            if isinstance(op, Record):
                self.record_keys.append(op.key)
                self.records += (op.field, f"{op.version}:")
            elif isinstance(op, Put):
                self._write(op.key, op.ttl_seconds, op.field, self._value(op.value))
            else:
                self._check(op)

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

    def _value(self, value: bytes) -> int:
        self.values.append(value)
        return _VALUES_AT + len(self.values) - 1

    def _write(self, key: str, ttl_seconds: int, field: str, value_at: int) -> None:
        if key not in self.fields:
            self.fields[key] = []
        pairs = self.writes.get((key, ttl_seconds))
        if pairs is None:
            pairs = self.writes[key, ttl_seconds] = []
        pairs += (field, value_at)

    def _check(self, op: Add | Equal | Claim | Hold | Release | Due) -> None:
        """Append an operation, in the layout of the script's header."""
        self.checks += 1
        if isinstance(op, Add):
            _require_bound(op.delta, op.base, op.cap, op.floor)
            slot = self._slot(op.key, op.field, True)
            self.arguments += ("A", slot, op.delta, op.base, op.cap, op.floor, op.until)
        elif isinstance(op, Equal):
            slot = self._slot(op.key, op.field, False)
            self.arguments += ("N", slot) if op.expected is None else ("E", slot, self._value(op.expected))
        elif isinstance(op, Hold):
            _require_bound(op.base, op.cap, op.floor)
            slot = self._slot(op.key, op.field, True)
            self.arguments += ("H", slot, _amount(op.amount), op.base, op.cap, op.floor)
        elif isinstance(op, Release):
            self.has_release = True
            self.arguments += ("R", self._slot(op.key, op.field, True), _amount(op.amount))
        elif isinstance(op, Claim):
            self.arguments += ("C", self._slot(op.key, op.field, False), self._value(op.value))
        elif isinstance(op, Due):
            self.arguments += ("D", op.deadline_ms)
        else:
            assert_never(op)

    def append_to(self, plan: list[Any]) -> None:
        """Reads, operations, records and writes. Gives the slots their place in the whole of what is read."""
        if not self.fields and not self.checks:  # Nothing but records, as nearly always.
            plan += (0, False, 0, len(self.record_keys), *self.records, 0)
            return
        offsets: dict[str, int] = {}
        before = 0
        plan.append(len(self.fields))
        for key, fields in self.fields.items():
            offsets[key] = before
            before += len(fields)
            plan.append(len(fields))
            plan += fields
        for at, key, place in self.slots:
            self.arguments[at] = offsets[key] + place
        plan += (self.has_release, self.checks)
        plan += self.arguments
        plan.append(len(self.record_keys))
        plan += self.records
        plan.append(len(self.writes))
        if self.writes:
            numbers = {key: number for number, key in enumerate(self.fields, 1)}
            for (key, ttl_seconds), pairs in self.writes.items():
                plan += (numbers[key], f"{ttl_seconds}000" if ttl_seconds else "", len(pairs) // 2)
                plan += pairs


def _planned(ops: list[Op]) -> tuple[_Moves, _Plan]:
    """Each hash belongs to one of them: of one that is asked for more than its moves nothing is a move."""
    moves = _Moves(ops)
    plan = _Plan(ops[len(moves.amounts) // 2 :])
    if not moves.hashes.keys().isdisjoint(plan.fields):
        first = min(number for key, number in moves.hashes.items() if key in plan.fields)
        moves, plan = _Moves(ops[:first]), _Plan(ops[first:])
    return moves, plan


def apply_command(
    sha: str, call: Apply, keys: Keys, epoch: int, high_water: int, outbox_limit: int
) -> tuple[Argument, ...]:
    """The EVALSHA command of one call. Raises OldNamespace when its keys are not those of `keys`."""
    moves, plan = _planned(call.ops)
    hashes = (*moves.hashes, *plan.fields, *plan.record_keys)
    _require(keys, hashes)
    if call.idempotency_key:
        _require(keys, (call.idempotency_key,))
    replay = keys.replay(call.rid)
    access, guards = call.access, call.guards
    values: list[Any] = [
        call.mode, str(epoch), high_water, keys.namespace, SCHEMA, outbox_limit,
        f"{call.replay_ttl_seconds}000", f"{call.idempotency_ttl_seconds}000", call.fingerprint,
        None if access is None else (access[1] or b"").decode(),
        len(guards), *guards, *guards.values(),
        len(moves.amounts) // 2, *moves.amounts, len(moves.hashes), *moves.fields,
    ]  # fmt: skip
    plan.append_to(values)
    packed = _pack(values)
    if len(values) <= FLAT_MAX:
        packed = packed[_ARRAY_16_BYTES:]
    return (
        "EVALSHA", sha, 5 + len(hashes) + (access is not None),
        keys.meta, keys.versions, keys.outbox, replay, call.idempotency_key or replay,
        *hashes, *(() if access is None else access[:1]),
        packed, call.event, call.private, *plan.values,
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


def _checked(call: Apply) -> list[int]:
    """The operations as the script numbers them: records last, and none of those that only write."""
    others = [number for number, op in enumerate(call.ops) if not isinstance(op, Put | Record)]
    return others + [number for number, op in enumerate(call.ops) if isinstance(op, Record)]


def _currents(joined: bytes, call: Apply) -> tuple[tuple[int, int], ...]:
    """Value and held of every operation of the call; (0, 0) for one that looks at none."""
    pairs = _pairs(joined)
    if len(pairs) == len(call.ops):
        return pairs
    currents = [(0, 0)] * len(call.ops)
    # Of records, which the script numbers last, it says nothing.
    for number, pair in zip(_checked(call), pairs, strict=False):
        currents[number] = pair
    return tuple(currents)


def outcome_of(reply: list[Any], call: Apply) -> Outcome:
    """What the script answered."""
    if reply[0] == 1 and call.mode != VALIDATE:  # Code.OK, as nearly always
        return Outcome(code=Code.OK, event_id=reply[1].decode(), afters=_integers(reply[2]))
    code = Code(reply[0])
    match code:
        case Code.OK:
            return Outcome(code=code, currents=_currents(reply[3], call))
        case Code.DUP:
            return Outcome(
                code=code, event_id=reply[1].decode(), afters=_integers(reply[2]), name=reply[3].decode()
            )
        case Code.CONFLICT:
            return Outcome(code=code, event_id=reply[1].decode())
        case Code.LIMIT:
            return Outcome(
                code=code,
                op_index=_checked(call)[reply[1]],
                name=reply[2].decode(errors="replace"),
                currents=_currents(reply[3], call),
            )
        case Code.STALE if reply[1] < 0:
            return Outcome(code=code, op_index=-1, name=reply[2].decode())
        case Code.STALE:
            number = _checked(call)[reply[1]]
            op = call.ops[number]
            # The field of the operation that differed; a deadline has none.
            name = getattr(op, "field", "deadline")
            return Outcome(code=code, op_index=number, name=name)
    return Outcome(code=code)


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
        "EVALSHA", sha, 2 + len(buckets), keys.meta, keys.versions, *buckets,
        mode, epoch, keys.namespace, SCHEMA, RECORD_BUCKET_SECONDS * 1000, len(guards),
    ]  # fmt: skip
    for name, version in guards.items():
        command += (name, version)
    for key, field, version, value in records:
        command += (buckets[key], field, version, value)
    return tuple(command)
