"""Orders of requests: lines and amounts, and what the core holds of an order."""

import uuid

import msgspec
import pytest
from sqlalchemy import select, update

from app.core.ops import Apply
from app.core.outcome import Code, CoreUnavailable
from app.db.models import Order, PartitionState
from app.ledger.entries import ORDER, Event, Private, encode_event, encode_private
from app.redeemables import order_reading
from app.redeemables.order_reading import decode_order, load_order, order_commands
from app.redeemables.orders import (
    OrderItemPayload,
    OrderPayload,
    StoredOrder,
    facts_of,
    items_of,
    order_ops,
    postings_of,
    private_order,
    stored_of,
    summary_adds,
)
from app.redeemables.products import PRODUCT, Resolved
from rules.facts import ItemFacts
from tests.ledger.shop import now_us

MUG = ItemFacts(id="prod_mug", source_id="mug", name="Mug", price=1_000, cost=400)
RESOLVED = Resolved({(PRODUCT, "mug"): MUG, (PRODUCT, "prod_mug"): MUG})


def order(version=1, status="CREATED", **members):
    body = members.pop("body", {"metadata": {}, "items": []})
    return StoredOrder(
        id=members.pop("id", "ord_1"),
        version=version,
        status=status,
        created_at_us=1_000_000,
        body=body,
        **members,
    )


def facts(payload, stored=None):
    return facts_of(payload, stored, items_of(payload, stored), RESOLVED)


def test_amounts_by_precedence():
    """The order's own amount, else the sum of what lines have; nothing known is None (behaviour 3.2)."""
    lines = [
        OrderItemPayload(source_id="mug", quantity="2"),
        OrderItemPayload(source_id="mug", price=10, quantity=3),
        OrderItemPayload(source_id="mug", price=10, quantity=3, amount=7),
        OrderItemPayload(source_id="unknown"),
    ]
    seen = facts(OrderPayload(items=lines))
    assert [line.amount for line in seen.lines] == [2_000, 30, 7, None]
    assert (seen.lines[0].product_id, seen.lines[0].cost) == ("prod_mug", 400)
    assert seen.amount == 2_037
    assert facts(OrderPayload(items=lines, amount=5)).amount == 5
    assert facts(OrderPayload(items=[OrderItemPayload(source_id="unknown")])).amount is None
    assert facts(OrderPayload(amount=0)).amount == 0
    assert not facts(OrderPayload(amount=0)).has_lines


def test_discounts_of_the_request_count_only_where_the_order_is_stored():
    """A new calculation ignores incoming discounts (TV2); storing an order keeps them."""
    payload = OrderPayload(items=[OrderItemPayload(source_id="mug", discount_amount=100)], discount_amount=50)
    assert facts(payload).lines[0].discount_amount == 0
    assert facts(payload).discount_amount == 0
    trusted = facts_of(payload, None, items_of(payload, None, trusted=True), RESOLVED)
    assert trusted.lines[0].discount_amount == 100


def test_a_stored_order_is_the_base():
    """Sent fields lie over the stored order, and discounts of earlier redemptions stay (decision 35)."""
    stored = order(
        body={
            "amount": 6_000,
            "discount_amount": 700,
            "metadata": {"a": 1, "b": 1},
            "items": [
                {
                    "object": "order_item",
                    "source_id": "mug",
                    "related_object": "product",
                    "product_id": "prod_mug",
                    "quantity": 2,
                    "price": 1_000,
                    "amount": 2_000,
                    "discount_amount": 300,
                    "discount_quantity": 1,
                    "subtotal_amount": 1_700,
                }
            ],
        }
    )
    untouched = facts(OrderPayload(metadata={"b": 2}), stored)
    assert (untouched.amount, untouched.discount_amount) == (6_000, 700)
    assert untouched.metadata == {"a": 1, "b": 2}
    assert (untouched.lines[0].discount_amount, untouched.lines[0].discount_quantity) == (300, 1)
    resent = facts(
        OrderPayload(items=[OrderItemPayload(source_id="mug", related_object="product", quantity=5)]), stored
    )
    assert (resent.amount, resent.discount_amount) == (5_000, 700)
    assert (resent.lines[0].quantity, resent.lines[0].discount_amount) == (5, 300)
    other = facts(OrderPayload(items=[OrderItemPayload(source_id="lamp", price=1)]), stored)
    assert other.lines[0].discount_amount == 0


