"""Products and SKUs. cost is in minor units and never answered to a client-side key (extensions.cost)."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped, Timestamped, Versioned


class Product(ProjectScoped, Timestamped, Versioned, Base):
    """`body`: attributes, metadata, image_url, extensions."""

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("project_id", "source_id"),
        Index("ix_products_project_id_created_at", "project_id", "created_at", "id"),
    )

    source_id: Mapped[str | None]
    name: Mapped[str | None]
    price: Mapped[int | None]
    cost: Mapped[int | None]
    body: Mapped[dict[str, Any]]


class Sku(ProjectScoped, Timestamped, Versioned, Base):
    """`body`: attributes, metadata, image_url, currency, extensions. `sku` is the name on the wire."""

    __tablename__ = "skus"
    __table_args__ = (
        UniqueConstraint("project_id", "source_id"),
        Index("ix_skus_project_id_product_id", "project_id", "product_id"),
    )

    product_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str | None]
    sku: Mapped[str | None]
    price: Mapped[int | None]
    cost: Mapped[int | None]
    body: Mapped[dict[str, Any]]
