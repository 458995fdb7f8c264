"""Rate limits: one token bucket per server-side key, one per address on the client side (contract 1.4).

The bucket's command rides in the request's read trip. Without a limit there is no command, and the headers
say so with a number that no client reaches.
"""

import math
import time
from functools import lru_cache
from typing import Final

from msgspec import Struct

from app.core.connection import Command
from app.core.core import RedemptionCore
from app.core.keys import Keys
from app.core.rate import Rate
from app.http.errors import ApiError
from app.settings import Settings

UNLIMITED: Final = 2**31 - 1
CLIENT_WINDOW_SECONDS: Final = 5.0

Headers = tuple[tuple[bytes, bytes], ...]


class Bucket(Struct, frozen=True):
    """capacity in requests; refill in requests per second."""

    scope: str
    identity: str
    capacity: int
    refill_per_second: float

    def command(self, core: RedemptionCore, keys: Keys) -> Command:
        return core.rate_command(keys.rate(self.scope, self.identity), self.capacity, self.refill_per_second)


def bucket_of(settings: Settings, kind: str, key_id: str, address: str) -> Bucket | None:
    """The bucket a request takes from; None: unlimited."""
    if kind == "client":
        capacity = settings.client_rate_limit
        return Bucket("ip", address, capacity, capacity / CLIENT_WINDOW_SECONDS) if capacity else None
    capacity = settings.rate_limit_per_minute
    return Bucket("apikey", key_id, capacity, capacity / 60) if capacity else None


def rate_headers(capacity: int, rate: Rate, now: float) -> Headers:
    """X-Rate-Limit-Retry is the epoch second at which the next call is allowed."""
    retry_at = math.ceil(now + rate.retry_after_milliseconds / 1000)
    return (
        (b"x-rate-limit-limit", b"%d" % capacity),
        (b"x-rate-limit-remaining", b"%d" % rate.remaining),
        (b"x-rate-limit-retry", b"%d" % retry_at),
    )


def unlimited_headers() -> Headers:
    return _unlimited_at(int(time.time()))


@lru_cache(maxsize=4)
def _unlimited_at(second: int) -> Headers:
    return rate_headers(UNLIMITED, Rate(True, UNLIMITED, 0), second)


def too_many_requests(capacity: int, rate: Rate) -> ApiError:
    """429 in the contract's shape, which has no key."""
    retry_after = max(1, math.ceil(rate.retry_after_milliseconds / 1000))
    headers = {name.decode(): value.decode() for name, value in rate_headers(capacity, rate, time.time())}
    headers |= {"Retry-After": str(retry_after), "X-Rate-Limit-Type": "api_calls"}
    return ApiError(429, "", "Too many requests hit the API too quickly.", headers=headers)
