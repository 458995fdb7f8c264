"""campaigns that their own rules may stop

Revision: auto_stop
Follows: locations
"""

import sqlalchemy as sa
from alembic import op

revision = "auto_stop"
down_revision = "locations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("watched", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "ix_campaigns_watched",
        "campaigns",
        ["project_id", "id"],
        sqlite_where=sa.text("watched = 1"),
        postgresql_where=sa.text("watched"),
    )


def downgrade() -> None:
    op.drop_index("ix_campaigns_watched", table_name="campaigns")
    op.drop_column("campaigns", "watched")
