"""Campaigns, their codes, their promotion tiers, and the long work on them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped, Timestamped, Versioned


class Campaign(ProjectScoped, Timestamped, Versioned, Base):
    """`body`: the campaign's document as answered on the wire, without what has a column here."""

    __tablename__ = "campaigns"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        Index("ix_campaigns_project_id_created_at", "project_id", "created_at", "id"),
        Index(
            "ix_campaigns_watched",
            "project_id",
            "id",
            sqlite_where=text("watched = 1"),
            postgresql_where=text("watched"),
        ),
    )

    name: Mapped[str]
    campaign_type: Mapped[str]
    type: Mapped[str]
    active: Mapped[bool]
    start_date: Mapped[datetime | None]
    expiration_date: Mapped[datetime | None]
    category_id: Mapped[str | None] = mapped_column(Id)
    vouchers_count: Mapped[int] = mapped_column(default=0)
    creation_status: Mapped[str] = mapped_column(default="DONE")
    vouchers_generation_status: Mapped[str] = mapped_column(default="DONE")
    watched: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether its own rules may stop it (`extensions.auto_stop`)."""
    body: Mapped[dict[str, Any]]
    """voucher, description, join_once, auto_join, validity_*, activity_duration_after_publishing, metadata,
    extensions, ...
    """
    deleted_at: Mapped[datetime | None]


UNPUBLISHED = "publish_count = 0 AND holder_id IS NULL AND campaign_id IS NOT NULL"
"""The pool that publications take from: it shrinks with every one of them."""


class Voucher(ProjectScoped, Timestamped, Versioned, Base):
    """A code. `folded_code`: the code as looked up (upper case where the project ignores case). Counts are
    projections.

    redeemed_base and gift_opening are the immutable bases of its counters (D2).
    """

    __tablename__ = "vouchers"
    __table_args__ = (
        UniqueConstraint("project_id", "folded_code"),
        Index("ix_vouchers_project_id_created_at", "project_id", "created_at", "id"),
        Index("ix_vouchers_project_id_campaign_id", "project_id", "campaign_id", "created_at", "id"),
        Index("ix_vouchers_project_id_holder_id", "project_id", "holder_id"),
        Index(
            "ix_vouchers_unpublished",
            "project_id",
            "campaign_id",
            "id",
            sqlite_where=text(UNPUBLISHED),
            postgresql_where=text(UNPUBLISHED),
        ),
    )

    code: Mapped[str]
    folded_code: Mapped[str]
    campaign_id: Mapped[str | None] = mapped_column(Id)
    type: Mapped[str]
    active: Mapped[bool]
    category_id: Mapped[str | None] = mapped_column(Id)
    start_date: Mapped[datetime | None]
    expiration_date: Mapped[datetime | None]
    quantity: Mapped[int | None]
    redeemed_base: Mapped[int] = mapped_column(default=0)
    gift_opening: Mapped[int] = mapped_column(default=0)
    holder_id: Mapped[str | None] = mapped_column(Id)
    is_referral_code: Mapped[bool] = mapped_column(default=False)
    publish_count: Mapped[int] = mapped_column(default=0)
    redeemed_quantity: Mapped[int] = mapped_column(default=0)
    redeemed_amount: Mapped[int] = mapped_column(default=0)
    credited_amount: Mapped[int] = mapped_column(default=0, server_default="0")
    """Credits added to a gift card after it was opened."""
    subtracted_amount: Mapped[int] = mapped_column(default=0, server_default="0")
    """Credits taken off a gift card other than by redemptions."""
    body: Mapped[dict[str, Any]]
    """discount, gift, loyalty_card, additional_info, metadata, validity_*, extensions, ... Empty parts are
    its campaign's.
    """
    deleted_at: Mapped[datetime | None]


class PromotionTier(ProjectScoped, Timestamped, Versioned, Base):
    """A promotion without a code. Guarded by its campaign's version (D4)."""

    __tablename__ = "promotion_tiers"
    __table_args__ = (
        Index("ix_promotion_tiers_project_id_campaign_id", "project_id", "campaign_id", "hierarchy"),
        Index("ix_promotion_tiers_project_id_created_at", "project_id", "created_at", "id"),
    )

    campaign_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str | None]
    hierarchy: Mapped[int]
    active: Mapped[bool]
    start_date: Mapped[datetime | None]
    expiration_date: Mapped[datetime | None]
    category_id: Mapped[str | None] = mapped_column(Id)
    redeemed_count: Mapped[int] = mapped_column(default=0)
    orders_amount: Mapped[int] = mapped_column(default=0)
    orders_discount: Mapped[int] = mapped_column(default=0)
    body: Mapped[dict[str, Any]]
    """action, banner, metadata, validity_*, extensions."""


class PromotionStack(ProjectScoped, Timestamped, Versioned, Base):
    """Tiers of one campaign that apply together, in this order. Guarded by its campaign's version (D4)."""

    __tablename__ = "promotion_stacks"
    __table_args__ = (
        Index("ix_promotion_stacks_project_id_campaign_id", "project_id", "campaign_id"),
        Index("ix_promotion_stacks_project_id_created_at", "project_id", "created_at", "id"),
    )

    campaign_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str]
    category_id: Mapped[str | None] = mapped_column(Id)
    tier_ids: Mapped[list[Any]]


class AsyncAction(ProjectScoped, Timestamped, Base):
    """Long work, phased and resumable. `state` is the worker's own progress, `result` is answered on the
    wire.
    """

    __tablename__ = "async_actions"
    __table_args__ = (
        Index("ix_async_actions_status", "status", "created_at"),
        Index("ix_async_actions_project_id_created_at", "project_id", "created_at", "id"),
    )

    type: Mapped[str]
    status: Mapped[str]
    operation_status: Mapped[str | None]
    progress: Mapped[int] = mapped_column(default=0)
    request_id: Mapped[str | None]
    processing_time: Mapped[int | None]
    payload: Mapped[dict[str, Any]]
    state: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
