"""Whether this process can serve: each part asked, none trusted."""

import asyncio
from functools import cache
from typing import Any

from sqlalchemy import select, text

from app.core.keys import Partition
from app.core.outcome import CoreUnavailable
from app.db import migrate
from app.db.models import PartitionState
from app.engine import Engine

CHECK_SECONDS = 2.0
PARTITIONS_CHECKED_MAX = 20
"""A sample: with more projects than that, one that is being recovered does not make the server unready."""


@cache
def _heads() -> frozenset[str]:
    return frozenset(migrate.heads())


async def readiness(engine: Engine) -> tuple[bool, dict[str, Any]]:
    """Whether to send requests here, and what each part says. Tells no names: the answer is public."""
    database, redis = await asyncio.gather(_within(_database(engine)), _within(_redis(engine)))
    partitions = await _within(_partitions(engine)) if database == "ok" and redis == "ok" else "unknown"
    level = engine.ledger.level
    checks = {
        "database": database,
        "redis": redis,
        "partitions": partitions,
        "durability": "unproven" if engine.ledger.unproven else "ok",
    }
    ready = all(answer == "ok" for answer in checks.values())
    return ready, {"status": "ready" if ready else "unready", "durability": level, "checks": checks}


async def _within(check: Any) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return str(await check)
    except Exception:
        # Whatever it was, the part cannot be used now; the reason is in the log of the part itself.
        return "unavailable"


async def _database(engine: Engine) -> str:
    async with engine.db.reading() as session:
        revisions = set((await session.scalars(text("SELECT version_num FROM alembic_version"))).all())
    return "ok" if revisions == _heads() else "schema is not that of this version"


async def _redis(engine: Engine) -> str:
    if not engine.core.connected:
        return "unavailable"
    (reply,) = await engine.core.read(Partition("vouchsafe"), [("PING",)])
    return "unavailable" if isinstance(reply, Exception) else "ok"


async def _partitions(engine: Engine) -> str:
    async with engine.db.reading() as session:
        statement = select(PartitionState.part).order_by(PartitionState.part).limit(PARTITIONS_CHECKED_MAX)
        names = (await session.scalars(statement)).all()
    closed = 0
    for name in names:
        try:
            closed += not (await engine.core.meta(Partition.parse(name))).is_open
        except CoreUnavailable:
            closed += 1
    return "ok" if not names or closed < len(names) else "being recovered"
