"""What the official Python client is made to call: for each of its methods in these areas, how the shop is
prepared and what is sent. `body` is whatever JSON the method's own model is made of.
"""

from collections.abc import Callable

import httpx

from tests.support.shop import percent_off, public_code, redeem, stack, tier, unique
from tests.wire.official_shop import (
    END,
    LIST_FILTER,
    ORIGIN,
    RULES,
    TIER,
    Sent,
    a_campaign,
    a_category,
    a_lock,
    a_new_stack,
    a_promotion,
    a_publication,
    a_redemption,
    a_rule,
    a_stack_of_tiers,
    a_used_card,
    a_voucher,
    an_action,
    an_assignment,
    an_export,
    customer,
    file,
    full_stack,
    used_cards,
)

CAMPAIGN = {
    "name": "",
    "description": "Ten off",
    "campaign_type": "DISCOUNT_COUPONS",
    "type": "AUTO_UPDATE",
    "vouchers_count": 2,
    "join_once": True,
    "use_voucher_metadata_schema": True,
    "start_date": "2020-01-01T00:00:00Z",
    "expiration_date": END,
    "validity_day_of_week": [1, 2, 3],
    "activity_duration_after_publishing": "P3D",
    "category": "first",
    "metadata": {"lot": 1},
    "voucher": {
        "type": "DISCOUNT_VOUCHER",
        "discount": percent_off(10),
        "redemption": {"quantity": 1},
        "code_config": {"length": 8, "charset": "ABCDEFGHJKMNPQRSTUVWXYZ23456789", "prefix": "OFF-"},
    },
}
VOUCHER = {
    "type": "DISCOUNT_VOUCHER",
    "discount": percent_off(10),
    "redemption": {"quantity": 2},
    "start_date": "2020-01-01T00:00:00Z",
    "expiration_date": END,
    "metadata": {"lot": 1},
    "additional_info": "one",
}
EXPAND = {"expand": ["order", "redeemable", "category"]}
INAPPLICABLE = {"redeemables": [{"object": "voucher", "id": "NO-SUCH-CODE"}], "order": {"amount": 100}}
FREE_UNIT = {"type": "UNIT", "unit_off": 1, "unit_type": "mug", "effect": "ADD_MISSING_ITEMS"}

