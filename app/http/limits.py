"""Limits on how often: one token bucket per server-side key, per client address on the client side and per
customer (contract 1.4), and budgets of failed lookups against guessing codes.

What a request is measured by rides in its read trip as one command each. Without a limit there is no command,
and the headers say so with a number that no client reaches. Addresses and customers are known here by their
digests alone.
"""

import hashlib
import math
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import structlog
from msgspec import Struct
from prometheus_client import Counter

from app.core.connection import Command
from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.outcome import CoreUnavailable
from app.core.rate import Guess, Rate
from app.http.addresses import neighbourhood
from app.http.errors import ApiError
from app.settings import Settings

log = structlog.get_logger("vouchsafe.limits")

UNLIMITED: Final = 2**31 - 1
CLIENT_WINDOW_SECONDS: Final = 5.0
CLIENT_BODY_BYTES_MAX: Final = 256 * 1024
"""What a page may send: a cart of 500 lines has room in it, and its key is in everybody's hands."""
GUESS_WINDOW_SECONDS: Final = 600.0
"""Within which the budget of failed lookups is forgiven."""
GUESS_BLOCK_MS: Final = 30_000
"""How long the first block takes; every further one is twice as long."""
GUESS_BLOCK_MAX_MS: Final = 3_600_000
GUESS_MEMORY_MS: Final = 86_400_000
"""How long blocks are remembered of who stays away."""
GUESS_KEY_FACTOR: Final = 50
"""A key is used by many: its budget is so many times that of an address. Spending it blocks nobody, as a
guesser must not be able to close a shop; it raises the alarm, and every failure of an address counts more."""
GUESS_ALARM_FACTOR: Final = 5

LIMITED: Final = Counter(
    "vouchsafe_rate_limited", "Requests refused with 429, by what they asked too often.", ["scope"]
)
FAILED_LOOKUPS: Final = Counter(
    "vouchsafe_failed_lookups", "Codes asked for in vain under a budget of guesses."
)
GUESSING: Final = Counter(
    "vouchsafe_guessing", "Budgets of failed lookups that were spent: an alarm when it grows.", ["scope"]
)
for _scope in ("apikey", "ip", "customer"):  # So that 0 is told, and not nothing.
    LIMITED.labels(_scope)
    GUESSING.labels(_scope)
LIMITED.labels("guess")

Headers = tuple[tuple[bytes, bytes], ...]


class Bucket(Struct, frozen=True):
    """capacity in requests; refill in requests per second."""

    scope: str
    identity: str
    capacity: int
    refill_per_second: float

    def command(self, core: RedemptionCore, keys: Keys) -> Command:
        return core.rate_command(keys.rate(self.scope, self.identity), self.capacity, self.refill_per_second)

    def judge(self, reply: Any) -> "Allowance":
        """Raises: ApiError 429; CoreUnavailable."""
        rate = Rate.parse(_answered(reply))
        if not rate.allowed:
            LIMITED.labels(self.scope).inc()
            raise too_many_requests(self, rate)
        return Allowance(self, rate)


class Allowance(Struct, frozen=True):
    """What a bucket still allows."""

    bucket: Bucket
    rate: Rate

    def headers(self, now: float) -> Headers:
        return rate_headers(self.bucket, self.rate, now)


class Block(Struct, frozen=True):
    """Whether an identity has spent its budget of failed lookups. scope: ip or customer."""

    scope: str
    identity: str

    def command(self, core: RedemptionCore, keys: Keys) -> Command:
        return ("PTTL", keys.guess_block(self.scope, self.identity))

    def judge(self, reply: Any) -> None:
        """Raises: ApiError 429; CoreUnavailable."""
        left_milliseconds = int(_answered(reply))
        if left_milliseconds > 0:
            LIMITED.labels("guess").inc()
            raise blocked(left_milliseconds)


Check = Bucket | Block


@lru_cache(maxsize=4096)
def keys_of(partition: Partition) -> Keys:
    """Names of the limits' keys. They belong to no state that could be rebuilt, and expire by themselves."""
    return Keys(partition, "limits")


def digest_of(identity: str) -> str:
    """How an address or a customer is named in Redis."""
    return hashlib.blake2b(identity.encode(), digest_size=12).hexdigest()


def checks_of(settings: Settings, kind: str, key_id: str, address: str) -> tuple[Check, ...]:
    """What a request is measured by before its body is read; (): nothing."""
    if kind == "client":
        checks: list[Check] = []
        network = digest_of(neighbourhood(address))
        if settings.client_rate_limit:
            capacity = settings.client_rate_limit
            checks.append(Bucket("ip", network, capacity, capacity / CLIENT_WINDOW_SECONDS))
        if settings.guess_limit:
            checks.append(Block("ip", network))
        return tuple(checks)
    capacity = settings.rate_limit_per_minute
    return (Bucket("apikey", key_id, capacity, capacity / 60),) if capacity else ()


