"""What decisions refer to: validation rules, their assignments, segments, collections, categories."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped, Timestamped, Versioned


class ValidationRule(ProjectScoped, Timestamped, Versioned, Base):
    """`body`: rules, bundle_rules, error, applicable_to, type, context_type, extensions."""

    __tablename__ = "validation_rules"
    __table_args__ = (Index("ix_validation_rules_project_id_created_at", "project_id", "created_at", "id"),)

    name: Mapped[str | None]
    body: Mapped[dict[str, Any]]


class ValidationRuleAssignment(ProjectScoped, Timestamped, Base):
    __tablename__ = "validation_rule_assignments"
    __table_args__ = (
        UniqueConstraint(
            "project_id",
            "rule_id",
            "related_object_type",
            "related_object_id",
            name="uq_validation_rule_assignments_pair",
        ),  # PostgreSQL cuts names at 63 characters, the convention's would be longer
        Index("ix_validation_rule_assignments_related", "project_id", "related_object_id"),
    )

    rule_id: Mapped[str] = mapped_column(Id)
    related_object_type: Mapped[str]
    related_object_id: Mapped[str] = mapped_column(Id)


class Segment(ProjectScoped, Timestamped, Versioned, Base):
    """type: static, passive or auto-update. `body`: {"customers": [ids]} or {"filter": {...},
    "initial_sync_status": ...}.
    """

    __tablename__ = "segments"

    name: Mapped[str]
    type: Mapped[str]
    body: Mapped[dict[str, Any]]


class Location(ProjectScoped, Timestamped, Versioned, Base):
    """A shape on the globe, as sent: a circle or GeoJSON."""

    __tablename__ = "locations"

    name: Mapped[str]
    shape: Mapped[dict[str, Any]]


class ProductCollection(ProjectScoped, Timestamped, Versioned, Base):
    """type: STATIC or AUTO_UPDATE. `body`: {"products": [{"id", "product_id", "object"}]} or {"filter":
    {...}}.
    """

    __tablename__ = "product_collections"

    name: Mapped[str]
    type: Mapped[str]
    body: Mapped[dict[str, Any]]


class Category(ProjectScoped, Timestamped, Versioned, Base):
    __tablename__ = "categories"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    name: Mapped[str]
    hierarchy: Mapped[int]
