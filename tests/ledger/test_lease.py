"""Leases: one owner at a time, by the database's clock, and nothing is written under a lease that is lost."""

import asyncio

import pytest
from sqlalchemy import text

from app.db.database import Database
from app.ledger.lease import LeaseLost, leased, take_lease


async def run_out(db: Database) -> None:
    """As if ten seconds had passed."""
    async with db.writing() as session:
        await session.execute(text("UPDATE leases SET until = 1"))


async def test_a_lease_has_one_owner(any_database: Database) -> None:
    """Of many who ask at once, one gets it."""
    leases = await asyncio.gather(*(take_lease(any_database, "work", f"owner-{n}") for n in range(8)))
    assert sum(lease is not None for lease in leases) == 1


async def test_a_lease_that_ran_out_goes_to_the_next(any_database: Database) -> None:
    """And the one who had it is told at the next renewal."""
    first = await take_lease(any_database, "work", "first")
    assert first is not None
    await first.renew()
    await run_out(any_database)
    assert await take_lease(any_database, "work", "second") is not None
    with pytest.raises(LeaseLost):
        await first.renew()


async def test_an_owner_that_comes_back_need_not_wait(any_database: Database) -> None:
    """A process that was killed gets its lease again at once; the token of its former life is void."""
    before = await take_lease(any_database, "work", "machine")
    again = await take_lease(any_database, "work", "machine")
    assert before is not None
    assert again is not None
    with pytest.raises(LeaseLost):
        await before.renew()
    await before.release()
    await again.renew()


async def test_a_lease_is_given_back_at_the_end_of_its_block(any_database: Database) -> None:
    """Also when the block fails."""
    with pytest.raises(RuntimeError, match="inside"):
        await fail_inside(any_database)
    async with leased(any_database, "work", "b") as lease:
        assert lease is not None
        async with leased(any_database, "work", "c") as other:
            assert other is None


async def fail_inside(db: Database) -> None:
    async with leased(db, "work", "a"):
        raise RuntimeError("inside")
