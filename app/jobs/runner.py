"""Picks open async actions and gives each a slice in turn, so that a small one beside a big one is soon done
(behaviour 1.10).

Whoever leads the background work runs it. Two that run it at once, for a moment after leadership moved, do no
harm: an action's row is locked while its slice is done.
"""

import asyncio
from contextlib import suppress

import structlog
from sqlalchemy import select

from app.db.models import AsyncAction
from app.engine import Engine
from app.jobs.actions import OPEN, STEPS, STORED_FIRST, run_slice
from app.jobs.exports import open_exports, run_export_slice
from app.jobs.inputs import forget_orphans
from app.jobs.progress import SliceDelayed

IDLE_SECONDS = 0.2
"""Between two looks at an empty queue: a campaign's first codes are there well within two seconds."""
DELAYED_SECONDS = 1.0
"""Before work is tried again that Redis or the database was not there for."""
ACTIONS_MAX = 100

log = structlog.get_logger("vouchsafe.jobs")


async def run_jobs(engine: Engine, stop: asyncio.Event) -> None:
    """Work until `stop`; a slice that has begun is finished first."""
    await forget_orphans(engine.db, engine.now())
    while not stop.is_set():
        is_delayed = False
        try:
            actions = await open_actions(engine)
            for project_id, action_id in actions:
                if stop.is_set():
                    break
                try:
                    await run_slice(engine, project_id, action_id)
                except SliceDelayed as error:
                    log.warning("jobs.delayed", action=action_id, reason=str(error))
                    is_delayed = True
            exports = await open_exports(engine)
            for project_id, export_id in exports:
                if stop.is_set():
                    break
                await run_export_slice(engine, project_id, export_id)
        except Exception:
            log.exception("jobs.failed")
            await _pause(stop, DELAYED_SECONDS)
            continue
        if is_delayed or not (actions or exports):
            await _pause(stop, DELAYED_SECONDS if is_delayed else IDLE_SECONDS)


async def open_actions(engine: Engine) -> list[tuple[str, str]]:
    """(project, action) of what is to be done, oldest first."""
    async with engine.db.reading() as session:
        rows = await session.execute(
            select(AsyncAction.project_id, AsyncAction.id)
            .where(AsyncAction.status.in_(OPEN), AsyncAction.type.in_([*STEPS, *STORED_FIRST]))
            .order_by(AsyncAction.created_at, AsyncAction.id)
            .limit(ACTIONS_MAX)
        )
        return [(project_id, action_id) for project_id, action_id in rows]


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
