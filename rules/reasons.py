"""Every reason for a refusal: one enum, ordered by descending precedence, with numbers that never change.

A name's value in `REASONS` holds the wire key, the HTTP status, the sentence and whether trying again may
succeed.
"""

from enum import IntEnum

from msgspec import Struct


class Reason(IntEnum):
    """Descending precedence; numbers are stable for ever, gaps leave room."""

    NOT_FOUND = 100
    VOUCHER_DISABLED = 110
    PROMOTION_INACTIVE = 111
    CAMPAIGN_DISABLED = 112
    VOUCHER_NOT_ACTIVE = 120
    VOUCHER_EXPIRED = 121
    VOUCHER_NOT_ACTIVE_NOW = 122
    PROMOTION_NOT_ACTIVE_NOW = 123
    QUANTITY_EXCEEDED = 130
    GIFT_AMOUNT_EXCEEDED = 131
    LOYALTY_CARD_POINTS_EXCEEDED = 132
    MISSING_REWARD = 133
    INVALID_CUSTOMER = 140
    REFERRER_NOT_PERMITTED = 141
    MISSING_CUSTOMER = 150
    MISSING_ORDER = 151
    MISSING_AMOUNT = 152
    MISSING_ORDER_ITEMS = 153
    MISSING_ORDER_ITEMS_AMOUNT = 154
    CURRENCY_MISMATCH = 155
    MISSING_LOCATION = 156
    LOCATION_NOT_PERMITTED = 157
    MISSING_COST = 158
    CUSTOMER_RULES_VIOLATED = 160
    ORDER_RULES_VIOLATED = 161
    REDEMPTION_RULES_VIOLATED = 162
    INVALID_PRODUCT = 170
    MARGIN_FLOOR_REACHED = 171
    INCOMPLETE_BUNDLE = 172
    APPLICABLE_REDEEMABLES_LIMIT = 200
    APPLICABLE_PER_CATEGORY_LIMIT = 201
    APPLICABLE_EXCLUSIVE_LIMIT = 202
    APPLICABLE_EXCLUSIVE_PER_CATEGORY_LIMIT = 203
    EXCLUSION_RULES_NOT_MET = 204
    PRECEDING_VALIDATION_FAILED = 205
    NO_EFFECT = 206
    EXCLUSIVE_GROUP_TAKEN = 207
    NOT_BEST_OF_GROUP = 208


class ReasonText(Struct, frozen=True):
    key: str
    status: int
    message: str
    transient: bool


