"""A shop of every kind of offer and rule, and three workers in this process: two that keep the offers by what
they require, and one that looks through the tables.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any

from app.api.routes import ALL_ROUTES
from app.projects import create_key, create_project
from app.settings import Settings
from rules.qualification import SCENARIOS
from tests.http.conftest import Worker, server_headers, worker_of
from tests.support.shop import amount_off, created, percent_off, unique

PRODUCTS = ("mug", "lamp", "rug", "pen")
PEOPLE = ("ann", "bob", "eve", None)
NEAR, FAR = "geo:47.0105,28.8638", "geo:46.48,30.72"
NOW = "2031-05-14T12:00:00Z"
"""A Wednesday, far from the clock."""

Wire = dict[str, Any]


class Workers:
    """Clients of one project: `first` and `second` keep offers, `plain` does not."""

    def __init__(self, workers: list[Worker], project_id: str) -> None:
        self.first, self.second, self.plain = (worker.client for worker in workers)
        self.offers = [worker.engine.catalogue.offers for worker in workers]
        self.project_id = project_id

    async def make(self, path: str, body: Wire) -> Wire:
        return created(await self.first.post(path, json=body))

    async def rule(self, *conditions: Wire, logic: str | None = None) -> str:
        rules: Wire = {str(number): one for number, one in enumerate(conditions, 1)}
        logic = logic or " and ".join(rules)
        made = await self.make(
            "/v1/validation-rules", {"name": unique("r"), "rules": {**rules, "logic": logic}}
        )
        return str(made["id"])

    async def campaign(self, **more: Any) -> str:
        body = {"name": unique("p"), "campaign_type": "PROMOTION", "type": "STATIC", **more}
        return str((await self.make("/v1/campaigns", body))["id"])

    async def tier(self, campaign_id: str, *rule_ids: str, **more: Any) -> str:
        body = {"name": unique("t"), "action": {"discount": percent_off(5)}, **more}
        tier_id = str((await self.make(f"/v1/promotions/{campaign_id}/tiers", body))["id"])
        for rule_id in rule_ids:
            await self.assign(rule_id, "promotion_tier", tier_id)
        return tier_id

    async def product(self, source_id: str) -> str:
        return str((await self.make("/v1/products", {"name": source_id, "source_id": source_id}))["id"])

    async def collection(self, *product_ids: str) -> str:
        products = [{"id": product_id, "object": "product"} for product_id in product_ids]
        body = {"name": unique("c"), "type": "STATIC", "products": products}
        return str((await self.make("/v1/product-collections", body))["id"])

    async def assign(self, rule_id: str, kind: str, owner: str) -> str:
        body = {"related_object_type": kind, "related_object_id": owner}
        return str((await self.make(f"/v1/validation-rules/{rule_id}/assignments", body))["id"])

    async def same(self, body: Wire, now: str | None = None) -> Wire:
        """The answer of the second worker, which has to be that of the tables."""
        headers = {"Vouchsafe-Now": now} if now else {}
        answers = [
            await client.post("/v1/qualifications", json=body, headers=headers)
            for client in (self.second, self.plain)
        ]
        kept, plain = (answer.json() for answer in answers)
        assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
        assert kept == plain, body
        return dict(kept)

    async def shown(self, body: Wire, now: str | None = None) -> list[str]:
        return [one["id"] for one in (await self.same(body, now))["redeemables"]["data"]]


@asynccontextmanager
async def workers(settings: Settings, offers_max: int = 100_000) -> AsyncIterator[Workers]:
    """Of a sandbox project."""
    async with AsyncExitStack() as stack:
        running = [
            await stack.enter_async_context(worker_of(settings, routes=ALL_ROUTES, offers_max=most))
            for most in (offers_max, offers_max, 0)
        ]
        engine = running[0].engine
        project = await create_project(engine.core, engine.db, unique("shop"), is_sandbox=True)
        pair = await create_key(engine.db, "server", project_id=project.id)
        for worker in running:
            worker.client.headers.update(server_headers(pair))
        yield Workers(running, project.id)


def cart(*products: str, price: int = 1_000, **more: Any) -> Wire:
    items = [
        {"source_id": name, "related_object": "product", "quantity": 1, "price": price} for name in products
    ]
    return {"items": items, **more}


def is_one_of(*names: str, rule: str = "order.items.any", operator: str = "$is") -> Wire:
    named = [{"object": "product", "source_id": name, "id": name} for name in names]
    return {"name": rule, "conditions": {operator: named}}


def compared(name: str, **conditions: Any) -> Wire:
    return {"name": name, "conditions": {"$" + operator: value for operator, value in conditions.items()}}


def is_in_segment(segment_id: str) -> Wire:
    return {"name": "customer.segment", "conditions": {"$is": [segment_id]}}


def is_in_collection(collection_id: str) -> Wire:
    named = {"object": "products_collection", "id": collection_id}
    return {"name": "order.items.any", "conditions": {"$is": [named]}}


def named(name: str) -> Wire:
    """A collection's filter."""
    return {"junction": "and", "name": {"conditions": {"$is": [name]}}}