def customer_checks(settings: Settings, kind: str, customer: str) -> tuple[Check, ...]:
    """What a request is measured by when its customer is known. customer: as the request names it."""
    guesses = settings.guess_limit if kind == "client" else settings.guess_limit_server
    capacity = settings.customer_rate_limit
    if not (guesses or capacity):
        return ()
    identity = digest_of(customer)
    checks: list[Check] = []
    if capacity:
        checks.append(Bucket("customer", identity, capacity, capacity / 60))
    if guesses:
        checks.append(Block("customer", identity))
    return tuple(checks)


class Guesses(Struct, frozen=True):
    """Who answers for failed lookups of a request: its key, its address, its customer. limit 0: nobody."""

    limit: int
    key_id: str
    address: str | None
    customer: str | None

    async def note(self, core: RedemptionCore, partition: Partition, failures: int) -> None:
        """Count failed lookups against every budget, in one trip. With Redis away nothing is counted."""
        if not self.limit or not failures:
            return
        keys = keys_of(partition)
        FAILED_LOOKUPS.inc(failures)
        named = [("apikey", self.key_id, self.limit * GUESS_KEY_FACTOR)]
        if self.address is not None:
            named.append(("ip", digest_of(neighbourhood(self.address)), self.limit))
        if self.customer is not None:
            named.append(("customer", digest_of(self.customer), self.limit))
        alarm = keys.guess_block("apikey", self.key_id)
        commands = [
            core.guess_command(
                keys.guess_budget(scope, identity),
                keys.guess_block(scope, identity),
                alarm if scope != "apikey" else keys.guess_budget("none", ""),
                budget=budget,
                forgiven_per_second=budget / GUESS_WINDOW_SECONDS,
                failures=failures,
                alarm_factor=GUESS_ALARM_FACTOR,
                block_ms=(GUESS_BLOCK_MS, GUESS_BLOCK_MAX_MS),
                memory_ms=GUESS_MEMORY_MS,
            )
            for scope, identity, budget in named
        ]
        try:
            replies = await core.read(partition, commands)
        except CoreUnavailable:
            return
        self._alarm([scope for scope, _, _ in named], replies)

    def _alarm(self, scopes: Sequence[str], replies: Sequence[Any]) -> None:
        for scope, reply in zip(scopes, replies, strict=True):
            if isinstance(reply, Exception):
                continue
            guess = Guess.parse(reply)
            if guess.blocked_milliseconds:
                GUESSING.labels(scope).inc()
                log.warning(
                    "guessing",
                    scope=scope,
                    key_id=self.key_id,
                    blocks=guess.blocks,
                    seconds=guess.blocked_milliseconds // 1000,
                )


def _answered(reply: Any) -> Any:
    if isinstance(reply, Exception):
        raise CoreUnavailable(str(reply))
    return reply


def rate_headers(bucket: Bucket, rate: Rate, now: float) -> Headers:
    """Both families: X-Rate-Limit-Retry is the epoch second at which the next call is allowed; RateLimit
    gives seconds until the bucket is full again.
    """
    retry_at = math.ceil(now + rate.retry_after_milliseconds / 1000)
    window = round(bucket.capacity / bucket.refill_per_second)
    full = math.ceil((bucket.capacity - rate.remaining) / bucket.refill_per_second)
    name = bucket.scope.encode()
    return (
        *_numbers(bucket.capacity, rate.remaining, retry_at),
        (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, bucket.capacity, window)),
        (b"ratelimit", b'"%b";r=%d;t=%d' % (name, rate.remaining, full)),
    )


def _numbers(limit: int, remaining: int, retry_at: int) -> Headers:
    return (
        (b"x-rate-limit-limit", b"%d" % limit),
        (b"x-rate-limit-remaining", b"%d" % remaining),
        (b"x-rate-limit-retry", b"%d" % retry_at),
    )


def unlimited_headers() -> Headers:
    return _unlimited_at(int(time.time()))


@lru_cache(maxsize=4)
def _unlimited_at(second: int) -> Headers:
    return _numbers(UNLIMITED, UNLIMITED, second)


def too_many_requests(bucket: Bucket, rate: Rate) -> ApiError:
    """429 in the contract's shape, which has no key."""
    retry_after = max(1, math.ceil(rate.retry_after_milliseconds / 1000))
    headers = {name.decode(): value.decode() for name, value in rate_headers(bucket, rate, time.time())}
    return _refused(retry_after, headers)


def blocked(left_milliseconds: int) -> ApiError:
    """429 after too many codes that do not exist, in the same shape."""
    retry_after = max(1, math.ceil(left_milliseconds / 1000))
    numbers = _numbers(0, 0, int(time.time()) + retry_after)
    return _refused(retry_after, {name.decode(): value.decode() for name, value in numbers})


def _refused(retry_after: int, headers: dict[str, str]) -> ApiError:
    more = {"Retry-After": str(retry_after), "X-Rate-Limit-Type": "api_calls"}
    return ApiError(429, "", "Too many requests hit the API too quickly.", headers=headers | more)
