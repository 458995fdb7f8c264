"""What a shop is made of: products, customers, segments, places, rules, campaigns, tiers, codes."""

import json
from typing import Any, Final

from tools.openapi_examples.recorder import Recorder

TEN_PERCENT: Final = {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"}
FIVE_OFF: Final = {"type": "AMOUNT", "amount_off": 500, "effect": "APPLY_TO_ORDER"}


def tell_products(recorder: Recorder) -> None:
    ask = recorder.ask
    kettle = ask(
        "create-product",
        {
            "name": "Kettle",
            "source_id": "kettle",
            "price": 4900,
            "attributes": ["colour"],
            "metadata": {"line": "kitchen"},
        },
    )
    ask("get-product", productId=kettle["id"])
    ask("update-product", {"price": 4700, "metadata": {"line": "kitchen"}}, productId="kettle")
    ask("list-products", query={"limit": "1"})
    sku = ask(
        "create-sku",
        {"source_id": "kettle-red", "sku": "Red kettle", "price": 5200, "attributes": {"colour": "red"}},
        productId=kettle["id"],
    )
    ask("get-sku", skuId=sku["id"])
    ask("update-sku", {"price": 5100}, productId="kettle", skuId="kettle-red")
    ask("list-SKUs-in-product", productId="kettle")
    rows = {"file": "Name,source_id,price\nMug,mug,9.00\nLamp,lamp,60.00\n"}
    recorder.done(ask("import-products-using-csv", rows))
    rows = {"file": "product_id,sku,source_id,price\n" + kettle["id"] + ",Blue kettle,kettle-blue,52.00\n"}
    recorder.done(ask("import-SKUs-using-csv", rows))
    recorder.done(ask("update-products-in-bulk", [{"source_id": "mug", "name": "Mug", "price": 950}]))
    body: dict[str, Any] = {"source_ids": ["mug", "lamp"], "metadata": {"line": "home"}}
    recorder.done(ask("update-products-metadata-in-bulk", body))
    members = [{"object": "product", "id": kettle["id"]}]
    made = ask("create-product-collection", {"name": "Kitchen", "type": "STATIC", "products": members})
    kitchen = made["id"]
    ask("get-product-collection", productCollectionId=kitchen)
    ask("list-product-collections", query={"limit": "1"})
    ask("list-products-in-collection", productCollectionId=kitchen)
    ask("put-product-collection", {"name": "Kitchen and bath"}, productCollectionId=kitchen)


def tell_customers(recorder: Recorder) -> None:
    ask = recorder.ask
    eva = ask(
        "create-customer",
        {
            "source_id": "eva",
            "name": "Eva Brown",
            "email": "eva@example.com",
            "address": {"city": "Leeds", "country": "GB"},
            "metadata": {"tier": "gold"},
        },
    )
    ask("get-customer", customerId="eva")
    ask("update-customer", {"phone": "+44 113 496 0000"}, customerId=eva["id"])
    ask("list-customers", query={"limit": "1"})
    recorder.done(ask("import-customers-using-csv", {"file": "Name,Source_id\nAnn,ann\n"}))
    recorder.done(ask("update-customers-in-bulk", [{"source_id": "ann", "name": "Ann Lee"}]))
    body = {"source_ids": ["ann", "eva"], "metadata": {"newsletter": True}}
    recorder.done(ask("update-customers-metadata-in-bulk", body))
    only_gold = {"junction": "and", "metadata.tier": {"conditions": {"$is": ["gold"]}}}
    segment = ask("create-segment", {"name": "Gold", "type": "auto-update", "filter": only_gold})
    ask("get-segment", segmentId=segment["id"])
    ask("list-segment")
    ask("list-customer-segments", customerId="eva")
    consent = ask(
        "create-consent",
        {"name": "Newsletter", "description": "Offers once a month", "category": "MARKETING_COMMUNICATION"},
    )["id"]
    ask("get-consent", consentId=consent)
    ask("update-consent", {"description": "Offers twice a month"}, consentId=consent)
    ask("list-made-consents")
    ask("list-consents")
    ask("list-consents-client-side")
    ask("update-customers-consents", {consent: True}, customerId="eva")
    ask("update-customers-consents-client-side", {consent: True}, customerId="eva")
    leeds = {"type": "circle", "distance": {"radius": "20 km", "center": "geo:53.8,-1.55"}}
    location = ask("create-location", {"name": "Leeds", "shape": leeds})["id"]
    ask("update-location", {"name": "Leeds and around"}, locationId=location)
    ask("get-location", locationId=location)
    ask("list-locations")
    york = json.dumps({"type": "circle", "distance": {"radius": "5 km", "center": "geo:53.96,-1.08"}})
    quoted = york.replace('"', '""')
    rows = f'name,shape\nYork,"{quoted}"\n'
    ask("import-locations-using-csv", {"file": rows})


def _tell_terms(recorder: Recorder) -> tuple[str, str]:
    """The ids of a category and of a rule."""
    ask = recorder.ask
    category = ask("create-category", {"name": "Seasonal", "hierarchy": 1})["id"]
    ask("update-category", {"name": "Seasonal", "hierarchy": 2}, categoryId=category)
    ask("get-category", categoryId=category)
    ask("list-categories")
    rule = ask(
        "create-validation-rules",
        {
            "name": "From 20.00, twice per customer",
            "rules": {
                "1": {"name": "order.amount", "conditions": {"$more_than_or_equal": [2000]}},
                "2": {
                    "name": "redemption.count.per_customer",
                    "conditions": {"$less_than_or_equal": [2]},
                },
                "logic": "1 and 2",
            },
            "error": {"message": "Add something to the cart, or use another code."},
        },
    )["id"]
    ask("update-validation-rule", {"error": {"message": "From 20.00 on."}}, validationRuleId=rule)
    ask("get-validation-rule", validationRuleId=rule)
    ask("list-validation-rules", query={"limit": "1"})
    return category, rule


def tell_campaigns(recorder: Recorder) -> dict[str, str]:
    """Ids that the other stories need, by what they are."""
    ask = recorder.ask
    category, rule = _tell_terms(recorder)
    spring = ask(
        "create-campaign",
        {
            "name": "Spring",
            "campaign_type": "DISCOUNT_COUPONS",
            "type": "AUTO_UPDATE",
            "vouchers_count": 2,
            "category_id": category,
            "expiration_date": "2030-06-01T00:00:00Z",
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "discount": TEN_PERCENT,
                "redemption": {"quantity": 1},
                "code_config": {"pattern": "SPRING-####"},
            },
            "metadata": {"channel": "newsletter"},
        },
    )["id"]
    recorder.until("get-campaign", "vouchers_generation_status", "DONE", campaignId=spring)
    ask("update-campaign", {"description": "For whoever reads the newsletter"}, campaignId=spring)
    ask("list-campaigns", query={"limit": "1"})
    ask("disable-campaign", campaignId=spring)
    ask("enable-campaign", campaignId=spring)
    more = ask("add-vouchers-to-campaign", {"metadata": {"batch": "two"}}, campaignId=spring)
    recorder.alias(more["code"], "SPRING-7KQ2")
    ask("add-voucher-with-specific-code-to-campaign", {}, campaignId=spring, code="SPRING-VIP")
    recorder.refused(
        "add-voucher-with-specific-code-to-campaign", {}, campaignId="camp_unknown", code="SPRING-VIP"
    )
    rows = [{"code": "SPRING-RADIO"}, {"code": "SPRING-PRESS"}]
    recorder.done(ask("import-vouchers-to-campaign", rows, campaignId=spring))
    sheet = {"file": "Code,Category\nSPRING-POSTER,Seasonal\n"}
    recorder.done(ask("import-vouchers-to-campaign-using-csv", sheet, campaignId=spring))
    ask("get-campaign-availability", campaignId=spring)
    ask("get-campaign-availability-client-side", campaignId=spring)
    ask("get-campaign-readiness", campaignId=spring)
    assigned = ask(
        "create-validation-rule-assignment",
        {"related_object_id": spring, "related_object_type": "campaign"},
        validationRuleId=rule,
    )["id"]
    ask("list-validation-rules-assignments", query={"limit": "1"})
    ask("list-validation-rule-assignments", validationRuleId=rule)
    tiers = _tell_tiers(recorder)
    template = ask("create-campaign-template", {"name": "Newsletter", "campaign_id": spring})["id"]
    ask("update-campaign-template", {"description": "Ten per cent, one use"}, campaignTemplateId=template)
    ask("get-campaign-template", campaignTemplateId=template)
    ask("list-campaign-templates")
    ask("create-campaign-from-template", {"name": "Summer", "vouchers_count": 1}, campaignTemplateId=template)
    of_tier = ask("create-campaign-template", {"name": "Tier", "promotion_tier_id": tiers["tier"]})["id"]
    body = {"name": "Another tier", "campaign_id": tiers["promotion"]}
    ask("add-tier-from-template", body, campaignTemplateId=of_tier)
    return {
        **tiers,
        "category": category,
        "rule": rule,
        "assignment": assigned,
        "campaign": spring,
        "template": template,
        "gifts": _tell_gifts(recorder),
    }


