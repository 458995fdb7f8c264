"""Catalogue versions survive whatever happens to Redis: nobody decides on an older definition (D5)."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import text

from app.core.ops import Apply
from app.core.outcome import Code
from app.db.models import Campaign, LedgerEvent, LedgerPosting, Product, ValidationRule
from app.ledger.versions import catalogue_versions, changed_since, changes_of, remember_versions
from tests.ledger.shop import Shop


async def versions(shop: Shop) -> dict[str, int]:
    async with shop.db.reading() as session:
        return await catalogue_versions(session, shop.partition.project_id)


async def stock(shop: Shop) -> None:
    common = {"project_id": shop.partition.project_id, "created_at": datetime.now(UTC), "body": {}}
    async with shop.db.writing() as session:
        session.add_all(
            [
                Campaign(
                    id="camp_1", name="c", campaign_type="DISCOUNT_COUPONS", type="STATIC", active=True,
                    version=7, deleted_at=datetime.now(UTC), **common,
                ),
                ValidationRule(id="val_1", name="r", version=5, **common),
                Product(id="prod_1", name="p", version=11, **common),
                Product(id="prod_2", name="p", version=9, **common),
            ]
        )  # fmt: skip


async def test_rows_and_memory_give_the_newest_version(any_shop: Shop) -> None:
    """Deleted rows count, and so do objects whose rows are gone."""
    await stock(any_shop)
    async with any_shop.db.writing() as session:
        project_id = any_shop.partition.project_id
        await remember_versions(session, project_id, {"seg:gone": 3, "rule:val_1": 4, "prod": 20})
        await remember_versions(session, project_id, {"seg:gone": 2, "rule:val_1": 6})
    found = await versions(any_shop)
    del found["s"], found["cat"]
    assert found == {"c:camp_1": 7, "rule:val_1": 6, "prod": 20, "seg:gone": 3}


async def test_changes_are_numbered_in_the_order_of_commits(any_shop: Shop) -> None:
    """Of what offers are made of, and of nothing else; whoever knows a number is told what came after it."""
    project_id = any_shop.partition.project_id
    numbers = []
    for guards in ({"c:camp_1": 1}, {"s": 5}, {"seg:s": 9, "rule:r": 2}, {"c:camp_1": 3, "prod": 1}):
        async with any_shop.db.writing() as session:
            await remember_versions(session, project_id, guards)
        if "cat" in guards:
            numbers.append(guards["cat"])
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 3
    async with any_shop.db.reading() as session:
        assert await changes_of(session, project_id) == numbers[-1]
        told = [set(await changed_since(session, project_id, number, 9)) for number in (0, *numbers)]
        assert len(await changed_since(session, project_id, 0, 1)) == 1
    assert told[0] == {"c:camp_1", "seg:s", "rule:r", "prod"}
    assert told[1:] == [told[0], {"c:camp_1", "prod"}, set()]


async def test_changes_at_once_wait_for_each_other(any_shop: Shop) -> None:
    """Whatever they change in whatever order: each has a number of its own, and none is refused."""
    project_id = any_shop.partition.project_id
    names = ["c:1", "c:2", "rule:1", "seg:1"]

    async def change(number: int) -> int:
        order = names if number % 2 else names[::-1]
        guards = dict.fromkeys(order, number)
        async with any_shop.db.writing() as session:
            await remember_versions(session, project_id, guards)
        return guards["cat"]

    numbers = await asyncio.gather(*(change(number) for number in range(1, 13)))
    assert len(set(numbers)) == len(numbers)
    async with any_shop.db.reading() as session:
        assert await changes_of(session, project_id) == max(numbers)
        assert set(await changed_since(session, project_id, max(numbers) - 1, 9)) == set(names)


async def test_after_a_rebuild_an_old_definition_is_stale(any_shop: Shop) -> None:
    """A worker that still holds the definition from before is told so by its first call."""
    await stock(any_shop)
    await any_shop.recover(rebuild=True)
    call = Apply(partition=any_shop.partition, mode="V", rid="", guards={"c:camp_1": 6}, ops=[])
    outcome = await any_shop.core.apply(call)
    assert (outcome.code, outcome.name) == (Code.STALE, "c:camp_1")


async def test_a_deleted_project_may_be_removed_from_the_ledger(any_shop: Shop) -> None:
    """The append-only guard yields for a tombstone, and for nothing else (D24)."""
    await any_shop.redeem_many(2)
    await any_shop.drain()
    async with any_shop.db.writing() as session:
        await session.execute(text("UPDATE projects SET deleted_at = created_at"))
    async with any_shop.db.writing() as session:
        for table in ("ledger_postings", "ledger_events"):
            await session.execute(text(f"DELETE FROM {table}"))
    assert await any_shop.count(LedgerEvent) == await any_shop.count(LedgerPosting) == 0
