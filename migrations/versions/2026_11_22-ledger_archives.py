"""archives of the ledger, and the counters as they stood at their end

The append-only guard yields for one thing more: a row that an archive holds.

Revision: ledger_archives
Follows: consents
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "ledger_archives"
down_revision = "consents"
branch_labels = None
depends_on = None

TABLES = ("ledger_events", "ledger_postings")

DELETED_PROJECT = """
EXISTS (
    SELECT 1 FROM partitions JOIN projects ON projects.id = partitions.project_id
    WHERE partitions.part = OLD.part AND projects.deleted_at IS NOT NULL
)
"""

ARCHIVED = """
EXISTS (
    SELECT 1 FROM ledger_archives
    WHERE ledger_archives.part = OLD.part
    AND (OLD.epoch, OLD.seq) <= (ledger_archives.epoch, ledger_archives.seq)
)
"""


def upgrade() -> None:
    op.create_table(
        "ledger_archives",
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("epochs", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("part", "generation", name="pk_ledger_archives"),
    )
    op.create_table(
        "archived_counters",
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("part", "key", "field", "generation", name="pk_archived_counters"),
    )
    _guard(f"({DELETED_PROJECT} OR {ARCHIVED})")


def downgrade() -> None:
    """What was archived stays archived: its rows do not come back."""
    _guard(DELETED_PROJECT)
    op.drop_table("archived_counters")
    op.drop_table("ledger_archives")


def _guard(may_go: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'DELETE' THEN IF {may_go} THEN RETURN OLD; END IF; END IF; "
            "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        return
    for table in TABLES:
        op.execute(f"DROP TRIGGER {table}_no_delete")
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN NOT {may_go} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
