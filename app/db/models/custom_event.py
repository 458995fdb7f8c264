"""What customers did, as shops tell it: custom events and their schemas, and whom nothing may be told of any
more.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped, Timestamped


class CustomEventSchema(ProjectScoped, Timestamped, Base):
    """`body`: {"properties": {name: {"type", "optional", "deleted", "extensions"}}}."""

    __tablename__ = "custom_event_schemas"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    name: Mapped[str]
    body: Mapped[dict[str, Any]]


class CustomEvent(ProjectScoped, Base):
    """One event: a projection of the ledger. `body`: metadata, referral, loyalty, channel, request_id."""

    __tablename__ = "custom_events"
    __table_args__ = (
        Index("ix_custom_events_project_id_customer_id", "project_id", "customer_id", "at", "id"),
    )

    at: Mapped[datetime]
    name: Mapped[str]
    customer_id: Mapped[str] = mapped_column(Id)
    body: Mapped[dict[str, Any]]


class Erasure(ProjectScoped, Base):
    """A customer whose data was erased (D12): ids alone, so that the list may be kept for ever and applied to
    whatever is restored. status: RESTORED (a restore was told so, and it is still to be done), IN_PROGRESS or
    DONE. `counts`: rows that were erased, by what they were.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        Index("ix_erasures_project_id_customer_id", "project_id", "customer_id"),
        Index("ix_erasures_status", "status"),
    )

    at: Mapped[datetime]
    customer_id: Mapped[str] = mapped_column(Id)
    status: Mapped[str]
    counts: Mapped[dict[str, Any]]
