"""How a row of each exportable object is read, and how it reads.

Amounts are minor units in NDJSON; in CSV they are written in major units with the currency's digits, as in
the published example of a file. Instants are UTC.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from app.db.models import (
    Campaign,
    Category,
    Customer,
    Order,
    Publication,
    Redemption,
    ValidationRuleAssignment,
    Voucher,
    VoucherTransaction,
)
from app.http.wire import iso
from app.redeemables.asset_ids import asset_id, asset_url

Row = Any
Values = dict[str, Any]
AMOUNTS = frozenset(
    {
        "value", "gift_balance", "discount_amount_limit", "order_amount", "gift_amount", "amount", "balance",
        "discount_amount", "items_discount_amount", "total_discount_amount", "total_amount",
        "orders_total_amount", "orders_average_amount", "orders_last_order_amount",
    }
)  # fmt: skip
"""Fields that are money, but for the value of a percentage."""
PLAIN = "plain"
"""Member of a row's values: names of amounts that are no money in this row."""


def _joined(table: Any, other: Any, column: Any) -> ColumnElement[bool]:
    joined: ColumnElement[bool] = (other.project_id == table.project_id) & (other.id == column)
    return joined


# Vouchers
# --------------------------------------------------------------------------------------------------------


def vouchers(project_id: str) -> Select[*tuple[Any, ...]]:
    # Asked of the joined campaign, PostgreSQL expects hardly any row to pass, and sorts the whole table for
    # every part of a file in place of walking the index.
    in_the_bin = func.coalesce(Voucher.campaign_id, "").in_(
        select(Campaign.id).where(Campaign.project_id == project_id, Campaign.deleted_at.is_not(None))
    )
    rule_id = (
        select(func.min(ValidationRuleAssignment.rule_id))
        .where(
            ValidationRuleAssignment.project_id == Voucher.project_id,
            ValidationRuleAssignment.related_object_id == Voucher.id,
        )
        .scalar_subquery()
    )
    return (
        select(Voucher, Campaign, Category.name, Customer.source_id, rule_id)
        .outerjoin(Campaign, _joined(Voucher, Campaign, Voucher.campaign_id))
        .outerjoin(
            Category, _joined(Voucher, Category, func.coalesce(Voucher.category_id, Campaign.category_id))
        )
        .outerjoin(Customer, _joined(Voucher, Customer, Voucher.holder_id))
        .where(Voucher.project_id == project_id, Voucher.deleted_at.is_(None), ~in_the_bin)
    )


def voucher_values(row: Row) -> Values:
    voucher, campaign, category, source_id, rule_id = row
    body, shared = voucher.body, (campaign.body if campaign is not None else {})
    terms = shared.get("voucher") or {}
    discount = body.get("discount") or terms.get("discount") or {}
    timeframe = body.get("validity_timeframe") or shared.get("validity_timeframe") or {}
    gift = voucher.type == "GIFT_VOUCHER"
    members = ("amount_off", "percent_off", "fixed_amount", "unit_off")
    value = next((discount[name] for name in members if discount.get(name) is not None), None)
    formulas = [discount[f"{name}_formula"] for name in members if discount.get(f"{name}_formula")]
    balance = voucher.gift_opening + voucher.credited_amount - voucher.subtracted_amount
    balance -= voucher.redeemed_amount
    before = int((body.get("gift") or {}).get("redeemed_before") or 0)
    start = voucher.start_date or (campaign.start_date if campaign is not None else None)
    end = voucher.expiration_date or (campaign.expiration_date if campaign is not None else None)
    return {
        "id": voucher.id,
        "code": voucher.code,
        "voucher_type": voucher.type,
        "value": voucher.gift_opening + before + voucher.credited_amount if gift else value,
        "formula": next(iter(formulas), None),
        "discount_type": discount.get("type"),
        "campaign": campaign.name if campaign is not None else None,
        "category": category,
        "start_date": iso(start),
        "expiration_date": iso(end),
        "gift_balance": balance if gift else None,
        "loyalty_balance": (body.get("loyalty_card") or {}).get("points"),
        "redemption_quantity": voucher.quantity,
        "redemption_count": voucher.redeemed_base + voucher.redeemed_quantity,
        "active": voucher.active,
        "metadata": body.get("metadata") or {},
        "is_referral_code": voucher.is_referral_code,
        "created_at": iso(voucher.created_at),
        "updated_at": iso(voucher.updated_at),
        "validity_timeframe_interval": timeframe.get("interval"),
        "validity_timeframe_duration": timeframe.get("duration"),
        "validity_day_of_week": body.get("validity_day_of_week") or shared.get("validity_day_of_week"),
        "discount_amount_limit": discount.get("amount_limit"),
        "campaign_id": voucher.campaign_id,
        "additional_info": body.get("additional_info"),
        "customer_id": voucher.holder_id,
        "discount_effect": discount.get("effect"),
        "discount_unit_type": discount.get("unit_type"),
        "discount_unit_effect": discount.get("effect") if discount.get("type") == "UNIT" else None,
        "validation_rules_id": rule_id,
        "customer_source_id": source_id,
        PLAIN: ("value",) if discount.get("type") in ("PERCENT", "UNIT") else (),
    }


