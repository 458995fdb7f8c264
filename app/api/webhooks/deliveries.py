"""What was sent to a webhook, what it is told again, and an example to try it with."""

import asyncio
import ssl
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.publishing import catalogue_write
from app.api.webhooks.schemas import Example, Replay
from app.api.webhooks.service import locked, named
from app.db.models import Webhook, WebhookAttempt, WebhookDelivery, WebhookEvent
from app.http.errors import invalid_payload
from app.http.wire import iso
from app.identifiers import new_id
from app.webhooks.addresses import networks_of
from app.webhooks.envelope import envelope, headers, sendout_id, stored_body
from app.webhooks.events import normalised, wanted
from app.webhooks.examples import example_of
from app.webhooks.outbox import INTERNAL, delivery_row

if TYPE_CHECKING:
    from app.webhooks.sending import Outcome, Target

CHUNK: Final = 1_000
_PREFIX: Final = "wha_"
Wire = dict[str, Any]


async def attempts(call: Call, project_id: str, webhook_id: str) -> Wire:
    """One page, newest first. Raises: ApiError 404; 400 invalid_query_params."""
    limit = call.query.limit
    after = call.query.text("starting_after_id")
    row = WebhookAttempt
    async with call.read() as session:
        await named(session, project_id, webhook_id)
        statement = select(row).where(row.project_id == project_id, row.webhook_id == webhook_id)
        if after is not None:
            number = after.removeprefix(_PREFIX)
            if not number.isdecimal() or len(number) > 18:
                raise invalid_payload("Property .starting_after_id must be the id of an attempt")
            statement = statement.where(row.n < int(number))
        rows = (await session.scalars(statement.order_by(row.n.desc()).limit(limit + 1))).all()
    page = rows[:limit]
    answer: Wire = {
        "object": "list",
        "data_ref": "data",
        "data": [_attempt_wire(one) for one in page],
        "has_more": len(rows) > limit,
    }
    if answer["has_more"]:
        answer["more_starting_after"] = f"{_PREFIX}{page[-1].n}"
    return answer


def _attempt_wire(row: WebhookAttempt) -> Wire:
    return {
        "id": f"{_PREFIX}{row.n}",
        "object": "webhook_attempt",
        "sendout_id": sendout_id(row.webhook_id, row.event_id),
        "event_id": row.event_id,
        "event_type": row.event_type,
        "attempt": row.attempt,
        "at": iso(row.at),
        "milliseconds": row.milliseconds,
        "status": row.status,
        "error": row.error,
    }


async def replay(call: Call, project_id: str, webhook_id: str, body: Replay) -> Wire:
    """How many events are told again, in their order, behind what the webhook is owed already.

    Raises: ApiError 404; 400 invalid_payload for an inactive webhook, or for more than may wait.
    """
    total, last = 0, 0
    most = call.engine.settings.webhook_backlog_max
    while True:
        async with catalogue_write(call.engine, project_id, call.actor) as write:
            webhook = await locked(write, webhook_id)
            if not webhook.active:
                raise invalid_payload("The webhook is not active")
            found = await _happened(write.session, webhook, body, last)
            if total + len(found) > most:
                raise invalid_payload(
                    f"More than {most} events: {total} are told again, up to before the one that was too many"
                )
            now = call.engine.now()
            rows = [delivery_row(project_id, webhook_id, event_id, key, now) for _, event_id, key in found]
            if rows:
                await write.session.execute(insert(WebhookDelivery), rows)
            total += len(rows)
        if len(found) < CHUNK:
            return {"object": "webhook_replay", "webhook_id": webhook_id, "count": total}
        last = found[-1][0]


async def _happened(
    session: AsyncSession, webhook: Webhook, body: Replay, last: int
) -> list[tuple[int, str, str]]:
    """Events after the number `last` that the webhook is not owed."""
    event, owed = WebhookEvent, WebhookDelivery
    kinds = wanted(webhook.events) & wanted(body.events or webhook.events)
    statement = (
        select(event.n, event.id, event.object_key)
        .where(
            event.project_id == webhook.project_id,
            event.at >= body.since,
            event.type.in_(kinds),
            event.n > last,
            ~select(owed.n)
            .where(
                owed.project_id == event.project_id,
                owed.webhook_id == webhook.id,
                owed.event_id == event.id,
            )
            .exists(),
        )
        .order_by(event.n)
        .limit(CHUNK)
    )
    if body.until is not None:
        statement = statement.where(event.at < body.until)
    return [(n, event_id, key) for n, event_id, key in await session.execute(statement)]


async def send_example(call: Call, project_id: str, webhook_id: str, body: Example | None) -> Wire:
    """Raises: ApiError 404; 400 invalid_payload for an unknown kind."""
    kind = normalised((body or Example()).event)
    if kind is None:
        raise invalid_payload("Property .event names no event")
    async with call.read() as session:
        webhook = await named(session, project_id, webhook_id)
    event_id, now = new_id("ev_example_"), datetime.now(UTC)
    event = {
        "id": event_id,
        "type": kind,
        "created_at": iso(now),
        "entity_id": None,
        "group_id": call.request_id,
        "event_source": dict(INTERNAL),
    }
    sent = envelope(webhook, event_id, kind, iso(now) or "", stored_body(example_of(kind), event))
    # Only who tries a webhook by hand pays for the client's megabytes: sending is the background's work.
    sending = await asyncio.to_thread(import_module, "app.webhooks.sending")
    allowed = networks_of(call.engine.settings.webhook_networks)
    target: Target = sending.Target(webhook.target_url, allowed, _context())
    try:
        outcome = await target.post(sent, headers(webhook, sendout_id(webhook_id, event_id), now, sent))
    finally:
        await target.close()
    async with call.engine.db.writing() as session:
        row = _attempt(webhook, event_id, kind, now, outcome)
        session.add(row)
        await session.flush()
    return _attempt_wire(row)


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _attempt(webhook: Webhook, event_id: str, kind: str, at: datetime, outcome: "Outcome") -> WebhookAttempt:
    return WebhookAttempt(
        project_id=webhook.project_id,
        webhook_id=webhook.id,
        event_id=event_id,
        event_type=kind,
        attempt=1,
        at=at,
        milliseconds=outcome.milliseconds,
        status=outcome.status,
        error=outcome.error,
    )
