"""What answers of categories look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Instant, Shown


class Category(Shown, kw_only=True):
    """hierarchy: vouchers of a lower one are applied first."""

    id: str
    name: str
    hierarchy: int
    created_at: Instant
    updated_at: Instant | UnsetType = UNSET
    object: Literal["category"]


class CategoryList(Shown, kw_only=True):
    """All of them, by hierarchy."""

    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[Category]
    total: int
