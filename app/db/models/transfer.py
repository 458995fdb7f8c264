"""Files on their way in and out, in pieces that one transaction can move."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped


class ActionInput(Base):
    """The n-th piece of what an async action was given: `rows` as they came, decoded. Gone when it ends."""

    __tablename__ = "action_inputs"

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    action_id: Mapped[str] = mapped_column(Id, primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rows: Mapped[list[Any]]


class Export(ProjectScoped, Base):
    """A file that was asked for. `state`: the writer's own progress; `token`: opens the download."""

    __tablename__ = "exports"
    __table_args__ = (
        Index("ix_exports_project_id_created_at", "project_id", "created_at", "id"),
        Index("ix_exports_status", "status", "created_at"),
    )

    created_at: Mapped[datetime]
    status: Mapped[str]
    exported_object: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    channel: Mapped[str]
    user_id: Mapped[str | None]
    token: Mapped[str]
    state: Mapped[dict[str, Any]]


class ExportPart(Base):
    """The n-th piece of an export's file."""

    __tablename__ = "export_parts"

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    export_id: Mapped[str] = mapped_column(Id, primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[bytes]
