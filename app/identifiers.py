"""Ids: the documented prefix (behaviour 1.11) and 26 characters of a UUIDv7, so that they sort by the time
they were made.
"""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no look-alikes, sorts as it counts."""
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
"""Two characters for every ten bits: every request makes an id, and one digit at a time takes three times as
long.
"""


_RANDOM_BYTES = 10
_RANDOM_BITS = (1 << 80) - 1 & ~(0xF << 76) & ~(0b11 << 62)
_VERSION_AND_VARIANT = 0x7 << 76 | 0b10 << 62
_TIME_CHARACTERS = 10
_POOL_SIZE = 256
_pool: list[int] = []
"""80 random bits each, for ids to come: a call of the system costs more than an id. A child of this process
must not use them again.
"""
os.register_at_fork(after_in_child=_pool.clear)


def _random_bits() -> int:
    """80 random bits, never given twice, in any thread: `pop` is one step."""
    try:
        return _pool.pop()
    except IndexError:
        drawn = os.urandom(_RANDOM_BYTES * _POOL_SIZE)
        _pool.extend(
            int.from_bytes(drawn[at : at + _RANDOM_BYTES], "big")
            for at in range(_RANDOM_BYTES, len(drawn), _RANDOM_BYTES)
        )
        return int.from_bytes(drawn[:_RANDOM_BYTES], "big")


def uuid7() -> int:
    """128 bits: milliseconds since the epoch, version, 74 random bits (RFC 9562)."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = _random_bits()
    return (
        (milliseconds & ((1 << 48) - 1)) << 80
        | 0x7 << 76
        | ((random_bits >> 62) & 0xFFF) << 64
        | 0b10 << 62
        | (random_bits & ((1 << 62) - 1))
    )


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
    """prefix with its underscore, e.g. new_id("camp_")."""
    return prefix + characters_of(uuid7())


def new_ids(prefix: str, count: int) -> list[str]:
    """Many at once, ascending, all of this millisecond: an index then takes them one behind the other."""
    milliseconds = time.time_ns() // 1_000_000
    start = prefix + characters_of((milliseconds & ((1 << 48) - 1)) << 80)[:_TIME_CHARACTERS]
    drawn = os.urandom(_RANDOM_BYTES * count)
    pairs = _PAIRS
    found = []
    for at in range(0, len(drawn), _RANDOM_BYTES):
        value = int.from_bytes(drawn[at : at + _RANDOM_BYTES], "big") & _RANDOM_BITS | _VERSION_AND_VARIANT
        found.append(
            start
            + pairs[value >> 70] + pairs[value >> 60 & 1023] + pairs[value >> 50 & 1023]
            + pairs[value >> 40 & 1023] + pairs[value >> 30 & 1023] + pairs[value >> 20 & 1023]
            + pairs[value >> 10 & 1023] + pairs[value & 1023]
        )  # fmt: skip
    found.sort()
    return found


def next_version(previous: int = 0) -> int:
    """A catalogue version: microseconds since the epoch, and at least `previous` + 1 (D4)."""
    return max(previous + 1, time.time_ns() // 1000)
