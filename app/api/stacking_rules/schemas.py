"""Bodies of stacking rules requests, with the bounds of the published schema."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Count30 = Annotated[int, Meta(ge=1, le=30)]
Count10 = Annotated[int, Meta(ge=1, le=10)]
Count5 = Annotated[int, Meta(ge=1, le=5)]
CategoryId = Annotated[str, Meta(min_length=1, max_length=64)]
CategoryIds = Annotated[list[CategoryId], Meta(max_length=1_000)]


class StackingRulesBody(Struct, kw_only=True):
    """POST lays it over the defaults, PUT over what is stored; lists and maps replace the stored ones.
    null is what was not sent, but for the two limits that it takes away.
    """

    exclusive_categories: CategoryIds | UnsetType | None = UNSET
    joint_categories: CategoryIds | UnsetType | None = UNSET
    redeemables_limit: Count30 | UnsetType | None = UNSET
    applicable_redeemables_limit: Count30 | UnsetType | None = UNSET
    applicable_redeemables_per_category_limit: Count30 | UnsetType | None = UNSET
    """null: no limit."""
    applicable_redeemables_category_limits: (
        Annotated[dict[CategoryId, Count10], Meta(max_length=1_000)] | UnsetType | None
    ) = UNSET
    applicable_exclusive_redeemables_limit: Count5 | UnsetType | None = UNSET
    applicable_exclusive_redeemables_per_category_limit: Count30 | UnsetType | None = UNSET
    discount_calculation_mode: Literal["INITIAL_AMOUNT", "DISCOUNTED_AMOUNT"] | UnsetType | None = UNSET
    initial_amount_mode_categories: CategoryIds | UnsetType | None = UNSET
    discounted_amount_mode_categories: CategoryIds | UnsetType | None = UNSET
    redeemables_application_mode: Literal["ALL", "PARTIAL"] | UnsetType | None = UNSET
    redeemables_sorting_rule: Literal["CATEGORY_HIERARCHY", "REQUESTED_ORDER"] | UnsetType | None = UNSET
    grouped_redeemables_sorting_rule: Literal["JOINT_ALWAYS_LAST"] | UnsetType | None = UNSET
    redeemables_products_application_mode: Literal["STACK", "ONCE"] | UnsetType | None = UNSET
    redeemables_no_effect_rule: Literal["REDEEM_ANYWAY", "SKIP"] | UnsetType | None = UNSET
    no_effect_skip_categories: CategoryIds | UnsetType | None = UNSET
    no_effect_redeem_anyway_categories: CategoryIds | UnsetType | None = UNSET
    redeemables_rollback_order_mode: Literal["WITH_ORDER", "WITHOUT_ORDER"] | UnsetType | None = UNSET
