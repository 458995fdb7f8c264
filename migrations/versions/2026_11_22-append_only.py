"""append-only ledger

The database itself refuses to change or remove what was ledgered. The one exception is a project that was
deleted (D24): its rows may go, and its row in `projects` stays as the tombstone that allows it.

Revision: append_only
Follows: first_schema
"""

from alembic import op

revision = "append_only"
down_revision = "first_schema"
branch_labels = None
depends_on = None

TABLES = ("ledger_events", "ledger_postings")

DELETED_PROJECT = """
EXISTS (
    SELECT 1 FROM partitions JOIN projects ON projects.id = partitions.project_id
    WHERE partitions.part = OLD.part AND projects.deleted_at IS NOT NULL
)
"""


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        _upgrade_postgresql()
    else:
        _upgrade_sqlite()


def _upgrade_sqlite() -> None:
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN NOT {DELETED_PROJECT} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _upgrade_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'DELETE' THEN IF {DELETED_PROJECT} THEN RETURN OLD; END IF; END IF; "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION ledger_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
        )


def downgrade() -> None:
    for table in TABLES:
        if op.get_context().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER {table}_no_change ON {table}")
            op.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
        else:
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_append_only()")
