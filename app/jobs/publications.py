"""Records that a step has changed are published after its commit, and before the action says that it is done.

A step notes them in its transaction as a row of snapshots_due; who runs the slice publishes them at once,
and the background process repeats what a crash left there.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.db.models import AsyncAction, SnapshotDue
from app.engine import Engine

ASKED_MAX = 1_000
"""Codes asked for in one trip: the core's other users wait behind it."""
_NOTED = "published_with_commit"


async def note_vouchers(
    engine: Engine, session: AsyncSession, action: AsyncAction, voucher_ids: Sequence[str]
) -> None:
    """These vouchers have changed, or been made where the core knew something else by their code."""
    await _note(engine, session, action, "voucher", voucher_ids)


async def note_customers(
    engine: Engine, session: AsyncSession, action: AsyncAction, customer_ids: Sequence[str]
) -> None:
    """These customers have changed, or been made where the core may remember that there was none."""
    await _note(engine, session, action, "customer", customer_ids)


async def known_customers(engine: Engine, project_id: str, customer_ids: Sequence[str]) -> list[str]:
    """Those of whom the core has a record, if only of their deletion."""
    if not customer_ids:
        return []
    partition = Partition(project_id)
    keys = await engine.core.open(partition)
    replies = await engine.core.read(
        partition, [("HEXISTS", keys.customer_record(one), one) for one in customer_ids]
    )
    return [one for one, reply in zip(customer_ids, replies, strict=True) if reply]


async def _note(
    engine: Engine, session: AsyncSession, action: AsyncAction, kind: str, ids: Sequence[str]
) -> None:
    if not ids:
        return
    due = SnapshotDue(
        project_id=action.project_id,
        at=engine.now(),
        guards={},
        records=[[kind, identity] for identity in ids],
    )
    session.add(due)
    await session.flush()
    session.info.setdefault(_NOTED, []).append(due)
    action.state = {**action.state, "due": [*action.state.get("due", ()), due.id]}


async def note_guards(
    engine: Engine, session: AsyncSession, action: AsyncAction, guards: Mapping[str, int]
) -> None:
    """These names of the catalogue have new versions."""
    due = SnapshotDue(project_id=action.project_id, at=engine.now(), guards=dict(guards), records=[])
    session.add(due)
    await session.flush()
    session.info.setdefault(_NOTED, []).append(due)
    action.state = {**action.state, "due": [*action.state.get("due", ()), due.id]}


async def note_reused_codes(
    engine: Engine, session: AsyncSession, action: AsyncAction, made: Mapping[str, str]
) -> None:
    """Of new vouchers (ids by folded code) only those whose code the core has met before: a deleted code
    leaves a tombstone, and what it does not know it reads from SQL (D5).
    """
    if not made:
        return
    partition = Partition(action.project_id)
    keys = await engine.core.open(partition)
    known: list[str] = []
    for start in range(0, len(made), ASKED_MAX):
        codes = list(islice(made, start, start + ASKED_MAX))
        replies = await engine.core.read(
            partition, [("HGET", keys.voucher_record(folded), folded) for folded in codes]
        )
        known += [made[code] for code, reply in zip(codes, replies, strict=True) if reply is not None]
    await note_vouchers(engine, session, action, known)


def noted(session: AsyncSession) -> list[SnapshotDue]:
    """What the transaction has noted."""
    found: list[SnapshotDue] = session.info.get(_NOTED, [])
    return found


async def publish_noted(engine: Engine, due: Sequence[SnapshotDue]) -> None:
    """After the commit. Raises: CoreUnavailable; the background process then does it later."""
    for row in due:
        await engine.catalogue.publish(Partition(row.project_id), row.guards, row.records)
    if due:
        async with engine.db.writing() as session:
            await session.execute(delete(SnapshotDue).where(SnapshotDue.id.in_([row.id for row in due])))


async def all_published(session: AsyncSession, action: AsyncAction) -> bool:
    """Whether nothing that the action has changed waits to be published."""
    due: list[Any] = list(action.state.get("due", ()))
    if not due:
        return True
    left = await session.scalar(select(SnapshotDue.id).where(SnapshotDue.id.in_(due[-900:])).limit(1))
    return left is None
