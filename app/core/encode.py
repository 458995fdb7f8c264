"""An Apply as the flat arguments of apply.lua, and its reply as an Outcome. The layout is declared in the
script's header.
"""

from collections.abc import Sequence
from typing import Any

from app.core.keys import Keys, meta, outbox
from app.core.ops import INTEGER_MAX, Add, Apply, Claim, Due, Equal, Hold, Put, Record, Release
from app.core.outcome import Code, Outcome

SCHEMA = "1"
"""Of the state in Redis: meaning of meta, counters and records. A script refuses any other."""

VALIDATE, REDEEM, HOLD, ROLL_BACK = "V", "R", "H", "B"
HELD_SUFFIX = "~h"

RECORD_BUCKET_SECONDS = 86_400

Argument = str | bytes | int

PublishedRecord = tuple[str, str, int, bytes]
"""Key, field, version (0: always written) and value of a record."""


class _Plan:
    """Which fields of which hashes the script reads: each hash once, each field once."""

    __slots__ = ("counters", "fields", "plain")

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}
        self.counters: dict[tuple[str, str], int] = {}
        self.plain: dict[tuple[str, str], int] = {}

    def place(self, key: str, field: str, counter: bool) -> int:
        places = self.counters if counter else self.plain
        place = places.get((key, field))
        if place is None:
            fields = self.fields.setdefault(key, [])
            place = places[(key, field)] = len(fields) + 1
            fields.append(field)
            if counter:
                fields.append(field + HELD_SUFFIX)
        return place


def _bound(value: int) -> int:
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise ValueError(f"{value} is not below 2**53")
    return value


def _limit(value: int | None) -> int | str:
    return "" if value is None else _bound(value)


def apply_command(
    sha: str, call: Apply, keys: Keys, epoch: int, high_water: int, outbox_limit: int
) -> tuple[Argument, ...]:
    """The EVALSHA command of one call."""
    plan = _Plan()
    placed: list[int] = []
    has_release = 0
    for op in call.ops:
        match op:
            case Add() | Hold():
                placed.append(plan.place(op.key, op.field, True))
            case Release():
                placed.append(plan.place(op.key, op.field, True))
                has_release = 1
            case Put():
                plan.fields.setdefault(op.key, [])
                placed.append(0)
            case Due():
                placed.append(0)
            case Equal() | Record() | Claim():
                placed.append(plan.place(op.key, op.field, False))

    replay = keys.replay(call.rid)
    command: list[Argument] = [
        "EVALSHA", sha, 5 + len(plan.fields),
        meta(call.partition), keys.versions(), outbox(call.partition), replay, call.idempotency_key or replay,
        *plan.fields,
        call.mode, epoch, high_water, keys.namespace, SCHEMA, outbox_limit, call.event, call.private,
        call.replay_ttl_seconds * 1000, call.idempotency_ttl_seconds * 1000, call.fingerprint,
        len(call.guards), *call.guards, *call.guards.values(),
        len(plan.fields),
    ]  # fmt: skip
    offsets: dict[str, int] = {}
    numbers: dict[str, int] = {}
    slots = 0
    for number, (key, fields) in enumerate(plan.fields.items(), 1):
        offsets[key] = slots
        numbers[key] = number
        slots += len(fields)
        command.append(len(fields))
        command += fields
    command += (has_release, len(call.ops))
    for op, place in zip(call.ops, placed, strict=True):
        match op:
            case Add(key=key, delta=delta, base=base, cap=cap, floor=floor, until=until):
                command += (
                    "A", offsets[key] + place, _bound(delta), _bound(base), _limit(cap), _limit(floor), until
                )  # fmt: skip
            case Hold(key=key, amount=amount, base=base, cap=cap, floor=floor):
                command += (
                    "H",
                    offsets[key] + place,
                    _amount(amount),
                    _bound(base),
                    _limit(cap),
                    _limit(floor),
                )
            case Release(key=key, amount=amount):
                command += ("R", offsets[key] + place, _amount(amount))
            case Equal(key=key, expected=None):
                command += ("N", offsets[key] + place)
            case Equal(key=key, expected=bytes() as expected):
                command += ("E", offsets[key] + place, expected)
            case Record(key=key, version=version):
                command += ("V", offsets[key] + place, version)
            case Claim(key=key, value=value):
                command += ("C", offsets[key] + place, value)
            case Due(deadline_ms=deadline):
                command += ("D", deadline)
            case Put(key=key, field=field, value=value, ttl_seconds=seconds):
                command += ("P", numbers[key], field, value, seconds * 1000)
    return tuple(command)


def _amount(amount: int) -> int:
    if not 0 <= amount <= INTEGER_MAX:
        raise ValueError(f"an amount held or released is not negative and below 2**53, not {amount}")
    return amount


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
    command: list[Argument] = [
        "EVALSHA", sha, 2 + len(buckets), meta(keys.partition), keys.versions(), *buckets,
        mode, epoch, keys.namespace, SCHEMA, RECORD_BUCKET_SECONDS * 1000, len(guards),
    ]  # fmt: skip
    for name, version in guards.items():
        command += (name, version)
    for key, field, version, value in records:
        command += (buckets[key], field, version, value)
    return tuple(command)
