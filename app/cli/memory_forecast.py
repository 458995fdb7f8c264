"""How much memory Redis and the workers will want, from the rows that there are and bytes that were measured:
`make bench-memory` gives those of codes, redemptions, remembered vouchers and campaigns anew.

Of a server with default settings: one that packs longer values, as the embedded one does, takes a third less
for codes.
"""

import os
from pathlib import Path
from typing import Final

from msgspec import Struct
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import BUCKETS
from app.db.models import Campaign, Counter, Customer, LedgerEvent, PartitionState, Voucher
from app.redeemables.memory import CUSTOMERS_MAX, OPEN_MAX, VOUCHERS_MAX

BUCKET_BYTES: Final = 94
"""Of one of the 65 536 hashes that the fields of a project are spread over, empty. Valkey 9, 64 bits."""
FIELD_BYTES: Final = 34
"""Of one counter of a voucher in such a hash."""
COUNTER_BYTES: Final = 190
"""Of one counter with a key of its own: of a campaign, a customer, a window."""
CLAIM_BYTES: Final = 49
"""Of whose a source_id is; kept for every customer."""
CODE_BYTES: Final = 252
"""Of a voucher's record and the way to it from its id; for a day after it was asked for (D5)."""
CUSTOMER_BYTES: Final = 363
"""Of a customer's record with an address and two metadata; for a day as well."""
EVENT_BYTES: Final = 360
"""Of what a redemption leaves for an hour, when the ledger has it: its id, and its answer for ten minutes."""
WORKER_BYTES: Final = 98 << 20
"""Of a web worker that has served nothing."""
CAMPAIGN_BYTES: Final = 40 << 10
"""Of a compiled campaign with a rule in a worker."""
REMEMBERED_BYTES: Final = 500
"""Of a voucher that a worker remembers."""
OPEN_BYTES: Final = 5_600
"""Of one of those that it has ready, because they are used again and again."""
ACQUAINTANCE_BYTES: Final = 2 << 10
"""Of a customer that it remembers."""
MICROSECONDS_PER_HOUR: Final = 3_600_000_000
CONTAINER_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
HOURS: Final = 24
"""How far back the busiest hour is looked for."""


class Stored(Struct, frozen=True, kw_only=True):
    """What there is. events_of_hour: of the busiest hour of the last day."""

    partitions: int = 0
    voucher_counters: int = 0
    """In shared hashes."""
    other_counters: int = 0
    vouchers: int = 0
    customers: int = 0
    campaigns: int = 0
    events_of_hour: int = 0


async def stored_now(session: AsyncSession, now_us: int) -> Stored:
    """now_us: microseconds since 1970."""
    of_vouchers = or_(Counter.key.startswith("v:"), Counter.key.startswith("g:"))
    counters = select(func.count(), func.count().filter(of_vouchers)).select_from(Counter)
    both, in_buckets = (await session.execute(counters)).one()
    since = now_us - HOURS * MICROSECONDS_PER_HOUR
    hour = (LedgerEvent.at_us - since) // MICROSECONDS_PER_HOUR
    hours = select(func.count().label("n")).where(LedgerEvent.at_us >= since).group_by(hour).subquery()
    counts = {}
    for name, model in (
        ("partitions", PartitionState),
        ("vouchers", Voucher),
        ("customers", Customer),
        ("campaigns", Campaign),
    ):
        counts[name] = int(await session.scalar(select(func.count()).select_from(model)) or 0)
    return Stored(
        voucher_counters=in_buckets,
        other_counters=both - in_buckets,
        events_of_hour=int(await session.scalar(select(func.max(hours.c.n))) or 0),
        **counts,
    )


def redis_parts(stored: Stored) -> dict[str, int]:
    """Bytes by what they are for, when every code and customer is asked for within a day."""
    return {
        "counters": _bucketed(stored.voucher_counters, FIELD_BYTES, stored.partitions)
        + stored.other_counters * COUNTER_BYTES,
        "source ids": _bucketed(stored.customers, CLAIM_BYTES, stored.partitions),
        "codes": _bucketed(stored.vouchers, CODE_BYTES, stored.partitions),
        "customers": _bucketed(stored.customers, CUSTOMER_BYTES, stored.partitions),
        "redemptions of an hour": stored.events_of_hour * EVENT_BYTES,
    }


def _bucketed(count: int, each: int, partitions: int) -> int:
    return min(count, BUCKETS * max(1, partitions)) * BUCKET_BYTES + count * each


def worker_bytes(stored: Stored) -> int:
    """Of one web worker that has met as much as it remembers at most."""
    return (
        WORKER_BYTES
        + stored.campaigns * CAMPAIGN_BYTES
        + min(stored.vouchers, VOUCHERS_MAX) * REMEMBERED_BYTES
        + min(stored.vouchers, OPEN_MAX) * OPEN_BYTES
        + min(stored.customers, CUSTOMERS_MAX) * ACQUAINTANCE_BYTES
    )


def machine_bytes() -> int:
    """What this machine has, or what the container may take of it."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = CONTAINER_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return there
    return min(there, int(limit)) if limit.isdecimal() else there
