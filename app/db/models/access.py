"""Projects, the keys that open them, and the tokens that keys are exchanged for."""

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
    previous_token_hash: Mapped[str | None]
    """The token before the last rotation, which opens until previous_until."""
    previous_until: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """To the minute, and best effort."""
    allowed_addresses: Mapped[list[Any] | None]
    """Networks (CIDR) that requests may come from; None or empty: any."""
    settings: Mapped[dict[str, Any]]


class OAuthToken(Base):
    """A bearer token (RFC 6750) that a server-side key was exchanged for. Only its SHA-256 is stored: it has
    256 random bits and lives minutes.
    """

    __tablename__ = "oauth_tokens"
    __table_args__ = (
        Index("ix_oauth_tokens_project_id_expires_at", "project_id", "expires_at"),
        Index("uq_oauth_tokens_token_digest", "token_digest", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project_id: Mapped[str] = mapped_column(Id)
    key_id: Mapped[str] = mapped_column(Id)
    """Whose role, addresses, expiry and revocation hold for the token too."""
    token_digest: Mapped[bytes]
    scope: Mapped[str]
    """Names separated by spaces, as asked for."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
