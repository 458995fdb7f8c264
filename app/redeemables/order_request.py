"""Orders as requests name them (behaviour 2.7), with the bounds of D21. A null means absent."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from app.redeemables.customers import CustomerPayload
from app.redeemables.shipping import check_shipping

MINOR_UNITS_MAX: Final = 10**12
"""Prices and amounts of a line (D21)."""
ORDER_AMOUNT_MAX: Final = 10**13
QUANTITY_MAX: Final = 10**6
SAFE_PRICE_MAX: Final = ORDER_AMOUNT_MAX // QUANTITY_MAX
"""Whatever the quantity, no more than the order's maximum comes of it."""
ITEMS_MAX: Final = 500

MinorUnits = Annotated[int, Meta(ge=0, le=MINOR_UNITS_MAX)]
OrderAmount = Annotated[int, Meta(ge=0, le=ORDER_AMOUNT_MAX)]
Text = Annotated[str, Meta(max_length=512)]
"""A name or source_id: whatever its characters, it fits a row of an index."""
Identifier = Annotated[str, Meta(max_length=64)]
OrderTerms = Annotated[
    dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/OrderExtensions"})
]
"""Described by app.http.documented."""
OrderStatus = Literal["CREATED", "PAID", "CANCELED", "FULFILLED"]


def whole(value: float | None, name: str) -> int | None:
    """An amount that the contract types as `number`: 2900 and 2900.0 are the same, and exact below 2**53.

    Raises: ValueError for a fraction of a minor unit or a value out of bounds.
    """
    if value is None:
        return None
    if not 0 <= value <= MINOR_UNITS_MAX:
        raise ValueError(f"{name} must be >= 0 and <= {MINOR_UNITS_MAX}")
    if value != int(value):
        raise ValueError(f"{name} must be integer")
    return int(value)


def counted(value: int | str | None, name: str, least: int) -> int | None:
    """A quantity; numeric strings are taken as numbers.

    Raises: ValueError for anything else, and out of bounds.
    """
    if value is None:
        return None
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 12):
            raise ValueError(f"{name} must be integer")
        value = int(value)
    if not least <= value <= QUANTITY_MAX:
        raise ValueError(f"{name} must be >= {least} and <= {QUANTITY_MAX}")
    return value


class ItemProductPayload(Struct, kw_only=True):
    """Details of a line's product; `override` asks to store them with the order."""

    id: Text | None = None
    source_id: Text | None = None
    override: bool | None = None
    name: Text | None = None
    price: int | float | None = None
    metadata: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.price = whole(self.price, "price")

    @property
    def minor_price(self) -> int | None:
        return None if self.price is None else int(self.price)


class ItemSkuPayload(Struct, kw_only=True):
    """Details of a line's SKU."""

    id: Text | None = None
    source_id: Text | None = None
    override: bool | None = None
    sku: Text | None = None
    price: int | float | None = None
    metadata: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.price = whole(self.price, "price")

    @property
    def minor_price(self) -> int | None:
        return None if self.price is None else int(self.price)


class OrderItemPayload(Struct, kw_only=True):
    """One line. Its discounts count only where the order itself is stored, not for a new calculation."""

    sku_id: Text | None = None
    product_id: Text | None = None
    related_object: Literal["product", "sku"] | None = None
    source_id: Text | None = None
    quantity: int | str | None = None
    discount_quantity: int | str | None = None
    initial_quantity: int | str | None = None
    amount: MinorUnits | None = None
    discount_amount: MinorUnits | None = None
    initial_amount: MinorUnits | None = None
    price: MinorUnits | None = None
    product: ItemProductPayload | None = None
    sku: ItemSkuPayload | None = None
    metadata: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        quantity = self.quantity
        if quantity is not None and not (type(quantity) is int and 1 <= quantity <= QUANTITY_MAX):
            self.quantity = counted(quantity, "quantity", 1)
        if self.discount_quantity is not None:
            self.discount_quantity = counted(self.discount_quantity, "discount_quantity", 0)
        if self.initial_quantity is not None:
            self.initial_quantity = counted(self.initial_quantity, "initial_quantity", 0)
        price = self.price
        if price is not None and price > SAFE_PRICE_MAX and price * self.units > ORDER_AMOUNT_MAX:
            raise ValueError(f"price multiplied by quantity must be <= {ORDER_AMOUNT_MAX}")

    @property
    def units(self) -> int:
        return int(self.quantity or 1)

    @property
    def names_product_only(self) -> bool:
        """Whether it names its product by the id, and nothing else that could be looked up: as most do."""
        return bool(
            self.product_id
            and self.sku_id is None
            and self.source_id is None
            and self.product is None
            and self.sku is None
        )

    @property
    def product_reference(self) -> str | None:
        """Id or source_id of the product, as far as the request names one."""
        if self.product_id:
            return self.product_id
        if self.product is not None and (self.product.id or self.product.source_id):
            return self.product.id or self.product.source_id
        return self.source_id if self.related_object != "sku" else None

    @property
    def sku_reference(self) -> str | None:
        if self.sku_id:
            return self.sku_id
        if self.sku is not None and (self.sku.id or self.sku.source_id):
            return self.sku.id or self.sku.source_id
        return self.source_id if self.related_object == "sku" else None


class OrderPayload(Struct, kw_only=True):
    """The order of a request. `currency` and `extensions` are this engine's own (D22)."""

    id: Identifier | None = None
    source_id: Text | None = None
    status: OrderStatus | None = None
    amount: OrderAmount | None = None
    initial_amount: OrderAmount | None = None
    discount_amount: OrderAmount | None = None
    items: Annotated[list[OrderItemPayload], Meta(max_length=ITEMS_MAX)] | None = None
    metadata: dict[str, Any] | None = None
    customer: CustomerPayload | None = None
    customer_id: Identifier | None = None
    referrer: CustomerPayload | None = None
    referrer_id: Identifier | None = None
    created_at: datetime | None = None
    currency: Annotated[str, Meta(max_length=16)] | None = None
    extensions: OrderTerms | None = None

    def __post_init__(self) -> None:
        if self.id == "":
            self.id = None
        if self.source_id == "":
            self.source_id = None
        if self.extensions is not None:
            check_shipping(self.extensions)

    @property
    def currency_code(self) -> str | None:
        code = self.currency or (self.extensions or {}).get("currency")
        return code if isinstance(code, str) and code else None
