"""Projects and the keys that open them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, Timestamped, Versioned


class Project(Timestamped, Versioned, Base):
    """A tenant. `settings`: the project settings of behaviour 1.12; `stacking_rules`: the stored object, {}
    for defaults.

    `secret`: 32 random bytes from which customer ids and tracking ids are derived (D15); never answered,
    never logged.
    """

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str]
    timezone: Mapped[str] = mapped_column(default="UTC")
    currency: Mapped[str | None]
    case_sensitive_codes: Mapped[bool] = mapped_column(default=True)
    is_sandbox: Mapped[bool] = mapped_column(default=False)
    settings: Mapped[dict[str, Any]]
    stacking_rules: Mapped[dict[str, Any]]
    secret: Mapped[bytes]
    deleted_at: Mapped[datetime | None]


class ApiKey(Timestamped, Base):
    """One key pair. kind: server, client or management. Only the Argon2id hash of the token is stored."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("ix_api_keys_project_id", "project_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    """The public half: X-App-Id, X-Client-Application-Id or X-Management-Id."""
    project_id: Mapped[str | None] = mapped_column(Id)
    """None for a management key, which opens all projects."""
    kind: Mapped[str]
    role: Mapped[str] = mapped_column(default="ADMIN")
    name: Mapped[str] = mapped_column(default="")
    token_hash: Mapped[str]
    revoked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    settings: Mapped[dict[str, Any]]
