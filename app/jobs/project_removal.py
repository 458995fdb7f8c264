"""What a deleted project held goes in slices (D24): rows of every table, then its keys in Redis.

The row in `projects` stays as the tombstone that allows the ledger's rows to go; so does the audit chain,
which holds ids alone. Nothing can come back meanwhile: no key of the project opens anything since it was
deleted.
"""

from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.core.outcome import CoreUnavailable
from app.db.base import Base
from app.db.models import AsyncAction
from app.engine import Engine
from app.jobs.progress import advance, finish
from app.ledger.patterns import literal_pattern

TYPE = "PROJECT.DELETE"
BATCH_MAX = 500
SCANS_PER_SLICE = 4
SCAN_COUNT = 500

KEPT = frozenset({"projects", "audit_entries", "audit_heads", "leases", "alembic_version"})
_FIRST = ("async_actions", "snapshots_due")
"""So that no other work of the project goes on."""
_LAST = "partitions"
"""It tells which ledger rows are the project's."""


def tables_to_empty() -> list[Table]:
    """Every table that has rows of one project, in the order in which they go: a new table is among them by
    existing.
    """
    owned = [
        table
        for name, table in sorted(Base.metadata.tables.items())
        if name not in KEPT and ("project_id" in table.c or "part" in table.c)
    ]
    return sorted(
        owned,
        key=lambda table: (
            table.name == _LAST,
            _FIRST.index(table.name) if table.name in _FIRST else len(_FIRST),
            table.name,
        ),
    )


async def step(engine: Engine, session: AsyncSession, action: AsyncAction) -> None:
    """At most 500 rows, or a few pages of Redis' keys."""
    tables = tables_to_empty()
    number = int(action.state.get("table", 0))
    done = int(action.state.get("done", 0))
    if number < len(tables):
        removed = await _remove(session, tables[number], action)
        advance(action, done + removed, 0)
        action.progress = number * 90 // len(tables)
        if removed < BATCH_MAX:
            action.state = {**action.state, "table": number + 1}
        return
    cursor = await _unlink(engine, Partition(action.project_id), str(action.state.get("cursor", "0")))
    action.state = {**action.state, "cursor": cursor}
    if cursor == "0":
        finish(action, engine.now(), f"Deleted {done} rows.")


async def _remove(session: AsyncSession, table: Table, action: AsyncAction) -> int:
    condition: ColumnElement[bool]
    if "project_id" in table.c:
        condition = table.c.project_id == action.project_id
    else:
        condition = table.c.part == Partition(action.project_id).name
    if table.name == "async_actions":
        condition = and_(condition, table.c.id != action.id)
    key = tuple_(*table.primary_key.columns)
    page = select(*table.primary_key.columns).where(condition).limit(BATCH_MAX)
    # Rows are picked first: a database that may not use LIMIT in DELETE can still be asked for 500 of them.
    rows = [tuple(row) for row in (await session.execute(page)).all()]
    if rows:
        await session.execute(delete(table).where(condition, key.in_(rows)))
    return len(rows)


async def _unlink(engine: Engine, partition: Partition, cursor: str) -> str:
    """The next pages; "0" when all were seen."""
    pattern = literal_pattern(partition.tag) + ":*"
    for _ in range(SCANS_PER_SLICE):
        command = ("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT)
        (reply,) = await engine.core.read(partition, [command])
        if isinstance(reply, Exception):
            raise CoreUnavailable(str(reply))
        cursor = reply[0].decode()
        found: list[Any] = list(reply[1])
        if found:
            await engine.core.read(partition, [("UNLINK", *found)])
        if cursor == "0":
            break
    return cursor
