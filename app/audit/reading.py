"""Entries of a chain, newest first, filtered."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import AuditDetail, AuditEntry


class Wanted(Struct, kw_only=True, frozen=True):
    """Which entries. before_number: older than this one; after and before: open interval of instants."""

    object_type: str | None = None
    object_id: str | None = None
    actor_id: str | None = None
    operation: str | None = None
    action: str | None = None
    request_id: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    before_number: int | None = None


class Seen(Struct, kw_only=True):
    """An entry with the values that are still there."""

    entry: AuditEntry
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


async def read_entries(session: AsyncSession, project_id: str, wanted: Wanted, limit: int) -> list[Seen]:
    statement = (
        select(AuditEntry, AuditDetail.body)
        .outerjoin(
            AuditDetail,
            (AuditDetail.project_id == AuditEntry.project_id) & (AuditDetail.seq == AuditEntry.seq),
        )
        .where(AuditEntry.project_id == project_id)
        .order_by(AuditEntry.seq.desc())
        .limit(limit)
    )
    for name in ("object_type", "object_id", "actor_id", "operation", "action", "request_id"):
        value = getattr(wanted, name)
        if value is not None:
            statement = statement.where(getattr(AuditEntry, name) == value)
    if wanted.after is not None:
        statement = statement.where(AuditEntry.at_us > _microseconds(wanted.after))
    if wanted.before is not None:
        statement = statement.where(AuditEntry.at_us < _microseconds(wanted.before))
    if wanted.before_number is not None:
        statement = statement.where(AuditEntry.seq < wanted.before_number)
    return [_seen(entry, body) for entry, body in (await session.execute(statement)).all()]


def _microseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000)


def _seen(entry: AuditEntry, body: str | None) -> Seen:
    if body is None:
        return Seen(entry=entry)
    values: dict[str, Any] = msgspec.json.decode(body)
    return Seen(entry=entry, before=values["before"], after=values["after"])


def entry_wire(seen: Seen, created_at: str | None) -> dict[str, Any]:
    """As the API and the command line show it. created_at: the instant as text."""
    entry = seen.entry
    return {
        "object": "audit_entry",
        "number": entry.seq,
        "created_at": created_at,
        "actor": {"type": entry.actor_kind, "id": entry.actor_id},
        "operation": entry.operation,
        "request_id": entry.request_id or None,
        "action": entry.action,
        "related_object_type": entry.object_type,
        "related_object_id": entry.object_id,
        "changed": entry.members,
        "before": seen.before,
        "after": seen.after,
        "hash": entry.hash.hex(),
    }
