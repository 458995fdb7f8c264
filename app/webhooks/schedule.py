"""When an attempt that failed is made again (behaviour 7.1): after 1, 2, 4, ... minutes, the last one after a
day, all counted from the first attempt.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

MINUTE: Final = 60
CONTRACT: Final = (*(MINUTE << n for n in range(11)), 24 * 60 * MINUTE)
"""12 retries, in seconds after the first attempt."""
JITTER: Final = 0.1
"""Up to a tenth of the wait later, so that a receiver that comes back is not met by all at once."""
RETRY_AFTER_SECONDS_MAX: Final = 24 * 60 * MINUTE

_random = secrets.SystemRandom()


def seconds_of(text: str) -> tuple[int, ...]:
    """A schedule as it is set: seconds with commas between, rising; empty: the contract's.

    Raises: ValueError.
    """
    parts = tuple(int(part) for part in text.split(",") if part.strip())
    if any(second <= 0 for second in parts) or list(parts) != sorted(set(parts)):
        raise ValueError("seconds after the first attempt, each more than the one before")
    return parts or CONTRACT


def next_attempt(
    schedule: Sequence[int], attempts: int, first_at: datetime, now: datetime, retry_after: float = 0.0
) -> datetime | None:
    """When the attempt after `attempts` failed ones is due; None: that was the last. retry_after: seconds
    that the receiver asked for, which may only make it later.
    """
    if attempts > len(schedule):
        return None
    offset = schedule[attempts - 1]
    before = schedule[attempts - 2] if attempts > 1 else 0
    due = first_at + timedelta(seconds=offset + _random.uniform(0, JITTER) * (offset - before))
    asked = now + timedelta(seconds=min(retry_after, RETRY_AFTER_SECONDS_MAX))
    return max(due, asked)
