"""counters of windows by their end

Revision: ended_windows
Follows: idempotent_answers
"""

import sqlalchemy as sa
from alembic import op

revision = "ended_windows"
down_revision = "idempotent_answers"
branch_labels = None
depends_on = None

WINDOWED = sa.text("until > 0")


def upgrade() -> None:
    op.create_index(
        "ix_counters_until", "counters", ["until"], sqlite_where=WINDOWED, postgresql_where=WINDOWED
    )


def downgrade() -> None:
    op.drop_index("ix_counters_until", table_name="counters")