def test_a_redemption_pays_an_order_once():
    """A new order is PAID unless the request says otherwise; a completed one keeps its status (D20)."""

    def after(stored, **payload):
        return StoredOrder.redeemed(
            stored=stored,
            payload=OrderPayload(**payload),
            fresh_id="ord_new",
            customer_id="cust_1",
            calculated={"amount": 5, "items": [], "metadata": {}},
            redemption_id="r_2",
            entry={"date": "now"},
            at_us=2_000_000,
        )

    assert (after(None).status, after(None).id) == ("PAID", "ord_new")
    assert after(None, id="mine").id == "mine"
    assert after(None, status="CREATED").status == "CREATED"
    kept = after(order(version=5, status="FULFILLED", body={"redemptions": {"r_1": {}}}))
    assert (kept.status, kept.id) == ("FULFILLED", "ord_1")
    assert set(kept.body["redemptions"]) == {"r_1", "r_2"}
    assert kept.version > 5
    assert kept.body["customer"] == {"id": "cust_1", "object": "customer"}


async def apply(shop, stored, new):
    """Write an order as the rooms do."""
    keys = await shop.core.open(shop.partition)
    adds = summary_adds(keys, stored, new)
    event = Event(
        kind=ORDER,
        rid=f"rid_{uuid.uuid4().hex}",
        project_id=shop.partition.project_id,
        at_us=now_us(),
        postings=postings_of(keys, adds),
        customer_id=new.customer_id,
        order_id=new.id,
        order_version=new.version,
    )
    return await shop.core.apply(
        Apply(
            partition=shop.partition,
            mode="R",
            rid=event.rid,
            guards={},
            ops=[*adds, *order_ops(keys, stored, new)],
            event=encode_event(event),
            private=encode_private(Private(order=private_order(new))),
        )
    )


async def test_of_two_changes_from_one_version_one_wins(shop):
    """The version that a change was made from is pinned: the other one is told to read again."""
    first = order(1)
    assert (await apply(shop, None, first)).code is Code.OK
    assert (await apply(shop, None, order(2))).code is Code.STALE
    assert (await apply(shop, first, order(2))).code is Code.OK
    assert (await apply(shop, first, order(3))).code is Code.STALE
    found = await load_order(shop.core, shop.db, shop.partition, "ord_1", None)
    assert found.version == 2


async def test_an_order_is_found_by_id_and_by_source_id(shop):
    """The read trip brings the state by id; a source_id names its order, and one order only."""
    mine = order(1, source_id="s1", body={"metadata": {"rate": 1.5}})
    assert (await apply(shop, None, mine)).code is Code.OK
    keys = await shop.core.open(shop.partition)
    by_id = decode_order(await shop.core.read(shop.partition, order_commands(keys, "ord_1", None)))
    assert by_id == mine
    assert decode_order(await shop.core.read(shop.partition, order_commands(keys, None, "s1"))) is None
    assert await load_order(shop.core, shop.db, shop.partition, None, "s1") == mine
    assert await load_order(shop.core, shop.db, shop.partition, "theirs", "s1") == mine
    assert await load_order(shop.core, shop.db, shop.partition, "theirs", "s2") is None
    assert (await apply(shop, None, order(1, id="ord_2", source_id="s1"))).code is Code.LIMIT


async def test_an_evicted_order_is_read_from_sql_and_written_again(shop):
    """What Redis has forgotten is read from its projection, and its absence there is what is pinned."""
    first = order(1, source_id="s1", status="PAID", customer_id="cust_1", amount=10, body={"amount": 10})
    assert (await apply(shop, None, first)).code is Code.OK
    await shop.drain()
    await shop.project()
    keys = await shop.core.open(shop.partition)
    await shop.core.read(shop.partition, [("DEL", keys.order("ord_1"), keys.order_source("s1"))])
    for order_id, source_id in (("ord_1", None), (None, "s1"), ("s1", "s1")):
        found = await load_order(shop.core, shop.db, shop.partition, order_id, source_id)
        assert (found.version, found.amount, found.in_core) == (1, 10, False)
    assert (
        await apply(shop, found, order(2, source_id="s1", status="PAID", customer_id="cust_1", amount=15))
    ).code is Code.OK
    assert (await apply(shop, found, order(3, source_id="s1"))).code is Code.STALE
    replies = await shop.core.read(
        shop.partition,
        [("HMGET", keys.counter("customer", "cust_1"), "orders_count", "orders_amount")],
    )
    assert replies == [[b"1", b"15"]]
    await shop.drain()
    await shop.project()
    async with shop.db.reading() as session:
        row = await session.scalar(select(Order).where(Order.project_id == shop.partition.project_id))
    assert stored_of(row).version == 2