def circle(center: str) -> Wire:
    return {"type": "circle", "format": "distance", "distance": {"center": center, "radius": "2 km"}}


def property_is(source: str, name: str, *values: Any) -> Wire:
    return {"name": f"{source}.metadata", "property": name, "conditions": {"$is": list(values)}}


async def stocked(shop: Workers) -> None:
    """About forty offers: every condition that an offer is found by, and many by which it is not."""
    collection_id = await shop.collection(await shop.product("lamp"))
    gold = {"metadata.tier": {"conditions": {"$is": ["gold"]}}, "junction": "and"}
    spender = {"summary.redemptions.total_redeemed": {"conditions": {"$more_than": [-1]}}, "junction": "and"}
    segments = [
        (await shop.make("/v1/segments", {"name": unique("s"), "type": "auto-update", "filter": one}))["id"]
        for one in (gold, spender)
    ]
    conditions = [
        *([is_one_of(name)] for name in PRODUCTS),
        [is_one_of("mug", "rug", rule="order.items.every")],
        [is_one_of("mug", rule="order.items.none")],
        [is_one_of("lamp", rule="order.items.cheapest")],
        [is_in_collection(collection_id)],
        *([is_in_segment(one)] for one in segments),
        [compared("customer.segment", is_not=[segments[0]])],
        [property_is("customer", "tier", "gold")],
        [property_is("customer", "tags", "new")],
        [property_is("order", "channel", "app")],
        [property_is("redemption", "till", "north")],
        [property_is("customer", "age", "5")],
        [compared("order.amount", more_than_or_equal=[2_500])],
        [compared("order.amount", less_than=[2_500]), compared("order.amount", more_than=[900])],
        [{"name": "order.amount", "conditions": {"$is": [1_000, 3_000]}}],
        [compared("order.initial_amount", more_than=[10**9])],
        [compared("order.items.count", more_than=[2])],
        [compared("redemption.count.per_customer", less_than_or_equal=[1]), is_one_of("pen")],
        [is_one_of("rug"), property_is("customer", "tier", "gold")],
    ]
    plain, bound = await shop.campaign(), await shop.campaign()
    await shop.assign(await shop.rule(compared("order.amount", more_than=[1_500])), "campaign", bound)
    tiers = [await shop.tier(plain, await shop.rule(*rules)) for rules in conditions]
    either = await shop.rule(is_one_of("pen"), compared("order.amount", more_than=[5_000]), logic="1 or 2")
    tiers.append(await shop.tier(plain, either))
    await shop.tier(bound)
    await shop.tier(
        bound, await shop.rule(is_one_of("mug")), await shop.rule(property_is("order", "channel", "app"))
    )
    await shop.tier(plain, start_date="2031-05-14T13:00:00Z")
    await shop.tier(plain, expiration_date="2031-05-14T11:00:00Z", active=True)
    await shop.tier(plain, start_date="2031-05-01T00:00:00Z", validity_day_of_week=[4])
    await shop.tier(plain, active=False)
    items_off = {"type": "PERCENT", "percent_off": 7, "effect": "APPLY_TO_ITEMS"}
    await shop.tier(plain, action={"discount": items_off})
    stack = {"name": unique("stack"), "tiers": {"ids": [tiers[0], tiers[1]]}}
    await shop.make(f"/v1/promotions/{plain}/stacks", stack)
    for number in range(4):
        terms = {"type": "DISCOUNT_VOUCHER", "discount": amount_off(100 + number)}
        await shop.make(f"/v1/vouchers/{unique('CODE')}", terms)
    unique_codes = {
        "name": unique("codes"),
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE",
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(20)},
    }
    campaign_id = (await shop.make("/v1/campaigns", unique_codes))["id"]
    await shop.assign(await shop.rule(is_one_of("lamp")), "campaign", campaign_id)


def asked(random: Random) -> Wire:
    """Some customer with some cart."""
    body: Wire = {
        "scenario": random.choice(("ALL", "ALL", *SCENARIOS)),
        "options": {
            "limit": random.choice((1, 3, 5, 50)),
            "sorting_rule": random.choice(("DEFAULT", "BEST_DEAL", "LEAST_DEAL")),
        },
    }
    if random.random() < 0.3:
        body["options"]["expand"] = ["redeemable", "category", "validation_rules"]
    if random.random() < 0.15:
        body["options"]["filters"] = {"resource_type": {"conditions": {"$is": ["promotion_tier"]}}}
    if random.random() < 0.9:
        products = random.sample(PRODUCTS, random.randrange(0, 4))
        body["order"] = cart(*products, price=random.choice((500, 1_000, 3_000)))
        if not products:
            body["order"] = {"amount": random.choice((900, 1_000, 6_000))}
        if random.random() < 0.4:
            body["order"]["metadata"] = {"channel": random.choice(("app", "web", ["app", "shop"]))}
    person = random.choice(PEOPLE)
    if person is not None:
        tier = random.choice(({}, {"tier": "gold"}, {"tier": "tin", "tags": ["old", "new"]}, {"age": 5}))
        body["customer"] = {"source_id": person, "metadata": tier}
    if random.random() < 0.2:
        body["metadata"] = {"till": random.choice(("north", "south"))}
    return body
