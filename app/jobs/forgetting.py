"""What is kept for a time only, and goes when that time is over: answers under idempotency keys (D1), and
counters of days, weeks and months that have ended (D7), and what webhooks were told.
"""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, select, tuple_

from app.db.models import Counter, IdempotentAnswer, IdempotentEvent, WebhookAttempt, WebhookEvent
from app.engine import Engine

FORGET_SECONDS: Final = 30.0
ROWS_MAX: Final = 500
"""Of one transaction (D17)."""
CHUNKS_MAX: Final = 100
"""Of one step: webhooks may leave many rows."""
ENDED_DAYS: Final = 3
"""How long a counter of an ended window stays: longer than Redis keeps it. Its postings stay for ever."""


async def forget_answers(engine: Engine) -> int:
    """Remove answers whose key is new again, oldest first; how many."""
    row = IdempotentAnswer
    before = engine.now() - timedelta(hours=engine.settings.idempotency_hours)
    async with engine.db.reading() as session:
        found = await session.execute(
            select(row.project_id, row.scope_hash).where(row.at < before).order_by(row.at).limit(ROWS_MAX)
        )
        keys = [(project_id, scope_hash) for project_id, scope_hash in found]
    if keys:
        async with engine.db.writing() as session:
            await session.execute(
                delete(row).where(tuple_(row.project_id, row.scope_hash).in_(keys), row.at < before)
            )
    return len(keys)


async def forget_keys(engine: Engine) -> int:
    """Remove keys of the ledger's events that are new again, oldest first; how many."""
    row = IdempotentEvent
    now, total = int(engine.now().timestamp()), 0
    for _ in range(CHUNKS_MAX):
        async with engine.db.reading() as session:
            found = await session.execute(
                select(row.part, row.epoch, row.seq)
                .where(row.until < now)
                .order_by(row.until)
                .limit(ROWS_MAX)
            )
            places = [tuple(place) for place in found]
        if not places:
            break
        async with engine.db.writing() as session:
            await session.execute(delete(row).where(tuple_(row.part, row.epoch, row.seq).in_(places)))
        total += len(places)
    return total


async def forget_windows(engine: Engine) -> int:
    """Remove checkpoints of counters whose window ended days ago, oldest first; how many. Nothing can move
    them any more, and a rebuild leaves them out.
    """
    row = Counter
    ended = int((engine.now() - timedelta(days=ENDED_DAYS)).timestamp())
    async with engine.db.reading() as session:
        found = await session.execute(
            select(row.part, row.key, row.field)
            .where(row.until > 0, row.until < ended)
            .order_by(row.until)
            .limit(ROWS_MAX)
        )
        places = [(part, key, field) for part, key, field in found]
    if places:
        async with engine.db.writing() as session:
            await session.execute(
                delete(row).where(
                    tuple_(row.part, row.key, row.field).in_(places), row.until > 0, row.until < ended
                )
            )
    return len(places)


async def forget_webhooks(engine: Engine) -> int:
    """Remove what webhooks were told, and every attempt, after `webhook_days`; how many rows."""
    before = engine.now() - timedelta(days=engine.settings.webhook_days)
    total = 0
    tables: tuple[Any, ...] = (WebhookEvent, WebhookAttempt)
    for row in tables:
        for _ in range(CHUNKS_MAX):
            async with engine.db.reading() as session:
                found = await session.scalars(
                    select(row.n).where(row.at < before).order_by(row.at).limit(ROWS_MAX)
                )
                ids = list(found)
            if not ids:
                break
            async with engine.db.writing() as session:
                await session.execute(delete(row).where(row.n.in_(ids)))
            total += len(ids)
    return total
