"""Who is in the active segments, kept so that entering and leaving them can be told. Decisions never look at
it: they evaluate the filter.
"""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Id, ProjectScoped, Serial


class SegmentMember(Base):
    """A customer who is in an active segment, as far as its moves were told."""

    __tablename__ = "segment_members"
    __table_args__ = (Index("ix_segment_members_customer", "project_id", "customer_id"),)

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    segment_id: Mapped[str] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(Id, primary_key=True)


class SegmentMove(ProjectScoped, Base):
    """A customer entered a segment, or left it."""

    __tablename__ = "segment_moves"
    __table_args__ = (Index("ix_segment_moves_customer", "project_id", "customer_id", "at", "id"),)

    at: Mapped[datetime]
    customer_id: Mapped[str] = mapped_column(Id)
    segment_id: Mapped[str] = mapped_column(Id)
    segment_name: Mapped[str]
    entered: Mapped[bool]


class SegmentCheck(Base):
    """A customer of a project with active segments has changed: where he is now is to be looked at. Rows are
    only ever added and taken, so that a change behind a look is looked at again.
    """

    __tablename__ = "segment_checks"

    n: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    project_id: Mapped[str] = mapped_column(Id)
    customer_id: Mapped[str] = mapped_column(Id)


class SegmentWalk(Base):
    """An active segment, and the next look at all customers for it: when it is made, when the day turns, and
    when it is gone and its members have to go.

    `at`: when to go on; null: never. `after`: the last customer's id. `is_first`: nothing is told of those
    who were there before the segment.
    """

    __tablename__ = "segment_walks"
    __table_args__ = (Index("ix_segment_walks_at", "at"),)

    project_id: Mapped[str] = mapped_column(Id, primary_key=True)
    segment_id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime | None]
    after: Mapped[str]
    is_first: Mapped[bool]
