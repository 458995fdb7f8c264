"""postings and snapshots of the ledger in parts by month, on PostgreSQL

Each table becomes the first part of a new one of its name, as it is: nothing is copied. Its rows are read
once, to see that they belong there. What runs goes on inserting by the same statements.

Revision: ledger_months
Follows: ledger_archives
"""

from alembic import op

revision = "ledger_months"
down_revision = "ledger_archives"
branch_labels = None
depends_on = None

KEYS = {"ledger_postings": "part, epoch, seq, n", "event_bodies": "part, epoch, seq"}
COLUMNS = {
    "ledger_postings": "part, epoch, seq, n, key, field, delta, kind, after, until, redeemable_no",
    "event_bodies": "part, epoch, seq, customer_id, body",
}
TODAY = "(now() AT TIME ZONE 'UTC')::date"
NEXT_MONTH = "(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')::date"

GRANTS = """
DO $$ DECLARE one record; BEGIN
FOR one IN
    SELECT held.grantee, held.privilege_type FROM pg_class, aclexplode(pg_class.relacl) AS held
    WHERE pg_class.oid = '{source}'::regclass AND held.grantee <> pg_class.relowner
LOOP
    EXECUTE 'GRANT ' || one.privilege_type || ' ON {target} TO '
        || CASE WHEN one.grantee = 0 THEN 'PUBLIC' ELSE one.grantee::regrole::text END;
END LOOP;
END $$
"""


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("LOCK TABLE partitions IN ACCESS EXCLUSIVE MODE")  # Where drain and projector begin.
    for table, key in KEYS.items():
        first, other = f"{table}_first", f"{table}_other"
        op.execute(f"ALTER TABLE {table} RENAME TO {first}")
        op.execute(f"ALTER TABLE {first} RENAME CONSTRAINT pk_{table} TO pk_{first}")
        op.execute(f"ALTER TABLE {first} ADD COLUMN ledgered_on date NOT NULL DEFAULT {TODAY}")
        op.execute(f"CREATE TABLE {table} (LIKE {first} INCLUDING DEFAULTS) PARTITION BY RANGE (ledgered_on)")
        op.execute(GRANTS.format(source=first, target=table))
        if table == "ledger_postings":
            op.execute(f"ALTER INDEX ix_ledger_postings_key RENAME TO ix_{first}_key")
            op.execute(f"DROP TRIGGER {table}_no_change ON {first}")
            op.execute(f"ALTER TRIGGER {table}_no_truncate ON {first} RENAME TO {first}_no_truncate")
            op.execute("CREATE INDEX ix_ledger_postings_key ON ledger_postings (part, key, field)")
            _guard(table)
        op.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({NEXT_MONTH})"
        )
        op.execute(f"CREATE TABLE {other} PARTITION OF {table} DEFAULT")
        op.execute(f"ALTER TABLE {other} ADD CONSTRAINT pk_{other} PRIMARY KEY ({key})")
        if table == "ledger_postings":
            op.execute(
                f"CREATE TRIGGER {other}_no_truncate BEFORE TRUNCATE ON {other} "
                "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
            )


def downgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for table, key in KEYS.items():
        months, columns = f"{table}_months", COLUMNS[table]
        op.execute(f"ALTER TABLE {table} RENAME TO {months}")
        op.execute(f"CREATE TABLE {table} (LIKE {months})")
        op.execute(f"ALTER TABLE {table} DROP COLUMN ledgered_on")
        op.execute(GRANTS.format(source=months, target=table))
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {months}")  # noqa: S608  own names
        op.execute(f"DROP TABLE {months}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({key})")
        if table == "ledger_postings":
            op.execute("CREATE INDEX ix_ledger_postings_key ON ledger_postings (part, key, field)")
            _guard(table)


def _guard(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION ledger_append_only()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
    )
