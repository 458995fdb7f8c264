"""Ids: the documented prefix (behaviour 1.11) and 26 characters of a UUIDv7, so that they sort by the time
they were made.
"""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no look-alikes, sorts as it counts."""


def uuid7() -> int:
    """128 bits: milliseconds since the epoch, version, 74 random bits (RFC 9562)."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10), "big")
    return (
        (milliseconds & ((1 << 48) - 1)) << 80
        | 0x7 << 76
        | ((random_bits >> 62) & 0xFFF) << 64
        | 0b10 << 62
        | (random_bits & ((1 << 62) - 1))
    )


def characters_of(value: int) -> str:
    """26 characters for the lowest 130 bits of a number."""
    characters = []
    for _ in range(26):
        characters.append(_ALPHABET[value & 31])
        value >>= 5
    return "".join(reversed(characters))


def new_id(prefix: str) -> str:
    """prefix with its underscore, e.g. new_id("camp_")."""
    return prefix + characters_of(uuid7())


def next_version(previous: int = 0) -> int:
    """A catalogue version: microseconds since the epoch, and at least `previous` + 1 (D4)."""
    return max(previous + 1, time.time_ns() // 1000)
