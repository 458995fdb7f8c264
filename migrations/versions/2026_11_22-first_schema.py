"""first schema

Revision: first_schema
Follows:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "first_schema"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settings", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_project_id", "api_keys", ["project_id"], unique=False)
    op.create_table(
        "async_actions",
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("operation_status", sa.Text(), nullable=True),
        sa.Column("progress", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("processing_time", sa.BigInteger(), nullable=True),
        sa.Column("payload", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("state", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("result", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_async_actions"),
    )
    op.create_index(
        "ix_async_actions_project_id_created_at",
        "async_actions",
        ["project_id", "created_at", "id"],
        unique=False,
    )
    op.create_index("ix_async_actions_status", "async_actions", ["status", "created_at"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("campaign_type", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("start_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expiration_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("category_id", sa.String(length=64), nullable=True),
        sa.Column("vouchers_count", sa.BigInteger(), nullable=False),
        sa.Column("creation_status", sa.Text(), nullable=False),
        sa.Column("vouchers_generation_status", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_campaigns"),
        sa.UniqueConstraint("project_id", "name", name="uq_campaigns_project_id_name"),
    )
    op.create_index(
        "ix_campaigns_project_id_created_at", "campaigns", ["project_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "catalogue_versions",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_catalogue_versions"),
    )
    op.create_table(
        "categories",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hierarchy", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_categories"),
        sa.UniqueConstraint("project_id", "name", name="uq_categories_project_id_name"),
    )
    op.create_table(
        "counters",
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("part", "key", "field", name="pk_counters"),
    )
    op.create_table(
        "customers",
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("summary", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_customers"),
        sa.UniqueConstraint("project_id", "source_id", name="uq_customers_project_id_source_id"),
    )
    op.create_index(
        "ix_customers_project_id_created_at", "customers", ["project_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_customers_project_id_email", "customers", ["project_id", "email"], unique=False)
    op.create_table(
        "divergences",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_divergences"),
    )
    op.create_table(
        "event_bodies",
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.String(length=64), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("part", "epoch", "seq", name="pk_event_bodies"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "ledger_events",
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rid", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("schema", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor_key_id", sa.String(length=64), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("part", "epoch", "seq", name="pk_ledger_events"),
        sa.UniqueConstraint("rid", name="uq_ledger_events_rid"),
    )
    op.create_index(
        "ix_ledger_events_project_id_at_us", "ledger_events", ["project_id", "at_us"], unique=False
    )
    op.create_table(
        "ledger_postings",
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("redeemable_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("part", "epoch", "seq", "n", name="pk_ledger_postings"),
    )
    op.create_index("ix_ledger_postings_key", "ledger_postings", ["part", "key", "field"], unique=False)
    op.create_table(
        "orders",
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.String(length=64), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_orders"),
        sa.UniqueConstraint("project_id", "source_id", name="uq_orders_project_id_source_id"),
    )
    op.create_index(
        "ix_orders_project_id_created_at", "orders", ["project_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_orders_project_id_customer_id", "orders", ["project_id", "customer_id"], unique=False)
    op.create_table(
        "partitions",
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("cursor_epoch", sa.BigInteger(), nullable=False),
        sa.Column("cursor_seq", sa.BigInteger(), nullable=False),
        sa.Column("projected_epoch", sa.BigInteger(), nullable=False),
        sa.Column("projected_seq", sa.BigInteger(), nullable=False),
        sa.Column("verified_epoch", sa.BigInteger(), nullable=False),
        sa.Column("verified_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("part", name="pk_partitions"),
    )
    op.create_table(
        "product_collections",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_product_collections"),
    )
    op.create_table(
        "products",
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_products"),
        sa.UniqueConstraint("project_id", "source_id", name="uq_products_project_id_source_id"),
    )
    op.create_index(
        "ix_products_project_id_created_at", "products", ["project_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "projection_failures",
        sa.Column("part", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("part", "epoch", "seq", name="pk_projection_failures"),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("case_sensitive_codes", sa.Boolean(), nullable=False),
        sa.Column("is_sandbox", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("stacking_rules", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
    )
    op.create_table(
        "promotion_tiers",
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("hierarchy", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("start_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expiration_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("category_id", sa.String(length=64), nullable=True),
        sa.Column("redeemed_count", sa.BigInteger(), nullable=False),
        sa.Column("orders_amount", sa.BigInteger(), nullable=False),
        sa.Column("orders_discount", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_promotion_tiers"),
    )
    op.create_index(
        "ix_promotion_tiers_project_id_campaign_id",
        "promotion_tiers",
        ["project_id", "campaign_id", "hierarchy"],
        unique=False,
    )
    op.create_index(
        "ix_promotion_tiers_project_id_created_at",
        "promotion_tiers",
        ["project_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "redemptions",
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.String(length=64), nullable=True),
        sa.Column("order_id", sa.String(length=64), nullable=True),
        sa.Column("related_object_type", sa.Text(), nullable=False),
        sa.Column("related_object_id", sa.String(length=64), nullable=True),
        sa.Column("voucher_id", sa.String(length=64), nullable=True),
        sa.Column("tier_id", sa.String(length=64), nullable=True),
        sa.Column("campaign_id", sa.String(length=64), nullable=True),
        sa.Column("parent_id", sa.String(length=64), nullable=True),
        sa.Column("redemption_id", sa.String(length=64), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_redemptions"),
    )
    op.create_index(
        "ix_redemptions_project_id_customer_id",
        "redemptions",
        ["project_id", "customer_id", "date"],
        unique=False,
    )
    op.create_index(
        "ix_redemptions_project_id_date", "redemptions", ["project_id", "date", "id"], unique=False
    )
    op.create_index(
        "ix_redemptions_project_id_parent_id", "redemptions", ["project_id", "parent_id"], unique=False
    )
    op.create_index(
        "ix_redemptions_project_id_redemption_id",
        "redemptions",
        ["project_id", "redemption_id"],
        unique=False,
    )
    op.create_index(
        "ix_redemptions_project_id_voucher_id",
        "redemptions",
        ["project_id", "voucher_id", "date"],
        unique=False,
    )
    op.create_table(
        "rollback_intents",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("redemption_id", sa.String(length=64), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "redemption_id", "n", name="pk_rollback_intents"),
    )
    op.create_table(
        "segments",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_segments"),
    )
    op.create_table(
        "skus",
        sa.Column("product_id", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_skus"),
        sa.UniqueConstraint("project_id", "source_id", name="uq_skus_project_id_source_id"),
    )
    op.create_index("ix_skus_project_id_product_id", "skus", ["project_id", "product_id"], unique=False)
    op.create_table(
        "snapshots_due",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("guards", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("records", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_snapshots_due"),
    )
    op.create_table(
        "validation_rule_assignments",
        sa.Column("rule_id", sa.String(length=64), nullable=False),
        sa.Column("related_object_type", sa.Text(), nullable=False),
        sa.Column("related_object_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_validation_rule_assignments"),
        sa.UniqueConstraint(
            "project_id",
            "rule_id",
            "related_object_type",
            "related_object_id",
            name="uq_validation_rule_assignments_pair",
        ),
    )
    op.create_index(
        "ix_validation_rule_assignments_related",
        "validation_rule_assignments",
        ["project_id", "related_object_id"],
        unique=False,
    )
    op.create_table(
        "validation_rules",
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_validation_rules"),
    )
    op.create_index(
        "ix_validation_rules_project_id_created_at",
        "validation_rules",
        ["project_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "vouchers",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("folded_code", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("category_id", sa.String(length=64), nullable=True),
        sa.Column("start_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expiration_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("redeemed_base", sa.BigInteger(), nullable=False),
        sa.Column("gift_opening", sa.BigInteger(), nullable=False),
        sa.Column("holder_id", sa.String(length=64), nullable=True),
        sa.Column("is_referral_code", sa.Boolean(), nullable=False),
        sa.Column("publish_count", sa.BigInteger(), nullable=False),
        sa.Column("redeemed_quantity", sa.BigInteger(), nullable=False),
        sa.Column("redeemed_amount", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_vouchers"),
        sa.UniqueConstraint("project_id", "folded_code", name="uq_vouchers_project_id_folded_code"),
    )
    op.create_index(
        "ix_vouchers_project_id_campaign_id",
        "vouchers",
        ["project_id", "campaign_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_vouchers_project_id_created_at", "vouchers", ["project_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_vouchers_project_id_holder_id", "vouchers", ["project_id", "holder_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_vouchers_project_id_holder_id", table_name="vouchers")
    op.drop_index("ix_vouchers_project_id_created_at", table_name="vouchers")
    op.drop_index("ix_vouchers_project_id_campaign_id", table_name="vouchers")
    op.drop_table("vouchers")
    op.drop_index("ix_validation_rules_project_id_created_at", table_name="validation_rules")
    op.drop_table("validation_rules")
    op.drop_index("ix_validation_rule_assignments_related", table_name="validation_rule_assignments")
    op.drop_table("validation_rule_assignments")
    op.drop_table("snapshots_due")
    op.drop_index("ix_skus_project_id_product_id", table_name="skus")
    op.drop_table("skus")
    op.drop_table("segments")
    op.drop_table("rollback_intents")
    op.drop_index("ix_redemptions_project_id_voucher_id", table_name="redemptions")
    op.drop_index("ix_redemptions_project_id_redemption_id", table_name="redemptions")
    op.drop_index("ix_redemptions_project_id_parent_id", table_name="redemptions")
    op.drop_index("ix_redemptions_project_id_date", table_name="redemptions")
    op.drop_index("ix_redemptions_project_id_customer_id", table_name="redemptions")
    op.drop_table("redemptions")
    op.drop_index("ix_promotion_tiers_project_id_created_at", table_name="promotion_tiers")
    op.drop_index("ix_promotion_tiers_project_id_campaign_id", table_name="promotion_tiers")
    op.drop_table("promotion_tiers")
    op.drop_table("projects")
    op.drop_table("projection_failures")
    op.drop_index("ix_products_project_id_created_at", table_name="products")
    op.drop_table("products")
    op.drop_table("product_collections")
    op.drop_table("partitions")
    op.drop_index("ix_orders_project_id_customer_id", table_name="orders")
    op.drop_index("ix_orders_project_id_created_at", table_name="orders")
    op.drop_table("orders")
    op.drop_index("ix_ledger_postings_key", table_name="ledger_postings")
    op.drop_table("ledger_postings")
    op.drop_index("ix_ledger_events_project_id_at_us", table_name="ledger_events")
    op.drop_table("ledger_events")
    op.drop_table("leases")
    op.drop_table("event_bodies")
    op.drop_table("divergences")
    op.drop_index("ix_customers_project_id_email", table_name="customers")
    op.drop_index("ix_customers_project_id_created_at", table_name="customers")
    op.drop_table("customers")
    op.drop_table("counters")
    op.drop_table("categories")
    op.drop_table("catalogue_versions")
    op.drop_index("ix_campaigns_project_id_created_at", table_name="campaigns")
    op.drop_table("campaigns")
    op.drop_index("ix_async_actions_status", table_name="async_actions")
    op.drop_index("ix_async_actions_project_id_created_at", table_name="async_actions")
    op.drop_table("async_actions")
    op.drop_index("ix_api_keys_project_id", table_name="api_keys")
    op.drop_table("api_keys")
