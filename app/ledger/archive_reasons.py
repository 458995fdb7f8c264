"""Why events cannot leave the ledger yet: what is still open needs their rows."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.outbox import Position
from app.db.models import IdempotentEvent, ProjectionFailure
from app.ledger.locks import held_by, open_locks
from app.ledger.partitions import State
from app.ledger.positions import up_to
from app.ledger.replay import Replay

DAYS_MIN: Final = 7
"""However short the time for rollbacks is: Redis keeps a window two days after its end, a key three."""


def first_instant(month: str) -> datetime:
    """The beginning of a month, UTC. month: as "2026-08". Raises: ValueError."""
    try:
        begins = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{month!r} is no month: write it as 2026-08") from None
    if f"{begins:%Y-%m}" != month:
        raise ValueError(f"{month!r} is no month: write it as 2026-08")
    return begins


def too_young(month: str, now: datetime, rollback_days: int) -> str:
    """Why a month cannot be the first that stays, whatever is in the ledger; empty when it can.

    Raises: ValueError for what is no month.
    """
    days = max(rollback_days, DAYS_MIN)
    possible = first_instant(month) + timedelta(days=days)
    if possible <= now:
        return ""
    return (
        f"what was redeemed before {month} can be rolled back for {days} days: "
        f"this can be archived from {possible:%Y-%m-%d} on"
    )


async def reasons_of(
    session: AsyncSession, state: State, last: Position, replayed: Replay, now: datetime
) -> list[str]:
    """What is open of the events up to `last`. replayed: counters as those events left them."""
    part, seconds = state.partition.name, int(now.timestamp())
    reasons = []
    if state.projected < last:
        reasons.append(f"projected up to {state.projected} only: is `vouchsafe serve` running?")
    failures = await _count(session, ProjectionFailure, part, last)
    if failures:
        reasons.append(f"{failures} events could not be projected: see projection_failures")
    keys = await _count(session, IdempotentEvent, part, last, IdempotentEvent.until > seconds)
    if keys:
        reasons.append(f"{keys} idempotency keys are still known")
    still_held = held_by(await open_locks(session, state))
    held = [place for place, counter in replayed.counters.items() if counter.held and still_held.get(place)]
    if held:
        reasons.append(f"sessions still hold what they held then: {len(held)} counters, {held[0][1]} first")
    ends = [counter.until for counter in replayed.counters.values() if counter.until > seconds]
    if ends:
        until = datetime.fromtimestamp(max(ends), UTC)
        reasons.append(f"{len(ends)} counters of days, weeks or months go on until {until:%Y-%m-%d %H:%M}")
    return reasons


async def _count(session: AsyncSession, model: Any, part: str, last: Position, *conditions: Any) -> int:
    statement = select(func.count()).select_from(model).where(model.part == part, up_to(model, last))
    return int(await session.scalar(statement.where(*conditions)) or 0)
