"""An Apply as the arguments of apply.lua, and its reply as an Outcome. The layout is declared in the
script's header.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, assert_never

import msgspec

from app.core.keys import Keys
from app.core.ops import INTEGER_MAX, Add, Apply, Claim, Due, Equal, Hold, Keep, Op, Put, Record, Release
from app.core.outcome import Code, Outcome

_LEAST = -INTEGER_MAX
SCHEMA = "1"
"""Of the state in Redis: meaning of meta, counters and records. A script refuses any other."""

VALIDATE, REDEEM, HOLD, ROLL_BACK = "V", "R", "H", "B"
HELD_SUFFIX = "~h"
EVENT_FIELD = "e"
"""Of a hash that names an event (Keep)."""

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


_EVENT_ID, _VALUES_AT = 0, 4
"""Places in the script's ARGV; 0 for the id of the event, which it makes itself."""

_pack = msgspec.msgpack.Encoder().encode


FLAT_MAX = 1_000
"""Values of a plan that the script takes on its stack, which has room for 8 000 (LUAI_MAXCSTACK)."""

_ARRAY_16_BYTES = 3
"""Header of a MessagePack array of 16 to 65 535 values."""

_Moves = dict[str, tuple[list[Argument], list[Argument | None]]]
"""Per hash its fields, each with what is held of it, and per counter delta and cap."""


def _moves(ops: Iterable[Op]) -> _Moves:
    """The operations at the front that move counters of which nothing else is asked, most of nearly every
    call: the script reads, checks and writes them hash by hash.
    """
    hashes: _Moves = {}
    last = ""
    fields: list[Argument] = []
    amounts: list[Argument | None] = []
    for op in ops:
        if not isinstance(op, Add) or op.until or op.base or op.floor is not None:
            break
        key, field, delta, cap = op.key, op.field, op.delta, op.cap
        if key != last:
            if key in hashes:
                break
            fields, amounts = hashes[key] = ([], [])
            last = key
        if not delta or field in fields:
            break
        if not _LEAST <= delta <= INTEGER_MAX or cap is not None:
            _require_bound(delta, cap)
        fields += (field, field + HELD_SUFFIX)
        amounts += (delta, cap)
    return hashes


