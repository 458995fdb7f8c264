"""What may wait for a webhook is bounded."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs
from sqlalchemy import func, select

from app.db.models import AuditEntry, Project, Webhook, WebhookDelivery, WebhookEvent
from app.engine import Engine
from app.http.wire import iso
from app.jobs.webhooks import Webhooks
from app.settings import Settings
from app.webhooks.outbox import Told, put
from app.wiring import running_engine

MOST = 100
BEGAN = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    async with running_engine(structs.replace(settings, webhook_backlog_max=MOST)) as engine:
        yield engine


async def add_webhook(engine: Engine, project: Project, webhook_id: str, waiting: int) -> None:
    """One that is owed so many events, none of them due."""
    async with engine.db.writing() as session:
        row = Webhook(
            project_id=project.id,
            id=webhook_id,
            target_url="https://receiver.example/",
            events=["voucher.created"],
            active=True,
            secret="s" * 16,
            headers={},
            version=1,
            created_at=BEGAN,
        )
        session.add(row)
        told = [
            Told(kind="voucher.created", object_key=f"voucher:{n}", entity_id=str(n), data={})
            for n in range(waiting)
        ]
        await put(session, project.id, [row], told, BEGAN)
        for delivery in await session.scalars(select(WebhookDelivery)):
            delivery.next_at = datetime.now(UTC) + timedelta(days=1)


async def test_a_webhook_that_is_owed_too_much_is_disabled_and_loses_nothing(
    engine: Engine, project: Project
) -> None:
    """It says why and since when; its events stay, to be told again. One at the limit goes on."""
    await add_webhook(engine, project, "wh_full", MOST)
    await add_webhook(engine, project, "wh_over", MOST + 1)
    webhooks = Webhooks(engine, lambda: True)
    await webhooks.look()
    await webhooks.close()
    async with engine.db.reading() as session:
        full, over = [
            await session.get(Webhook, (project.id, name)) for name in ("wh_full", "wh_over")
        ]
        assert full is not None
        assert over is not None
        assert (full.active, full.disabled) == (True, None)
        assert over.active is False
        assert over.disabled is not None
        assert (over.disabled["reason"], over.disabled["undelivered_since"]) == ("backlog", iso(BEGAN))
        owed = await session.execute(
            select(WebhookDelivery.webhook_id, func.count()).group_by(WebhookDelivery.webhook_id)
        )
        assert [tuple(row) for row in owed] == [("wh_full", MOST)]
        assert await session.scalar(select(func.count()).select_from(WebhookEvent)) == 2 * MOST + 1
        entries = await session.scalars(select(AuditEntry).where(AuditEntry.object_id == "wh_over"))
        assert "disable-webhook" in {entry.operation for entry in entries}