async def test_sql_is_not_believed_before_it_knows_the_epoch_that_ended(shop, monkeypatch):
    """After Redis was lost, an order is not read from SQL until all that was ledgered before is projected."""
    monkeypatch.setattr(order_reading, "PROJECTED_LOOKS_MAX", 1)
    assert (await apply(shop, None, order(1, id="theirs"))).code is Code.OK
    await shop.drain()
    keys = await shop.core.open(shop.partition)
    await shop.core.read(shop.partition, [("DEL", keys.order("theirs"))])
    async with shop.db.writing() as session:
        moved = update(PartitionState).where(PartitionState.part == shop.partition.name)
        await session.execute(moved.values(epoch=2, cursor_epoch=2, cursor_seq=0))
    with pytest.raises(CoreUnavailable):
        await load_order(shop.core, shop.db, shop.partition, "theirs", None)
    await shop.project()
    assert (await load_order(shop.core, shop.db, shop.partition, "theirs", None)).version == 1


async def test_an_order_that_nobody_named_is_read_behind_the_barrier(shop, monkeypatch):
    """A redemption leaves such an order in its event alone: SQL is asked when that is projected."""
    monkeypatch.setattr("app.ledger.barrier.BARRIER_SECONDS", 0.05)
    assert (await apply(shop, None, order(1))).code is Code.OK
    keys = await shop.core.open(shop.partition)
    await shop.core.read(shop.partition, [("DEL", keys.order("ord_1"))])
    with pytest.raises(CoreUnavailable):
        await load_order(shop.core, shop.db, shop.partition, "ord_1", None)
    await shop.drain()
    await shop.project()
    found = await load_order(shop.core, shop.db, shop.partition, "ord_1", None)
    assert (found.version, found.in_core) == (1, False)


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        (None, ("CREATED", "a", 10), {}),
        (None, ("PAID", "a", 10), {("a", "orders_count"): 1, ("a", "orders_amount"): 10}),
        (("PAID", "a", 10), ("FULFILLED", "a", 10), {}),
        (("PAID", "a", 10), ("PAID", "a", 7), {("a", "orders_amount"): -3}),
        (("PAID", "a", 10), ("CANCELED", "a", 10), {("a", "orders_count"): -1, ("a", "orders_amount"): -10}),
        (
            ("PAID", "a", 10),
            ("PAID", "b", 10),
            {
                ("a", "orders_count"): -1,
                ("a", "orders_amount"): -10,
                ("b", "orders_count"): 1,
                ("b", "orders_amount"): 10,
            },
        ),
        (("PAID", None, 10), ("PAID", None, 20), {}),
    ],
)
async def test_summaries_move_by_the_difference(shop, before, after, moves):
    """A completed order counts once for its customer, whatever becomes of it (D15)."""
    keys = await shop.core.open(shop.partition)

    def made(state):
        return None if state is None else order(status=state[0], customer_id=state[1], amount=state[2])

    adds = summary_adds(keys, made(before), made(after))
    assert {(add.key.rpartition(":")[2], add.field): add.delta for add in adds} == moves


def test_numbers_out_of_bounds_are_refused():
    """Amounts, quantities and their product have bounds (D21); numeric strings count as quantities."""
    for body in (
        b'{"amount":-1}',
        b'{"amount":10000000000001}',
        b'{"items":[{"quantity":"1.5"}]}',
        b'{"items":[{"quantity":true}]}',
        b'{"items":[{"price":1000000000001}]}',
        b'{"items":[{"product":{"price":1.5}}]}',
        b'{"items":[{"product":{"price":1e999}}]}',
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(body, type=OrderPayload)
    good = msgspec.json.decode(b'{"items":[{"quantity":"12","product":{"price":2900.0}}]}', type=OrderPayload)
    assert good.items[0].units == 12
    assert good.items[0].product.price == 2_900
