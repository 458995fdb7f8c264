"""Delivery of webhooks by the process that leads the background work: a lane for each that is owed
something, all at once. Killed in the midst of it, the next one tells again what was not recorded as told.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import func, select

from app.db.models import Webhook, WebhookDelivery
from app.engine import Engine
from app.jobs.webhook_lane import Lane, disable

LOOK_SECONDS: Final = 0.2
IDLE_SECONDS: Final = 2.0
"""Between two looks while no project has a webhook: the first one waits that long for its first event."""
BACKLOG_SECONDS: Final = 10.0
LANES_MAX: Final = 1_000
"""Webhooks that are told at once; each keeps eight connections at most."""
STOP_SECONDS: Final = 2.0
KEPT_SECONDS: Final = 60.0
"""How long the connections of a lane without work are kept."""

Key = tuple[str, str]

log = structlog.get_logger("vouchsafe.webhooks")


class Webhooks:
    """All lanes. Holds nothing that a new process could not read."""

    def __init__(self, engine: Engine, is_leader: Callable[[], bool]) -> None:
        """is_leader: asked before every request, so that two processes do not tell the same for long."""
        self._engine = engine
        self._is_leader = is_leader
        self._context: ssl.SSLContext | None = None
        self._lanes: dict[Key, Lane] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._idle_until = 0.0
        self._count_at = 0.0

    async def look(self) -> None:
        """Start a lane for every webhook that is owed something now and has none."""
        now = asyncio.get_running_loop().time()
        if now < self._idle_until:
            return
        await self._tidy()
        async with self._engine.db.reading() as session:
            if await session.scalar(select(Webhook.id).limit(1)) is None:
                self._idle_until = now + IDLE_SECONDS
                return
            row = WebhookDelivery
            owed = (
                select(row.n)
                .where(
                    row.project_id == Webhook.project_id,
                    row.webhook_id == Webhook.id,
                    row.next_at <= self._engine.now(),
                )
                .exists()
            )
            found = await session.execute(
                select(Webhook.project_id, Webhook.id).where(Webhook.active, owed).limit(LANES_MAX)
            )
            keys = [(project_id, webhook_id) for project_id, webhook_id in found]
        for key in keys:
            self._start(key)
        if now >= self._count_at:
            self._count_at = now + BACKLOG_SECONDS
            await self._bound()

    def _start(self, key: Key) -> None:
        if key in self._tasks:
            return
        if self._context is None:
            self._context = ssl.create_default_context()
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(self._engine, *key, self._context, self._is_leader)
        if not lane.is_resting:
            self._tasks[key] = asyncio.create_task(lane.run(), name=f"webhook {key[1]}")

    async def _tidy(self) -> None:
        """Lanes that came to their end. One that failed is started again; one without work for a minute is
        closed with its connections.
        """
        now = asyncio.get_running_loop().time()
        for key, task in list(self._tasks.items()):
            if not task.done():
                continue
            del self._tasks[key]
            error = None if task.cancelled() else task.exception()
            if error is not None:
                log.warning("a lane failed and is tried again", webhook=key[1], error=str(error))
                self._lanes[key].rest()
        for key, lane in list(self._lanes.items()):
            if key not in self._tasks and not lane.is_resting and now - lane.used > KEPT_SECONDS:
                del self._lanes[key]
                await lane.close()

    async def _bound(self) -> None:
        """A webhook that is owed more than the limit is disabled: what it missed can be told again."""
        row = WebhookDelivery
        async with self._engine.db.reading() as session:
            found = await session.execute(
                select(row.project_id, row.webhook_id)
                .group_by(row.project_id, row.webhook_id)
                .having(func.count() > self._engine.settings.webhook_backlog_max)
            )
            keys = [(project_id, webhook_id) for project_id, webhook_id in found]
        for project_id, webhook_id in keys:
            await disable(self._engine, project_id, webhook_id, "backlog")

    async def close(self) -> None:
        """Let what is under way come to its end for a moment, then leave it to the next process."""
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for lane in self._lanes.values():
            await lane.close()
