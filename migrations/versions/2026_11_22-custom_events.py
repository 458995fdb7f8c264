"""custom events, their schemas, and erasures

What customers did, as shops tell it; and the list of those whose data was erased.

Revision: custom_events
Follows: metadata_schemas
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "custom_events"
down_revision = "metadata_schemas"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ID = sa.String(length=64)


def upgrade() -> None:
    op.create_table(
        "custom_event_schemas",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_custom_event_schemas"),
        sa.UniqueConstraint("project_id", "name", name="uq_custom_event_schemas_project_id_name"),
    )
    op.create_table(
        "custom_events",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_custom_events"),
    )
    op.create_index(
        "ix_custom_events_project_id_customer_id", "custom_events", ["project_id", "customer_id", "at", "id"]
    )
    op.create_table(
        "erasures",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("counts", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_erasures"),
    )
    op.create_index("ix_erasures_project_id_customer_id", "erasures", ["project_id", "customer_id"])
    op.create_index("ix_erasures_status", "erasures", ["status"])


def downgrade() -> None:
    op.drop_table("erasures")
    op.drop_table("custom_events")
    op.drop_table("custom_event_schemas")
