"""Months that leave the ledger: what is left says exactly what the whole ledger said, whatever happens on the
way.
"""

import asyncio
import gzip
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import DBAPIError

from app.backup.create import create_backup
from app.backup.restore import restore_backup
from app.core.outbox import Position
from app.db.database import Database
from app.db.models import (
    ArchivedCounter,
    Divergence,
    EventBody,
    IdempotentEvent,
    LedgerArchive,
    LedgerEvent,
    LedgerPosting,
    PartitionState,
    ProjectionFailure,
)
from app.ledger.archive import Archiving, archive
from app.ledger.archive_check import check_archives
from app.ledger.archive_file import SUFFIX
from app.ledger.archive_room import remove_archived
from app.ledger.reconcile import reconcile
from app.ledger.replay import replay
from app.ledger.verify import verify
from tests.ledger.shop import Shop
from tests.support.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
DAYS = 92
MICROSECONDS = 1_000_000
DAY_US = 24 * 3600 * MICROSECONDS


def month_of(days_ago: float) -> str:
    """The month that follows the one of that day."""
    day = datetime.now(UTC) - timedelta(days=days_ago)
    return f"{(day.replace(day=28) + timedelta(days=7)):%Y-%m}"


OLD_DAYS, NEWER_DAYS = 200, 160
OLD, NEWER = month_of(OLD_DAYS - 1), month_of(NEWER_DAYS - 1)
"""Of the day after, too: between here and a test midnight may pass, and a month may end."""


async def worked_for_months(shop: Shop) -> None:
    """Redemptions, rollbacks, cards and holds 200 days ago, 160 days ago and now; two epochs."""
    shop.past_us = OLD_DAYS * DAY_US
    await shop.redeem_many(3, customer_id="cust_1")
    await shop.redeem(redemption_id="r_undone", voucher_id="v_2")
    await shop.spend("v_gift", 250, 1000)
    await shop.hold("v_3", 2)
    await shop.redeem(until=int(datetime.now(UTC).timestamp()) - 190 * 24 * 3600)
    await shop.settle()
    await shop.recover(rebuild=True)
    await shop.redeem(voucher_id="v_only_then")
    shop.past_us = NEWER_DAYS * DAY_US
    await shop.roll_back("r_undone", "v_2")
    await shop.hold("v_3", 0, release=2)
    await shop.redeem_many(2)
    shop.past_us = 0
    await shop.spend("v_gift", 100, 1000)
    await shop.redeem_many(2, customer_id="cust_1")
    await shop.settle()


async def archive_before(
    shop: Shop, month: str, folder: Path, *, remove: bool = True, **options: Any
) -> Archiving:
    values = {"rollback_days": DAYS, "now": datetime.now(UTC), "version": "test", **options}
    done = await archive(shop.core, shop.db, shop.partition, month, folder, **values)
    if remove:
        done.removed = await remove_archived(shop.db, shop.partition, values["now"])
    return done


async def known(shop: Shop) -> dict[str, tuple[int | None, int | None, int]]:
    """Every counter as the ledger alone tells it, with its base."""
    async with shop.db.snapshot() as session:
        replayed = await replay(session, shop.partition.name)
    assert replayed.problems == []
    now = int(datetime.now(UTC).timestamp())
    return {
        f"{key} {field}": (one.base, one.value, one.held)
        for (key, field), one in replayed.counters.items()
        if not one.ended(now)
    }


async def counted(shop: Shop) -> dict[str, int]:
    """What Redis counts; a field that was only ever held may be absent or 0, which is the same."""
    return {place: value for place, value in (await shop.counters()).items() if "v_3" not in place}


async def agrees(shop: Shop, counters: dict[str, int], ledger: dict[str, Any]) -> None:
    """Reconcile and verify find nothing; rebuilds of both kinds give the counters of before."""
    assert (await reconcile(shop.core, shop.db, shop.partition)).differences == []
    found = await verify(shop.db, shop.partition)
    assert found is not None
    assert found.problems == []
    assert await known(shop) == ledger
    for from_genesis in (False, True):
        assert (await shop.recover(rebuild=True, from_genesis=from_genesis)).action == "rebuilt"
        assert await counted(shop) == counters
    assert (await reconcile(shop.core, shop.db, shop.partition)).differences == []


