"""Many promotion tiers: a quarter asks for an amount, the others for a product, for a customer's metadata, or
for amount and product. About one in twenty matches a cart.

Campaigns and rules come through the API, tiers straight into their table: no 20 000 requests.
"""

import random
from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy import insert

from app.db.database import Database
from app.db.models import PromotionTier, ValidationRuleAssignment
from app.identifiers import new_id, next_version
from loadtests.shop import post

PRODUCTS = 400
GROUPS = 60
AMOUNTS = 40
TIERS_OF_CAMPAIGN = 100
BATCH = 1_000


async def open_tiers(database_url: str, project_id: str, client: httpx.AsyncClient, count: int) -> None:
    """Nothing of the project may have been asked for before: the running engine is not told."""
    chance = random.Random(7)
    rules = await _rules(client, chance)
    campaigns = []
    for number in range(-(-count // TIERS_OF_CAMPAIGN)):
        document = {"name": f"Tiers {number}", "campaign_type": "PROMOTION", "promotion": {"tiers": []}}
        campaigns.append((await post(client, "/v1/campaigns", document))["id"])
    tiers = [_tier(project_id, campaigns[number // TIERS_OF_CAMPAIGN], number) for number in range(count)]
    assignments = [
        _assignment(project_id, tier["id"], chance.choice(rules[number % len(rules)]))
        for number, tier in enumerate(tiers)
    ]
    db = Database(database_url)
    for start in range(0, count, BATCH):
        async with db.writing() as session:
            await session.execute(insert(PromotionTier), tiers[start : start + BATCH])
            await session.execute(insert(ValidationRuleAssignment), assignments[start : start + BATCH])
    await db.close()


async def _rules(client: httpx.AsyncClient, chance: random.Random) -> list[list[str]]:
    """Ids of rules, by kind."""
    amounts = [
        {"name": "order.amount", "conditions": {"$more_than_or_equal": [chance.randrange(5_000, 350_000)]}}
        for _ in range(AMOUNTS)
    ]
    products = [
        {"name": "order.items.any", "conditions": {"$is": [{"object": "product", "id": f"prod_{number}"}]}}
        for number in range(PRODUCTS)
    ]
    groups = [
        {"name": "customer.metadata", "property": "group", "conditions": {"$is": [f"group-{number}"]}}
        for number in range(GROUPS)
    ]
    kinds = [[[one] for one in kind] for kind in (amounts, products, groups)]
    kinds.append([[amount, chance.choice(products)] for amount in amounts])
    return [[await _rule(client, conditions) for conditions in kind] for kind in kinds]


async def _rule(client: httpx.AsyncClient, conditions: list[dict[str, Any]]) -> str:
    rules: dict[str, Any] = {str(index): one for index, one in enumerate(conditions, 1)}
    document = {"name": new_id("rule_"), "rules": {**rules, "logic": " and ".join(rules)}}
    return str((await post(client, "/v1/validation-rules", document))["id"])


def _tier(project_id: str, campaign_id: str, number: int) -> dict[str, Any]:
    discount = {"type": "PERCENT", "percent_off": 1 + number % 20, "effect": "APPLY_TO_ORDER"}
    return {
        "project_id": project_id,
        "id": new_id("promo_"),
        "created_at": datetime.now(UTC),
        "updated_at": None,
        "version": next_version(),
        "campaign_id": campaign_id,
        "name": f"Tier {number}",
        "hierarchy": number + 1,
        "active": True,
        "start_date": None,
        "expiration_date": None,
        "category_id": None,
        "body": {"action": {"discount": discount}},
    }


def _assignment(project_id: str, tier_id: str, rule_id: str) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "id": new_id("asgm_"),
        "created_at": datetime.now(UTC),
        "updated_at": None,
        "rule_id": rule_id,
        "related_object_type": "promotion_tier",
        "related_object_id": tier_id,
    }
