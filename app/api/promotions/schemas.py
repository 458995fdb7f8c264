"""Bodies of requests for promotion tiers and stacks. In an update a null takes a value away."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.terms import Windows
from app.http.documented import DiscountDocument, TermsDocument


class TierAction(Struct, kw_only=True):
    discount: DiscountDocument | None = None


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
    extensions: TermsDocument | None = None


class TierUpdate(Windows, kw_only=True):
    name: str | UnsetType | None = UNSET
    banner: str | UnsetType | None = UNSET
    action: TierAction | None = None
    metadata: dict[str, Any] | None = None
    hierarchy: int | None = None
    category: str | UnsetType | None = UNSET
    category_id: str | UnsetType | None = UNSET
    extensions: TermsDocument | None = None


STACK_TIERS_MAX = 30
StackName = Annotated[str, Meta(min_length=1, max_length=1_000)]
TierId = Annotated[str, Meta(min_length=1, max_length=64)]


class StackTiers(Struct, kw_only=True):
    """The tiers in the order in which they apply."""

    ids: Annotated[list[TierId], Meta(min_length=1, max_length=STACK_TIERS_MAX)]
    hierarchy_mode: Literal["MANUAL"] | None = None


class StackCreate(Struct, kw_only=True):
    name: StackName
    tiers: StackTiers
    category: str | None = None
    category_id: str | None = None


class StackUpdate(Struct, kw_only=True):
    name: StackName | None = None
    tiers: StackTiers | None = None
    category: str | UnsetType | None = UNSET
    category_id: str | UnsetType | None = UNSET
