"""The ledger's own tables (D10, D11). The database refuses UPDATE and DELETE on ledger_events and
ledger_postings.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, Serial

WINDOWED = text("until > 0")
"""Counters of a day, a week or a month."""


class PartitionState(Base):
    """One partition: its epoch, and how far it was ledgered and projected. `part` is Partition.name,
    "<project>.<n>".
    """

    __tablename__ = "partitions"

    part: Mapped[str] = mapped_column(Id, primary_key=True)
    project_id: Mapped[str] = mapped_column(Id)
    epoch: Mapped[int]
    namespace: Mapped[str]
    cursor_epoch: Mapped[int] = mapped_column(default=0)
    cursor_seq: Mapped[int] = mapped_column(default=0)
    projected_epoch: Mapped[int] = mapped_column(default=0)
    projected_seq: Mapped[int] = mapped_column(default=0)
    verified_epoch: Mapped[int] = mapped_column(default=0)
    verified_seq: Mapped[int] = mapped_column(default=0)
    told: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the project has webhooks, so that its events are worth noting when they are projected."""
    watched: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it has active segments, so that customers whom its events touch are looked at."""


class LedgerEvent(Base):
    __tablename__ = "ledger_events"
    __table_args__ = (
        UniqueConstraint("rid"),
        Index("ix_ledger_events_project_id_at_us", "project_id", "at_us"),
    )

    part: Mapped[str] = mapped_column(Id, primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rid: Mapped[str] = mapped_column(Id)
    project_id: Mapped[str] = mapped_column(Id)
    kind: Mapped[str]
    schema: Mapped[int]
    at_us: Mapped[int]
    actor_key_id: Mapped[str | None] = mapped_column(Id)
    body: Mapped[bytes]


class LedgerPosting(Base):
    """Read in the order of events alone: an index by counter cost more than all others (ADR 21)."""

    __tablename__ = "ledger_postings"

    part: Mapped[str] = mapped_column(Id, primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str]
    """The key without tag and namespace, e.g. "n:campaign:camp_1": it outlives both."""
    field: Mapped[str]
    delta: Mapped[int]
    kind: Mapped[str]
    after: Mapped[int]
    until: Mapped[int]
    redeemable_no: Mapped[int]


class Counter(Base):
    """A checkpoint of a counter at (epoch, seq): value includes its base."""

    __tablename__ = "counters"
    __table_args__ = (Index("ix_counters_until", "until", sqlite_where=WINDOWED, postgresql_where=WINDOWED),)

    part: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]
    held: Mapped[int] = mapped_column(default=0)
    until: Mapped[int] = mapped_column(default=0)
    epoch: Mapped[int]
    seq: Mapped[int]


class LedgerArchive(Base):
    """Events that were written to a file and left the ledger: all of a partition up to (epoch, seq). They are
    archived from the moment that this row is there.
    """

    __tablename__ = "ledger_archives"

    part: Mapped[str] = mapped_column(Id, primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Grows from archive to archive."""
    before: Mapped[str]
    """The first month that stayed, as "2026-08"."""
    epoch: Mapped[int]
    seq: Mapped[int]
    epochs: Mapped[list[Any]]
    """[[epoch, its last archived seq], ...] of the file's events."""
    events: Mapped[int]
    postings: Mapped[int]
    file: Mapped[str]
    """Its name, without the folder."""
    sha256: Mapped[str]
    """Of the file's lines before its last."""
    at: Mapped[datetime]


class ArchivedCounter(Base):
    """A counter as it stood at the end of an archive that moved it. Of several rows the one of the newest
    archive counts; rows whose generation has no archive are of an attempt that did not end.
    """

    __tablename__ = "archived_counters"

    part: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    base: Mapped[int | None]
    value: Mapped[int | None]
    """None: it was only held until then, and never moved."""
    held: Mapped[int]
    until: Mapped[int]
    epoch: Mapped[int]
    seq: Mapped[int]


class EventBody(Base):
    """Erasable snapshots (D12): Private as it came, and the answer's bytes."""

    __tablename__ = "event_bodies"

    part: Mapped[str] = mapped_column(Id, primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    customer_id: Mapped[str | None] = mapped_column(Id)
    body: Mapped[bytes]


class Divergence(Base):
    """Orphan tails and gaps, kept for audit (core 3.4)."""

    __tablename__ = "divergences"

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    part: Mapped[str] = mapped_column(Id)
    epoch: Mapped[int]
    seq: Mapped[int]
    at: Mapped[datetime]
    reason: Mapped[str]
    body: Mapped[bytes]


class ProjectionFailure(Base):
    __tablename__ = "projection_failures"

    part: Mapped[str] = mapped_column(Id, primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    error: Mapped[str]


class Lease(Base):
    """Ownership by the database's clock (D17)."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(Id)
    token: Mapped[int]
    until: Mapped[int]
    """Epoch milliseconds by the database's clock."""


class SnapshotDue(Base):
    """A catalogue write whose publication was not yet acknowledged by the core: repeated after a crash (style
    10, law 4).
    """

    __tablename__ = "snapshots_due"

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    project_id: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    guards: Mapped[dict[str, Any]]
    records: Mapped[list[Any]]
    """[[kind, id], ...] with kind voucher or customer: read again from SQL when repeated."""


class CatalogueVersion(Base):
    """The last version of every guard (D4), also of objects that are deleted: what recovery fills the core
    with (D5).
    """

    __tablename__ = "catalogue_versions"
    __table_args__ = (Index("ix_catalogue_versions_changed", "project_id", "changed"),)

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    changed: Mapped[int | None]
    """The project's number of changes (the guard "cat") when this one was raised: it grows in the order of
    commits. None: before there was one.
    """


class RollbackIntent(Base):
    """A rollback beyond the Redis window: one row per part returned (D9)."""

    __tablename__ = "rollback_intents"

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    redemption_id: Mapped[str] = mapped_column(Id, primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    done: Mapped[bool] = mapped_column(default=False)
