"""who is in the active segments, and what is to be looked at for them

Revision: segment_members
Follows: idempotent_events
"""

import sqlalchemy as sa
from alembic import op

revision = "segment_members"
down_revision = "idempotent_events"
branch_labels = None
depends_on = None

ID = sa.String(length=64)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("partitions", sa.Column("watched", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "segment_members",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("segment_id", ID, nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "segment_id", "customer_id", name="pk_segment_members"),
    )
    op.create_index("ix_segment_members_customer", "segment_members", ["project_id", "customer_id"])
    op.create_table(
        "segment_moves",
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("segment_id", ID, nullable=False),
        sa.Column("segment_name", sa.Text(), nullable=False),
        sa.Column("entered", sa.Boolean(), nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_segment_moves"),
    )
    op.create_index("ix_segment_moves_customer", "segment_moves", ["project_id", "customer_id", "at", "id"])
    op.create_table(
        "segment_checks",
        sa.Column("n", SERIAL, autoincrement=True, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_segment_checks"),
    )
    op.create_table(
        "segment_walks",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("segment_id", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=True),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("is_first", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "segment_id", name="pk_segment_walks"),
    )
    op.create_index("ix_segment_walks_at", "segment_walks", ["at"])
    op.execute(
        "INSERT INTO segment_walks (project_id, segment_id, at, after, is_first) "
        "SELECT project_id, id, CURRENT_TIMESTAMP, '', TRUE FROM segments WHERE type = 'auto-update'"
    )
    op.execute(
        "UPDATE partitions SET watched = TRUE "
        "WHERE project_id IN (SELECT project_id FROM segments WHERE type = 'auto-update')"
    )


def downgrade() -> None:
    for table in ("segment_walks", "segment_checks", "segment_moves", "segment_members"):
        op.drop_table(table)
    op.drop_column("partitions", "watched")
