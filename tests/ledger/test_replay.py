"""Counters from parts of the ledger's postings: what a checkpoint and what came after it say together."""

from app.core.outbox import Position
from app.ledger.reconcile import reconcile
from app.ledger.replay import NOWHERE, Moved, moved_since, replay, value_as_of
from tests.ledger.shop import Shop
from tests.ledger.test_reconcile import busy_shop


async def verified_cursor(shop: Shop) -> Position:
    found = await reconcile(shop.core, shop.db, shop.partition)
    assert found.differences == []
    return Position.parse(found.at)


async def test_after_a_checkpoint_only_what_moved_since_is_read(any_shop: Shop) -> None:
    """What was only held since says nothing of the value, and what only moved nothing of what is held."""
    await busy_shop(any_shop)
    verified = await verified_cursor(any_shop)
    async with any_shop.db.snapshot() as session:
        assert await moved_since(session, any_shop.partition.name, verified) == {}
    await any_shop.hold("v_1", 3, release=1)
    await any_shop.redeem(voucher_id="v_2", customer_id="cust_2")
    await any_shop.drain()
    async with any_shop.db.snapshot() as session:
        moved = await moved_since(session, any_shop.partition.name, verified)
    by_field = {field: one for (_, field), one in moved.items()}
    assert by_field["v_1"] == Moved(value=None, held=3)
    assert by_field["v_2"] == Moved(value=1, held=None)
    assert "v_gift" not in by_field


async def test_a_rebuild_keeps_what_no_later_event_spoke_of(any_shop: Shop) -> None:
    """Value and held of one counter, of which only the other moved after the checkpoint, both ways round."""
    await any_shop.redeem_many(4)
    await any_shop.hold("v_2", 2)
    await verified_cursor(any_shop)
    await any_shop.hold("v_1", 1)
    await any_shop.redeem(voucher_id="v_2")
    before = await any_shop.counters()
    assert sorted(before[place] for place in before if " v_1" in place) == [1, 4]
    assert sorted(before[place] for place in before if " v_2" in place) == [1, 2]
    assert (await any_shop.recover(rebuild=True)).action == "rebuilt"
    assert await any_shop.counters() == before
    await verified_cursor(any_shop)


async def test_a_counter_as_of_an_event_is_the_same_from_wherever_it_is_known(any_shop: Shop) -> None:
    """From the beginning or from any earlier event, at each event of a ledger of all kinds of postings."""
    await busy_shop(any_shop)
    await busy_shop(any_shop)
    await any_shop.drain()
    part = any_shop.partition.name
    async with any_shop.db.snapshot() as session:
        places = (await replay(session, part)).counters.keys()
        positions = [Position(1, sequence) for sequence in range(1, 21)]
        whole = {at: (await replay(session, part, at)).counters for at in (NOWHERE, *positions)}
        assert len(places) == 6
        spans = (positions[0], positions[6]), (positions[4], positions[9]), (NOWHERE, positions[-1])
        for since, at in spans:
            for place in places:
                known = (since, whole[since].get(place))
                assert await value_as_of(session, part, place, at, known) == whole[at].get(place)
                assert known[1] == (await replay(session, part, since)).counters.get(place), "not moved"