async def test_counters_are_the_same_when_months_are_gone(any_shop: Shop, tmp_path: Path) -> None:
    """Twice archived: rebuild, reconcile and verify say what they said before, and the engine goes on."""
    shop = any_shop
    await worked_for_months(shop)
    counters, ledger = await counted(shop), await known(shop)
    first = await archive_before(shop, OLD, tmp_path)
    assert (first.action, first.events, first.first, first.removed) == ("archived", 8, "1-1", 8)
    assert await shop.count(LedgerEvent) == 7
    assert await shop.count(EventBody, EventBody.epoch == 1) == 0
    await agrees(shop, counters, ledger)
    second = await archive_before(shop, NEWER, tmp_path)
    assert (second.action, second.events, second.first, second.removed) == ("archived", 4, "2-2", 4)
    assert await shop.count(LedgerEvent) == await shop.count(LedgerPosting, LedgerPosting.n == 0) == 3
    await agrees(shop, counters, ledger)
    again = await archive_before(shop, NEWER, tmp_path)
    assert again.action == "nothing"
    await shop.redeem()
    await shop.settle()
    assert (await reconcile(shop.core, shop.db, shop.partition)).differences == []
    checked = await check_archives(shop.db, sorted(tmp_path.glob(f"*{SUFFIX}"), reverse=True))
    assert [(one.known, one.chained, one.problems) for one in checked] == [(True, True, [])] * 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_backup_needs_no_archive(any_shop: Shop, tmp_path: Path) -> None:
    """It has the counters as they stood then and all later events, and leads to the counters of before."""
    await worked_for_months(any_shop)
    ledger = await known(any_shop)
    await archive_before(any_shop, OLD, tmp_path)
    file, _ = await create_backup(any_shop.db, tmp_path, "test")
    restored = Database(f"sqlite:///{tmp_path / 'restored.db'}")
    try:
        await restore_backup(restored, file)
        there = Shop(any_shop.core, restored, any_shop.partition.project_id)
        found = await verify(restored, there.partition)
        assert found is not None
        assert (found.events, found.archived, found.problems) == (7, 8, [])
        assert await known(there) == ledger
        assert (await there.recover(rebuild=True, from_genesis=True)).action == "rebuilt"
        assert (await reconcile(there.core, restored, there.partition)).differences == []
        assert (await archive_before(there, NEWER, tmp_path)).events == 4
    finally:
        await restored.close()


async def test_only_the_newest_counters_are_kept(any_shop: Shop, tmp_path: Path) -> None:
    """What a newer archive replaced is gone; what it did not move stays as the first one left it. What an
    attempt left that did not end is not looked at, and goes.
    """
    await worked_for_months(any_shop)
    ledger = await known(any_shop)
    await archive_before(any_shop, OLD, tmp_path)
    (one, *_) = await any_shop.rows(ArchivedCounter, ArchivedCounter.field == "v_only_then")
    async with any_shop.db.writing() as session:
        values = {"value": 99, "generation": one.generation + 1}
        columns = {name: getattr(one, name) for name in ArchivedCounter.__table__.columns.keys()}  # noqa: SIM118
        await session.execute(insert(ArchivedCounter).values(columns | values))
    assert await known(any_shop) == ledger
    await archive_before(any_shop, NEWER, tmp_path)
    rows = await any_shop.rows(ArchivedCounter)
    assert len({(row.key, row.field) for row in rows}) == len(rows)
    archives = {row.before: row.generation for row in await any_shop.rows(LedgerArchive)}
    of_field = {row.field: row.generation for row in rows}
    assert of_field["v_only_then"] == archives[OLD]
    assert of_field["v_2"] == archives[NEWER]
    assert not any(row.until for row in rows)