OPERATIONS: dict[str, tuple[Callable[[httpx.Client], Sent], ...]] = {
    "CampaignsApi.create_campaign": (
        lambda _: {"body": CAMPAIGN | {"name": unique("c")}},
        lambda _: {"body": {"name": unique("c"), "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 5}}}},
        lambda _: {
            "body": {"name": unique("p"), "campaign_type": "PROMOTION", "promotion": {"tiers": [TIER]}}
        },
        lambda _: {
            "body": {
                "name": unique("loyal"),
                "campaign_type": "LOYALTY_PROGRAM",
                "voucher": {"type": "LOYALTY_CARD", "loyalty_card": {"points": 10}},
            }
        },
    ),
    "CampaignsApi.get_campaign": (
        lambda api: {"campaign_id": a_campaign(api)},
        lambda api: {"campaign_id": public_code(api, FREE_UNIT)[1]},
        lambda api: {"campaign_id": a_promotion(api)},
        lambda api: {"campaign_id": an_assignment(api)[2]},
    ),
    "CampaignsApi.update_campaign": (
        lambda api: {
            "campaign_id": a_campaign(api),
            "body": {"expiration_date": END, "metadata": {"lot": 2}},
        },
    ),
    "CampaignsApi.list_campaigns": (
        lambda api: {"limit": a_campaign(api) and 100, "expand": "category", "order": "-created_at"},
    ),
    "CampaignsApi.enable_campaign": (lambda api: {"campaign_id": a_campaign(api)},),
    "CampaignsApi.disable_campaign": (lambda api: {"campaign_id": a_campaign(api)},),
    "CampaignsApi.delete_campaign": (lambda api: {"campaign_id": a_campaign(api), "force": True},),
    "CampaignsApi.add_vouchers_to_campaign": (
        lambda api: {"campaign_id": a_campaign(api)},
        lambda api: {"campaign_id": a_campaign(api), "vouchers_count": 3, "body": {"metadata": {"lot": 1}}},
    ),
    "CampaignsApi.add_voucher_with_specific_code_to_campaign": (
        lambda api: {
            "campaign_id": a_campaign(api),
            "code": unique("AB C/d?é#+%"),
            "body": {"category": "x"},
        },
    ),
    "CampaignsApi.import_vouchers_to_campaign": (
        lambda api: {"campaign_id": a_campaign(api), "body": [{"code": unique("IMPORTED"), "active": True}]},
    ),
    "CampaignsApi.import_vouchers_to_campaign_using_csv": (
        lambda api: {"campaign_id": a_campaign(api), "file": file()},
    ),
    "CampaignsApi.get_campaign_summary": (
        lambda api: {"campaign_id": used_cards(api)},
        lambda api: {"campaign_id": a_campaign(api), "start_date": "2025-01-01", "end_date": "2090-01-31"},
    ),
    "CampaignsApi.list_campaign_transactions": (lambda api: {"campaign_id": used_cards(api), "limit": 5},),
    "CampaignsApi.export_campaign_transactions": (
        lambda api: {"campaign_id": used_cards(api), "body": {"parameters": {"fields": ["id", "amount"]}}},
    ),
    "VouchersApi.create_voucher": (
        lambda _: {"code": unique("AB C/d?é#+%"), "body": VOUCHER},
        lambda _: {"code": unique("C"), "body": {"type": "GIFT_VOUCHER", "gift": {"amount": 500}}},
    ),
    "VouchersApi.generate_random_code": (lambda _: {"body": VOUCHER | {"code_config": {"length": 12}}},),
    "VouchersApi.get_voucher": (
        lambda api: {"code": a_voucher(api)},
        lambda api: {"code": a_used_card(api)},
        lambda api: {"code": a_publication(api)["voucher"]["code"]},
    ),
    "VouchersApi.update_voucher": (
        lambda api: {"code": a_voucher(api), "body": {"metadata": {"lot": 2}, "expiration_date": END}},
    ),
    "VouchersApi.list_vouchers": (
        lambda api: {"code": a_voucher(api), "limit": 100, "order": "-created_at"},
    ),
    "VouchersApi.enable_voucher": (lambda api: {"code": a_voucher(api)},),
    "VouchersApi.disable_voucher": (lambda api: {"code": a_voucher(api)},),
    "VouchersApi.delete_voucher": (lambda api: {"code": a_voucher(api), "force": True},),
    "VouchersApi.import_vouchers": (
        lambda _: {"body": [VOUCHER | {"code": unique("IMPORTED"), "active": True}]},
    ),
    "VouchersApi.import_vouchers_using_csv": (lambda _: {"file": file()},),
    "VouchersApi.update_vouchers_in_bulk": (
        lambda api: {"body": [{"code": a_voucher(api), "metadata": {"lot": 2}}]},
    ),
    "VouchersApi.update_vouchers_metadata_in_bulk": (
        lambda api: {"body": {"codes": [a_voucher(api)], "metadata": {"lot": 2}}},
    ),
    "VouchersApi.update_voucher_balance": (lambda api: {"code": a_used_card(api), "body": {"amount": 50}},),
    "VouchersApi.list_voucher_transactions": (lambda api: {"code": a_used_card(api), "limit": 100},),
    "VouchersApi.export_voucher_transactions": (lambda api: {"code": a_used_card(api), "body": {}},),
    "VouchersApi.release_validation_session": (a_lock,),
    "PublicationsApi.create_publication": (
        lambda api: {
            "join_once": True,
            "body": {"campaign": {"name": a_campaign(api)}, "customer": customer()},
        },
        lambda api: {"body": {"voucher": a_voucher(api), "customer": customer(), "metadata": {"lot": 1}}},
        lambda api: {"body": {"campaign": {"name": a_campaign(api), "count": 2}, "customer": customer()}},
    ),
    "PublicationsApi.create_publication1": (
        lambda api: {
            "customer": {"source_id": unique("buyer"), "email": "ada@example.com"},
            "campaign": {"name": a_campaign(api)},
        },
        lambda api: {
            "customer": {"source_id": unique("buyer")},
            "voucher": a_voucher(api),
            "metadata": {"a": {"b": 1}},
        },
    ),
    "PublicationsApi.list_publications": (
        lambda api: {"voucher": a_publication(api)["voucher"]["code"], "order": "-created_at"},
        lambda _: {"filters": LIST_FILTER, "limit": 5},
    ),
    "PromotionsApi.add_promotion_tier_to_campaign": (
        lambda api: {"campaign_id": a_promotion(api), "body": TIER},
    ),
    "PromotionsApi.get_promotion_tier": (
        lambda api: {"promotion_tier_id": tier(api, percent_off(10), validation_rules=[a_rule(api)])["id"]},
    ),
    "PromotionsApi.update_promotion_tier": (
        lambda api: {"promotion_tier_id": tier(api, percent_off(10))["id"], "body": {"name": "New"}},
    ),
    "PromotionsApi.enable_promotion_tier": (
        lambda api: {"promotion_tier_id": tier(api, percent_off(10))["id"]},
    ),
    "PromotionsApi.disable_promotion_tier": (
        lambda api: {"promotion_tier_id": tier(api, percent_off(10))["id"]},
    ),
    "PromotionsApi.delete_promotion_tier": (
        lambda api: {"promotion_tier_id": tier(api, percent_off(10))["id"]},
    ),
    "PromotionsApi.list_promotion_tiers": (
        lambda api: {"is_available": bool(a_promotion(api)), "limit": 100},
    ),
    "PromotionsApi.list_promotion_tiers_from_campaign": (lambda api: {"campaign_id": a_promotion(api)},),
    "PromotionsApi.create_promotion_stack": (a_new_stack,),
    "PromotionsApi.get_promotion_stack": (
        lambda api: dict(zip(("campaign_id", "stack_id"), a_stack_of_tiers(api), strict=True)),
    ),
    "PromotionsApi.update_promotion_stack": (
        lambda api: (
            dict(zip(("campaign_id", "stack_id"), a_stack_of_tiers(api), strict=True))
            | {"body": {"name": "New"}}
        ),
    ),
    "PromotionsApi.delete_promotion_stack": (
        lambda api: dict(zip(("campaign_id", "stack_id"), a_stack_of_tiers(api), strict=True)),
    ),
    "PromotionsApi.list_all_promotion_stacks": (lambda api: {"limit": a_stack_of_tiers(api) and 100},),
    "PromotionsApi.list_promotion_stacks_in_campaign": (
        lambda api: {"campaign_id": a_stack_of_tiers(api)[0]},
    ),
    "ValidationRulesApi.create_validation_rules": (
        lambda _: {"body": {"name": "Above 50", "rules": RULES, "error": {"message": "Too little"}}},
    ),
    "ValidationRulesApi.get_validation_rule": (lambda api: {"validation_rule_id": an_assignment(api)[0]},),
    "ValidationRulesApi.update_validation_rule": (
        lambda api: {"validation_rule_id": a_rule(api), "body": {"name": "New", "rules": RULES}},
    ),
    "ValidationRulesApi.delete_validation_rules": (lambda api: {"validation_rule_id": a_rule(api)},),
    "ValidationRulesApi.list_validation_rules": (lambda api: {"limit": a_rule(api) and 100},),
    "ValidationRulesApi.create_validation_rule_assignment": (
        lambda api: {
            "validation_rule_id": a_rule(api),
            "body": {"related_object_type": "campaign", "related_object_id": a_campaign(api)},
        },
    ),
    "ValidationRulesApi.delete_validation_rule_assignment": (
        lambda api: dict(zip(("validation_rule_id", "assignment_id"), an_assignment(api)[:2], strict=True)),
    ),
    "ValidationRulesApi.list_validation_rule_assignments": (
        lambda api: {"validation_rule_id": an_assignment(api)[0]},
    ),
    "ValidationRulesApi.list_validation_rules_assignments": (lambda api: {"rule": an_assignment(api)[0]},),
    "CategoriesApi.create_category": (lambda _: {"body": {"name": unique("category"), "hierarchy": 2}},),
    "CategoriesApi.get_category": (lambda api: {"category_id": a_category(api)},),
    "CategoriesApi.update_category": (
        lambda api: {"category_id": a_category(api), "body": {"name": unique("category"), "hierarchy": 3}},
    ),
    "CategoriesApi.delete_category": (lambda api: {"category_id": a_category(api)},),
    "CategoriesApi.list_categories": (lambda api: {"_request_timeout": a_category(api) and 30},),
    "QualificationsApi.check_eligibility": (
        lambda api: {
            "body": {
                "scenario": "ALL",
                "customer": customer(),
                "order": stack(a_voucher(api), a_promotion(api))["order"],
                "options": {"expand": ["redeemable"], "limit": 10, "sorting_rule": "BEST_DEAL"},
            }
        },
    ),
    "ClientSideApi.check_eligibility_client_side": (
        lambda _: {"_headers": {"origin": ORIGIN}, "body": {"scenario": "ALL", "order": {"amount": 100}}},
    ),
    "ClientSideApi.list_promotion_tiers_client_side": (
        lambda api: {"origin": ORIGIN, "is_available": bool(a_promotion(api))},
    ),
    "ClientSideApi.redeem_stacked_discounts_client_side": (
        lambda api: {"origin": ORIGIN, "body": full_stack(api)},
    ),
    "ClientSideApi.validate_stacked_discounts_client_side": (
        lambda api: {"origin": ORIGIN, "body": full_stack(api, options=EXPAND)},
        lambda _: {"origin": ORIGIN, "body": INAPPLICABLE},
    ),
    "ClientSideApi.track_custom_event_client_side": (
        lambda _: {
            "origin": ORIGIN,
            "body": {"event": "looked", "customer": {"source_id": unique("buyer")}},
        },
    ),
    "AsyncActionsApi.get_async_action": (lambda api: {"async_action_id": an_action(api)},),
    "AsyncActionsApi.list_async_actions": (lambda api: {"limit": an_action(api) and 100},),
    "ExportsApi.create_export": (
        lambda _: {"body": {"exported_object": "voucher", "parameters": {"fields": ["code"]}}},
    ),
    "ExportsApi.get_export": (lambda api: {"export_id": an_export(api)["id"]},),
    "ExportsApi.list_exports": (lambda api: {"limit": an_export(api) and 100},),
    "ExportsApi.delete_export": (lambda api: {"export_id": an_export(api)["id"]},),
    "RedemptionsApi.redeem_stacked_discounts": (lambda api: {"body": full_stack(api, options=EXPAND)},),
    "RedemptionsApi.get_redemption": (
        lambda api: {"redemption_id": a_redemption(api)["redemptions"][1]["id"]},
        lambda api: {"redemption_id": a_redemption(api)["parent_redemption"]["id"]},
    ),
    "RedemptionsApi.get_voucher_redemptions": (lambda api: {"code": a_used_card(api)},),
    "RedemptionsApi.list_redemptions": (
        lambda api: {"limit": a_redemption(api) and 100, "filters": LIST_FILTER, "order": "-created_at"},
    ),
    "RedemptionsApi.rollback_redemption": (
        lambda api: {
            "redemption_id": redeem(api, a_used_card(api), customer=customer())["redemptions"][0]["id"],
            "reason": "returned",
            "body": {"metadata": {"lot": 1}},
        },
    ),
    "RedemptionsApi.rollback_stacked_redemptions": (
        lambda api: {
            "parent_redemption_id": a_redemption(api)["parent_redemption"]["id"],
            "reason": "returned",
        },
    ),
    "ValidationsApi.validate_stacked_discounts": (
        lambda api: {"body": full_stack(api, options=EXPAND, session={"type": "LOCK"})},
        lambda _: {"body": INAPPLICABLE},
        lambda api: {"body": stack(public_code(api, FREE_UNIT)[0])},
    ),
}
"""Class and method → the calls that are made, each by what it prepares and sends."""
