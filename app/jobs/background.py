"""The background process (D17): one per node, harmless in pairs, and nothing is lost while it is away."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import delete, select
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.outcome import CoreUnavailable
from app.core.replicas import Replicas
from app.db.database import Database
from app.db.models import SnapshotDue
from app.engine import Engine
from app.jobs.auto_stop import AUTO_STOP_SECONDS, AutoStops
from app.jobs.erasure import ERASURES_SECONDS, resume_erasures
from app.jobs.erasure_restored import RESTORED_SECONDS, finish_restored
from app.jobs.forgetting import (
    FORGET_SECONDS,
    forget_answers,
    forget_keys,
    forget_webhooks,
    forget_windows,
)
from app.jobs.months import MONTHS_SECONDS, make_next_months
from app.jobs.outbox import OutboxWork
from app.jobs.runner import run_jobs
from app.jobs.segment_watch import LOOK_SECONDS as SEGMENTS_SECONDS
from app.jobs.segment_watch import SegmentWatch
from app.jobs.sweeper import SWEEP_SECONDS, sweep
from app.jobs.webhooks import LOOK_SECONDS, Webhooks
from app.ledger.client import LEDGER, LedgerClient
from app.ledger.customer_writes import CustomerRules
from app.ledger.lease import HeldLease, LeaseLost, take_lease
from app.ledger.project import Projector
from app.ledger.refusals import drain_refusals
from app.redeemables.catalogue import Catalogue
from app.redeemables.customers import merge_patch, record_of, summary_of
from app.settings import Settings

WATCH_SECONDS: Final = 0.1
TRIM_SECONDS: Final = 0.2
REFUSALS_SECONDS: Final = 0.2
REFUSALS_PARTITIONS: Final = 200
RELAY_SECONDS: Final = 0.5
LEASE_RENEW_SECONDS: Final = 3.0
DUE_AFTER: Final = timedelta(seconds=2)
"""A publication younger than this is still in the hands of the process that made it."""
DUE_ROWS_MAX: Final = 50
PAUSE_SECONDS: Final = (0.1, 2.0)
"""After a failure of a loop: shortest, longest."""
STOP_SECONDS: Final = 5.0
GC_THRESHOLDS: Final = (50_000, 20, 20)
"""Batches make many objects that die together: the default thresholds cost a tenth of the work."""

CUSTOMERS: Final = CustomerRules(merge=merge_patch, record=record_of, summary=summary_of)

FAILURES: Final = Counter(
    "vouchsafe_background_failures",
    "Steps of background work that failed and are tried again.",
    ["loop", "why"],
)
LEADS: Final = Gauge(
    "vouchsafe_background_leads",
    "1 where the background process of this node does the work; 0 where another node's does.",
    multiprocess_mode="livemax",
)
Tell = Callable[[AsyncSession], Awaitable[None]]

log = structlog.get_logger("vouchsafe.background")


async def run_background(
    settings: Settings,
    stop: asyncio.Event | None = None,
    tell: Tell | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Work until `stop` is set. Neither Redis nor the database need to be there: loops wait for them.

    tell: what every writing transaction does last, for webhooks. ready: called once this process works, or
    knows that another node's does.
    """
    stopping = stop or asyncio.Event()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    async with _engine(settings) as engine:
        engine.db.before_commit = tell
        work = OutboxWork(
            engine.core,
            engine.db,
            Projector(engine.core, engine.db, CUSTOMERS),
            lambda: engine.ledger.level == LEDGER,
            settings.outbox_megabytes_soft << 20,
        )
        lease = Leadership(engine.db, stopping, ready)
        webhooks = Webhooks(engine, lease.is_leader.is_set)
        loops: tuple[tuple[str, Callable[[], Awaitable[object]], float], ...] = (
            ("lease", lease.keep, 0.0),
            ("watch", work.watch, WATCH_SECONDS),
            ("drain", work.drain, 0.0),
            ("project", work.project, 0.0),
            ("trim", work.trim, TRIM_SECONDS),
            ("refusals", _Refusals(engine, work).drain, REFUSALS_SECONDS),
            ("relay", lambda: relay_due(engine), RELAY_SECONDS),
            ("auto-stop", AutoStops(engine).watch, AUTO_STOP_SECONDS),
            ("forget-answers", lambda: forget_answers(engine), FORGET_SECONDS),
            ("forget-keys", lambda: forget_keys(engine), FORGET_SECONDS),
            ("forget-windows", lambda: forget_windows(engine), FORGET_SECONDS),
            ("forget-webhooks", lambda: forget_webhooks(engine), FORGET_SECONDS),
            ("months", lambda: make_next_months(engine), MONTHS_SECONDS),
            ("erasures", lambda: resume_erasures(engine), ERASURES_SECONDS),
            ("restored-erasures", lambda: finish_restored(engine), RESTORED_SECONDS),
            ("sweep", lambda: sweep(engine), SWEEP_SECONDS),
            ("webhooks", webhooks.look, LOOK_SECONDS),
            ("segments", SegmentWatch(engine).look, SEGMENTS_SECONDS),
        )
        for name, _, _ in loops:
            for why in ("redis", "database", "fault"):
                FAILURES.labels(name, why)  # So that 0 is told, and not nothing.
        tasks = [
            asyncio.create_task(_forever(name, once, pause, lease, stopping), name=name)
            for name, once, pause in loops
        ]
        tasks.append(asyncio.create_task(_jobs(engine, lease, stopping), name="jobs"))
        await stopping.wait()
        _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await webhooks.close()
        await lease.release()


