"""What was done under an idempotency key, kept as long as the key is known (D1)."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id


class IdempotentAnswer(Base):
    """Written in the transaction whose effect it answers: neither is there without the other."""

    __tablename__ = "idempotent_answers"
    __table_args__ = (Index("ix_idempotent_answers_at", "at"),)

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    scope_hash: Mapped[str] = mapped_column(Id, primary_key=True)
    """Of API key, method, path and idempotency key."""
    fingerprint: Mapped[str]
    """Of query and body."""
    at: Mapped[datetime]
    status: Mapped[int]
    body: Mapped[bytes]


class IdempotentEvent(Base):
    """An event of the ledger whose request had a key: what Redis knows of keys is made anew from it. Written
    with the event; the answer is in event_bodies.
    """

    __tablename__ = "idempotent_events"
    __table_args__ = (Index("ix_idempotent_events_until", "until"),)

    part: Mapped[str] = mapped_column(Id, primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    scope_hash: Mapped[str] = mapped_column(Id)
    """As in IdempotentAnswer."""
    fingerprint: Mapped[str]
    until: Mapped[int]
    """Epoch second from which the key is new again."""
