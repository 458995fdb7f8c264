"""Months as parts of the ledger's tables on PostgreSQL: made ahead, never wanting, dropped whole."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.core import RedemptionCore
from app.core.outbox import Entry, Position
from app.db import migrate
from app.db.database import Database
from app.db.models import EventBody, LedgerEvent, LedgerPosting
from app.db.months import drop_months, make_months, month_after
from app.ledger.archived import TABLES, Archived, read_archived
from app.ledger.batch import REPEATED
from app.ledger.drain import Diverged, ledger_entries
from app.ledger.reconcile import reconcile
from app.ledger.replay import replay
from tests.ledger.shop import Shop
from tests.ledger.test_archive import (
    DAY_US,
    NEWER_DAYS,
    OLD,
    OLD_DAYS,
    agrees,
    archive_before,
    counted,
    known,
)
from tests.support.postgres import Postgres

NEXT = month_after(datetime.now(UTC).date())
"""The first month that is not in the part of before there were months."""
LATER = month_after(NEXT)
PARENTS = ("ledger_postings", "event_bodies")


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    return postgres.create_database()


@pytest.fixture
def empty_url(postgres: Postgres) -> str:
    return postgres.create_empty_database()


@pytest.fixture
async def postgresql(database_url: str) -> AsyncIterator[Database]:
    db = Database(database_url)
    yield db
    await db.close()


@pytest.fixture
async def shop(core: RedemptionCore, postgresql: Database) -> Shop:
    shop = Shop(core, postgresql, f"p_{uuid.uuid4().hex[:10]}")
    await shop.found()
    return shop


async def parts(db: Database, parent: str) -> dict[str, int]:
    """Rows by part, of which the name begins with the table's."""
    found = {}
    async with db.reading() as session:
        names = await session.scalars(
            text(
                "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
                f"WHERE inhparent = '{parent}'::regclass"
            )
        )
        for name in list(names):
            count = (await session.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()
            found[name.removeprefix(parent + "_")] = int(count)
    return found


async def taken_on(db: Database, day: date) -> None:
    """From now on the database takes every row as if it were that day."""
    async with db.writing() as session:
        for parent in PARENTS:
            await session.execute(text(f"ALTER TABLE {parent} ALTER ledgered_on SET DEFAULT '{day}'"))


async def test_months_are_made_ahead_and_once(postgresql: Database, database_url: str) -> None:
    """This month is there from the beginning; two processes at once make the next two, and then nothing."""
    other = Database(database_url)
    made = await asyncio.gather(make_months(postgresql), make_months(other))
    await other.close()
    names = [f"{month:%Y_%m}" for month in (NEXT, LATER)]
    assert sorted(made[0] + made[1]) == sorted(f"{parent}_{name}" for parent in PARENTS for name in names)
    assert await make_months(postgresql) == []
    for parent in PARENTS:
        assert (await parts(postgresql, parent)).keys() == {"first", "other", *names}


async def test_no_event_fails_for_want_of_a_month(shop: Shop) -> None:
    """What comes in a month that nobody made is kept all the same, and so are the months after it."""
    await taken_on(shop.db, NEXT)
    await shop.redeem_many(2)
    await shop.settle()
    assert (await parts(shop.db, "ledger_postings"))["other"] == 4
    made = await make_months(shop.db, NEXT)
    assert not any(name.endswith(f"{NEXT:%Y_%m}") for name in made)
    await taken_on(shop.db, LATER)
    await shop.redeem()
    await shop.settle()
    assert (await parts(shop.db, "event_bodies"))[f"{LATER:%Y_%m}"] == 1
    assert (await reconcile(shop.core, shop.db, shop.partition)).differences == []


async def test_a_request_is_ledgered_once_over_all_months(shop: Shop) -> None:
    """Neither a position nor a request comes a second time because a month has begun."""
    await make_months(shop.db)
    await shop.redeem(rid="q_once")
    (entry,) = await shop.core.read_outbox(shop.partition, "0-0", 1)
    await shop.drain()
    await taken_on(shop.db, NEXT)
    assert await ledger_entries(shop.db, shop.partition, Position(1, 0), [entry]) is None
    again = Entry("1-2", entry.event, entry.private, entry.afters)
    with pytest.raises(Diverged, match=REPEATED):
        await ledger_entries(shop.db, shop.partition, Position(1, 1), [again])
    assert await shop.count(LedgerEvent) == await shop.count(EventBody) == 1
    assert await shop.count(LedgerPosting) == 2


async def test_a_month_that_is_archived_is_dropped(shop: Shop, tmp_path: Path) -> None:
    """Readers that have begun still see it, and what is not archived of it stays in the month after it."""
    await make_months(shop.db)
    shop.past_us = OLD_DAYS * DAY_US
    await shop.redeem_many(3, customer_id="cust_1")
    shop.past_us = NEWER_DAYS * DAY_US
    await shop.redeem(voucher_id="v_ahead")
    await shop.settle()
    await taken_on(shop.db, NEXT)
    shop.past_us = 0
    await shop.redeem_many(2)
    await shop.settle()
    counters, ledger = await counted(shop), await known(shop)
    assert await drop_months(shop.db, LATER, moved_max=3) == []
    async with shop.db.snapshot(TABLES) as session:
        assert await read_archived(session, shop.partition.name) == Archived()
        await archive_before(shop, OLD, tmp_path, remove=False)
        dropping = asyncio.create_task(drop_months(shop.db, LATER))
        await asyncio.sleep(0)
        seen = await replay(session, shop.partition.name)
        assert (seen.postings, seen.problems) == (15, [])
    with contextlib.suppress(DBAPIError):  # It waited too long for the reader.
        await dropping
    await drop_months(shop.db, LATER)
    for parent in PARENTS:
        left = await parts(shop.db, parent)
        assert "first" not in left
        assert left[f"{NEXT:%Y_%m}"] == 3 * (2 if parent == "ledger_postings" else 1)
    await agrees(shop, counters, ledger)
    await archive_before(shop, OLD, tmp_path)
    assert await shop.count(EventBody) == 3
    assert await shop.count(LedgerEvent) == 3
    await agrees(shop, counters, ledger)


@pytest.mark.parametrize("part", ["first", "other", pytest.param(f"{NEXT:%Y_%m}", id="next")])
async def test_every_part_is_append_only(shop: Shop, part: str) -> None:
    """Also for who names the part itself."""
    await make_months(shop.db)
    for day in (datetime.now(UTC).date(), NEXT, date(2099, 1, 1)):
        await taken_on(shop.db, day)
        await shop.redeem()
        await shop.drain()
    table = f"ledger_postings_{part}"
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET delta = 7", f"TRUNCATE {table}"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with shop.db.writing() as session:
                await session.execute(text(statement))
    assert (await parts(shop.db, "ledger_postings"))[part] == 2


async def test_a_ledger_of_before_is_the_first_part(core: RedemptionCore, empty_url: str) -> None:
    """Nothing is copied, nothing is lost, whoever might read still may; and the way back keeps all rows."""
    db = Database(empty_url)
    role = f"reader_{uuid.uuid4().hex[:10]}"
    try:
        await migrate.upgrade(db, "ledger_archives")
        shop = Shop(core, db, f"p_{uuid.uuid4().hex[:10]}")
        await shop.found()
        await shop.redeem_many(3)
        await shop.settle()
        async with db.writing() as session:
            await session.execute(text(f"CREATE ROLE {role}"))
            await session.execute(text(f"GRANT SELECT, INSERT ON ledger_postings TO {role}"))
            stored = text("SELECT pg_relation_filenode('ledger_postings')")
            file = (await session.execute(stored)).scalar_one()
        await migrate.upgrade(db)
        await make_months(db)
        async with db.reading() as session:
            stored = text("SELECT pg_relation_filenode('ledger_postings_first')")
            assert (await session.execute(stored)).scalar_one() == file
            may = text(f"SELECT has_table_privilege('{role}', 'ledger_postings', 'INSERT')")
            assert (await session.execute(may)).scalar_one()
        await taken_on(db, NEXT)
        await shop.redeem_many(2)
        await shop.settle()
        assert await parts(db, "ledger_postings") == {
            "first": 6, "other": 0, f"{NEXT:%Y_%m}": 4, f"{LATER:%Y_%m}": 0
        }  # fmt: skip
        assert (await reconcile(core, db, shop.partition)).differences == []
        await migrate.downgrade(db, "-1")
        assert await shop.count(LedgerPosting) == 10
        assert (await reconcile(core, db, shop.partition)).differences == []
    finally:
        await db.close()
