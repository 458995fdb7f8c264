"""Who did what to which object: one append-only, hash-chained list per project (D12)."""

from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id


class AuditEntry(Base):
    """One change of one object. Ids, names and digests only: neither values nor personal data. The database
    refuses to change or remove a row.

    `project_id` is "" for what belongs to no project: management keys.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_project_id_object_id", "project_id", "object_id", "seq"),)

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1, 2, 3, ... without a gap."""
    at_us: Mapped[int]
    """Epoch microseconds."""
    actor_kind: Mapped[str]
    """key, management, command, or rule: a campaign or a webhook that the engine stopped by itself."""
    actor_id: Mapped[str]
    """The key's id; for a command "vouchsafe", for a rule the id of what it stopped."""
    operation: Mapped[str]
    """The operation id of the route, or the command."""
    request_id: Mapped[str]
    action: Mapped[str]
    """created, updated or deleted; for keys also revoked and rotated."""
    object_type: Mapped[str]
    object_id: Mapped[str]
    members: Mapped[list[Any]]
    """Names of what changed."""
    detail_digest: Mapped[bytes | None]
    """Of the salted values in audit_details; None: no values were kept."""
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]


class AuditDetail(Base):
    """The values before and after, beside the chain: a row may be erased, and the chain still verifies."""

    __tablename__ = "audit_details"

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    salt: Mapped[bytes]
    body: Mapped[str]
    """JSON: {"before": {...}, "after": {...}}."""


class AuditHead(Base):
    """Where a chain ends: locked by whoever appends, so that numbers and hashes have one order."""

    __tablename__ = "audit_heads"

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]
