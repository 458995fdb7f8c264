"""What answers of stacking rules look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Instant, Shown


class EffectiveStackingRules(Shown, kw_only=True):
    """What holds when redeemables meet: every member, whether it was set or has its default. Categories are
    ids.
    """

    redeemables_limit: int
    applicable_redeemables_limit: int
    applicable_redeemables_per_category_limit: int | None
    """null: no limit."""
    applicable_redeemables_category_limits: dict[str, int]
    applicable_exclusive_redeemables_limit: int
    applicable_exclusive_redeemables_per_category_limit: int | None
    """null: no limit."""
    exclusive_categories: list[str]
    joint_categories: list[str]
    redeemables_application_mode: Literal["ALL", "PARTIAL"]
    redeemables_sorting_rule: Literal["CATEGORY_HIERARCHY", "REQUESTED_ORDER"]
    grouped_redeemables_sorting_rule: Literal["JOINT_ALWAYS_LAST"]
    redeemables_products_application_mode: Literal["STACK", "ONCE"]
    redeemables_no_effect_rule: Literal["REDEEM_ANYWAY", "SKIP"]
    no_effect_skip_categories: list[str]
    no_effect_redeem_anyway_categories: list[str]
    redeemables_rollback_order_mode: Literal["WITH_ORDER", "WITHOUT_ORDER"]
    discount_calculation_mode: Literal["INITIAL_AMOUNT", "DISCOUNTED_AMOUNT"]
    initial_amount_mode_categories: list[str]
    discounted_amount_mode_categories: list[str]
    object: Literal["stacking_rules"]


class StackingRules(EffectiveStackingRules, kw_only=True):
    """A project's own."""

    id: str
    created_at: Instant
    updated_at: Instant | UnsetType = UNSET


class ListedStackingRules(EffectiveStackingRules, kw_only=True):
    """A project's own, or the defaults, which have neither an id nor dates."""

    id: str | UnsetType = UNSET
    created_at: Instant | UnsetType = UNSET
    updated_at: Instant | UnsetType = UNSET


class StackingRulesList(Shown, kw_only=True):
    """Of one."""

    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[ListedStackingRules]
    total: int
