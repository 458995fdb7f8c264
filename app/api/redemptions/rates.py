"""How many redemptions and refusals there were in each of the last seconds: read from the ledger, so a moment
behind, and at no cost to redemptions.
"""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Answer, Call
from app.api.redemptions.answers import RedemptionRates
from app.db.models import LedgerEvent, Redemption
from app.http.routing import Route
from app.http.wire import iso
from app.ledger.entries import REDEMPTION

SECONDS: Final = 60
SECONDS_MAX: Final = 300
REFUSALS_MAX: Final = 20_000
"""Looked at, the newest first; where there were more, `refusals_complete` is false."""


async def get_rates(call: Call) -> Answer:
    """Whole seconds that are over, oldest first. A stack that is redeemed together counts once; refusals are
    those of redemptions, best effort.
    """
    length = call.query.integer("seconds", low=1, high=SECONDS_MAX) or SECONDS
    until = int(call.engine.now().timestamp())
    since = until - length
    async with call.read() as session:
        redeemed, by_key = await _redeemed(session, call.project_id, since, until)
        refused, by_reason, complete = await _refused(session, call.project_id, since, until)
    return Answer(
        {
            "object": "redemption_rates",
            "from": _instant(since),
            "to": _instant(until),
            "seconds": [
                {
                    "at": _instant(second),
                    "redemptions": redeemed[second],
                    "refusals": refused[second],
                }
                for second in range(since, until)
            ],
            "redemptions": sum(redeemed.values()),
            "refusals": sum(refused.values()),
            "refusals_complete": complete,
            "by_key": [{"key_id": key_id, "redemptions": count} for key_id, count in by_key.most_common()],
            "by_reason": [{"key": key, "refusals": count} for key, count in by_reason.most_common()],
        }
    )


async def _redeemed(
    session: AsyncSession, project_id: str, since: int, until: int
) -> tuple[dict[int, int], Counter[str]]:
    """By second and by API key; since and until in epoch seconds."""
    event = LedgerEvent
    second: Any = (event.at_us // 1_000_000).label("second")
    rows = await session.execute(
        select(second, event.actor_key_id, func.count())
        .where(
            event.project_id == project_id,
            event.at_us >= since * 1_000_000,
            event.at_us < until * 1_000_000,
            event.kind == REDEMPTION,
        )
        .group_by("second", event.actor_key_id)
    )
    seconds: dict[int, int] = defaultdict(int)
    keys: Counter[str] = Counter()
    for at, key_id, count in rows:
        seconds[int(at)] += int(count)
        keys[key_id or ""] += int(count)
    return seconds, keys


async def _refused(
    session: AsyncSession, project_id: str, since: int, until: int
) -> tuple[dict[int, int], Counter[str], bool]:
    """By second and by the error's key."""
    row = Redemption
    start = datetime.fromtimestamp(since, UTC)
    found = await session.execute(
        select(row.date, row.failure_code)
        .where(
            row.project_id == project_id,
            row.date >= start,
            row.date < start + timedelta(seconds=until - since),
            row.result == "FAILURE",
            row.object == "redemption",
        )
        .order_by(row.date.desc(), row.id.desc())
        .limit(REFUSALS_MAX)
    )
    seconds: dict[int, int] = defaultdict(int)
    reasons: Counter[str] = Counter()
    for at, reason in found:
        seconds[int(at.timestamp())] += 1
        reasons[reason or ""] += 1
    return seconds, reasons, sum(seconds.values()) < REFUSALS_MAX


def _instant(second: int) -> str | None:
    return iso(datetime.fromtimestamp(second, UTC))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/engine/redemptions/rates",
        operation_id="get-redemption-rates",
        handler=get_rates,
        permission="redemptions.read",
        tag="Redemptions",
        summary="Redemptions and refusals of the last seconds",
        query=("seconds",),
        answer=RedemptionRates,
    ),
)
