"""publications, promotion stacks, files in and out

Revision: campaign_parts
Follows: append_only
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "campaign_parts"
down_revision = "append_only"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
UNPUBLISHED = "publish_count = 0 AND holder_id IS NULL AND campaign_id IS NOT NULL"
TABLES = (
    "promotion_stacks",
    "publications",
    "publication_vouchers",
    "campaign_memberships",
    "action_inputs",
    "exports",
    "export_parts",
    "failure_traces",
)


def upgrade() -> None:
    _tables_of_campaigns()
    _tables_of_files()
    op.create_index(
        "ix_vouchers_unpublished",
        "vouchers",
        ["project_id", "campaign_id", "id"],
        sqlite_where=sa.text(UNPUBLISHED),
        postgresql_where=sa.text(UNPUBLISHED),
    )


def downgrade() -> None:
    op.drop_index("ix_vouchers_unpublished", table_name="vouchers")
    for table in reversed(TABLES):
        op.drop_table(table)


def _tables_of_campaigns() -> None:
    op.create_table(
        "promotion_stacks",
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category_id", sa.String(length=64), nullable=True),
        sa.Column("tier_ids", DOCUMENT, nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_promotion_stacks"),
    )
    op.create_index(
        "ix_promotion_stacks_project_id_campaign_id", "promotion_stacks", ["project_id", "campaign_id"]
    )
    op.create_index(
        "ix_promotion_stacks_project_id_created_at", "promotion_stacks", ["project_id", "created_at", "id"]
    )
    op.create_table(
        "publications",
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=True),
        sa.Column("voucher_id", sa.String(length=64), nullable=False),
        sa.Column("voucher_code", sa.Text(), nullable=False),
        sa.Column("voucher_type", sa.Text(), nullable=False),
        sa.Column("is_referral_code", sa.Boolean(), nullable=False),
        sa.Column("customer_id", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("actor_key_id", sa.String(length=64), nullable=True),
        sa.Column("codes", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_publications"),
        sa.UniqueConstraint("project_id", "source_id", name="uq_publications_project_id_source_id"),
    )
    op.create_index(
        "ix_publications_project_id_actor_key_id",
        "publications",
        ["project_id", "actor_key_id", "created_at"],
    )
    op.create_index(
        "ix_publications_project_id_campaign_id", "publications", ["project_id", "campaign_id", "created_at"]
    )
    op.create_index(
        "ix_publications_project_id_created_at", "publications", ["project_id", "created_at", "id"]
    )
    op.create_index(
        "ix_publications_project_id_customer_id", "publications", ["project_id", "customer_id", "created_at"]
    )
    op.create_table(
        "publication_vouchers",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("publication_id", sa.String(length=64), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("voucher_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "publication_id", "n", name="pk_publication_vouchers"),
    )
    op.create_index(
        "ix_publication_vouchers_project_id_voucher_id", "publication_vouchers", ["project_id", "voucher_id"]
    )
    op.create_table(
        "campaign_memberships",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.String(length=64), nullable=False),
        sa.Column("publication_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "campaign_id", "customer_id", name="pk_campaign_memberships"),
    )


def _tables_of_files() -> None:
    op.create_table(
        "action_inputs",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("action_id", sa.String(length=64), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("rows", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "action_id", "n", name="pk_action_inputs"),
    )
    op.create_table(
        "exports",
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("exported_object", sa.Text(), nullable=False),
        sa.Column("parameters", DOCUMENT, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("state", DOCUMENT, nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_exports"),
    )
    op.create_index("ix_exports_project_id_created_at", "exports", ["project_id", "created_at", "id"])
    op.create_index("ix_exports_status", "exports", ["status", "created_at"])
    op.create_table(
        "export_parts",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("export_id", sa.String(length=64), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "export_id", "n", name="pk_export_parts"),
    )
    op.create_table(
        "failure_traces",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_failure_traces"),
    )
    op.create_index("ix_failure_traces_at", "failure_traces", ["at"])
