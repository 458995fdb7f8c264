"""Qualifications by the offers that a process keeps: the answers of the tables, and never older ones."""

from datetime import UTC, datetime
from random import Random

import pytest
from sqlalchemy import insert

from app.api.qualifications import service
from app.db.database import Database
from app.db.models import PromotionTier, ValidationRuleAssignment
from app.identifiers import new_id, next_version
from app.redeemables import offer_book
from app.settings import Settings
from tests.qualifications.offers_shop import (
    FAR,
    NEAR,
    NOW,
    Wire,
    Workers,
    asked,
    cart,
    circle,
    is_in_collection,
    is_in_segment,
    is_one_of,
    named,
    property_is,
    stocked,
    workers,
)
from tests.support.shop import created, percent_off, unique

MANY = 1_100
REQUESTS = 60
PAGES = 6


async def many_tiers(settings: Settings, shop: Workers, campaign_id: str, rule_id: str) -> None:
    """More than a thousand under one rule, past the API."""
    common = {"project_id": shop.project_id, "created_at": datetime.now(UTC), "updated_at": None}
    tiers = [
        {
            **common,
            "id": new_id("promo_"),
            "version": next_version(),
            "campaign_id": campaign_id,
            "name": None,
            "hierarchy": number,
            "active": True,
            "start_date": None,
            "expiration_date": None,
            "category_id": None,
            "body": {"action": {"discount": percent_off(5)}},
        }
        for number in range(MANY)
    ]
    assignments = [
        {
            **common,
            "id": new_id("asgm_"),
            "rule_id": rule_id,
            "related_object_type": "promotion_tier",
            "related_object_id": tier["id"],
        }
        for tier in tiers
    ]
    db = Database(settings.database)
    async with db.writing() as session:
        await session.execute(insert(PromotionTier), tiers)
        await session.execute(insert(ValidationRuleAssignment), assignments)
    await db.close()


async def all_pages(shop: Workers, body: Wire) -> list[str]:
    """Every page from both sides, each equal; the ids of all."""
    found: list[str] = []
    for _ in range(PAGES):
        page = (await shop.same(body, NOW))["redeemables"]
        found += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        body = {**body, "options": {**body["options"], "starting_after": page["more_starting_after"]}}
    return found


async def test_the_answers_are_those_of_the_tables(settings: Settings) -> None:
    """Whatever is asked: scenarios, carts, customers, orders, pages, windows, what is expanded."""
    async with workers(settings) as shop:
        await stocked(shop)
        await shop.shown({})
        assert [len(offers) for offers in shop.offers] == [0, 32, 0]
        random = Random(11)
        counts = set()
        for _ in range(REQUESTS):
            counts.add(len(await all_pages(shop, asked(random))))
        assert len(counts) > 5, "requests that are all answered alike prove little"


