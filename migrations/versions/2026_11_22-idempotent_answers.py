"""answers of catalogue writes under an idempotency key

Revision: idempotent_answers
Follows: auto_stop
"""

import sqlalchemy as sa
from alembic import op

revision = "idempotent_answers"
down_revision = "auto_stop"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotent_answers",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("scope_hash", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "scope_hash", name="pk_idempotent_answers"),
    )
    op.create_index("ix_idempotent_answers_at", "idempotent_answers", ["at"])


def downgrade() -> None:
    op.drop_table("idempotent_answers")
