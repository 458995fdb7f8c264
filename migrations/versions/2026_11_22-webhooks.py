"""webhooks, what they are told, and what became of it

Revision: webhooks
Follows: ended_windows
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "webhooks"
down_revision = "ended_windows"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ID = sa.String(length=64)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("partitions", sa.Column("told", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "webhooks",
        sa.Column("target_url", sa.Text(), nullable=False),
        sa.Column("events", DOCUMENT, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_until", INSTANT, nullable=True),
        sa.Column("headers", DOCUMENT, nullable=False),
        sa.Column("failing_since", INSTANT, nullable=True),
        sa.Column("disabled", DOCUMENT, nullable=True),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_webhooks"),
    )
    op.create_table(
        "webhook_events",
        sa.Column("n", SERIAL, autoincrement=True, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("customer_id", ID, nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_webhook_events"),
        sa.UniqueConstraint("project_id", "id", name="uq_webhook_events_project_id_id"),
    )
    op.create_index("ix_webhook_events_project_id_at", "webhook_events", ["project_id", "at"])
    op.create_index("ix_webhook_events_at", "webhook_events", ["at"])
    op.create_index(
        "ix_webhook_events_project_id_customer_id", "webhook_events", ["project_id", "customer_id"]
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("n", SERIAL, autoincrement=True, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("webhook_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("first_at", INSTANT, nullable=True),
        sa.Column("next_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_webhook_deliveries"),
        sa.UniqueConstraint(
            "project_id",
            "webhook_id",
            "event_id",
            name="uq_webhook_deliveries_project_id_webhook_id_event_id",
        ),
    )
    op.create_index("ix_webhook_deliveries_lane", "webhook_deliveries", ["project_id", "webhook_id", "n"])
    op.create_index(
        "ix_webhook_deliveries_due", "webhook_deliveries", ["project_id", "webhook_id", "next_at"]
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("n", SERIAL, autoincrement=True, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("webhook_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("n", name="pk_webhook_attempts"),
    )
    op.create_index("ix_webhook_attempts_webhook", "webhook_attempts", ["project_id", "webhook_id", "n"])
    op.create_index("ix_webhook_attempts_at", "webhook_attempts", ["at"])


def downgrade() -> None:
    for table in ("webhook_attempts", "webhook_deliveries", "webhook_events", "webhooks"):
        op.drop_table(table)
    op.drop_column("partitions", "told")
