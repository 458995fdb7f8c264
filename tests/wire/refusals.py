"""A request for each refusal that an operation on campaigns, codes, publications, promotions, rules,
categories and exports declares: what the shop is made to be, and what is sent then.
"""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
from msgspec import Struct

from tests.support.shop import (
    assign,
    created,
    gift_card,
    percent_off,
    public_code,
    redeem,
    rule,
    single_voucher,
    tier,
    unique,
)
from tests.wire.official_shop import RULES, TIER, a_campaign, a_category, a_promotion

NOBODY = "nobody"
END = "2020-01-01T00:00:00Z"
TOO_SMALL = {"pattern": "#", "charset": "A"}
VOUCHER = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10)}
CSV = b"Code\nONE-CODE"


class Desk(Struct, frozen=True):
    """Who asks: clients of one project by the side that they are for, and other keys of it."""

    api: httpx.Client
    """Server-side."""
    sides: Mapping[str, httpx.Client]
    """By the first segment of the path: v1, client, management."""
    project_id: str
    strict: "Desk | None" = None
    """A sandbox with schemas of metadata, at most one publication a month, and a client side that does not
    redeem.
    """
    poor: Mapping[str, Mapping[str, str]] = {}
    """By side, the heads of a key that may hand out nothing today."""


class Ask(Struct, frozen=True):
    """A request of an operation: what stands in its path, and the rest."""

    path: Mapping[str, str] = {}
    body: Any = None
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    files: Any = None
    by: Desk | None = None
    """Another project's."""


Refusals = dict[tuple[str, str], Callable[[Desk], Ask]]


def name(**campaign: Any) -> dict[str, Any]:
    return {"name": unique("c"), "voucher": VOUCHER} | campaign


def of_promotion(desk: Desk, **more: Any) -> Ask:
    return Ask({"campaignId": a_promotion(desk.api), "code": unique("C")}, **more)


def of_public(desk: Desk, **more: Any) -> Ask:
    return Ask({"campaignId": public_code(desk.api, percent_off(10))[1]}, **more)


def of_pool(desk: Desk, code: str = "ANY", **more: Any) -> Ask:
    return Ask({"campaignId": a_campaign(desk.api), "code": code}, **more)


def _taken_code(desk: Desk) -> str:
    return str(single_voucher(desk.api, percent_off(10))["code"])


def _spent_card(desk: Desk) -> str:
    """A card of 500 of which 400 are spent."""
    code = str(gift_card(desk.api, 500)["code"])
    redeem(desk.api, code, order={"amount": 400})
    return code


def _assigned_twice(desk: Desk) -> Ask:
    rule_id = rule(desk.api, "order.amount", {"$more_than": [1]})
    campaign_id = a_campaign(desk.api)
    assign(desk.api, rule_id, "campaign", campaign_id)
    body = {"related_object_type": "campaign", "related_object_id": campaign_id}
    return Ask({"validationRuleId": rule_id}, body=body)


def _category_in_use(desk: Desk) -> Ask:
    category = a_category(desk.api)
    path = f"/management/v1/projects/{desk.project_id}/stacking-rules"
    management = desk.sides["management"]
    management.delete(f"{path}/{created(management.get(path))['data'][0].get('id', NOBODY)}")
    created(management.post(path, json={"exclusive_categories": [category]}))
    return Ask({"categoryId": category})


def _second_rules(desk: Desk) -> Ask:
    desk.sides["management"].post(f"/management/v1/projects/{desk.project_id}/stacking-rules", json={})
    return Ask({"projectId": desk.project_id}, body={})


def _same_category(desk: Desk) -> dict[str, Any]:
    body = {"name": unique("category"), "hierarchy": 1}
    created(desk.api.post("/v1/categories", json=body))
    return body


def _bars(desk: Desk) -> Ask:
    """Of a code that bars cannot show."""
    made = created(desk.api.post("/v1/vouchers", json=VOUCHER | {"code": unique("ÄÖ")}))
    return Ask({"assetId": made["assets"]["barcode"]["id"]})


CARD = {"type": "GIFT_VOUCHER", "gift": {"amount": 500}}

