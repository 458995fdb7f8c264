"""Redemptions, rollbacks and failures as listed on the wire: a projection of the ledger, and of the refusals'
stream (D14).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped


class Redemption(ProjectScoped, Base):
    """`body`: the wire object. Columns repeat what lists filter by. amount: credits (minor units), points."""

    __tablename__ = "redemptions"
    __table_args__ = (
        Index("ix_redemptions_project_id_date", "project_id", "date", "id"),
        Index("ix_redemptions_project_id_voucher_id", "project_id", "voucher_id", "date"),
        Index("ix_redemptions_project_id_customer_id", "project_id", "customer_id", "date"),
        Index("ix_redemptions_project_id_parent_id", "project_id", "parent_id"),
        Index("ix_redemptions_project_id_redemption_id", "project_id", "redemption_id"),
    )

    object: Mapped[str]
    date: Mapped[datetime]
    result: Mapped[str]
    status: Mapped[str]
    customer_id: Mapped[str | None] = mapped_column(Id)
    order_id: Mapped[str | None] = mapped_column(Id)
    related_object_type: Mapped[str]
    related_object_id: Mapped[str | None] = mapped_column(Id)
    voucher_id: Mapped[str | None] = mapped_column(Id)
    tier_id: Mapped[str | None] = mapped_column(Id)
    campaign_id: Mapped[str | None] = mapped_column(Id)
    parent_id: Mapped[str | None] = mapped_column(Id)
    redemption_id: Mapped[str | None] = mapped_column(Id)
    failure_code: Mapped[str | None]
    amount: Mapped[int | None]
    part: Mapped[int] = mapped_column(default=0)
    epoch: Mapped[int | None]
    seq: Mapped[int | None]
    body: Mapped[dict[str, Any]]


class FailureTrace(ProjectScoped, Base):
    """Why a redemption failed, as decided at that moment: kept for some days (id: the failure's rf_)."""

    __tablename__ = "failure_traces"
    __table_args__ = (Index("ix_failure_traces_at", "at"),)

    at: Mapped[datetime]
    body: Mapped[dict[str, Any]]
