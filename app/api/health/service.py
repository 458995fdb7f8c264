"""Whether this process can serve: each part asked, none trusted."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, Final

from sqlalchemy import select, text

from app.core.keys import Partition
from app.core.outcome import CoreUnavailable
from app.db.models import Lease, PartitionState
from app.db.revisions import heads, serves
from app.engine import Engine
from app.ledger.lease import database_now_ms

CHECK_SECONDS: Final = 2.0
"""For each check; all of them go on at once."""
PARTITIONS_CHECKED_MAX: Final = 20
"""A sample: with more projects than that, one that is being recovered does not make the server unready."""
REMEMBERED_SECONDS: Final = 0.25
"""However often readiness is asked for, without a key, the parts are asked four times a second at most."""

Checks = dict[str, str]


def head() -> str:
    """The revision of the schema that this version needs."""
    return ", ".join(heads())


class _Readiness:
    """The last answer of each role, of one engine. Whoever asks while it is being found out waits for it."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._asked: dict[str, tuple[float, asyncio.Task[tuple[Checks, dict[str, float]]]]] = {}

    async def of(self, engine: Engine, role: str) -> tuple[Checks, dict[str, float]]:
        if engine is not self._engine:
            self._engine, self._asked = engine, {}
        at, task = self._asked.get(role, (0.0, None))
        if task is None or (task.done() and perf_counter() - at > REMEMBERED_SECONDS):
            task = asyncio.create_task(_look(engine, role))
            self._asked[role] = (perf_counter(), task)
        return await asyncio.shield(task)


_readiness = _Readiness()


async def checks_of(engine: Engine, role: str) -> Checks:
    """What each part of a role says: "ok", or what is wrong, without any name."""
    checks, _ = await _readiness.of(engine, role)
    return checks


async def readiness(engine: Engine, role: str) -> tuple[bool, dict[str, Any]]:
    """Whether to send requests here, and what each part says. Tells no names: the answer is public."""
    checks, milliseconds = await _readiness.of(engine, role)
    ready = all(answer == "ok" for answer in checks.values())
    return ready, {
        "status": "ready" if ready else "unready",
        "role": role,
        "durability": engine.ledger.level,
        "checks": checks,
        "milliseconds": milliseconds,
    }


async def _look(engine: Engine, role: str) -> tuple[Checks, dict[str, float]]:
    names = ROLES[role]
    answers = await asyncio.gather(*(_within(CHECKS[name], engine) for name in names))
    checks = {name: answer for name, (answer, _) in zip(names, answers, strict=True)}
    if not checks["database"] == checks["redis"] == "ok":
        checks |= {name: "unknown" for name in ("partitions", "background") if name in checks}
    return checks, {name: spent for name, (_, spent) in zip(names, answers, strict=True)}


async def _within(check: Callable[[Engine], Awaitable[str]], engine: Engine) -> tuple[str, float]:
    began = perf_counter()
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            answer = await check(engine)
    except Exception:
        # Whatever it was, the part cannot be used now; the reason is in the log of the part itself.
        answer = "unavailable"
    return answer, round((perf_counter() - began) * 1000, 2)


async def _database(engine: Engine) -> str:
    async with engine.db.reading() as session:
        revisions = set((await session.scalars(text("SELECT version_num FROM alembic_version"))).all())
    return "ok" if serves(revisions) else "schema is older than this version"


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


async def _durability(engine: Engine) -> str:
    return "unproven" if engine.ledger.unproven else "ok"


async def _background(engine: Engine) -> str:
    """Whether any node's background process does its work: the drain, projections, jobs."""
    async with engine.db.reading() as session:
        until = await session.scalar(select(Lease.until).where(Lease.name == "background"))
        now = await database_now_ms(session, engine.db)
    return "ok" if until is not None and until > now else "nobody works"


CHECKS: Final[dict[str, Callable[[Engine], Awaitable[str]]]] = {
    "database": _database,
    "redis": _redis,
    "partitions": _partitions,
    "durability": _durability,
    "background": _background,
}
ROLES: Final = {
    "web": ("database", "redis", "partitions", "durability"),
    "background": ("database", "redis", "background"),
}
"""What must be there for each role's work."""
