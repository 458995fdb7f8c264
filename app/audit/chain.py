"""The chain itself: numbered without a gap, each entry holding the hash of the one before it."""

import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.changes import Change, Recorder
from app.db.database import Database, encode_json
from app.db.models import AuditDetail, AuditEntry, AuditHead
from app.db.noted import ACTOR

GENESIS: Final = bytes(32)
"""What the first entry holds as the hash of the one before it."""
SALT_BYTES: Final = 16
"""Without it a digest of a short value could be guessed after the value was erased."""
DETAIL_LENGTH_MAX: Final = 65_536
"""Characters of values that are kept for one change; longer ones are left out whole."""
ORGANISATION: Final = ""
"""The chain of what belongs to no project."""


class Actor(Struct, frozen=True, kw_only=True):
    """Who, and by which operation. kind: key, management, command or rule; id: the key's, or that
    of what a rule stopped.
    """

    kind: str
    id: str
    operation: str
    request_id: str = ""


def command(operation: str) -> Actor:
    """Somebody at the machine's shell."""
    return Actor(kind="command", id="vouchsafe", operation=operation)


@asynccontextmanager
async def audited(db: Database, project_id: str, actor: Actor) -> AsyncIterator[AsyncSession]:
    """A transaction whose changes are in the chain of the project when it commits."""
    async with db.writing() as session:
        session.info[ACTOR] = actor
        recorder = Recorder(session)
        yield session
        await append(session, project_id, actor, recorder)


async def append(session: AsyncSession, project_id: str, actor: Actor, recorder: Recorder) -> None:
    """Add what the recorder saw, as the last thing that a transaction does: it holds the chain's end until
    the commit.
    """
    await session.flush()
    changes = recorder.changes
    if not changes:
        return
    sequence, previous = await _locked_head(session, project_id)
    at_us = int(datetime.now(UTC).timestamp() * 1_000_000)
    entries: list[dict[str, Any]] = []
    details: list[dict[str, Any]] = []
    for change in changes:
        sequence += 1
        entry = _entry(project_id, sequence, at_us, actor, change)
        detail = _detail(change)
        if detail is not None:
            salt, body = detail
            details.append({"project_id": project_id, "seq": sequence, "salt": salt, "body": body})
            entry["detail_digest"] = detail_digest(salt, body)
        entry["previous_hash"] = previous
        entry["hash"] = previous = entry_hash(entry)
        entries.append(entry)
    await session.execute(insert(AuditEntry), entries)
    if details:
        await session.execute(insert(AuditDetail), details)
    await session.execute(
        update(AuditHead).where(AuditHead.project_id == project_id).values(seq=sequence, hash=previous)
    )


async def _locked_head(session: AsyncSession, project_id: str) -> tuple[int, bytes]:
    of_project = AuditHead.project_id == project_id
    statement = select(AuditHead.seq, AuditHead.hash).where(of_project).with_for_update()
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        first: Any = sqlite.insert(AuditHead) if is_sqlite else postgresql.insert(AuditHead)
        first = first.values(project_id=project_id, seq=0, hash=GENESIS)
        await session.execute(first.on_conflict_do_nothing(index_elements=["project_id"]))
        row = (await session.execute(statement)).one()
    return row[0], row[1]


def _entry(project_id: str, sequence: int, at_us: int, actor: Actor, change: Change) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "seq": sequence,
        "at_us": at_us,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "operation": actor.operation,
        "request_id": actor.request_id,
        "action": change.action,
        "object_type": change.object_type,
        "object_id": change.object_id,
        "members": change.members,
        "detail_digest": None,
    }


def _detail(change: Change) -> tuple[bytes, str] | None:
    if not change.before and not change.after:
        return None
    body = encode_json({"before": change.before, "after": change.after})
    return None if len(body) > DETAIL_LENGTH_MAX else (os.urandom(SALT_BYTES), body)


HASHED: Final = (
    "project_id",
    "seq",
    "at_us",
    "actor_kind",
    "actor_id",
    "operation",
    "request_id",
    "action",
    "object_type",
    "object_id",
    "members",
)


def entry_hash(entry: dict[str, Any]) -> bytes:
    """SHA-256 over the members in their order, the digest of the values and the previous hash."""
    digest = entry["detail_digest"]
    content = [
        *(entry[name] for name in HASHED),
        None if digest is None else bytes(digest).hex(),
        bytes(entry["previous_hash"]).hex(),
    ]
    return hashlib.sha256(msgspec.json.encode(content)).digest()


def detail_digest(salt: bytes, body: str) -> bytes:
    return hashlib.sha256(salt + body.encode()).digest()


def entries_of(rows: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """Rows as they are hashed."""
    names = (*HASHED, "detail_digest", "previous_hash", "hash")
    return [{name: getattr(row, name) for name in names} for row in rows]