@asynccontextmanager
async def _engine(settings: Settings) -> AsyncIterator[Engine]:
    core = RedemptionCore(settings.redis_url)
    db = Database(settings.database)
    ledger = LedgerClient(
        core, db, settings.durability, Replicas(settings.redis_url, settings.replicas)
    )
    await core.start()
    try:
        await ledger.start()
        yield Engine(settings=settings, core=core, db=db, ledger=ledger, catalogue=Catalogue(core, db))
    finally:
        await ledger.close()
        await core.close()
        await db.close()


class Leadership:
    """One background process at a time. Its owner is the machine: after a crash the next one there need not
    wait.
    """

    def __init__(self, db: Database, stopping: asyncio.Event, ready: Callable[[], None]) -> None:
        self._db = db
        self._stopping = stopping
        self._ready = ready
        self._told = False
        self._held: HeldLease | None = None
        self.is_leader = asyncio.Event()

    async def keep(self) -> None:
        """Take or renew, then rest."""
        try:
            if self._held is None:
                self._held = await take_lease(self._db, "background", socket.gethostname())
            else:
                await self._held.renew()
        except LeaseLost:
            self._held = None
        except BaseException:
            self.is_leader.clear()
            self._held = None
            raise
        LEADS.set(int(self._held is not None))
        if self._held is not None:
            self.is_leader.set()
        else:
            self.is_leader.clear()
        if not self._told:
            self._told = True
            self._ready()
        await _rest(self._stopping, LEASE_RENEW_SECONDS / (3 if self._held is None else 1))

    async def release(self) -> None:
        if self._held is not None:
            try:
                await self._held.release()
            except SQLAlchemyError as error:
                log.info("the lease runs out by itself", error=str(error))


async def _forever(
    name: str,
    once: Callable[[], Awaitable[object]],
    pause: float,
    lease: Leadership,
    stopping: asyncio.Event,
) -> None:
    """Run one loop's step again and again; a failure costs this loop a pause and the others nothing."""
    shortest, longest = PAUSE_SECONDS
    wait = shortest
    while not stopping.is_set():
        try:
            if name != "lease" and not lease.is_leader.is_set():
                await _rest(stopping, shortest)
                continue
            await once()
            wait = shortest
        except CoreUnavailable as error:
            FAILURES.labels(name, "redis").inc()
            log.info("waiting for Redis", loop=name, error=str(error))
            await _rest(stopping, shortest)
            continue
        except (OperationalError, InterfaceError, OSError) as error:
            FAILURES.labels(name, "database").inc()
            log.warning("waiting for the database", loop=name, error=str(getattr(error, "orig", error)))
            await _rest(stopping, wait)
            wait = min(wait * 2, longest)
            continue
        except Exception as error:
            FAILURES.labels(name, "fault").inc()
            log.exception("a step failed and is tried again", loop=name, error=str(error))
            await _rest(stopping, wait)
            wait = min(wait * 2, longest)
            continue
        if pause:
            await _rest(stopping, pause)


async def _rest(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return


class _Refusals:
    """A look at some partitions per step, at all of them in turn: refusals are best effort (D14)."""

    def __init__(self, engine: Engine, work: OutboxWork) -> None:
        self._engine = engine
        self._work = work
        self._next = 0

    async def drain(self) -> None:
        partitions = list(self._work.cursors)
        asked = partitions[self._next : self._next + REFUSALS_PARTITIONS]
        self._next = self._next + REFUSALS_PARTITIONS if asked else 0
        await drain_refusals(self._engine.core, self._engine.db, asked)
        if self._next >= len(partitions):
            self._next = 0


async def relay_due(engine: Engine) -> None:
    """Repeat publications whose process died, or whom the core refused, after their commit."""
    async with engine.db.reading() as session:
        rows = list(
            await session.scalars(
                select(SnapshotDue)
                .where(SnapshotDue.at < datetime.now(UTC) - DUE_AFTER)
                .order_by(SnapshotDue.id)
                .limit(DUE_ROWS_MAX)
            )
        )
    for row in rows:
        await engine.catalogue.publish(Partition(row.project_id), row.guards, row.records)
        async with engine.db.writing() as session:
            await session.execute(delete(SnapshotDue).where(SnapshotDue.id == row.id))


async def _jobs(engine: Engine, lease: Leadership, stopping: asyncio.Event) -> None:
    """The runner of stored jobs, started when this process leads, and again when it fails."""
    while not stopping.is_set():
        if not lease.is_leader.is_set():
            await _rest(stopping, PAUSE_SECONDS[0])
            continue
        try:
            await run_jobs(engine, stopping)
        except Exception as error:
            log.exception("the job runner failed and is started again", error=str(error))
            await _rest(stopping, PAUSE_SECONDS[1])
