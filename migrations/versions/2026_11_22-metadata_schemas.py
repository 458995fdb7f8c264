"""metadata_schemas

What metadata of a project's objects must be like.

Revision: metadata_schemas
Follows: webhooks
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "metadata_schemas"
down_revision = "webhooks"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "metadata_schemas",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("related_object", sa.Text(), nullable=False),
        sa.Column("allow_defined_only", sa.Boolean(), nullable=True),
        sa.Column("properties", DOCUMENT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_metadata_schemas"),
        sa.UniqueConstraint(
            "project_id", "related_object", name="uq_metadata_schemas_project_id_related_object"
        ),
    )


def downgrade() -> None:
    op.drop_table("metadata_schemas")
