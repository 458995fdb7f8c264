"""What a project asks its customers to agree to. Who gave which stands at the customer."""

from sqlalchemy.orm import Mapped

from app.db.base import Base, ProjectScoped, Timestamped, Versioned


class Consent(ProjectScoped, Timestamped, Versioned, Base):
    """`description`: the sentence that is agreed to. At most 100 in a project."""

    __tablename__ = "consents"

    name: Mapped[str]
    description: Mapped[str]
    category: Mapped[str]
