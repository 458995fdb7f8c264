"""what sessions hold, movements of gift cards

Revision: balances
Follows: campaign_parts
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "balances"
down_revision = "campaign_parts"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
COLUMNS = ("credited_amount", "subtracted_amount")


def upgrade() -> None:
    op.create_table(
        "session_locks",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("voucher_id", sa.String(length=64), nullable=False),
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("deadline_ms", sa.BigInteger(), nullable=False),
        sa.Column("held", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "digest", "voucher_id", name="pk_session_locks"),
    )
    op.create_index("ix_session_locks_deadline_ms", "session_locks", ["deadline_ms"])
    op.create_table(
        "voucher_transactions",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("voucher_id", sa.String(length=64), nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("details", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_voucher_transactions"),
    )
    op.create_index(
        "ix_voucher_transactions_project_id_voucher_id",
        "voucher_transactions",
        ["project_id", "voucher_id", "id"],
    )
    op.create_index(
        "ix_voucher_transactions_project_id_campaign_id",
        "voucher_transactions",
        ["project_id", "campaign_id", "id"],
    )
    for column in COLUMNS:
        op.add_column("vouchers", sa.Column(column, sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    for column in reversed(COLUMNS):
        op.drop_column("vouchers", column)
    op.drop_table("voucher_transactions")
    op.drop_table("session_locks")
