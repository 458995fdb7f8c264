"""postings without an index by counter: they are read in the order of events

An older version goes on without it: its `ledger reconcile` and its rebuilds from a checkpoint take longer.

Revision: postings_in_order
Follows: catalogue_changes
"""

from alembic import op

revision = "postings_in_order"
down_revision = "catalogue_changes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_ledger_postings_key", table_name="ledger_postings")


def downgrade() -> None:
    op.create_index("ix_ledger_postings_key", "ledger_postings", ["part", "key", "field"])
