"""Webhooks are made, shown, changed and removed here, with their secrets."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from msgspec import UNSET, UnsetType
from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select
from sqlalchemy import update as update_rows
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.projects.service import living_project
from app.api.publishing import CatalogueWrite, catalogue_write
from app.api.webhooks.schemas import SecretRotate, WebhookBody
from app.db.models import PartitionState, Webhook, WebhookAttempt, WebhookDelivery, WebhookEvent
from app.http.errors import invalid_payload, not_found
from app.http.wire import iso, listing
from app.identifiers import new_id, next_version
from app.webhooks.addresses import RefusedTarget, check_literal, checked_url, networks_of
from app.webhooks.envelope import RESERVED
from app.webhooks.events import normalised
from app.webhooks.signature import new_secret

Wire = dict[str, Any]
WEBHOOKS_MAX: Final = 20
"""Of a project."""
HEADERS_MAX: Final = 20
HEADER_LENGTH_MAX: Final = 4_096
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
PAUSED: Final = "paused"


def wire(row: Webhook, owed: int = 0) -> Wire:
    """As published. Values of headers are not shown: they open something elsewhere."""
    answer: Wire = {
        "id": row.id,
        "object": "webhook",
        "target_url": row.target_url,
        "events": row.events,
        "active": row.active,
        "created_at": iso(row.created_at),
    }
    if row.updated_at is not None:
        answer["updated_at"] = iso(row.updated_at)
    extensions: Wire = {
        "backlog": owed or None,
        "headers": sorted(row.headers) or None,
        "failing_since": iso(row.failing_since),
        "disabled": row.disabled,
        "previous_secret_until": iso(row.previous_until),
    }
    shown = {name: value for name, value in extensions.items() if value is not None}
    return answer | ({"extensions": shown} if shown else {})


async def create(call: Call, project_id: str, body: WebhookBody) -> Wire:
    """Raises: ApiError 404; 400 invalid_payload."""
    _check(call, body)
    extensions = body.extensions
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        await _locked_project(write)
        count = await write.session.scalar(
            select(func.count()).select_from(Webhook).where(Webhook.project_id == project_id)
        )
        if (count or 0) >= WEBHOOKS_MAX:
            raise invalid_payload(f"A project has at most {WEBHOOKS_MAX} webhooks")
        row = Webhook(
            project_id=project_id,
            id=new_id("wh_"),
            target_url=body.target_url,
            events=list(dict.fromkeys(body.events)),
            active=body.active is not False,
            secret=(extensions.secret if extensions is not None else None) or new_secret(),
            previous_secret=None,
            previous_until=None,
            headers=_headers(extensions.headers if extensions is not None else UNSET) or {},
            failing_since=None,
            disabled=None,
            version=next_version(),
            created_at=call.engine.now(),
            updated_at=None,
        )
        write.session.add(row)
        await _tell_partitions(write.session, project_id, told=True)
    call.tag(row.version)
    answer = wire(row)
    return {**answer, "extensions": {**answer.get("extensions", {}), "secret": row.secret}}


async def list_all(call: Call, project_id: str) -> Wire:
    """Oldest first. Raises: ApiError 404."""
    async with call.read() as session:
        await living_project(session, project_id)
        rows = (
            await session.scalars(
                select(Webhook)
                .where(Webhook.project_id == project_id)
                .order_by(Webhook.created_at, Webhook.id)
            )
        ).all()
        owed = await _owed(session, rows)
    return listing("data", [wire(row, owed.get(row.id, 0)) for row in rows], len(rows))


async def get(call: Call, project_id: str, webhook_id: str) -> Wire:
    """Raises: ApiError 404."""
    async with call.read() as session:
        row = await named(session, project_id, webhook_id)
        owed = await _owed(session, [row])
    call.tag(row.version)
    return wire(row, owed.get(row.id, 0))


async def update(call: Call, project_id: str, webhook_id: str, body: WebhookBody) -> Wire:
    """Made inactive, it is owed nothing any more; made active again, it is told what happens from then on.

    Raises: ApiError 404; 412; 400 invalid_payload.
    """
    _check(call, body)
    if body.extensions is not None and body.extensions.secret is not None:
        raise invalid_payload("Property .extensions.secret is changed by rotating it")
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        row = await locked(write, webhook_id)
        call.require_version(row.version)
        row.target_url = body.target_url
        row.events = list(dict.fromkeys(body.events))
        headers = _headers(body.extensions.headers if body.extensions is not None else UNSET)
        if headers is not None:
            row.headers = headers
        if body.active is not None and body.active != row.active:
            await _switch(call, write, row, active=body.active)
        _touch(call, row)
    call.tag(row.version)
    return await get(call, project_id, webhook_id)


async def _switch(call: Call, write: CatalogueWrite, row: Webhook, *, active: bool) -> None:
    row.active, row.failing_since, row.disabled = active, None, None
    if active:
        return
    since = await write.session.scalar(
        select(func.min(WebhookEvent.at)).where(
            WebhookEvent.project_id == row.project_id,
            WebhookEvent.id.in_(
                select(WebhookDelivery.event_id).where(
                    WebhookDelivery.project_id == row.project_id, WebhookDelivery.webhook_id == row.id
                )
            ),
        )
    )
    row.disabled = {"reason": PAUSED, "at": iso(call.engine.now()), "undelivered_since": iso(since)}
    await _drop(write.session, row, WebhookDelivery)


async def delete(call: Call, project_id: str, webhook_id: str) -> None:
    """Raises: ApiError 404; 412."""
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        await _locked_project(write)
        row = await locked(write, webhook_id)
        call.require_version(row.version)
        await write.session.delete(row)
        await write.session.flush()
        await _drop(write.session, row, WebhookDelivery)
        await _drop(write.session, row, WebhookAttempt)
        left = await write.session.scalar(select(Webhook.id).where(Webhook.project_id == project_id).limit(1))
        if left is None:
            await _tell_partitions(write.session, project_id, told=False)


async def secret(call: Call, project_id: str, webhook_id: str) -> Wire:
    """Raises: ApiError 404."""
    async with call.read() as session:
        return _secret_wire(await named(session, project_id, webhook_id))


async def rotate(call: Call, project_id: str, webhook_id: str, body: SecretRotate) -> Wire:
    """Raises: ApiError 404."""
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        row = await locked(write, webhook_id)
        row.previous_secret = row.secret if body.grace_hours else None
        row.previous_until = (
            call.engine.now() + timedelta(hours=body.grace_hours) if body.grace_hours else None
        )
        row.secret = body.secret or new_secret()
        _touch(call, row)
    return _secret_wire(row)


async def forget_previous(call: Call, project_id: str, webhook_id: str) -> None:
    """Raises: ApiError 404."""
    async with catalogue_write(call.engine, project_id, call.actor) as write:
        row = await locked(write, webhook_id)
        row.previous_secret = row.previous_until = None
        _touch(call, row)


def _secret_wire(row: Webhook) -> Wire:
    return {
        "object": "webhook_secret",
        "webhook_id": row.id,
        "secret": row.secret,
        "previous_secret_until": iso(row.previous_until),
    }


async def named(session: AsyncSession, project_id: str, webhook_id: str) -> Webhook:
    """Raises: ApiError 404."""
    await living_project(session, project_id)
    row = await session.get(Webhook, (project_id, webhook_id))
    if row is None:
        raise not_found("webhook", webhook_id)
    return row


async def locked(write: CatalogueWrite, webhook_id: str) -> Webhook:
    await living_project(write.session, write.project_id)
    row = await write.session.get(
        Webhook, (write.project_id, webhook_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise not_found("webhook", webhook_id)
    return row


async def _locked_project(write: CatalogueWrite) -> None:
    """First and last webhooks of a project come and go one after the other."""
    await living_project(write.session, write.project_id, lock=True)


async def _tell_partitions(session: AsyncSession, project_id: str, *, told: bool) -> None:
    await session.execute(
        update_rows(PartitionState).where(PartitionState.project_id == project_id).values(told=told)
    )


async def _drop(session: AsyncSession, row: Webhook, model: Any) -> None:
    await session.execute(
        delete_rows(model).where(model.project_id == row.project_id, model.webhook_id == row.id)
    )


async def _owed(session: AsyncSession, rows: Sequence[Webhook]) -> dict[str, int]:
    """How many deliveries each of them has still to get."""
    if not rows:
        return {}
    found = await session.execute(
        select(WebhookDelivery.webhook_id, func.count())
        .where(
            WebhookDelivery.project_id == rows[0].project_id,
            WebhookDelivery.webhook_id.in_([row.id for row in rows]),
        )
        .group_by(WebhookDelivery.webhook_id)
    )
    return {row[0]: row[1] for row in found}


def _touch(call: Call, row: Webhook) -> None:
    row.updated_at = call.engine.now()
    row.version = next_version(row.version)


def _check(call: Call, body: WebhookBody) -> None:
    """Raises: ApiError 400 invalid_payload."""
    try:
        check_literal(checked_url(body.target_url), networks_of(call.engine.settings.webhook_networks))
    except RefusedTarget as refused:
        raise invalid_payload(f"Property .target_url cannot be called: {refused}") from None
    for name in body.events:
        if normalised(name) is None:
            raise invalid_payload(f"Property .events names no event: {name}")


def _headers(sent: dict[str, str] | UnsetType) -> dict[str, str] | None:
    """None when none were sent. Raises: ApiError 400 invalid_payload."""
    if sent is UNSET:
        return None
    if len(sent) > HEADERS_MAX:
        raise invalid_payload(f"Property .extensions.headers must NOT have more than {HEADERS_MAX} members")
    for name, value in sent.items():
        if _TOKEN.fullmatch(name) is None or name.lower() in RESERVED:
            raise invalid_payload(f"Property .extensions.headers: {name[:128]!r} may not be set")
        if len(value) > HEADER_LENGTH_MAX or _VALUE.fullmatch(value) is None:
            raise invalid_payload(f"Property .extensions.headers: the value of {name!r} may not be sent")
    return sent
