"""What calculated orders in answers look like: those of validations, and those that redemptions stored."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Amount, Instant, Metadata, Shown
from app.redeemables.order_request import OrderStatus, OrderTerms


class CalculatedProduct(Shown, kw_only=True):
    """The product of an item, as far as it is known. On the client side without metadata."""

    id: str | UnsetType = UNSET
    source_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    price: Amount | UnsetType = UNSET


class CalculatedSku(Shown, kw_only=True):
    """The SKU of an item, as far as it is known. On the client side without metadata."""

    id: str | UnsetType = UNSET
    source_id: str | UnsetType = UNSET
    sku: str | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    price: Amount | UnsetType = UNSET


class ItemShare(Shown, kw_only=True):
    """order_share: the item's part of the discounts on the order as a whole."""

    order_share: Amount


class CalculatedItem(Shown, kw_only=True):
    """Discounts of zero are left out. `applied_*`: by this redeemable, or by all of the request."""

    object: Literal["order_item"]
    product_id: str | UnsetType = UNSET
    sku_id: str | UnsetType = UNSET
    source_id: str | UnsetType = UNSET
    related_object: Literal["product", "sku"] | UnsetType = UNSET
    quantity: int
    discount_quantity: int | UnsetType = UNSET
    """Units that are free."""
    initial_quantity: int | UnsetType = UNSET
    """Where a discount added units."""
    initial_amount: Amount | UnsetType = UNSET
    amount: Amount | UnsetType = UNSET
    price: Amount | UnsetType = UNSET
    discount_amount: Amount | UnsetType = UNSET
    applied_discount_amount: Amount | UnsetType = UNSET
    applied_discount_quantity: int | UnsetType = UNSET
    applied_quantity: int | UnsetType = UNSET
    applied_quantity_amount: Amount | UnsetType = UNSET
    subtotal_amount: Amount | UnsetType = UNSET
    """`amount` less `discount_amount`."""
    product: CalculatedProduct | UnsetType = UNSET
    sku: CalculatedSku | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    extensions: ItemShare | UnsetType = UNSET
    """Where shares of order discounts are tracked, and not on the client side."""


class CalculatedAmounts(Shown, kw_only=True):
    """Amounts of discounts that are zero are left out; without items and amount there is none at all."""

    amount: Amount | UnsetType = UNSET
    initial_amount: Amount | UnsetType = UNSET
    """Where a discount added units."""
    discount_amount: Amount | UnsetType = UNSET
    items_discount_amount: Amount | UnsetType = UNSET
    total_discount_amount: Amount | UnsetType = UNSET
    applied_discount_amount: Amount | UnsetType = UNSET
    items_applied_discount_amount: Amount | UnsetType = UNSET
    total_applied_discount_amount: Amount | UnsetType = UNSET
    total_amount: Amount | UnsetType = UNSET
    items: list[CalculatedItem] | UnsetType = UNSET
    metadata: Metadata
    referrer_id: str | None
    object: Literal["order"]


class PartialRollback(Shown, kw_only=True):
    """A rollback that took back a part of a redemption."""

    rollback_id: str
    rollback_date: Instant


class PartialRollbacks(Shown, kw_only=True):
    partial_rollbacks: list[PartialRollback]


class RedemptionOfOrder(Shown, kw_only=True):
    """What an order says of one of its redemptions."""

    date: Instant
    related_object_type: Literal["voucher", "promotion_tier", "redemption"]
    related_object_id: str
    related_object_parent_id: str | UnsetType = UNSET
    """The campaign's id."""
    stacked: list[str] | UnsetType = UNSET
    """Ids of the redemptions of a stack."""
    rollback_id: str | UnsetType = UNSET
    rollback_date: Instant | UnsetType = UNSET
    rollback_stacked: list[str] | UnsetType = UNSET
    extensions: PartialRollbacks | UnsetType = UNSET


class ValidationOrder(CalculatedAmounts, kw_only=True):
    """Nothing is saved, so it has no customer. id, source_id, redemptions: of an order that is stored."""

    id: str | UnsetType = UNSET
    source_id: str | UnsetType | None = UNSET
    customer_id: None
    referrer_id: None
    redemptions: dict[str, RedemptionOfOrder] | UnsetType = UNSET
    """By the redemption's id; not on the client side."""
    extensions: OrderTerms | UnsetType = UNSET
    """Shipping methods; not on the client side."""


class ClientSideOrder(CalculatedAmounts, kw_only=True):
    """As stored by a redemption, without what others have to do with it. items: where the request had any."""

    id: str
    source_id: str | None
    created_at: Instant
    updated_at: Instant | None
    status: OrderStatus
    customer_id: str | None
    currency: str | UnsetType = UNSET


class OrderPerson(Shown, kw_only=True):
    id: str
    object: Literal["customer"]


class RedemptionOrder(ClientSideOrder, kw_only=True):
    """As a redemption or its rollback stored it, with the amounts of this redemption."""

    customer: OrderPerson | None
    referrer: OrderPerson | None
    redemptions: dict[str, RedemptionOfOrder]
    """By the redemption's id."""
    extensions: OrderTerms | UnsetType = UNSET