def voucher_pictures(row: Row, secret: bytes, public_url: str) -> Values:
    """Addresses of the pictures of a code. public_url: without a slash at its end."""
    return {
        field: asset_url(public_url, asset_id(secret, row[0], picture), picture)
        for field, picture in (("qr_code", "qr"), ("bar_code", "barcode"))
    }


# Redemptions, publications
# ---------------------------------------------------------------------------------------


def redemptions(project_id: str) -> Select[*tuple[Any, ...]]:
    return (
        select(Redemption, Campaign.name)
        .outerjoin(Campaign, _joined(Redemption, Campaign, Redemption.campaign_id))
        .where(Redemption.project_id == project_id)
    )


def redemption_values(row: Row) -> Values:
    redemption, campaign = row
    body = redemption.body
    customer, order = body.get("customer") or {}, body.get("order") or {}
    card = redemption.amount if (body.get("voucher") or {}).get("type") == "LOYALTY_CARD" else None
    return {
        "id": redemption.id,
        "object": redemption.object,
        "date": iso(redemption.date),
        "voucher_code": (body.get("voucher") or {}).get("code"),
        "campaign": campaign,
        "promotion_tier_id": redemption.tier_id,
        "customer_id": redemption.customer_id,
        "customer_source_id": customer.get("source_id"),
        "customer_name": customer.get("name"),
        "tracking_id": body.get("tracking_id"),
        "order_id": redemption.order_id,
        "order_amount": order.get("amount"),
        "gift_amount": redemption.amount if card is None else None,
        "loyalty_points": card,
        "result": redemption.result,
        "failure_code": redemption.failure_code,
        "failure_message": body.get("failure_message"),
        "metadata": body.get("metadata") or {},
    }


def publications(project_id: str) -> Select[*tuple[Any, ...]]:
    return (
        select(Publication, Campaign.name, Customer.source_id)
        .outerjoin(Campaign, _joined(Publication, Campaign, Publication.campaign_id))
        .outerjoin(Customer, _joined(Publication, Customer, Publication.customer_id))
        .where(Publication.project_id == project_id)
    )


def publication_values(row: Row) -> Values:
    publication, campaign, source_id = row
    codes = publication.body.get("codes") or [publication.voucher_code]
    return {
        "code": " ".join(codes),
        "voucher_code": " ".join(codes),
        "customer_id": publication.customer_id,
        "customer_source_id": source_id,
        "date": iso(publication.created_at),
        "channel": publication.channel,
        "campaign": campaign,
        "is_winner": None,
        "metadata": publication.body.get("metadata") or {},
    }


# Customers, orders, movements of cards
# ---------------------------------------------------------------------------


def customers(project_id: str) -> Select[*tuple[Any, ...]]:
    return select(Customer).where(Customer.project_id == project_id, Customer.deleted_at.is_(None))


def customer_values(row: Row) -> Values:
    (customer,) = row
    body, summary = customer.body, customer.summary or {}
    address, redemptions = body.get("address") or {}, summary.get("redemptions") or {}
    values: Values = {
        "id": customer.id,
        "source_id": customer.source_id,
        "name": customer.name,
        "email": customer.email,
        **{name: body.get(name) for name in ("description", "phone", "birthdate")},
        "birthday": body.get("birthdate"),
        **{f"address_{name}": address.get(name) for name in ADDRESS},
        **{f"redemptions_{name}": redemptions.get(name) for name in REDEMPTIONS},
        "created_at": iso(customer.created_at),
        "updated_at": iso(customer.updated_at),
        "loyalty_points": 0,
        "loyalty_referred_customers": 0,
        "metadata": body.get("metadata") or {},
    }
    for name in ORDERS:
        values[f"orders_{name}"] = (summary.get("orders") or {}).get(name)
    return values


ADDRESS = ("city", "state", "line_1", "line_2", "country", "postal_code")
REDEMPTIONS = (
    "total_redeemed", "total_failed", "total_succeeded", "total_rolled_back", "total_rollback_failed",
    "total_rollback_succeeded",
)  # fmt: skip
ORDERS = ("total_amount", "total_count", "average_amount", "last_order_amount", "last_order_date")


def orders(project_id: str) -> Select[*tuple[Any, ...]]:
    return select(Order).where(Order.project_id == project_id)


def order_values(row: Row) -> Values:
    (order,) = row
    body = order.body
    names = ("amount", "discount_amount", "items_discount_amount", "total_discount_amount", "total_amount")
    return {
        "id": order.id,
        "source_id": order.source_id,
        "created_at": iso(order.created_at),
        "updated_at": iso(order.updated_at),
        "status": order.status,
        **{name: body.get(name) for name in names},
        "customer_id": order.customer_id,
        "referrer_id": body.get("referrer_id"),
        "metadata": body.get("metadata") or {},
    }


def transactions(project_id: str) -> Select[*tuple[Any, ...]]:
    return select(VoucherTransaction).where(VoucherTransaction.project_id == project_id)


def transaction_values(row: Row) -> Values:
    (movement,) = row
    names = ("id", "campaign_id", "voucher_id", "type", "source_id", "reason", "source", "balance", "amount")
    return {
        **{name: getattr(movement, name) for name in names},
        "status": "SUCCESS",
        "related_transaction_id": None,
        "created_at": iso(movement.created_at),
        "details": movement.details,
    }
