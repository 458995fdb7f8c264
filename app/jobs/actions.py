"""One slice of one async action: the row is locked, its step runs, and both commit together."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.outcome import CoreUnavailable
from app.db.bulk import tell_planner
from app.db.models import AsyncAction, Voucher
from app.engine import Engine
from app.identifiers import new_id
from app.jobs import (
    customer_import,
    generation,
    order_import,
    product_import,
    project_removal,
    removal,
    voucher_import,
    voucher_metadata,
)
from app.jobs.progress import SliceDelayed
from app.jobs.publications import noted, publish_noted

Step = Callable[[Engine, AsyncSession, AsyncAction], Awaitable[None]]
Prepare = Callable[[Engine, str, str], Awaitable[Any]]
StepAfter = Callable[[Engine, AsyncSession, AsyncAction, Any], Awaitable[None]]
STEPS: dict[str, Step] = {
    generation.TYPE: generation.step,
    removal.TYPE: removal.step,
    project_removal.TYPE: project_removal.step,
    **dict.fromkeys(customer_import.TYPES, customer_import.step),
    **dict.fromkeys(product_import.TYPES, product_import.step),
    **dict.fromkeys(voucher_import.TYPES, voucher_import.step),
    **dict.fromkeys(voucher_metadata.TYPES, voucher_metadata.step),
}
"""By the type of the action. A step does at most 500 rows and says by `finish` that it was the last."""
STORED_FIRST: dict[str, tuple[Prepare, StepAfter]] = {
    order_import.TYPE: (order_import.prepare, order_import.step),
}
"""Work that the core does, whose writes no transaction of SQL may wait for: it is done before the slice's
transaction, which then tells how far it is, and is harmless to repeat.
"""
MAKES_VOUCHERS = (generation.TYPE, *voucher_import.TYPES)
MANY_VOUCHERS = 10_000
"""From here on the database is told of them."""
FAILURES_MAX = 5
"""Unexpected errors in a row before an action is given up."""
OPEN = ("ENQUEUED", "IN_PROGRESS")

_AWAY = (CoreUnavailable, OperationalError, InterfaceError)
"""Redis or the database cannot be asked now: that says nothing about the work."""

log = structlog.get_logger("vouchsafe.jobs")


def start_action(
    session: AsyncSession,
    project_id: str,
    kind: str,
    payload: dict[str, Any],
    now: datetime,
    request_id: str,
    *,
    action_id: str | None = None,
) -> AsyncAction:
    """Enqueue work in the transaction that asked for it. `kind` is a key of STEPS; `action_id`: under which
    its input was stored.
    """
    action = AsyncAction(
        project_id=project_id,
        id=action_id or new_id("aa_"),
        created_at=now,
        updated_at=None,
        type=kind,
        status="ENQUEUED",
        operation_status=None,
        progress=0,
        request_id=request_id,
        processing_time=None,
        payload=payload,
        state={},
        result=None,
    )
    session.add(action)
    return action


async def run_slice(engine: Engine, project_id: str, action_id: str) -> bool:
    """Do the next slice. True while there is more to do. Harmless when two processes do it at once.

    Raises: SliceDelayed.
    """
    try:
        prepared = await _prepared(engine, project_id, action_id)
        async with engine.db.writing() as session:
            action = await _locked(session, project_id, action_id)
            if action is None or action.status not in OPEN:
                return False
            now = engine.now()
            action.updated_at = now
            state = dict(action.state)
            state.setdefault("started_ms", time.time_ns() // 1_000_000)
            state["failures"] = 0
            action.state = state
            action.status = "IN_PROGRESS"
            if action.type in STORED_FIRST:
                await STORED_FIRST[action.type][1](engine, session, action, prepared)
            else:
                await STEPS[action.type](engine, session, action)
            if action.status not in OPEN:
                action.processing_time = max(0, time.time_ns() // 1_000_000 - int(state["started_ms"]))
            due = noted(session)
        await publish_noted(engine, due)
        await _tell_planner(engine, action)
        return action.status in OPEN
    except SliceDelayed:
        raise
    except _AWAY as error:
        raise SliceDelayed(str(error)) from error
    except Exception:
        log.exception("job.slice_failed", action=action_id)
        return await _count_failure(engine, project_id, action_id)


async def _tell_planner(engine: Engine, action: AsyncAction) -> None:
    """When it has just made very many vouchers: what is asked for next is to find them by an index."""
    if action.status != "DONE" or action.type not in MAKES_VOUCHERS:
        return
    if int(action.state.get("done", 0)) < MANY_VOUCHERS:
        return
    try:
        await tell_planner(engine.db, Voucher.__tablename__)
    except DBAPIError as error:  # The work is done; autovacuum tells it later.
        log.warning("job.planner_not_told", action=action.id, reason=str(error))


async def _prepared(engine: Engine, project_id: str, action_id: str) -> Any:
    """What was done before the transaction; None for actions that do everything in it."""
    async with engine.db.reading() as session:
        kind = await session.scalar(
            select(AsyncAction.type).where(AsyncAction.project_id == project_id, AsyncAction.id == action_id)
        )
    if kind not in STORED_FIRST:
        return None
    return await STORED_FIRST[kind][0](engine, project_id, action_id)


async def _locked(session: AsyncSession, project_id: str, action_id: str) -> AsyncAction | None:
    found: AsyncAction | None = await session.scalar(
        select(AsyncAction)
        .where(AsyncAction.project_id == project_id, AsyncAction.id == action_id)
        .with_for_update()
    )
    return found


async def _count_failure(engine: Engine, project_id: str, action_id: str) -> bool:
    async with engine.db.writing() as session:
        action = await _locked(session, project_id, action_id)
        if action is None or action.status not in OPEN:
            return False
        failures = int(action.state.get("failures", 0)) + 1
        action.state = {**action.state, "failures": failures}
        if failures < FAILURES_MAX:
            return True
        action.status = "FAILED"
        action.operation_status = "FAILED"
        action.result = {
            "message": "The work could not be finished.",
            "done_count": action.state.get("done", 0),
        }
        if action.type == generation.TYPE:
            await generation.give_up(session, action)
        return False
