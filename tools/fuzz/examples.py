"""One good body per operation that takes one; what they name is known to exist where anything is."""

import random
from collections.abc import Callable
from typing import Any

from tools.fuzz.pool import Pool

Body = Any
SHARES = {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"}
RULES = (
    {"name": "order.amount", "conditions": {"$more_than": [1]}},
    {"name": "order.items.count", "conditions": {"$more_than_or_equal": [0]}},
    {"name": "redemption.count.per_customer", "conditions": {"$less_than_or_equal": [100_000]}},
    {"name": "customer.metadata", "property": "tier", "conditions": {"$in": ["gold", "silver"]}},
    {"name": "order.metadata", "property": "channel", "conditions": {"$is": ["app"]}},
)


class Examples:
    """Bodies by the name of their shape in the document, else by operation id."""

    def __init__(self, pool: Pool, chance: random.Random) -> None:
        self.pool = pool
        self.chance = chance
        self.count = 0
        self.made: dict[str, Callable[[], Body]] = {
            "StackRequest": self.stack,
            "QualificationRequest": self.qualification,
            "CampaignCreate": self.campaign,
            "CampaignUpdate": lambda: {"description": "text", "metadata": {"a": 1}},
            "CampaignVouchersCreate": lambda: {"metadata": {"a": 1}},
            "VoucherCreate": self.voucher,
            "VoucherUpdate": lambda: {"metadata": {"a": 1}, "active": True},
            "SameMetadata": lambda: {"codes": [self.known("code")], "metadata": {"b": 2}},
            "BalanceUpdate": lambda: {"amount": 100},
            "CustomerCreate": self.customer,
            "CustomerUpdate": lambda: {"name": "Ann", "metadata": {"tier": "gold"}},
            "ProductCreate": self.product,
            "ProductUpdate": lambda: {"name": "Mug", "price": 600},
            "SkuCreate": lambda: {"sku": self.name("sku"), "price": 700},
            "SkuUpdate": lambda: {"sku": self.name("sku"), "price": 700},
            "OrderCreate": self.order,
            "OrderUpdate": lambda: {"status": "CREATED", "metadata": {"channel": "app"}},
            "CollectionCreate": self.collection,
            "CollectionUpdate": lambda: {"name": self.name("set")},
            "SegmentCreate": self.segment,
            "RuleCreate": self.rule,
            "RuleUpdate": lambda: {"name": self.name("rule"), "rules": self.rules()},
            "AssignmentCreate": self.assignment,
            "TierCreate": self.tier,
            "TierUpdate": lambda: {"name": self.name("tier"), "metadata": {"a": 1}},
            "StackCreate": self.tiers,
            "StackUpdate": self.tiers,
            "CategoryBody": lambda: {"name": self.name("category"), "hierarchy": 3},
            "RollbackRequest": lambda: {"reason": "changed mind"},
            "PublicationCreate": self.publication,
            "PublicationRevoke": lambda: {"reason": "mistake"},
            "LocationCreate": self.location,
            "LocationUpdate": lambda: {"name": self.name("place")},
            "ProjectExtensions": dict,
            "ProjectCreate": self.project,
            "ProjectUpdate": lambda: {"default_code_config": {}},
            "KeyCreate": lambda: {"name": self.name("key"), "role": "VIEWER"},
            "KeyUpdate": lambda: {"name": self.name("key")},
            "KeyRotate": lambda: {"overlap_seconds": 60},
            "StackingRulesBody": lambda: {"redeemables_application_mode": "PARTIAL"},
            "TemplateCreate": lambda: {"name": self.name("template"), "campaign_id": self.known("campaign")},
            "TemplateUpdate": lambda: {"description": "text"},
            "CampaignSetup": lambda: {"name": self.name("made"), "vouchers_count": 1},
            "TierSetup": lambda: {"name": self.name("tier"), "campaign_id": self.known("promotion")},
            "MetadataSchemaCreate": self.metadata_schema,
            "ExportCreate": lambda: {"exported_object": "voucher", "parameters": {"fields": ["code"]}},
            "ExportOf": lambda: {"parameters": {"fields": ["id"]}},
            "SingleRequest": lambda: {"order": self.order(), "customer": {"source_id": "ann"}},
            "TokenRequest": lambda: {"grant_type": "client_credentials", "scope": "vouchers campaigns"},
            "import-vouchers": lambda: [{"code": self.name("IMPORTED"), **self.voucher()}],
            "import-vouchers-to-campaign": lambda: [{"code": self.name("IMPORTED")}],
            "update-vouchers-in-bulk": lambda: [{"code": self.known("code"), "metadata": {"c": 3}}],
        }

    def of(self, shape: str, operation_id: str) -> Body | None:
        make = self.made.get(shape) or self.made.get(operation_id)
        return make() if make is not None else None

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}-{self.count}-{self.chance.randrange(10**6)}"

    def known(self, kind: str) -> str:
        return self.pool.pick(kind) or "nobody"

    def project(self) -> Body:
        terms = {"timezone": "UTC", "currency": "EUR", "case_sensitive_codes": True}
        return {"name": self.name("project"), **terms}

    def metadata_schema(self) -> Body:
        colour = {"type": "string", "optional": True, "array": False}
        return {"related_object": self.name("thing"), "properties": {"colour": colour}}

    def customer(self) -> Body:
        return {
            "source_id": self.name("customer"),
            "name": "Ann",
            "email": "ann@example.org",
            "metadata": {"tier": "gold"},
        }

    def order(self) -> Body:
        item = {"quantity": 2, "price": 500, "product_id": self.known("product")}
        return {"items": [item], "metadata": {"channel": "app"}, "status": "CREATED"}

    def stack(self) -> Body:
        code, tier = self.known("code"), self.known("tier")
        redeemable = self.chance.choice(
            ({"object": "voucher", "id": code}, {"object": "promotion_tier", "id": tier}, {"id": code})
        )
        body = {"redeemables": [redeemable], "order": self.order(), "customer": {"source_id": "ann"}}
        if self.chance.random() < 0.2:
            body["options"] = {"expand": ["order", "redeemable", "category"]}
        if self.chance.random() < 0.2:
            body["session"] = {"type": "LOCK", "ttl": 1, "ttl_unit": "MINUTES"}
        return body

    def qualification(self) -> Body:
        scenarios = ("ALL", "AUDIENCE_ONLY", "PRODUCTS", "CUSTOMER_WALLET", "PRODUCTS_DISCOUNT_BY_CUSTOMER")
        return {
            "customer": {"source_id": "ann"},
            "order": self.order(),
            "scenario": self.chance.choice(scenarios),
            "options": {
                "limit": 5,
                "expand": ["redeemable", "validation_rules"],
                "sorting_rule": "BEST_DEAL",
                "filters": {"resource_type": {"conditions": {"$in": ["voucher", "promotion_tier"]}}},
            },
        }

    def voucher(self) -> Body:
        if self.chance.random() < 0.3:
            return {"type": "GIFT_VOUCHER", "gift": {"amount": 5_000, "effect": "APPLY_TO_ORDER"}}
        return {"type": "DISCOUNT_VOUCHER", "discount": SHARES, "redemption": {"quantity": 100_000}}

    def campaign(self) -> Body:
        if self.chance.random() < 0.4:
            tier = {"name": "tier", "action": {"discount": SHARES}}
            return {
                "name": self.name("promotion"),
                "campaign_type": "PROMOTION",
                "type": "STATIC",
                "promotion": {"tiers": [tier]},
            }
        return {
            "name": self.name("campaign"),
            "campaign_type": "DISCOUNT_COUPONS",
            "type": self.chance.choice(("AUTO_UPDATE", "STATIC")),
            "vouchers_count": 2,
            "voucher": {"type": "DISCOUNT_VOUCHER", "discount": SHARES},
            "metadata": {"a": 1},
        }

    def product(self) -> Body:
        return {"name": "Mug", "source_id": self.name("product"), "price": 500, "metadata": {"colour": "red"}}

    def collection(self) -> Body:
        members = [{"id": self.known("product"), "object": "product"}]
        return {"name": self.name("set"), "type": "STATIC", "products": members}

    def segment(self) -> Body:
        tiers = {"metadata.tier": {"conditions": {"$is": ["gold"]}}, "junction": "and"}
        return {"name": self.name("segment"), "type": "auto-update", "filter": tiers}

    def rules(self) -> Body:
        return {"1": self.chance.choice(RULES), "2": self.chance.choice(RULES), "logic": "1 or 2"}

    def rule(self) -> Body:
        return {"name": self.name("rule"), "rules": self.rules(), "error": {"message": "no"}}

    def assignment(self) -> Body:
        kind, pool = self.chance.choice(
            (("campaign", "campaign"), ("promotion_tier", "tier"), ("voucher", "voucher_id"))
        )
        return {"related_object_type": kind, "related_object_id": self.known(pool)}

    def tier(self) -> Body:
        return {"name": self.name("tier"), "action": {"discount": SHARES}, "metadata": {"a": 1}}

    def tiers(self) -> Body:
        return {
            "name": self.name("stack"),
            "tiers": {"ids": [self.known("tier")]},
        }

    def publication(self) -> Body:
        if self.chance.random() < 0.5:
            return {"customer": {"source_id": "ann"}, "campaign": {"name": self.known("campaign")}}
        return {"customer": {"source_id": self.name("customer")}, "voucher": self.known("code")}

    def location(self) -> Body:
        return {
            "name": self.name("place"),
            "shape": {"type": "circle", "radius": 10, "center": {"lat": 52, "lng": 21}},
        }