def _tell_gifts(recorder: Recorder) -> str:
    """A campaign whose vouchers have a balance; its id."""
    card = {"type": "GIFT_VOUCHER", "gift": {"amount": 2500, "effect": "APPLY_TO_ORDER"}}
    body = {"name": "Gift cards", "campaign_type": "GIFT_VOUCHERS", "vouchers_count": 0, "voucher": card}
    gifts = str(recorder.ask("create-campaign", body)["id"])
    recorder.ask("add-voucher-with-specific-code-to-campaign", {}, campaignId=gifts, code="CARD-25")
    recorder.ask("update-voucher-balance", {"amount": 500, "reason": "Birthday"}, code="CARD-25")
    return gifts


def _tell_tiers(recorder: Recorder) -> dict[str, str]:
    ask = recorder.ask
    made = ask(
        "create-campaign",
        {
            "name": "Free mug",
            "campaign_type": "PROMOTION",
            "promotion": {"tiers": [{"name": "From 30.00", "action": {"discount": FIVE_OFF}}]},
        },
    )
    promotion, first = made["id"], made["promotion"]["tiers"][0]["id"]
    twelve_off = {"discount": {**FIVE_OFF, "amount_off": 1200}}
    second = ask(
        "add-promotion-tier-to-campaign",
        {"name": "From 60.00", "banner": "12.00 off", "action": twelve_off},
        campaignId=promotion,
    )["id"]
    ask("get-promotion-tier", promotionTierId=second)
    ask("update-promotion-tier", {"banner": "A mug for free"}, promotionTierId=second)
    ask("disable-promotion-tier", promotionTierId=second)
    ask("enable-promotion-tier", promotionTierId=second)
    ask("list-promotion-tiers", query={"limit": "1"})
    ask("list-promotion-tiers-from-campaign", campaignId=promotion)
    ask("list-promotion-tiers-client-side")
    stack = ask(
        "create-promotion-stack",
        {"name": "Both", "tiers": {"ids": [first, second], "hierarchy_mode": "MANUAL"}},
        campaignId=promotion,
    )["id"]
    ask("update-promotion-stack", {"name": "Both tiers"}, campaignId=promotion, stackId=stack)
    ask("get-promotion-stack", campaignId=promotion, stackId=stack)
    ask("list-promotion-stacks-in-campaign", campaignId=promotion)
    ask("list-all-promotion-stacks")
    return {"promotion": promotion, "tier": first, "second_tier": second, "stack": stack}