async def test_the_best_deal_is_that_of_the_newest_redeemables(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the tables look at, however many of them cannot apply."""
    async with workers(settings) as shop:
        await stocked(shop)
        random = Random(5)
        for most in (1, 2, 5, 6, 9, 20, 30, 37):
            monkeypatch.setattr(service, "LOOKED_AT_MAX", most)
            for rule in ("BEST_DEAL", "LEAST_DEAL"):
                body = asked(random)
                body["options"] = {"limit": 50, "sorting_rule": rule}
                await shop.same({"order": cart("mug", "lamp"), **body}, NOW)


async def test_a_change_on_one_worker_is_in_the_next_answer_of_another(settings: Settings) -> None:
    """Whatever is changed: what is on, terms, rules, who is in a segment, what is in a collection."""
    async with workers(settings) as shop:
        campaign = await shop.campaign()
        rule = await shop.rule(is_one_of("mug"))
        tier = await shop.tier(campaign, rule)
        mug: Wire = {"order": cart("mug"), "customer": {"source_id": "ann"}, "options": {"limit": 50}}
        rug = {**mug, "order": cart("rug")}

        async def sees(mugs: list[str], rugs: list[str]) -> None:
            assert (await shop.shown(mug), await shop.shown(rug)) == (mugs, rugs)

        await sees([tier], [])
        for switched, seen in (("disable", []), ("enable", [tier])):
            created(await shop.first.post(f"/v1/promotions/tiers/{tier}/{switched}"))
            await sees(seen, [])
        for switched, seen in (("disable", []), ("enable", [tier])):
            created(await shop.first.post(f"/v1/campaigns/{campaign}/{switched}"))
            await sees(seen, [])
        edited = {"rules": {"1": is_one_of("rug"), "logic": "1"}}
        created(await shop.first.put(f"/v1/validation-rules/{rule}", json=edited))
        await sees([], [tier])
        second = await shop.tier(campaign, await shop.rule(is_one_of("mug")))
        await sees([second], [tier])
        assignment = await shop.assign(rule, "promotion_tier", second)
        await sees([], [tier])
        await shop.first.delete(f"/v1/validation-rules/{rule}/assignments/{assignment}")
        await sees([second], [tier])
        ended = {"expiration_date": "2020-01-01T00:00:00Z"}
        created(await shop.first.put(f"/v1/promotions/tiers/{second}", json=ended))
        await sees([], [tier])
        await shop.first.delete(f"/v1/validation-rules/{rule}")
        await sees([tier], [tier])
        await shop.first.delete(f"/v1/promotions/tiers/{tier}")
        await sees([], [])
        third = await shop.tier(campaign)
        await sees([third], [third])
        await shop.first.delete(f"/v1/campaigns/{campaign}")
        await sees([], [])


async def test_what_rules_refer_to_is_as_new_as_the_rules(settings: Settings) -> None:
    """Segments, collections and places that change without a change of any offer."""
    async with workers(settings) as shop:
        campaign = await shop.campaign()
        place = await shop.make("/v1/engine/locations", {"name": "here", "shape": circle(NEAR)})
        lives = {"metadata.home": {"conditions": {"$in_location": [place["id"]]}}}
        segment = await shop.make("/v1/segments", {"name": "few", "type": "passive", "filter": lives})
        filled = {"name": unique("c"), "type": "AUTO_UPDATE", "filter": named("mug")}
        collection = (await shop.make("/v1/product-collections", filled))["id"]
        await shop.product("rug")
        there = await shop.tier(campaign, await shop.rule(is_in_segment(segment["id"])))
        listed = await shop.tier(campaign, await shop.rule(is_in_collection(collection)))
        body: Wire = {"order": cart("rug"), "customer": {"source_id": "ann", "metadata": {"home": FAR}}}
        assert await shop.shown(body) == []
        path = f"/v1/engine/locations/{place['id']}"
        created(await shop.first.put(path, json={"shape": circle(FAR)}))
        assert await shop.shown(body) == [there]
        path = f"/v1/product-collections/{collection}"
        created(await shop.first.put(path, json={"filter": named("rug")}))
        assert await shop.shown(body) == [listed, there]


async def test_what_a_customer_says_or_is_counts_at_once(settings: Settings) -> None:
    """The stored profile, another worker's change of it, and what the request itself says."""
    async with workers(settings) as shop:
        tier = await shop.tier(
            await shop.campaign(), await shop.rule(property_is("customer", "tier", "gold"))
        )
        body: Wire = {"order": cart("mug"), "customer": {"source_id": "ann"}}
        assert await shop.shown(body) == []
        created(
            await shop.first.post("/v1/customers", json={"source_id": "ann", "metadata": {"tier": "gold"}})
        )
        assert await shop.shown(body) == [tier]
        assert await shop.shown({**body, "customer": {"source_id": "ann", "metadata": {"tier": "tin"}}}) == []


async def test_what_applies_by_itself_is_found_in_the_same_place(settings: Settings) -> None:
    """The newest tiers with `auto_apply`, their own or their campaign's, as of the last change."""
    async with workers(settings) as shop:
        marked = {"extensions": {"auto_apply": True}}
        plain = await shop.campaign()
        body: Wire = {"redeemables": [], "order": cart("mug")}

        async def applied() -> list[str]:
            answers = [
                created(await client.post("/v1/validations?auto=true", json=body))
                for client in (shop.second, shop.plain)
            ]
            kept, found = ([one["id"] for one in answer["redeemables"]] for answer in answers)
            assert kept == found
            return kept

        await shop.tier(plain)
        assert await applied() == []
        own = await shop.tier(plain, action={"discount": percent_off(9)}, **marked)
        assert await applied() == [own]
        inherited = await shop.tier(await shop.campaign(**marked))
        assert await applied() == [own, inherited]
        created(await shop.first.post(f"/v1/promotions/tiers/{own}/disable"))
        assert await applied() == [inherited]


async def test_windows_open_and_close_without_a_write(settings: Settings) -> None:
    """Of a tier and of its campaign: by the clock alone."""
    async with workers(settings) as shop:
        campaign = await shop.campaign(expiration_date="2031-05-20T00:00:00Z")
        tier = await shop.tier(campaign, start_date="2031-05-10T00:00:00Z")
        body: Wire = {"order": cart("mug")}
        for day, seen in ((9, []), (10, [tier]), (19, [tier]), (21, [])):
            assert await shop.shown(body, f"2031-05-{day:02}T10:00:00Z") == seen


async def test_beyond_the_bound_the_tables_answer(settings: Settings) -> None:
    """A project that is too large, and projects that displace each other: the same answers."""
    async with workers(settings, offers_max=3) as shop:
        campaign = await shop.campaign()
        tiers = [await shop.tier(campaign) for _ in range(2)]
        body: Wire = {"order": cart("mug")}
        assert await shop.shown(body) == tiers[::-1]
        assert [len(offers) for offers in shop.offers] == [0, 2, 0]
        tiers += [await shop.tier(campaign) for _ in range(3)]
        assert await shop.shown(body) == tiers[::-1]
        assert await shop.shown(body) == tiers[::-1]
        assert [len(offers) for offers in shop.offers] == [0, 0, 0]


async def test_many_changes_at_once_are_read_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a project that takes long to read is answered from the tables meanwhile."""
    monkeypatch.setattr("app.redeemables.offers.CHANGES_MAX", 1)
    monkeypatch.setattr(offer_book, "AT_ONCE_MAX", 1)
    async with workers(settings) as shop:
        campaign = await shop.campaign()
        tiers = [await shop.tier(campaign, await shop.rule(is_one_of("mug")))]
        body: Wire = {"order": cart("mug"), "options": {"limit": 50}}
        for _ in range(4):
            assert await shop.shown(body) == tiers[::-1]
            tiers.append(await shop.tier(campaign, await shop.rule(is_one_of("mug"))))
            tiers.append(await shop.tier(await shop.campaign()))
        assert await shop.shown(body) == tiers[::-1]


async def test_of_offers_that_cannot_apply_there_may_be_any_number(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One page holds all that applies; from the tables it takes as many pages as there are thousands."""
    monkeypatch.setattr(offer_book, "AT_ONCE_MAX", 2 * MANY)
    async with workers(settings) as shop:
        oldest = await shop.tier(await shop.campaign(), await shop.rule(is_one_of("mug")))
        campaign = await shop.campaign()
        await many_tiers(settings, shop, campaign, await shop.rule(is_one_of("rug")))
        body: Wire = {"order": cart("mug"), "options": {"limit": 50}}
        kept = created(await shop.second.post("/v1/qualifications", json=body))["redeemables"]
        assert ([one["id"] for one in kept["data"]], kept["has_more"]) == ([oldest], False)
        first = created(await shop.plain.post("/v1/qualifications", json=body))["redeemables"]
        assert (first["data"], first["has_more"]) == ([], True)
        body["options"]["starting_after"] = first["more_starting_after"]
        rest = created(await shop.plain.post("/v1/qualifications", json=body))["redeemables"]
        assert [one["id"] for one in rest["data"]] == [oldest]
