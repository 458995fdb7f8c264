"""What a customer has redeemed and ordered so far, for rules whose segments look at it (D15).

The summary's counters are read with everything else, but only where a compiled rule asks for them; then they
are pinned, so that two orders of one customer cannot both be the first.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import select

from app.core.core import RedemptionCore
from app.core.keys import Keys
from app.core.ops import Equal
from app.db.database import Database
from app.db.models import Customer
from app.redeemables.customers import (
    GIFT_REDEEMED,
    ORDERS_AMOUNT,
    ORDERS_COUNT,
    POINTS_REDEEMED,
    REDEMPTIONS_ROLLED_BACK,
    REDEMPTIONS_SUCCEEDED,
    summary_of,
)
from rules.facts import Candidate, CustomerFacts
from rules.segments import LAST_ORDER, SUMMARY

FIELDS: Final = (
    REDEMPTIONS_SUCCEEDED,
    REDEMPTIONS_ROLLED_BACK,
    GIFT_REDEEMED,
    POINTS_REDEEMED,
    ORDERS_COUNT,
    ORDERS_AMOUNT,
)
NOTHING: Final[frozenset[str]] = frozenset()


def summary_needs(candidates: Iterable[Candidate]) -> frozenset[str]:
    """SUMMARY and LAST_ORDER, as far as a rule of the candidates looks at them."""
    found = NOTHING
    for candidate in candidates:
        for rule in candidate.rules:
            if SUMMARY in rule.needs:
                found |= rule.needs & {SUMMARY, LAST_ORDER}
    return found


def summary_command(keys: Keys, customer_id: str) -> tuple[str, ...]:
    return ("HMGET", keys.counter("customer", customer_id), *FIELDS)


async def with_summary(
    core: RedemptionCore,
    db: Database,
    keys: Keys,
    facts: CustomerFacts,
    needs: frozenset[str],
    raw: Sequence[bytes | None] | None,
) -> tuple[CustomerFacts, tuple[Equal, ...]]:
    """The customer with his summary, and what pins it: the counters must still be those when the script runs.

    raw: the reply to `summary_command`, where the read trip brought it. Somebody without an id has redeemed
    and ordered nothing.
    """
    customer_id = facts.id
    if customer_id is None:
        return replace(facts, summary=summary_of({})), ()
    if raw is None:
        raw = (await core.read(keys.partition, [summary_command(keys, customer_id)]))[0]
    values: Sequence[bytes | None] = raw or ()
    pairs = list(zip(FIELDS, values, strict=True))
    summary = summary_of({field: int(value or 0) for field, value in pairs})
    if LAST_ORDER in needs:
        summary = await _with_last_order(db, keys.partition.project_id, customer_id, summary)
    key = keys.counter("customer", customer_id)
    pins = tuple(Equal(key=key, field=field, expected=value) for field, value in pairs)
    return replace(facts, summary=summary), pins


async def _with_last_order(
    db: Database, project_id: str, customer_id: str, summary: dict[str, Any]
) -> dict[str, Any]:
    """The same with amount and date of the last order as projected: no counter keeps them, so they may lag
    behind the redemption by the time that a projection takes.
    """
    async with db.reading() as session:
        stored = await session.scalar(
            select(Customer.summary).where(Customer.project_id == project_id, Customer.id == customer_id)
        )
    known = (stored or {}).get("orders") or {}
    last = {name: known[name] for name in ("last_order_amount", "last_order_date") if known.get(name)}
    return {**summary, "orders": {**summary["orders"], **last}}
