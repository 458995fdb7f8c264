"""A catalogue write: SQL first, then the new versions into the core, then the acknowledgement. One way, so
that no room can forget.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.api.claims import Claim
from app.audit.chain import Actor, append
from app.audit.changes import CREATED, Recorder
from app.core.keys import Partition
from app.db.models import SnapshotDue
from app.db.noted import ACTOR, note_created
from app.engine import Engine
from app.ledger.versions import remember_versions

Wire = TypeVar("Wire")


class CatalogueWrite:
    """Collects what a transaction changed. Guards and records are published after its commit, in one call."""

    def __init__(self, session: AsyncSession, project_id: str) -> None:
        self.session = session
        self.recorder = Recorder(session)
        self.project_id = project_id
        self.guards: dict[str, int] = {}
        self.records: list[tuple[str | int, ...]] = []
        self.claim: Claim | None = None

    def guard(self, name: str, version: int) -> None:
        """name: "s", "c:<campaign>", "rule:<id>", "seg:<id>", "col:<id>", "prod" (any product or SKU of the
        project).
        """
        self.guards[name] = max(version, self.guards.get(name, 0))

    def voucher(self, voucher_id: str) -> None:
        self.records.append(("voucher", voucher_id))

    def deleted_voucher(self, voucher_id: str, folded_code: str, version: int) -> None:
        """For a voucher whose row is gone: its record becomes a tombstone of this version (D4)."""
        self.records.append(("deleted", voucher_id, folded_code, version))

    def created(self, object_type: str, object_id: str) -> None:
        """For the audit and for webhooks: an object that was inserted past the session, by a statement of its
        own.
        """
        self.recorder.note(CREATED, object_type, object_id)
        note_created(self.session, self.project_id, object_type + "s", object_id)

    def customer(self, customer_id: str) -> None:
        self.records.append(("customer", customer_id))

    def answer(self, body: Wire, status: int = 200) -> Wire:
        """What the request is answered with, kept with its effect when it came under an idempotency key."""
        if self.claim is not None:
            self.claim.answered(body, status)
        return body


@asynccontextmanager
async def catalogue_write(
    engine: Engine, project_id: str, actor: Actor, claim: Claim | None = None
) -> AsyncIterator[CatalogueWrite]:
    """One transaction with its entries in the audit chain, then publication. A crash in between leaves a
    snapshots_due row that the background process repeats.

    Raises: AnsweredBefore when the claim is taken. CoreUnavailable when the core cannot take the versions:
    the write is committed, but not acknowledged.
    """
    due: SnapshotDue | None = None
    async with engine.db.writing() as session:
        session.info[ACTOR] = actor
        write = CatalogueWrite(session, project_id)
        if claim is not None:
            await claim.take(session, project_id)
            write.claim = claim
        yield write
        await remember_versions(session, project_id, write.guards)
        if write.guards or write.records:
            due = SnapshotDue(
                project_id=project_id,
                at=datetime.now(UTC),
                guards=dict(write.guards),
                records=[list(record) for record in write.records],
            )
            session.add(due)
        await append(session, project_id, actor, write.recorder)
        if claim is not None:
            await claim.keep(session, project_id)
    if due is None:
        return
    await engine.catalogue.publish(Partition(project_id), write.guards, write.records)
    engine.catalogue.publications.told(due.id)
