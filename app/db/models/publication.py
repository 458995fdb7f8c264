"""Who was given which code: publications, their codes, and who joined a campaign once (D16)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped


class Publication(ProjectScoped, Base):
    """One act of handing out. `codes`: how many; `value`: their worth in minor units, as budgets count it.

    `body`: metadata, tracking_id, the customer and the codes as answered.
    """

    __tablename__ = "publications"
    __table_args__ = (
        UniqueConstraint("project_id", "source_id"),
        Index("ix_publications_project_id_created_at", "project_id", "created_at", "id"),
        Index("ix_publications_project_id_customer_id", "project_id", "customer_id", "created_at"),
        Index("ix_publications_project_id_campaign_id", "project_id", "campaign_id", "created_at"),
        Index("ix_publications_project_id_actor_key_id", "project_id", "actor_key_id", "created_at"),
    )

    created_at: Mapped[datetime]
    campaign_id: Mapped[str | None] = mapped_column(Id)
    voucher_id: Mapped[str] = mapped_column(Id)
    """The first of its codes."""
    voucher_code: Mapped[str]
    voucher_type: Mapped[str]
    is_referral_code: Mapped[bool]
    customer_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str | None]
    channel: Mapped[str]
    result: Mapped[str]
    actor_key_id: Mapped[str | None] = mapped_column(Id)
    codes: Mapped[int]
    value: Mapped[int]
    reason: Mapped[str | None]
    agent: Mapped[str | None]
    body: Mapped[dict[str, Any]]


class PublicationVoucher(Base):
    """The n-th code of a publication."""

    __tablename__ = "publication_vouchers"
    __table_args__ = (Index("ix_publication_vouchers_project_id_voucher_id", "project_id", "voucher_id"),)

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    publication_id: Mapped[str] = mapped_column(Id, primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    voucher_id: Mapped[str] = mapped_column(Id)


class CampaignMembership(Base):
    """A customer who joined a campaign once: the primary key lets nobody join twice (D16)."""

    __tablename__ = "campaign_memberships"

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    campaign_id: Mapped[str] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(Id, primary_key=True)
    publication_id: Mapped[str] = mapped_column(Id)
