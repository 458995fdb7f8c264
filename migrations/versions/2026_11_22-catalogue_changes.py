"""in which order the catalogue of a project was changed

Revision: catalogue_changes
Follows: ledger_months
"""

import sqlalchemy as sa
from alembic import op

revision = "catalogue_changes"
down_revision = "ledger_months"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("catalogue_versions", sa.Column("changed", sa.BigInteger(), nullable=True))
    op.create_index("ix_catalogue_versions_changed", "catalogue_versions", ["project_id", "changed"])


def downgrade() -> None:
    op.drop_index("ix_catalogue_versions_changed", table_name="catalogue_versions")
    op.drop_column("catalogue_versions", "changed")