def tell_vouchers(recorder: Recorder) -> None:
    ask = recorder.ask
    ask(
        "create-voucher",
        {"type": "DISCOUNT_VOUCHER", "discount": FIVE_OFF, "redemption": {"quantity": 2}},
        code="TAKE-FIVE",
    )
    ten = {"type": "DISCOUNT_VOUCHER", "discount": TEN_PERCENT}
    body: dict[str, Any] = {**ten, "code_config": {"length": 10}}
    recorder.alias(ask("generate-random-code", body)["code"], "hT7kQ2mXw9")
    gift = {"type": "GIFT_VOUCHER", "gift": {"amount": 5000, "effect": "APPLY_TO_ORDER"}}
    ask("create-voucher", gift, code="GIFT-50")
    ask("update-voucher-balance", {"amount": 1000, "reason": "Goodwill"}, code="GIFT-50")
    ask("list-voucher-transactions", code="GIFT-50")
    ask("get-voucher", code="TAKE-FIVE")
    ask("update-voucher", {"additional_info": "For the fair"}, code="TAKE-FIVE")
    ask("disable-voucher", code="TAKE-FIVE")
    ask("enable-voucher", code="TAKE-FIVE")
    ask("list-vouchers", query={"limit": "1", "order": "created_at"})
    rows = [{"code": "FAIR-1", "type": "DISCOUNT_VOUCHER", "discount": TEN_PERCENT}]
    recorder.done(ask("import-vouchers", rows))
    sheet = {"file": "Code,Voucher Type,Discount Type,Value\nFAIR-2,DISCOUNT_VOUCHER,PERCENT,10\n"}
    recorder.done(ask("import-vouchers-using-csv", sheet))
    rows = [{"code": "FAIR-1", "metadata": {"hall": "north"}}]
    recorder.done(ask("update-vouchers-in-bulk", rows))
    both = {"codes": ["FAIR-1", "FAIR-2"], "metadata": {"year": 2026}}
    recorder.done(ask("update-vouchers-metadata-in-bulk", both))
    ask("list-async-actions", query={"limit": "1"})