class _Plan:
    """Which fields of which hashes the script reads, each once; the operations that refer to them; and what
    is written at the end.
    """

    __slots__ = ("arguments", "checks", "fields", "has_release", "places", "slots", "values", "writes")

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}
        self.places: dict[tuple[str, str, bool], int] = {}
        self.arguments: list[Argument | None] = []
        self.slots: list[tuple[int, str, int]] = []
        """Where in `arguments` a slot stands: the field's place within its key, until all keys are known."""
        self.writes: dict[tuple[str, int], list[str | int]] = {}
        """Per hash and lifetime in seconds: names of fields, and where in ARGV their values stand."""
        self.values: list[bytes] = []
        self.checks = 0
        self.has_release = False

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

    def _write(self, key: str, ttl_seconds: int, *pairs: str | int) -> None:
        self.fields.setdefault(key, [])
        self.writes.setdefault((key, ttl_seconds), []).extend(pairs)

    def extend(self, ops: Iterable[Op]) -> None:
        """Append operations, in the layout of the script's header."""
        fields_of, places, arguments = self.fields, self.places, self.arguments
        for op in ops:
            if not isinstance(op, Add):
                self._other(op)
                continue
            key, field, delta, base, cap, floor = op.key, op.field, op.delta, op.base, op.cap, op.floor
            _require_bound(delta, base, cap, floor)
            place = places.get((key, field, True))
            if place is None:
                fields = fields_of.get(key)
                if fields is None:
                    fields = fields_of[key] = []
                place = places[key, field, True] = len(fields) + 1
                fields += (field, field + HELD_SUFFIX)
            self.slots.append((len(arguments) + 1, key, place))
            arguments += ("A", place, delta, base, cap, floor, op.until)
            self.checks += 1

    def _other(self, op: Equal | Record | Put | Keep | Claim | Hold | Release | Due) -> None:
        if isinstance(op, Record):
            self.checks += 1
            self.arguments += ("V", self._slot(op.key, op.field, False), f"{op.version}:")
            return
        if isinstance(op, Put):
            self._write(op.key, op.ttl_seconds, op.field, self._value(op.value))
            return
        if isinstance(op, Keep):
            self._write(op.key, op.ttl_seconds, EVENT_FIELD, _EVENT_ID)
            return
        self.checks += 1
        if isinstance(op, Equal):
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

    def write_plan(self, before: Iterable[str]) -> list[Argument]:
        """Per hash its place among the keys, of which those are `before` the plan's own; its lifetime in
        milliseconds, and its fields.
        """
        keys = (*before, *self.fields) if self.writes else ()
        numbers = {key: number for number, key in enumerate(keys, 1)}
        flat: list[Argument] = [len(self.writes)]
        for (key, ttl_seconds), pairs in self.writes.items():
            flat += (numbers[key], f"{ttl_seconds}000" if ttl_seconds else "", len(pairs) // 2, *pairs)
        return flat


def _planned(ops: list[Op]) -> tuple[_Moves, _Plan]:
    """The moves and the plan of what is left. A hash belongs to one of them."""
    moves = _moves(ops)
    plan = _Plan()
    plan.extend(ops[_moved(moves):])
    if moves.keys().isdisjoint(plan.fields):
        return moves, plan
    first = next(place for place, key in enumerate(moves) if key in plan.fields)
    moves = dict(islice(moves.items(), first))
    plan = _Plan()
    plan.extend(ops[_moved(moves):])
    return moves, plan


def _moved(moves: _Moves) -> int:
    """How many operations they are."""
    return sum([len(amounts) for _, amounts in moves.values()]) // 2


def apply_command(
    sha: str, call: Apply, keys: Keys, epoch: int, high_water: int, outbox_limit: int
) -> tuple[Argument, ...]:
    """The EVALSHA command of one call. Raises OldNamespace when its keys are not those of `keys`."""
    moves, plan = _planned(call.ops)
    _require(keys, moves)
    _require(keys, plan.fields)
    if call.idempotency_key:
        _require(keys, (call.idempotency_key,))
    replay = keys.replay(call.rid)
    reads = plan.read_plan()
    access = call.access
    values: list[Any] = [
        call.mode, str(epoch), high_water, keys.namespace, SCHEMA, outbox_limit,
        f"{call.replay_ttl_seconds}000", f"{call.idempotency_ttl_seconds}000", call.fingerprint,
        None if access is None else (access[1] or b"").decode(),
        len(call.guards), *call.guards, *call.guards.values(), len(moves),
    ]  # fmt: skip
    for fields, amounts in moves.values():
        values.append(len(fields))
        values += fields
        values += amounts
    values += (len(plan.fields), *reads, plan.has_release, plan.checks, *plan.arguments)
    values += plan.write_plan(moves)
    packed = _pack(values)
    return (
        "EVALSHA", sha, 5 + len(moves) + len(plan.fields) + (access is not None),
        keys.meta, keys.versions(), keys.outbox, replay, call.idempotency_key or replay,
        *moves, *plan.fields, *(() if access is None else access[:1]),
        packed[_ARRAY_16_BYTES:] if len(values) <= FLAT_MAX else packed,
        call.event, call.private, *plan.values,
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
    """The operations that the script numbers: all but those that only write."""
    return [number for number, op in enumerate(call.ops) if not isinstance(op, Put | Keep)]


def _currents(joined: bytes, call: Apply) -> tuple[tuple[int, int], ...]:
    """Value and held of every operation of the call; (0, 0) for one that looks at none."""
    pairs = _pairs(joined)
    if len(pairs) == len(call.ops):
        return pairs
    currents = [(0, 0)] * len(call.ops)
    for number, pair in zip(_checked(call), pairs, strict=True):
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
        "EVALSHA", sha, 2 + len(buckets), keys.meta, keys.versions(), *buckets,
        mode, epoch, keys.namespace, SCHEMA, RECORD_BUCKET_SECONDS * 1000, len(guards),
    ]  # fmt: skip
    for name, version in guards.items():
        command += (name, version)
    for key, field, version, value in records:
        command += (buckets[key], field, version, value)
    return tuple(command)
