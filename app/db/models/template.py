"""Campaigns to be made again."""

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from app.db.base import Base, ProjectScoped, Timestamped, Versioned


class CampaignTemplate(ProjectScoped, Timestamped, Versioned, Base):
    """`body`: definition (the request that makes the campaign, without name, category and number of codes),
    banner (of a tier), validation_rules (name and document of each).
    """

    __tablename__ = "campaign_templates"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    name: Mapped[str]
    description: Mapped[str | None]
    campaign_type: Mapped[str]
    body: Mapped[dict[str, Any]]
