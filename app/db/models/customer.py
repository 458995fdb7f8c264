"""Customers: their profile. Summaries are counters at the customer, moved by APPLY and projected (D15)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from app.db.base import Base, ProjectScoped, Timestamped, Versioned


class Customer(ProjectScoped, Timestamped, Versioned, Base):
    """`body`: phone, birthdate, address, description, metadata, system_metadata. `summary`: as answered."""

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("project_id", "source_id"),
        Index("ix_customers_project_id_created_at", "project_id", "created_at", "id"),
        Index("ix_customers_project_id_email", "project_id", "email"),
    )

    source_id: Mapped[str | None]
    name: Mapped[str | None]
    email: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    summary: Mapped[dict[str, Any]]
    deleted_at: Mapped[datetime | None]