async def test_a_checkpoint_that_is_wrong_is_told(any_shop: Shop, tmp_path: Path) -> None:
    """Counters of an archive are compared with its events, and with Redis, like everything else."""
    await worked_for_months(any_shop)
    done = await archive_before(any_shop, OLD, tmp_path)
    async with any_shop.db.writing() as session:
        await session.execute(
            update(ArchivedCounter).where(ArchivedCounter.field == "v_only_then").values(value=7)
        )
    (checked,) = await check_archives(any_shop.db, [Path(done.file)])
    assert any("v_only_then" in problem for problem in checked.problems)
    found = await reconcile(any_shop.core, any_shop.db, any_shop.partition)
    assert any("v_only_then" in difference for difference in found.differences)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_damaged_file_is_no_archive(any_shop: Shop, tmp_path: Path) -> None:
    """A line that changed, one that is missing, an end that is missing, another file: none passes."""
    await worked_for_months(any_shop)
    done = await archive_before(any_shop, OLD, tmp_path)
    whole = Path(done.file).read_bytes()
    lines = gzip.decompress(whole).splitlines(keepends=True)
    changed = lines[3].replace(b'"used"', b'"Used"')
    damaged = {
        "cut": whole[: len(whole) // 2],
        "changed": gzip.compress(b"".join([*lines[:3], changed, *lines[4:]])),
        "missing": gzip.compress(b"".join([*lines[:2], *lines[3:]])),
        "headless": gzip.compress(b"".join(lines[1:])),
        "endless": gzip.compress(b"".join(lines[:-1])),
        "other": b"nothing of the kind",
        "empty": b"",
    }
    assert changed != lines[3]
    for name, raw in damaged.items():
        (tmp_path / name).write_bytes(raw)
    checked = await check_archives(any_shop.db, [tmp_path / name for name in (*damaged, "absent")])
    assert len(checked) == len(damaged) + 1
    assert [one.file for one in checked if not one.problem_count] == []


async def test_what_is_open_is_not_archived(any_shop: Shop, tmp_path: Path) -> None:
    """Rollbacks, holds, windows, keys, projections and differences keep their events in the ledger."""
    shop = any_shop
    now = datetime.now(UTC)
    shop.past_us = OLD_DAYS * DAY_US
    await shop.redeem_many(2)
    await shop.hold("v_3", 2)
    await shop.redeem(until=int(now.timestamp()) + 3600)
    await shop.drain()
    part = shop.partition.name

    async def reasons(**options: Any) -> str:
        done = await archive_before(shop, OLD, tmp_path, **options)
        assert (done.action, done.file) == ("refused", "")
        return " / ".join(done.reasons)

    assert "projected up to 1-0 only" in await reasons()
    await shop.project()
    assert "can be rolled back for 365 days" in await reasons(rollback_days=365)
    this_month = f"{now:%Y-%m}"
    done = await archive_before(shop, this_month, tmp_path, rollback_days=1, now=now.replace(day=2))
    assert "rolled back for 7 days" in done.reasons[0]
    held_and_windowed = await reasons()
    assert "sessions still hold" in held_and_windowed
    assert "1 counters of days, weeks or months go on" in held_and_windowed
    await shop.hold("v_3", 0, release=2)
    await shop.settle()
    later = now + timedelta(hours=2)
    async with shop.db.writing() as session:
        session.add(
            IdempotentEvent(
                part=part, epoch=1, seq=1, scope_hash="s", fingerprint="f", until=int(later.timestamp()) + 9
            )
        )
        session.add(ProjectionFailure(part=part, epoch=1, seq=2, at=now, error="odd"))
    both = await reasons(now=later)
    assert "1 idempotency keys" in both
    assert "1 events could not be projected" in both
    async with shop.db.writing() as session:
        await session.execute(text("DELETE FROM projection_failures"))
        await session.execute(text("UPDATE counters SET value = 9 WHERE field = 'v_1'"))
    assert "differences" in await reasons(now=later + timedelta(minutes=1))
    assert list(tmp_path.glob("*.gz*")) == []
    assert await shop.count(LedgerEvent) == 5
    with pytest.raises(ValueError, match="write it as 2026-08"):
        await archive_before(shop, "2026-8", tmp_path)


async def test_rows_go_only_when_they_are_archived(any_shop: Shop, tmp_path: Path) -> None:
    """The append-only guard yields for events that an archive holds, and for no later one."""
    await worked_for_months(any_shop)
    await archive_before(any_shop, OLD, tmp_path, remove=False)
    for model in ("ledger_postings", "ledger_events"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with any_shop.db.writing() as session:
                await session.execute(text(f"DELETE FROM {model} WHERE epoch = 2 AND seq = 2"))
        with pytest.raises(DBAPIError, match="append-only"):
            async with any_shop.db.writing() as session:
                await session.execute(text(f"UPDATE {model} SET part = 'x' WHERE epoch = 1"))
        async with any_shop.db.writing() as session:
            await session.execute(text(f"DELETE FROM {model} WHERE epoch = 1 AND seq = 1"))
    assert await any_shop.count(LedgerEvent, LedgerEvent.epoch == 1) == 6


async def test_an_old_redis_with_archived_events_is_no_divergence(own_shop: Shop, tmp_path: Path) -> None:
    """Events that a restored Redis still has in its outbox are known although their rows are gone."""
    shop = own_shop
    shop.past_us = OLD_DAYS * DAY_US
    await shop.redeem_many(3)
    await shop.settle()
    done = await archive_before(shop, OLD, tmp_path)
    assert done.removed == 3
    async with shop.db.writing() as session:
        await session.execute(update(PartitionState).values(epoch=2, cursor_epoch=2, cursor_seq=0))
    found = await shop.recover()
    assert (found.action, found.orphans) == ("rebuilt", 0)
    assert await shop.count(Divergence) == 0
    assert "v_1" in " ".join(await shop.counters())


KILLS = (
    ("sqlite", "archive-half-a-file"),
    ("sqlite", "archive-half-the-counters"),
    ("postgresql", "archive-before-commit"),
    ("sqlite", "archive-after-commit"),
    ("postgresql", "archive-half-removed"),
)
"""What comes before a commit, and between commits, has little to do with the kind of database."""
DRIVER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.db.database import Database
from app.ledger.archive import archive
from app.ledger.archive_room import remove_archived

async def main(redis, database, part, month, folder):
    core, db = RedemptionCore(redis), Database(database)
    await core.start()
    partition, now = Partition.parse(part), datetime.now(UTC)
    await archive(core, db, partition, month, Path(folder), rollback_days=92, now=now, version="test")
    await remove_archived(db, partition, now)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(("database_url", "point"), KILLS, indirect=["database_url"])
async def test_a_kill_leaves_the_old_or_the_new_state(
    any_shop: Shop, shared_valkey: Valkey, database_url: str, tmp_path: Path, point: str
) -> None:
    """Whatever was under way, the counters are the same at once, and the next attempt ends the work."""
    shop = any_shop
    shop.past_us = OLD_DAYS * DAY_US
    await shop.redeem_many(2, customer_id="cust_1")
    await shop.spend("v_gift", 250, 1000)
    shop.past_us = 0
    await shop.redeem()
    await shop.settle()
    counters, ledger = await counted(shop), await known(shop)
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", DRIVER, shared_valkey.url, database_url, shop.partition.name, OLD, tmp_path],
        cwd=ROOT,
        env={**os.environ, "VOUCHSAFE_CRASH_POINT": point},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stderr
    is_archived = bool(await shop.count(LedgerArchive))
    assert is_archived == (point in ("archive-after-commit", "archive-half-removed"))
    await agrees(shop, counters, ledger)
    done = await archive_before(shop, OLD, tmp_path)
    assert done.action == ("nothing" if is_archived else "archived")
    await agrees(shop, counters, ledger)
    assert await shop.count(LedgerEvent) == await shop.count(EventBody) == 1
    (row,) = await shop.rows(LedgerArchive)
    assert Position(row.epoch, row.seq) == Position(1, 3)
    assert await shop.count(ArchivedCounter, ArchivedCounter.generation != row.generation) == 0
    assert (tmp_path / row.file).is_file()
    checked = await check_archives(shop.db, list(tmp_path.glob(f"*{SUFFIX}")))
    assert {(one.known, one.chained, one.problem_count) for one in checked} == {(True, True, 0)}


async def test_two_archives_at_once_are_one(any_shop: Shop, tmp_path: Path) -> None:
    """One of them goes through, with its own file; the other says that it was not alone."""
    await worked_for_months(any_shop)
    counters, ledger = await counted(any_shop), await known(any_shop)
    done = await asyncio.gather(*(archive_before(any_shop, OLD, tmp_path, remove=False) for _ in range(3)))
    (archived,) = [one for one in done if one.action == "archived"]
    assert {one.action for one in done} <= {"archived", "busy", "nothing"}
    (row,) = await any_shop.rows(LedgerArchive)
    assert tmp_path / row.file == Path(archived.file)
    assert [str(file) for file in tmp_path.iterdir()].count(archived.file) == 1
    await archive_before(any_shop, OLD, tmp_path)
    await agrees(any_shop, counters, ledger)
    (checked,) = await check_archives(any_shop.db, [Path(archived.file)])
    assert (checked.known, checked.problems) == (True, [])
