"""Stage 2: what was ledgered shows in the rows that people look at, once, whatever stops in between."""

import asyncio
import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.core.ops import Add
from app.core.outbox import Position
from app.core.records import decode_customer
from app.db.models import (
    Customer,
    Order,
    PartitionState,
    ProjectionFailure,
    PromotionTier,
    Redemption,
    SnapshotDue,
    Voucher,
)
from app.identifiers import next_version
from app.ledger.entries import REDEMPTION, Private, Taken
from app.ledger.project import Projector
from tests.ledger.shop import CUSTOMER, Shop, now_us


def order(
    order_id: str = "ord_1", *, version: int = 1, status: str = "PAID", amount: int = 5000
) -> dict[str, object]:
    at = now_us()
    return {
        "id": order_id,
        "source_id": "shop-" + order_id,
        "version": version,
        "status": status,
        "customer_id": "cust_1",
        "amount": amount,
        "created_at_us": at,
        "updated_at_us": at if version > 1 else None,
        "body": {"id": order_id, "status": status, "amount": amount, "version": version},
    }


async def test_a_redemption_becomes_a_row_and_counts_at_its_voucher(any_shop: Shop) -> None:
    """Every redemption can be looked up, and its voucher says how often it was used."""
    await any_shop.add_voucher("v_1")
    await any_shop.redeem_many(3)
    await any_shop.settle()
    rows = await any_shop.rows(Redemption)
    assert {(row.status, row.result, row.voucher_id, row.campaign_id) for row in rows} == {
        ("SUCCEEDED", "SUCCESS", "v_1", "camp_summer")
    }
    assert sorted((row.epoch, row.seq) for row in rows) == [(1, 1), (1, 2), (1, 3)]
    (voucher,) = await any_shop.rows(Voucher)
    assert voucher.redeemed_quantity == 3


async def test_a_rollback_marks_its_redemption(any_shop: Shop) -> None:
    """The redemption says that it was rolled back and by what; the voucher's count goes down."""
    await any_shop.add_voucher("v_1")
    await any_shop.redeem(redemption_id="r_kept")
    await any_shop.redeem(redemption_id="r_undone")
    await any_shop.roll_back("r_undone")
    await any_shop.settle()
    rows = {row.id: row for row in await any_shop.rows(Redemption)}
    (rollback,) = [row for row in rows.values() if row.object == "redemption_rollback"]
    assert rows["r_kept"].status == "SUCCEEDED"
    assert rows["r_undone"].status == "ROLLED_BACK"
    assert rows["r_undone"].body["status"] == "ROLLED_BACK"
    assert [one["id"] for one in rows["r_undone"].body["related_redemptions"]["rollbacks"]] == [rollback.id]
    (voucher,) = await any_shop.rows(Voucher)
    assert voucher.redeemed_quantity == 1


