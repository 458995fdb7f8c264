"""What metadata of a project's objects must be like."""

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from app.db.base import Base, ProjectScoped, Timestamped, Versioned


class MetadataSchema(ProjectScoped, Timestamped, Versioned, Base):
    """`properties`: definitions by name, in snake_case; deleted ones stay, marked."""

    __tablename__ = "metadata_schemas"
    __table_args__ = (UniqueConstraint("project_id", "related_object"),)

    related_object: Mapped[str]
    allow_defined_only: Mapped[bool | None]
    properties: Mapped[dict[str, Any]]