REFUSALS: Refusals = {
    ("create-campaign", "invalid_campaign"): lambda _: Ask(body={"name": unique("c")}),
    ("create-campaign", "invalid_code_config"): lambda _: Ask(
        body=name(vouchers_count=5, voucher=VOUCHER | {"code_config": TOO_SMALL})
    ),
    ("create-campaign", "invalid_gift"): lambda _: Ask(
        body=name(voucher={"type": "GIFT_VOUCHER", "gift": {"effect": "APPLY_TO_ORDER"}})
    ),
    ("create-campaign", "not_found"): lambda _: Ask(body=name(category_id=NOBODY)),
    ("create-campaign", "duplicate_found"): lambda desk: Ask(
        body=name(name=created(desk.api.get(f"/v1/campaigns/{a_campaign(desk.api)}"))["name"])
    ),
    ("update-campaign", "invalid_campaign"): lambda desk: of_pool(
        desk, body={"discount": {"type": "AMOUNT", "amount_off": 5}}
    ),
    ("enable-campaign", "campaign_not_ready"): lambda desk: of_pool(desk, params={"strict": "true"}),
    ("add-vouchers-to-campaign", "invalid_campaign"): of_promotion,
    ("add-vouchers-to-campaign", "invalid_code_config"): lambda desk: of_pool(
        desk, params={"vouchers_count": "5"}, body={"code_config": TOO_SMALL}
    ),
    ("add-voucher-with-specific-code-to-campaign", "invalid_campaign"): of_promotion,
    ("add-voucher-with-specific-code-to-campaign", "invalid_voucher"): lambda desk: of_pool(desk, "%20"),
    ("add-voucher-with-specific-code-to-campaign", "duplicate_found"): lambda desk: of_pool(
        desk, _taken_code(desk)
    ),
    ("import-vouchers-to-campaign", "invalid_campaign"): lambda desk: of_public(desk, body=[{"code": "X"}]),
    ("import-vouchers-to-campaign", "invalid_voucher"): lambda desk: of_pool(desk, body=[{"active": True}]),
    ("import-vouchers-to-campaign", "duplicate_key"): lambda desk: of_pool(
        desk, body=[{"code": _taken_code(desk)}]
    ),
    ("import-vouchers-to-campaign", "invalid_payload"): lambda desk: of_pool(
        desk, body=[{"code": "X", "redemption": {"quantity": "five"}}]
    ),
    ("import-vouchers-to-campaign-using-csv", "invalid_campaign"): lambda desk: of_public(
        desk, files={"file": ("codes.csv", CSV, "text/csv")}
    ),
    ("list-campaign-transactions", "invalid_query_params"): lambda desk: of_pool(
        desk, params={"order": "name"}
    ),
    ("export-campaign-transactions", "invalid_export_fields"): lambda desk: of_cards(
        desk, body={"parameters": {"fields": ["weather"]}}
    ),
    ("export-campaign-transactions", "forbidden"): of_pool,
    ("generate-random-code", "not_found"): lambda _: Ask(body=VOUCHER | {"campaign": NOBODY}),
    ("generate-random-code", "duplicate_found"): lambda desk: Ask(body=VOUCHER | {"code": _taken_code(desk)}),
    ("generate-random-code", "invalid_voucher"): lambda _: Ask(body={"additional_info": "nothing"}),
    ("generate-random-code", "invalid_campaign"): lambda desk: Ask(
        body={"campaign_id": public_code(desk.api, percent_off(10))[1]}
    ),
    ("generate-random-code", "invalid_code_config"): lambda _: Ask(
        body=VOUCHER | {"code_config": {"length": 0.5}}
    ),
    ("create-voucher", "not_found"): lambda _: Ask(
        {"code": unique("C")}, body=VOUCHER | {"campaign": NOBODY}
    ),
    ("create-voucher", "duplicate_found"): lambda desk: Ask({"code": _taken_code(desk)}, body=VOUCHER),
    ("create-voucher", "invalid_voucher"): lambda _: Ask({"code": unique("C")}, body={"gift": None}),
    ("create-voucher", "invalid_campaign"): lambda desk: Ask(
        {"code": unique("C")}, body={"campaign_id": a_promotion(desk.api)}
    ),
    ("update-voucher", "invalid_amount"): lambda desk: Ask(
        {"code": _spent_card(desk)}, body={"gift": {"amount": 399}}
    ),
    ("update-voucher", "invalid_voucher"): lambda desk: Ask(
        {"code": _taken_code(desk)}, body={"discount": {"type": "AMOUNT", "amount_off": 5}}
    ),
    ("import-vouchers", "invalid_voucher"): lambda _: Ask(body=[VOUCHER]),
    ("import-vouchers-using-csv", "invalid_payload"): lambda _: Ask(
        files={"another": ("codes.csv", CSV, "text/csv")}
    ),
    ("update-voucher-balance", "invalid_add_balance_params"): lambda desk: Ask(
        {"code": gift_card(desk.api, 500)["code"]}, body={"reason": "none"}
    ),
    ("update-voucher-balance", "invalid_amount"): lambda desk: Ask(
        {"code": gift_card(desk.api, 500)["code"]}, body={"amount": -501}
    ),
    ("update-voucher-balance", "invalid_voucher"): lambda desk: Ask(
        {"code": _taken_code(desk)}, body={"amount": 5}
    ),
    ("list-voucher-transactions", "invalid_query_params"): lambda desk: Ask(
        {"code": gift_card(desk.api, 500)["code"]}, params={"limit": "0"}
    ),
    ("export-voucher-transactions", "invalid_export_fields"): lambda desk: Ask(
        {"code": gift_card(desk.api, 500)["code"]}, body={"parameters": {"fields": ["weather"]}}
    ),
    ("release-validation-session", "not_found"): lambda desk: Ask(
        {"code": _taken_code(desk), "sessionKey": NOBODY}
    ),
    ("get-barcode", "invalid_voucher"): _bars,
    ("add-promotion-tier-to-campaign", "invalid_campaign"): lambda desk: of_pool(desk, body=TIER),
    ("create-promotion-stack", "invalid_campaign"): lambda desk: of_pool(
        desk, body={"name": "stack", "tiers": {"ids": [tier(desk.api, percent_off(10))["id"]]}}
    ),
    ("create-promotion-stack", "not_found"): lambda desk: of_promotion(
        desk, body={"name": "stack", "tiers": {"ids": ["promo_nobody"]}}
    ),
    ("list-promotion-tiers-client-side", "invalid_query_params"): lambda _: Ask(params={"limit": "0"}),
    ("create-validation-rules", "invalid_validation_rules"): lambda _: Ask(
        body={
            "name": "r",
            "rules": {"1": {"name": "order.amount", "conditions": {"$huh": [1]}}, "logic": "1"},
        }
    ),
    ("update-validation-rule", "invalid_validation_rules"): lambda desk: Ask(
        {"validationRuleId": rule(desk.api, "order.amount", {"$more_than": [1]})},
        body={"rules": RULES | {"logic": "2"}},
    ),
    ("create-validation-rule-assignment", "duplicate_found"): _assigned_twice,
    ("create-category", "duplicate_found"): lambda desk: Ask(body=_same_category(desk)),
    ("create-category", "invalid_payload"): lambda _: Ask(body={"name": "first"}),
    ("update-category", "duplicate_found"): lambda desk: Ask(
        {"categoryId": a_category(desk.api)}, body=_same_category(desk)
    ),
    ("update-category", "invalid_payload"): lambda desk: Ask(
        {"categoryId": a_category(desk.api)}, body={"hierarchy": 2}
    ),
    ("delete-category", "resource_in_use"): _category_in_use,
    ("create-export", "invalid_export_fields"): lambda _: Ask(
        body={"exported_object": "voucher", "parameters": {"fields": ["weather"]}}
    ),
    ("create-export", "invalid_payload"): lambda _: Ask(body={"exported_object": "weather"}),
    ("get-export", "unauthorized"): lambda desk: Ask(
        {"exportId": created(desk.api.post("/v1/exports", json={"exported_object": "voucher"}))["id"]},
        params={"token": "wrong"},
    ),
    ("download-exported-file", "unauthorized"): lambda _: Ask(
        {"exportId": NOBODY}, params={"token": "wrong"}
    ),
    ("list-async-actions", "invalid_query_params"): lambda _: Ask(params={"end_date": "yesterday"}),
    ("create-stacking-rules", "stacking_rules_exist"): _second_rules,
    ("create-stacking-rules", "invalid_payload"): lambda desk: Ask(
        {"projectId": desk.project_id}, body={"applicable_exclusive_redeemables_limit": 31}
    ),
    ("update-stacking-rules", "invalid_payload"): lambda desk: Ask(
        {"projectId": desk.project_id, "stackingRulesId": NOBODY}, body={"redeemables_limit": 31}
    ),
}


def of_cards(desk: Desk, **more: Any) -> Ask:
    """A campaign of gift cards."""
    return Ask({"campaignId": a_campaign(desk.api, voucher=CARD)}, **more)
