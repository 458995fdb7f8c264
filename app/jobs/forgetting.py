"""What is kept for a time only, and goes when that time is over: answers under idempotency keys (D1)."""

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select, tuple_

from app.db.models import IdempotentAnswer
from app.engine import Engine

FORGET_SECONDS: Final = 30.0
ROWS_MAX: Final = 500
"""Of one transaction (D17)."""


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
