"""What sessions hold, and the movements of cards as people look at them. Both are projections of events."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped


class SessionLock(Base):
    """What one session holds of one voucher (D8). `digest`: of the session key, which is nobody's but the
    caller's.
    """

    __tablename__ = "session_locks"
    __table_args__ = (Index("ix_session_locks_deadline_ms", "deadline_ms"),)

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[str] = mapped_column(Id, primary_key=True)
    voucher_id: Mapped[str] = mapped_column(Id, primary_key=True)
    part: Mapped[str] = mapped_column(Id)
    deadline_ms: Mapped[int]
    """Epoch milliseconds; past it, the hold is released by whoever needs the units, or by the sweeper."""
    held: Mapped[list[Any]]
    """[[key without tag and namespace, field, amount, base], ...]."""


class VoucherTransaction(ProjectScoped, Base):
    """One movement of a gift card's credits (behaviour 2.3). Ids sort by time."""

    __tablename__ = "voucher_transactions"
    __table_args__ = (
        Index("ix_voucher_transactions_project_id_voucher_id", "project_id", "voucher_id", "id"),
        Index("ix_voucher_transactions_project_id_campaign_id", "project_id", "campaign_id", "id"),
    )

    voucher_id: Mapped[str] = mapped_column(Id)
    campaign_id: Mapped[str | None] = mapped_column(Id)
    type: Mapped[str]
    """CREDITS_REDEMPTION, CREDITS_REFUND, CREDITS_ADDITION or CREDITS_REMOVAL."""
    source_id: Mapped[str | None]
    source: Mapped[str | None]
    reason: Mapped[str | None]
    amount: Mapped[int]
    """Minor units; negative where credits left the card."""
    balance: Mapped[int]
    """After the movement."""
    created_at: Mapped[datetime]
    details: Mapped[dict[str, Any]]
