"""What answers of validation rules look like."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from app.http.shown import Amount, Instant, Object, Shown

Effect = Literal[
    "APPLY_TO_EVERY",
    "APPLY_TO_CHEAPEST",
    "APPLY_TO_MOST_EXPENSIVE",
    "APPLY_FROM_CHEAPEST",
    "APPLY_FROM_MOST_EXPENSIVE",
]


class Assignment(Shown, kw_only=True):
    """A rule that holds for an object."""

    id: str
    rule_id: str
    related_object_id: str
    related_object_type: str
    created_at: Instant
    object: Literal["validation_rules_assignment"]


class AssignmentList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[Assignment]
    total: int


class ItemSelection(Struct, kw_only=True):
    """Products, SKUs or a collection that a rule lets in or keeps out. Other members are kept as sent."""

    object: Literal["product", "sku", "products_collection", "product_or_sku"] | UnsetType | None = UNSET
    id: str | UnsetType | None = UNSET
    source_id: str | UnsetType | None = UNSET
    product_id: str | UnsetType | None = UNSET
    product_source_id: str | UnsetType | None = UNSET
    strict: bool | UnsetType | None = UNSET
    effect: Effect
    target: Literal["ITEM", "UNIT"] | UnsetType | None = UNSET
    skip_initially: int | UnsetType | None = UNSET
    repeat: int | UnsetType | None = UNSET
    quantity_limit: int | UnsetType | None = UNSET
    aggregated_quantity_limit: int | UnsetType | None = UNSET
    amount_limit: Amount | UnsetType | None = UNSET
    aggregated_amount_limit: Amount | UnsetType | None = UNSET
    price: Amount | UnsetType | None = UNSET
    price_formula: str | UnsetType | None = UNSET


class ItemSelections(Struct, kw_only=True):
    """Which items a discount may touch. Other members are kept as sent."""

    included_all: bool
    included: list[ItemSelection]
    excluded: list[ItemSelection]


class ValidationRule(Shown, kw_only=True):
    """rules: by number, and `logic`, which says how they are joined."""

    id: str
    name: str | None
    rules: Object
    bundle_rules: Object
    applicable_to: ItemSelections
    type: str
    context_type: str
    assignments_count: int
    error: Object | UnsetType = UNSET
    extensions: Object | UnsetType = UNSET
    created_at: Instant
    updated_at: Instant | None
    object: Literal["validation_rules"]


class ValidationRuleList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[ValidationRule]
    total: int
