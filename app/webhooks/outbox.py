"""What is to be told, written in the transaction in which it happened: events, and a delivery for every
webhook that wants one. A project without webhooks has neither.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Webhook, WebhookDelivery, WebhookEvent
from app.http.wire import iso
from app.identifiers import new_id
from app.webhooks.envelope import stored_body
from app.webhooks.events import wanted

INTERNAL: Final[Mapping[str, Any]] = MappingProxyType({"channel": "INTERNAL", "user": None, "api_key": None})
_ANY: Final = (
    select(Webhook.__table__.c.id).where(Webhook.__table__.c.project_id == bindparam("project")).limit(1)
)
_EVENTS: Final[Any] = WebhookEvent.__table__
_DELIVERIES: Final[Any] = WebhookDelivery.__table__


class Told(Struct, kw_only=True):
    """One thing that happened.

    object_key: what it happened to, "<kind>:<id>"; events of one key are told in their order. event_id: where
    the same may be told twice, so that it is one event; else a new one.
    """

    kind: str
    object_key: str
    entity_id: str
    data: Mapping[str, Any]
    customer_id: str | None = None
    event_id: str | None = None
    source: Mapping[str, Any] = INTERNAL
    group_id: str | None = None


async def has_webhooks(session: AsyncSession, project_id: str) -> bool:
    """All that a catalogue write of a project without any pays: one look into an index."""
    connection = await session.connection()
    return await connection.scalar(_ANY, {"project": project_id}) is not None


async def webhooks_of(session: AsyncSession, project_id: str) -> Sequence[Webhook]:
    """All of a project, active or not: an event that one would want is kept, to be told later."""
    return (await session.scalars(select(Webhook).where(Webhook.project_id == project_id))).all()


def kinds_of(webhooks: Sequence[Webhook]) -> frozenset[str]:
    """What any of them asks for."""
    return frozenset().union(*(wanted(webhook.events) for webhook in webhooks))


async def put(
    session: AsyncSession, project_id: str, webhooks: Sequence[Webhook], told: Sequence[Told], now: datetime
) -> None:
    """Events that somebody wants, and their deliveries to those who are active, in the order given."""
    kinds = kinds_of(webhooks)
    fresh = await _unknown(session, project_id, [one for one in told if one.kind in kinds])
    events = [_event(project_id, one, now) for one in fresh]
    if not events:
        return
    active = [(webhook.id, wanted(webhook.events)) for webhook in webhooks if webhook.active]
    deliveries = [
        delivery_row(project_id, webhook_id, event["id"], event["object_key"], now)
        for event in events
        for webhook_id, kinds in active
        if event["type"] in kinds
    ]
    connection = await session.connection()
    await connection.execute(insert(_EVENTS), events)
    if deliveries:
        await connection.execute(insert(_DELIVERIES), deliveries)


def delivery_row(
    project_id: str, webhook_id: str, event_id: str, object_key: str, now: datetime
) -> dict[str, Any]:
    """One that was never tried."""
    return {
        "project_id": project_id,
        "webhook_id": webhook_id,
        "event_id": event_id,
        "object_key": object_key,
        "attempts": 0,
        "first_at": None,
        "next_at": now,
    }


async def _unknown(session: AsyncSession, project_id: str, told: Sequence[Told]) -> list[Told]:
    """Those that were not told before."""
    named = [one.event_id for one in told if one.event_id is not None]
    if not named:
        return list(told)
    known = set(
        await session.scalars(
            select(WebhookEvent.id).where(WebhookEvent.project_id == project_id, WebhookEvent.id.in_(named))
        )
    )
    return [one for one in told if one.event_id is None or one.event_id not in known]


def _event(project_id: str, told: Told, now: datetime) -> dict[str, Any]:
    event_id = told.event_id or new_id("ev_")
    event = {
        "id": event_id,
        "type": told.kind,
        "created_at": iso(now),
        "entity_id": told.entity_id,
        "group_id": told.group_id,
        "event_source": dict(told.source),
    }
    return {
        "project_id": project_id,
        "id": event_id,
        "type": told.kind,
        "object_key": told.object_key,
        "customer_id": told.customer_id,
        "at": now,
        "body": stored_body(told.data, event),
    }