REASONS: dict[Reason, ReasonText] = {
    Reason.NOT_FOUND: ReasonText("not_found", 404, "Resource not found", transient=False),
    Reason.VOUCHER_DISABLED: ReasonText("voucher_disabled", 400, "voucher is disabled", transient=True),
    Reason.PROMOTION_INACTIVE: ReasonText("promotion_inactive", 400, "Inactive Promotion", transient=True),
    Reason.CAMPAIGN_DISABLED: ReasonText("voucher_disabled", 400, "voucher is disabled", transient=True),
    Reason.VOUCHER_NOT_ACTIVE: ReasonText(
        "voucher_not_active", 400, "voucher not active yet", transient=True
    ),
    Reason.VOUCHER_EXPIRED: ReasonText("voucher_expired", 400, "voucher expired", transient=False),
    Reason.VOUCHER_NOT_ACTIVE_NOW: ReasonText(
        "voucher_not_active_now", 400, "voucher not active now", transient=True
    ),
    Reason.PROMOTION_NOT_ACTIVE_NOW: ReasonText(
        "promotion_not_active_now", 400, "promotion not active now", transient=True
    ),
    Reason.QUANTITY_EXCEEDED: ReasonText("quantity_exceeded", 400, "quantity exceeded", transient=True),
    Reason.GIFT_AMOUNT_EXCEEDED: ReasonText(
        "gift_amount_exceeded", 400, "gift amount exceeded", transient=True
    ),
    Reason.LOYALTY_CARD_POINTS_EXCEEDED: ReasonText(
        "loyalty_card_points_exceeded", 400, "loyalty card points exceeded", transient=True
    ),
    Reason.MISSING_REWARD: ReasonText("missing_reward", 400, "Missing reward", transient=False),
    Reason.INVALID_CUSTOMER: ReasonText("invalid_customer", 400, "Invalid customer", transient=False),
    Reason.REFERRER_NOT_PERMITTED: ReasonText(
        "referrer_not_permitted_to_redeem", 400, "voucher cannot be redeemed by referrer", transient=False
    ),
    Reason.MISSING_CUSTOMER: ReasonText("missing_customer", 400, "Missing customer", transient=False),
    Reason.MISSING_ORDER: ReasonText("missing_order", 400, "Missing order", transient=False),
    Reason.MISSING_AMOUNT: ReasonText("missing_amount", 400, "Missing order amount", transient=False),
    Reason.MISSING_ORDER_ITEMS: ReasonText(
        "missing_order_items", 400, "Missing order items", transient=False
    ),
    Reason.MISSING_ORDER_ITEMS_AMOUNT: ReasonText(
        "missing_order_items_amount", 400, "Missing applicable order items", transient=False
    ),
    Reason.CUSTOMER_RULES_VIOLATED: ReasonText(
        "customer_rules_violated", 400, "customer does not match validation rules", transient=True
    ),
    Reason.ORDER_RULES_VIOLATED: ReasonText(
        "order_rules_violated", 400, "order does not match validation rules", transient=False
    ),
    Reason.REDEMPTION_RULES_VIOLATED: ReasonText(
        "redemption_rules_violated", 400, "redemption does not match validation rules", transient=True
    ),
    Reason.CURRENCY_MISMATCH: ReasonText(
        "currency_mismatch", 400, "Currency of the order does not match", transient=False
    ),
    Reason.MISSING_LOCATION: ReasonText("missing_location", 400, "Missing location", transient=False),
    Reason.LOCATION_NOT_PERMITTED: ReasonText(
        "location_not_permitted", 400, "Not available at this location", transient=False
    ),
    Reason.MISSING_COST: ReasonText("missing_cost", 400, "Missing cost of order items", transient=False),
    Reason.MARGIN_FLOOR_REACHED: ReasonText(
        "margin_floor_reached", 400, "Discount would take the margin below its floor", transient=False
    ),
    Reason.INCOMPLETE_BUNDLE: ReasonText(
        "order_rules_violated", 400, "order does not match validation rules", transient=False
    ),
    Reason.EXCLUSIVE_GROUP_TAKEN: ReasonText(
        "exclusive_group_taken", 400, "Another redeemable of the group is applied", transient=False
    ),
    Reason.NOT_BEST_OF_GROUP: ReasonText(
        "not_best_of_group", 400, "Another redeemable of the group is worth more", transient=False
    ),
    Reason.INVALID_PRODUCT: ReasonText("invalid_product", 404, "Invalid product", transient=False),
    Reason.APPLICABLE_REDEEMABLES_LIMIT: ReasonText(
        "applicable_redeemables_limit_exceeded", 400, "Applicable redeemables limit exceeded", transient=False
    ),
    Reason.APPLICABLE_PER_CATEGORY_LIMIT: ReasonText(
        "applicable_redeemables_per_category_limit_exceeded",
        400,
        "Applicable redeemables limit per category exceeded",
        transient=False,
    ),
    Reason.APPLICABLE_EXCLUSIVE_LIMIT: ReasonText(
        "applicable_exclusive_redeemables_limit_exceeded",
        400,
        "Applicable exclusive redeemables limit exceeded",
        transient=False,
    ),
    Reason.APPLICABLE_EXCLUSIVE_PER_CATEGORY_LIMIT: ReasonText(
        "applicable_exclusive_redeemables_per_category_limit_exceeded",
        400,
        "Applicable exclusive redeemables limit per category exceeded",
        transient=False,
    ),
    Reason.EXCLUSION_RULES_NOT_MET: ReasonText(
        "exclusion_rules_not_met", 400, "Redeemable cannot be applied due to exclusion rules", transient=False
    ),
    Reason.PRECEDING_VALIDATION_FAILED: ReasonText(
        "preceding_validation_failed",
        400,
        "Redeemable cannot be applied due to preceding validation failure",
        transient=True,
    ),
    Reason.NO_EFFECT: ReasonText("no_effect", 400, "Redeemable has no effect on the order", transient=False),
}


def is_transient(reason: Reason) -> bool:
    """May the same request succeed later without being changed?"""
    return REASONS[reason].transient
