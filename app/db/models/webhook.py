"""Webhooks: who wants to hear of what, what there is to tell, what is not delivered yet, every attempt."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped, Serial, Timestamped, Versioned


class Webhook(ProjectScoped, Timestamped, Versioned, Base):
    """`events`: names as they were sent. `headers`: what goes with every request beside our own."""

    __tablename__ = "webhooks"

    target_url: Mapped[str]
    events: Mapped[list[Any]]
    active: Mapped[bool]
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    """The secret before the last rotation, which signs too until previous_until."""
    previous_until: Mapped[datetime | None]
    headers: Mapped[dict[str, Any]]
    failing_since: Mapped[datetime | None]
    """The first failed attempt after the last success."""
    disabled: Mapped[dict[str, Any] | None]
    """Of one that was paused, or that the engine disabled: reason, at, undelivered_since."""


class WebhookEvent(Base):
    """One thing that happened, as it is told: written in the transaction in which it happened.

    `object_key`: events of the same key are delivered in the order of `n`.
    """

    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        Index("ix_webhook_events_project_id_at", "project_id", "at"),
        Index("ix_webhook_events_at", "at"),
        Index("ix_webhook_events_project_id_customer_id", "project_id", "customer_id"),
    )

    n: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    project_id: Mapped[str] = mapped_column(Id)
    id: Mapped[str] = mapped_column(Id)
    type: Mapped[str]
    object_key: Mapped[str]
    customer_id: Mapped[str | None] = mapped_column(Id)
    """Whom the body names, for erasure."""
    at: Mapped[datetime]
    body: Mapped[bytes]
    """JSON: {"data": {...}, "event": {...}} of the envelope."""


class WebhookDelivery(Base):
    """What one webhook has still to be told; the row goes when it was."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_lane", "project_id", "webhook_id", "n"),
        Index("ix_webhook_deliveries_due", "project_id", "webhook_id", "next_at"),
        UniqueConstraint("project_id", "webhook_id", "event_id"),
    )

    n: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    project_id: Mapped[str] = mapped_column(Id)
    webhook_id: Mapped[str] = mapped_column(Id)
    event_id: Mapped[str] = mapped_column(Id)
    object_key: Mapped[str]
    attempts: Mapped[int]
    first_at: Mapped[datetime | None]
    """Of the first attempt: retries count from it."""
    next_at: Mapped[datetime]


class WebhookAttempt(Base):
    """One attempt at one delivery. status None: there was no answer, and `error` says why."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (
        Index("ix_webhook_attempts_webhook", "project_id", "webhook_id", "n"),
        Index("ix_webhook_attempts_at", "at"),
    )

    n: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    project_id: Mapped[str] = mapped_column(Id)
    webhook_id: Mapped[str] = mapped_column(Id)
    event_id: Mapped[str] = mapped_column(Id)
    event_type: Mapped[str]
    attempt: Mapped[int]
    at: Mapped[datetime]
    milliseconds: Mapped[int]
    status: Mapped[int | None]
    error: Mapped[str | None]