async def test_a_full_disk_is_no_fault_of_the_event(shop: Shop) -> None:
    """What cannot be written for want of room is projected once there is room, and never given up."""
    wide = order()
    wide["body"] = {**wide["body"], "note": "x" * 2_000_000}  # type: ignore[dict-item]
    await shop.put_order(wide)
    await shop.drain()
    log = Path(f"{shop.db.url.database}-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 200_000, hard))
    try:
        with pytest.raises(OperationalError):
            await shop.project()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await shop.rows(ProjectionFailure) == []
    await shop.project()
    assert len(await shop.rows(Order)) == 1


async def test_spent_credits_add_up_at_the_gift_card(any_shop: Shop) -> None:
    """redeemed_amount is what redemptions took, whatever the balance was."""
    await any_shop.add_voucher("v_gift", gift_opening=1000)
    await any_shop.spend("v_gift", 300, 1000)
    await any_shop.spend("v_gift", 200, 1000)
    await any_shop.settle()
    (voucher,) = await any_shop.rows(Voucher)
    assert voucher.redeemed_amount == 500


async def test_a_tier_sums_its_orders(any_shop: Shop) -> None:
    """A promotion tier knows how often it was redeemed, on what and for how much."""
    async with any_shop.db.writing() as session:
        session.add(
            PromotionTier(
                project_id=any_shop.partition.project_id,
                id="promo_1",
                campaign_id="camp_1",
                name="t",
                hierarchy=1,
                active=True,
                version=next_version(),
                created_at=datetime.now(UTC),
                body={},
            )
        )
    keys = await any_shop.core.open(any_shop.partition)
    for number in range(2):
        taken = Taken(
            id=f"r_{number}",
            object="redemption",
            related_object_type="promotion_tier",
            related_object_id="promo_1",
            tier_id="promo_1",
            discount=150,
            order_amount=1000,
        )
        add = Add(key=keys.counter("tier", "promo_1"), field="used", delta=1)
        await any_shop.apply(REDEMPTION, [add], "R", [taken], Private(redemptions=[{"id": taken.id}]))
    await any_shop.settle()
    (tier,) = await any_shop.rows(PromotionTier)
    assert (tier.redeemed_count, tier.orders_amount, tier.orders_discount) == (2, 2000, 300)


async def test_a_customer_is_created_merged_and_summarised(any_shop: Shop) -> None:
    """A redemption's customer is stored, later ones are merged into it, its summary follows its counters."""
    first = {"name": "Ada", "metadata": {"tier": "gold"}}
    await any_shop.redeem(customer_id="cust_1", source_id="ada", patch=first, order=order())
    await any_shop.redeem(customer_id="cust_1", patch={"email": "ada@example.org", "metadata": {"vip": True}})
    await any_shop.settle()
    (customer,) = await any_shop.rows(Customer)
    assert (customer.name, customer.email, customer.source_id) == ("Ada", "ada@example.org", "ada")
    assert customer.body["metadata"] == {"tier": "gold", "vip": True}
    assert customer.summary["redemptions"]["total_succeeded"] == 2
    assert customer.summary["orders"]["last_order_amount"] == 5000


async def test_a_changed_customer_is_published_again(any_shop: Shop) -> None:
    """The core knows the merged customer as soon as it is projected, and nothing is left to be repeated."""
    await any_shop.redeem(customer_id="cust_1", source_id="ada", patch={"name": "Ada"})
    await any_shop.settle()
    keys = await any_shop.core.open(any_shop.partition)
    (raw,) = await any_shop.core.read(
        any_shop.partition, [("HGET", keys.customer_record("cust_1"), "cust_1")]
    )
    (stored,) = await any_shop.rows(Customer)
    record = decode_customer(raw)
    assert (record.name, record.source_id, record.version) == ("Ada", "ada", stored.version)
    assert await any_shop.count(SnapshotDue) == 0


async def test_the_newest_version_of_an_order_stays(any_shop: Shop) -> None:
    """An order is what its last writer left, in one run and over several."""
    await any_shop.put_order(order(version=1, status="CREATED"))
    await any_shop.settle()
    await any_shop.put_order(order(version=3, status="PAID"))
    await any_shop.put_order(order(version=2, status="CANCELED"))
    await any_shop.settle()
    (stored,) = await any_shop.rows(Order)
    assert (stored.version, stored.status, stored.body["version"]) == (3, "PAID", 3)
    assert stored.updated_at is not None


async def test_an_event_that_cannot_be_projected_stops_nothing(any_shop: Shop) -> None:
    """It is set aside with its error; the events around it are projected."""
    await any_shop.redeem(redemption_id="r_1")
    await any_shop.redeem(redemption_id="r_1")
    await any_shop.apply(
        REDEMPTION, [], "R", [Taken("r_x", "redemption", "voucher", "v_1")], Private(redemptions=[])
    )
    await any_shop.redeem(redemption_id="r_2")
    await any_shop.settle()
    assert sorted(row.id for row in await any_shop.rows(Redemption)) == ["r_1", "r_2"]
    failures = await any_shop.rows(ProjectionFailure)
    assert sorted(failure.seq for failure in failures) == [2, 3]
    (state,) = await any_shop.rows(PartitionState)
    assert (state.projected_epoch, state.projected_seq) == (1, 4)


async def test_two_projectors_at_once_are_harmless(any_shop: Shop) -> None:
    """The projected cursor moves by compare-and-swap together with the rows."""
    await any_shop.add_voucher("v_gift", gift_opening=1000)
    for _ in range(20):
        await any_shop.spend("v_gift", 10, 1000)
    await any_shop.drain()
    projectors = [Projector(any_shop.core, any_shop.db, CUSTOMER) for _ in range(3)]
    await asyncio.gather(*(projector.project_all(any_shop.partition) for projector in projectors))
    (voucher,) = await any_shop.rows(Voucher)
    assert voucher.redeemed_amount == 200
    assert await any_shop.count(Redemption) == 20


async def test_a_deleted_customer_is_not_brought_back_by_an_older_redemption(any_shop: Shop) -> None:
    """Only a redemption that met no such customer makes it anew."""
    await any_shop.redeem(customer_id="cust_1", patch={"name": "Ada"})
    await any_shop.settle()
    async with any_shop.db.writing() as session:
        await session.execute(text("UPDATE customers SET deleted_at = created_at, name = NULL"))
    await any_shop.redeem(customer_id="cust_1", patch={"name": "Ada"}, customer_known=True)
    await any_shop.settle()
    (customer,) = await any_shop.rows(Customer)
    assert (customer.name, customer.deleted_at is None) == (None, False)


async def test_the_watermark_says_what_is_projected(any_shop: Shop) -> None:
    """Who waits for a projection hears of it."""
    (event_id,) = await any_shop.redeem_many(1)
    await any_shop.settle()
    marks = await any_shop.core.watermarks.read(any_shop.partition)
    assert marks == {"ledgered": Position.parse(event_id), "projected": Position.parse(event_id)}


async def test_a_run_says_whether_it_caught_up(any_shop: Shop) -> None:
    """The last events of an epoch are not the end when another has begun: the cursor has yet to follow."""
    await any_shop.redeem_many(2)
    await any_shop.drain()
    async with any_shop.db.writing() as session:
        await session.execute(text("UPDATE partitions SET epoch = 2, cursor_epoch = 2, cursor_seq = 0"))
    projector = any_shop.projector
    assert (await projector.project(any_shop.partition), projector.caught_up) == (2, False)
    assert await projector.project(any_shop.partition) == 0
    (state,) = await any_shop.rows(PartitionState)
    assert (state.projected_epoch, state.projected_seq) == (2, 0)


async def test_a_run_that_took_all_has_caught_up(any_shop: Shop) -> None:
    """Nobody has to look again."""
    await any_shop.redeem_many(2)
    await any_shop.drain()
    assert await any_shop.projector.project(any_shop.partition) == 2
    assert any_shop.projector.caught_up
