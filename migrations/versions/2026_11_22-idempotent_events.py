"""idempotency keys of the ledger's events

Revision: idempotent_events
Follows: campaign_templates
"""

import sqlalchemy as sa
from alembic import op

revision = "idempotent_events"
down_revision = "campaign_templates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotent_events",
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scope_hash", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("part", "epoch", "seq", name="pk_idempotent_events"),
    )
    op.create_index("ix_idempotent_events_until", "idempotent_events", ["until"])


def downgrade() -> None:
    op.drop_table("idempotent_events")
