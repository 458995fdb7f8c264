"""Ids: the documented prefix (behaviour 1.11) and 26 characters of a UUIDv7, so that they sort by the time
they were made.
"""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no look-alikes, sorts as it counts."""
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
"""Two characters for every ten bits: one digit at a time takes three times as long."""

_TIME_CHARACTERS = 10
_TAIL_CHARACTERS = 16


def _digits(ones: int, free: int) -> bytes:
    """For each byte the digit of its `free` bits and of `ones`."""
    return bytes(ord(_ALPHABET[ones | byte & free]) for byte in range(256))


_RANDOM = _digits(0, 0b11111)
_VERSION_AT, _VERSION = 0, _digits(0b01110, 0b00001)
_VARIANT_AT, _VARIANT = 3, _digits(0b01000, 0b10011)
"""Where the bits of version (0111) and variant (10) stand among the last 80 of a UUIDv7 (RFC 9562)."""

_POOL_SIZE = 256
_pool: list[str] = []
"""Ends of ids to come: a call of the system costs more than an id. A child of this process must not use them
again.
"""
os.register_at_fork(after_in_child=_pool.clear)
_heads: dict[int, str] = {}
"""Of the millisecond that is now, its ten characters."""


def _tails(count: int) -> list[str]:
    """The last 80 bits of as many UUIDv7s: version, variant, 74 random bits. Each digit has a byte drawn."""
    drawn = os.urandom(_TAIL_CHARACTERS * count)
    digits = bytearray(drawn.translate(_RANDOM))
    for at, table in ((_VERSION_AT, _VERSION), (_VARIANT_AT, _VARIANT)):
        digits[at::_TAIL_CHARACTERS] = drawn[at::_TAIL_CHARACTERS].translate(table)
    text = digits.decode()
    return [text[at : at + _TAIL_CHARACTERS] for at in range(0, len(text), _TAIL_CHARACTERS)]


def _more_tails() -> str:
    """One, and a pool for those that come next."""
    drawn = _tails(_POOL_SIZE)
    _pool.extend(drawn[1:])
    return drawn[0]


def _head_of(milliseconds: int) -> str:
    head = characters_of((milliseconds & ((1 << 48) - 1)) << 80)[:_TIME_CHARACTERS]
    _heads.clear()
    _heads[milliseconds] = head
    return head


def characters_of(value: int) -> str:
    """26 characters for the lowest 130 bits of a number."""
    pairs = _PAIRS
    return (
        pairs[value >> 120 & 1023] + pairs[value >> 110 & 1023] + pairs[value >> 100 & 1023]
        + pairs[value >> 90 & 1023] + pairs[value >> 80 & 1023] + pairs[value >> 70 & 1023]
        + pairs[value >> 60 & 1023] + pairs[value >> 50 & 1023] + pairs[value >> 40 & 1023]
        + pairs[value >> 30 & 1023] + pairs[value >> 20 & 1023] + pairs[value >> 10 & 1023]
        + pairs[value & 1023]
    )  # fmt: skip


def new_id(prefix: str) -> str:
    """prefix with its underscore, e.g. new_id("camp_"). Never given twice, in any thread: `pop` is one
    step.
    """
    milliseconds = time.time_ns() // 1_000_000
    head = _heads.get(milliseconds) or _head_of(milliseconds)
    try:
        return prefix + head + _pool.pop()
    except IndexError:
        return prefix + head + _more_tails()


def new_ids(prefix: str, count: int) -> list[str]:
    """Many at once, ascending, all of this millisecond: an index then takes them one behind the other."""
    start = prefix + _head_of(time.time_ns() // 1_000_000)
    return sorted([start + tail for tail in _tails(count)])


def next_version(previous: int = 0) -> int:
    """A catalogue version: microseconds since the epoch, and at least `previous` + 1 (D4)."""
    return max(previous + 1, time.time_ns() // 1000)
