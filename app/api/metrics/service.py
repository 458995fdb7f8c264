"""What is measured when it is asked for: what can be reached, durability, calls under way, how far the ledger
is behind, and what waits or failed in SQL.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from app.api.health.service import checks_of
from app.api.webhooks.service import PAUSED
from app.core.outcome import CoreUnavailable
from app.db.models import AsyncAction, Divergence, ProjectionFailure, SnapshotDue, Webhook, WebhookDelivery
from app.engine import Engine
from app.jobs.actions import OPEN
from app.ledger.partitions import live_partitions
from app.settings import VERSION

PARTITIONS_PER_TRIP: Final = 200
LEVELS: Final = ("journal", "replica", "ledger")
SECONDS_MAX: Final = 5.0
"""For each group of gauges; Prometheus gives a scrape ten seconds."""
ROWS: Final[dict[str, tuple[str, Select[int]]]] = {
    "vouchsafe_jobs_waiting": (
        "Background jobs that are not done.",
        select(func.count()).select_from(AsyncAction).where(AsyncAction.status.in_(OPEN)),
    ),
    "vouchsafe_projection_failures": (
        "Events whose projection failed: an alarm when there is any.",
        select(func.count()).select_from(ProjectionFailure),
    ),
    "vouchsafe_divergences": (
        "Events that Redis had and the ledger will never have: an alarm when it grows.",
        select(func.count()).select_from(Divergence),
    ),
    "vouchsafe_publications_due": (
        "Catalogue writes that Redis was not told of yet.",
        select(func.count()).select_from(SnapshotDue),
    ),
}

Samples = Mapping[str, float]
"""Labels as they are written, to the value."""


async def gauges(engine: Engine) -> bytes:
    """Lines in the format of Prometheus. What Redis or the database would have to tell and cannot is left
    out: a gauge that is missing is an alarm of its own.
    """
    checks = await checks_of(engine, "web")
    lines = [
        *_gauge("vouchsafe_build_info", "The version that answers.", {f'version="{VERSION}"': 1}),
        *_gauge(
            "vouchsafe_part_ready",
            "1 for each part that can be used, as /readyz sees it.",
            {f'part="{name}"': int(answer == "ok") for name, answer in checks.items()},
        ),
        *_gauge(
            "vouchsafe_durability_level",
            "1 for the level that acknowledgements have now.",
            {f'level="{level}"': int(engine.ledger.level == level) for level in LEVELS},
        ),
        *_gauge(
            "vouchsafe_durability_unproven",
            "1 while the level that was asked for cannot be proven.",
            {"": int(bool(engine.ledger.unproven))},
        ),
        *_gauge(
            "vouchsafe_core_in_flight",
            "Calls to Redis under way in the worker that answers.",
            {"": engine.core.in_flight},
        ),
    ]
    for part in (_behind, _rows, _webhooks):
        try:
            async with asyncio.timeout(SECONDS_MAX):
                lines += await part(engine)
        except (CoreUnavailable, OSError, SQLAlchemyError):  # TimeoutError is an OSError
            continue
    return ("\n".join(lines) + "\n").encode()


def _gauge(name: str, meaning: str, samples: Samples) -> list[str]:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
    for labels, value in samples.items():
        lines.append(f"{name}{{{labels}}} {value}" if labels else f"{name} {value}")
    return lines


async def _rows(engine: Engine) -> list[str]:
    lines = []
    async with engine.db.reading() as session:
        for name, (meaning, statement) in ROWS.items():
            lines += _gauge(name, meaning, {"": int(await session.scalar(statement) or 0)})
    return lines


async def _behind(engine: Engine) -> list[str]:
    async with engine.db.reading() as session:
        states = await live_partitions(session)
    waiting_bytes = waiting_events = 0
    for start in range(0, len(states), PARTITIONS_PER_TRIP):
        page = states[start : start + PARTITIONS_PER_TRIP]
        metas = await engine.core.metas([state.partition for state in page])
        for state, meta in zip(page, metas, strict=True):
            if meta is None:
                continue
            waiting_bytes += meta.outbox_bytes
            if meta.epoch == state.cursor.epoch:
                waiting_events += max(0, meta.sequence - state.cursor.sequence)
    return [
        *_gauge("vouchsafe_outbox_bytes", "What waits for the ledger, of all projects.", {"": waiting_bytes}),
        *_gauge(
            "vouchsafe_ledger_lag_events",
            "Events that are not in the ledger yet, of all projects.",
            {"": waiting_events},
        ),
        *_gauge("vouchsafe_projects", "Projects that are not deleted.", {"": len(states)}),
    ]


async def _webhooks(engine: Engine) -> list[str]:
    """What is owed to webhooks, and who does not take it."""
    async with engine.db.reading() as session:
        owed = await session.scalar(select(func.count()).select_from(WebhookDelivery))
        oldest = await session.scalar(select(func.min(WebhookDelivery.next_at)))
        count = select(func.count()).select_from(Webhook)
        failing = await session.scalar(count.where(Webhook.active, Webhook.failing_since.is_not(None)))
        disabled = await session.scalar(
            count.where(Webhook.active.is_(False), Webhook.disabled["reason"].as_string() != PAUSED)
        )
    late = max(0.0, (engine.now() - oldest).total_seconds()) if oldest is not None else 0.0
    told = (
        ("backlog", "Deliveries that webhooks are owed, of all projects.", owed or 0),
        ("overdue_seconds", "How long the oldest delivery that is due has been due.", round(late, 3)),
        ("failing", "Webhooks whose last delivery failed.", failing or 0),
        ("disabled", "Webhooks that were given up.", disabled or 0),
    )
    return [
        line
        for name, about, value in told
        for line in _gauge(f"vouchsafe_webhook_{name}", about, {"": value})
    ]
