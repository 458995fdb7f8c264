"""What can be exported: per object its fields, the order of its rows and what it can be filtered by."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, func

from app.db.models import Campaign, Customer, Order, Publication, Redemption, Voucher, VoucherTransaction
from app.http.filtering import Field, Fields
from app.jobs import export_values as rows
from app.jobs.export_values import Row, Values


class Exportable(Struct, frozen=True):
    """One kind of rows. `orders`: sortable names with expressions that are never null."""

    fields: Sequence[str]
    default_fields: Sequence[str]
    orders: Mapping[str, Any]
    default_order: str
    statement: Callable[[str], Select[*tuple[Any, ...]]]
    """By project id: entities first, then what `values` also needs."""
    identity: Any
    """Column of the id, by which ties are broken."""
    values: Callable[[Row], Values]
    filters: Fields
    metadata: Any = None


def _instant(column: Any) -> Field:
    return Field(column, "instant")


def _or_created(table: Any) -> Any:
    """Never null: what was not updated since is as old as it was made."""
    return func.coalesce(table.updated_at, table.created_at)


def _text(column: Any) -> Any:
    return func.coalesce(column, "")


VOUCHER_FIELDS = (
    "id", "code", "voucher_type", "value", "formula", "discount_type", "campaign", "category", "start_date",
    "expiration_date", "gift_balance", "loyalty_balance", "redemption_quantity", "redemption_count", "active",
    "metadata", "is_referral_code", "created_at", "updated_at", "validity_timeframe_interval",
    "validity_timeframe_duration", "validity_day_of_week", "discount_amount_limit", "campaign_id",
    "additional_info", "customer_id", "discount_effect", "discount_unit_type", "discount_unit_effect",
    "validation_rules_id", "customer_source_id", "qr_code", "bar_code",
)  # fmt: skip

OBJECTS: dict[str, Exportable] = {
    "voucher": Exportable(
        fields=VOUCHER_FIELDS,
        default_fields=("code", "voucher_type", "value", "discount_type"),
        orders={
            "created_at": Voucher.created_at,
            "updated_at": _or_created(Voucher),
            "code": Voucher.folded_code,
            "id": Voucher.id,
        },
        default_order="-created_at",
        statement=rows.vouchers,
        identity=Voucher.id,
        values=rows.voucher_values,
        filters={
            "id": Field(Voucher.id),
            "code": Field(Voucher.code),
            "active": Field(Voucher.active, "flag"),
            "voucher_type": Field(Voucher.type),
            "type": Field(Voucher.type),
            "campaign": Field(Campaign.name),
            "campaign_id": Field(Voucher.campaign_id),
            "campaign_ids": Field(Voucher.campaign_id),
            "category_ids": Field(func.coalesce(Voucher.category_id, Campaign.category_id)),
            "categories": Field(func.coalesce(Voucher.category_id, Campaign.category_id)),
            "holder_id": Field(Voucher.holder_id),
            "customer_id": Field(Voucher.holder_id),
            "is_referral_code": Field(Voucher.is_referral_code, "flag"),
            "created_at": _instant(Voucher.created_at),
            "created_date": _instant(Voucher.created_at),
            "updated_at": _instant(Voucher.updated_at),
            "start_date": _instant(Voucher.start_date),
            "expiration_date": _instant(Voucher.expiration_date),
            "redemption_count": Field(Voucher.redeemed_quantity, "number"),
        },
        metadata=Voucher.body["metadata"],
    ),
    "redemption": Exportable(
        fields=(
            "id",
            "object",
            "date",
            "voucher_code",
            "campaign",
            "promotion_tier_id",
            "customer_id",
            "customer_source_id",
            "customer_name",
            "tracking_id",
            "order_id",
            "order_amount",
            "gift_amount",
            "loyalty_points",
            "result",
            "failure_code",
            "failure_message",
            "metadata",
        ),
        default_fields=("id", "object", "voucher_code", "customer_id", "date", "result"),
        orders={
            "created_at": Redemption.date,
            "id": Redemption.id,
            "voucher_code": _text(Redemption.body["voucher"]["code"].as_string()),
            "tracking_id": _text(Redemption.body["tracking_id"].as_string()),
            "customer_id": _text(Redemption.customer_id),
        },
        default_order="-created_at",
        statement=rows.redemptions,
        identity=Redemption.id,
        values=rows.redemption_values,
        filters={
            "id": Field(Redemption.id),
            "object": Field(Redemption.object),
            "result": Field(Redemption.result),
            "failure_code": Field(Redemption.failure_code),
            "customer_id": Field(Redemption.customer_id),
            "voucher_code": Field(Redemption.body["voucher"]["code"].as_string()),
            "campaign_name": Field(Campaign.name),
            "campaign_id": Field(Redemption.campaign_id),
            "related_object_id": Field(Redemption.related_object_id),
            "related_object_parent_id": Field(Redemption.campaign_id),
            "parent_redemption_id": Field(Redemption.parent_id),
            "created_at": _instant(Redemption.date),
            "date": _instant(Redemption.date),
        },
        metadata=Redemption.body["metadata"],
    ),
    "publication": Exportable(
        fields=(
            "code",
            "voucher_code",
            "customer_id",
            "customer_source_id",
            "date",
            "channel",
            "campaign",
            "is_winner",
            "metadata",
        ),
        default_fields=("code", "customer_id", "date", "channel"),
        orders={
            "created_at": Publication.created_at,
            "id": Publication.id,
            "voucher_code": Publication.voucher_code,
            "tracking_id": _text(Customer.source_id),
            "customer_id": Publication.customer_id,
            "channel": Publication.channel,
        },
        default_order="-created_at",
        statement=rows.publications,
        identity=Publication.id,
        values=rows.publication_values,
        filters={
            "customer_id": Field(Publication.customer_id),
            "campaign_name": Field(Campaign.name),
            "parent_object_id": Field(Publication.campaign_id),
            "related_object_id": Field(Publication.voucher_id),
            "voucher_type": Field(Publication.voucher_type),
            "is_referral_code": Field(Publication.is_referral_code, "flag"),
            "source_id": Field(Publication.source_id),
            "channel": Field(Publication.channel),
            "result": Field(Publication.result),
            "created_at": _instant(Publication.created_at),
        },
        metadata=Publication.body["metadata"],
    ),
    "customer": Exportable(
        fields=(
            "name",
            "id",
            "description",
            "email",
            "source_id",
            "created_at",
            *(f"address_{name}" for name in rows.ADDRESS),
            *(f"redemptions_{name}" for name in rows.REDEMPTIONS),
            *(f"orders_{name}" for name in rows.ORDERS),
            "loyalty_points",
            "loyalty_referred_customers",
            "updated_at",
            "phone",
            "birthday",
            "metadata",
            "birthdate",
        ),
        default_fields=("name", "source_id"),
        orders={
            "created_at": Customer.created_at,
            "updated_at": _or_created(Customer),
            "id": Customer.id,
            **{name: _text(getattr(Customer, name)) for name in ("name", "email", "source_id")},
        },
        default_order="-created_at",
        statement=rows.customers,
        identity=Customer.id,
        values=rows.customer_values,
        filters={
            **{name: Field(getattr(Customer, name)) for name in ("id", "source_id", "name", "email")},
            "created_at": _instant(Customer.created_at),
            "updated_at": _instant(Customer.updated_at),
        },
        metadata=Customer.body["metadata"],
    ),
    "order": Exportable(
        fields=(
            "id",
            "source_id",
            "created_at",
            "updated_at",
            "status",
            "amount",
            "discount_amount",
            "items_discount_amount",
            "total_discount_amount",
            "total_amount",
            "customer_id",
            "referrer_id",
            "metadata",
        ),
        default_fields=("id", "source_id", "status"),
        orders={
            "created_at": Order.created_at,
            "updated_at": _or_created(Order),
            "status": Order.status,
            "id": Order.id,
        },
        default_order="-created_at",
        statement=rows.orders,
        identity=Order.id,
        values=rows.order_values,
        filters={
            **{name: Field(getattr(Order, name)) for name in ("id", "source_id", "status", "customer_id")},
            "amount": Field(Order.amount, "number"),
            "created_at": _instant(Order.created_at),
            "updated_at": _instant(Order.updated_at),
        },
        metadata=Order.body["metadata"],
    ),
    "voucher_transactions": Exportable(
        fields=(
            "id",
            "type",
            "source_id",
            "status",
            "reason",
            "source",
            "balance",
            "amount",
            "created_at",
            "voucher_id",
            "campaign_id",
            "related_transaction_id",
            "details",
        ),
        default_fields=(
            "id",
            "type",
            "source_id",
            "reason",
            "source",
            "balance",
            "amount",
            "created_at",
        ),
        orders={"created_at": VoucherTransaction.created_at, "id": VoucherTransaction.id},
        default_order="-created_at",
        statement=rows.transactions,
        identity=VoucherTransaction.id,
        values=rows.transaction_values,
        filters={
            **{
                name: Field(getattr(VoucherTransaction, name))
                for name in ("id", "voucher_id", "campaign_id", "type", "source_id")
            },
            "created_at": _instant(VoucherTransaction.created_at),
        },
    ),
}


def cursor_value(value: Any) -> Any:
    """A sort value as kept in the export's state."""
    return {"at": value.isoformat()} if isinstance(value, datetime) else value


def value_of_cursor(kept: Any) -> Any:
    return datetime.fromisoformat(kept["at"]) if isinstance(kept, dict) else kept
