"""Orders: a projection of the events that APPLY accepted; nothing else writes them (D15)."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped, Timestamped, Versioned


class Order(ProjectScoped, Timestamped, Versioned, Base):
    """`body`: the whole order as answered on the wire (items, amounts, redemptions, metadata)."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("project_id", "source_id"),
        Index("ix_orders_project_id_created_at", "project_id", "created_at", "id"),
        Index("ix_orders_project_id_customer_id", "project_id", "customer_id"),
    )

    source_id: Mapped[str | None]
    status: Mapped[str]
    customer_id: Mapped[str | None] = mapped_column(Id)
    amount: Mapped[int | None]
    body: Mapped[dict[str, Any]]
