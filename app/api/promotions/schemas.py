"""Bodies of promotion tier requests. In an update a null takes a value away."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from app.api.terms import Windows


class TierAction(Struct, kw_only=True):
    discount: dict[str, Any] | None = None


class TierCreate(Windows, kw_only=True):
    name: str | None = None
    banner: str | None = None
    action: TierAction | None = None
    metadata: dict[str, Any] | None = None
    hierarchy: int | None = None
    active: bool | None = None
    category: str | None = None
    category_id: str | None = None
    validation_rules: list[str] | None = None
    extensions: dict[str, Any] | None = None


class TierUpdate(Windows, kw_only=True):
    name: str | UnsetType | None = UNSET
    banner: str | UnsetType | None = UNSET
    action: TierAction | None = None
    metadata: dict[str, Any] | None = None
    hierarchy: int | None = None
    category: str | UnsetType | None = UNSET
    category_id: str | UnsetType | None = UNSET
    extensions: dict[str, Any] | None = None
