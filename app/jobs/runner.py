"""Picks open async actions and gives each a slice in turn, so that a small one beside a big one is soon done
(behaviour 1.10).
"""

import asyncio
import os
import secrets
import socket
import time
from contextlib import suppress

import structlog
from sqlalchemy import select

from app.db.models import AsyncAction
from app.engine import Engine
from app.jobs.actions import OPEN, STEPS, run_slice
from app.ledger.lease import LEASE_SECONDS, HeldLease, LeaseLost, take_lease

IDLE_SECONDS = 0.2
"""Between two looks at an empty queue: a campaign's first codes are there well within two seconds."""
FAILED_SECONDS = 1.0
ACTIONS_MAX = 100
LEASE = "jobs"

log = structlog.get_logger("vouchsafe.jobs")


async def run_jobs(engine: Engine, stop: asyncio.Event) -> None:
    """Work until `stop`. At most one process works at a time; the others find the lease taken and look again
    later.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    lease: HeldLease | None = None
    renew_at = 0.0
    while not stop.is_set():
        try:
            actions = await open_actions(engine)
            if not actions:
                if lease is not None:
                    await lease.release()
                    lease = None
                await _pause(stop, IDLE_SECONDS)
                continue
            if lease is None:
                lease = await take_lease(engine.db, LEASE, owner)
                renew_at = time.monotonic() + LEASE_SECONDS / 2
                if lease is None:
                    await _pause(stop, FAILED_SECONDS)
                    continue
            for project_id, action_id in actions:
                if stop.is_set():
                    break
                if time.monotonic() >= renew_at:
                    await lease.renew()
                    renew_at = time.monotonic() + LEASE_SECONDS / 2
                await run_slice(engine, project_id, action_id)
        except LeaseLost:
            lease = None
        except Exception:
            log.exception("jobs.failed")
            await _pause(stop, FAILED_SECONDS)
    if lease is not None:
        with suppress(Exception):
            await lease.release()


async def open_actions(engine: Engine) -> list[tuple[str, str]]:
    """(project, action) of what is to be done, oldest first."""
    async with engine.db.reading() as session:
        rows = await session.execute(
            select(AsyncAction.project_id, AsyncAction.id)
            .where(AsyncAction.status.in_(OPEN), AsyncAction.type.in_(list(STEPS)))
            .order_by(AsyncAction.created_at, AsyncAction.id)
            .limit(ACTIONS_MAX)
        )
        return [(project_id, action_id) for project_id, action_id in rows]


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
