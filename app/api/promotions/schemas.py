"""Bodies of requests for promotion tiers and stacks. In an update a null takes a value away."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.terms import Windows
from app.http.documented import DiscountDocument, TermsDocument


class TierAction(Struct, kw_only=True):
    discount: DiscountDocument | None = None


class AssignedRule(Struct, kw_only=True):
    rule_id: str | None = None


class AssignedRules(Struct, kw_only=True):
    """The list as a tier answers it; of its entries only the rules are read."""

    data: list[AssignedRule] | None = None

    @property
    def rule_ids(self) -> list[str]:
        return [one.rule_id for one in self.data or () if one.rule_id is not None]


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
    validation_rule_assignments: AssignedRules | None = None
    extensions: TermsDocument | None = None


class TierUpdate(Windows, kw_only=True):
    name: str | UnsetType | None = UNSET
    banner: str | UnsetType | None = UNSET
    action: TierAction | None = None
    metadata: dict[str, Any] | None = None
    hierarchy: int | None = None
    category: str | UnsetType | None = UNSET
    category_id: str | UnsetType | None = UNSET
    validation_rule_assignments: AssignedRules | None = None
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
