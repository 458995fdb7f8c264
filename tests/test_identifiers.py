"""Ids: 26 digits of a UUIDv7 behind their prefix."""

import subprocess
import sys
import uuid

from app.identifiers import new_id, new_ids

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
DRAWN = 0xFFF << 64 | (1 << 62) - 1
"""The random bits of a UUIDv7."""


def number_of(identity: str) -> int:
    value = 0
    for digit in identity.partition("_")[2]:
        value = value * 32 + DIGITS.index(digit)
    return value


def test_an_id_is_a_uuid_of_version_7_and_all_its_other_bits_are_drawn() -> None:
    """Of 2 000 ids each of the 74 bits is 0 somewhere and 1 somewhere else."""
    always, ever = DRAWN, 0
    for identity in [new_id("r_") for _ in range(1000)] + new_ids("v_", 1000):
        value = number_of(identity)
        read = uuid.UUID(int=value)
        assert (len(identity), read.version, read.variant) == (28, 7, uuid.RFC_4122)
        always, ever = always & value, ever | value
    assert always == 0
    assert ever & DRAWN == DRAWN


def test_ids_sort_by_the_millisecond_and_none_comes_twice() -> None:
    """Those of one list are ascending by themselves."""
    made = [new_id("r_") for _ in range(5000)]
    times = [number_of(identity) >> 80 for identity in made]
    assert times == sorted(times)
    assert times[-1] > times[0]
    listed = new_ids("r_", 5000)
    assert listed == sorted(listed)
    assert len({*made, *listed}) == 10_000


FORKING = """
import os
from app.identifiers import new_id
new_id("r_")
child = os.fork()
if child:
    os.waitpid(child, 0)  # One line after the other.
print(",".join(new_id("r_")[12:] for _ in range(50)), flush=True)
if not child:
    os._exit(0)
"""


def test_a_forked_process_draws_ids_of_its_own() -> None:
    """What was drawn ahead before the fork is not used on both sides."""
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)
    first, second = (set(line.split(",")) for line in done.stdout.split())
    assert len(first) == len(second) == 50
    assert not first & second
