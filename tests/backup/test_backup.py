"""Backup, destroy, restore: nothing is missing, on either kind of database, and everything still agrees."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy import func, select

from app.backup.create import create_backup
from app.backup.form import MANIFEST, SUFFIX, BackupError, member_of
from app.backup.read import newest, read_manifest, verify_file
from app.backup.restore import restore_backup
from app.db.base import Base
from app.db.database import Database
from app.db.models import Customer, Erasure, LedgerEvent
from app.jobs.erasure_list import (
    LIST_NAME,
    Erased,
    NoEntryError,
    add_to_list,
    keep_list,
    read_list,
    stored_list,
)
from app.jobs.erasure_restored import RESTORED
from tests.support.postgres import Postgres
from tests.support.server import ROOT, Project, RunningServer

FORGOTTEN = "eve-who-is-forgotten"
"""The name of a customer who is deleted permanently after the backup was made."""
SECONDS_MAX = 300.0
PROJECTED = ("customers", "redemptions", "orders", "voucher_transactions")


def command(data_dir: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("VOUCHSAFE_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env={**inherited, "VOUCHSAFE_DATA_DIR": str(data_dir), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def redeem(api: httpx.Client, code: str, who: str = "ada") -> httpx.Response:
    """Sent again under its key while the server is still on its way up."""
    body = {"redeemables": [{"object": "voucher", "id": code}], "order": {"amount": 1234}}
    sent = {**body, "customer": {"source_id": who, "name": who}}
    key = {"Idempotency-Key": uuid.uuid4().hex}
    deadline = time.monotonic() + SECONDS_MAX
    while (answer := api.post("/v1/redemptions", json=sent, headers=key)).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return answer


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, Project]]:
    """A shop with a code of three uses, two of which are taken, and a card with half its money left."""
    data_dir = tmp_path_factory.mktemp("backup") / "data"
    running = RunningServer(data_dir, environment={"VOUCHSAFE_BACKUP_DIR": str(data_dir)}).start()
    project = running.create_project("backed-up")
    with running.client(project) as api:
        code = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 12.5}}
        api.post("/v1/vouchers/THREE", json={**code, "redemption": {"quantity": 3}}).raise_for_status()
        card = {"type": "GIFT_VOUCHER", "gift": {"amount": 2468}}
        api.post("/v1/vouchers/CARD", json=card).raise_for_status()
        for name, who in (("THREE", "ada"), ("THREE", FORGOTTEN), ("CARD", "ada")):
            redeem(api, name, who).raise_for_status()
        api.get("/v1/redemptions").raise_for_status()  # Behind the barrier: all of it is projected.
    yield running, project
    running.stop()


@pytest.fixture(scope="module")
def file(shop: tuple[RunningServer, Project]) -> Path:
    """Made beside the running server."""
    running, _ = shop
    finished = running.command("backup", "create", "--to", str(running.data_dir), "--json")
    made = Path(json.loads(finished.stdout)["file"])
    assert made.name.endswith(SUFFIX)
    assert made.stat().st_mode & 0o777 == 0o600
    assert (running.data_dir / LIST_NAME).read_bytes() == b""
    return made


@pytest.fixture(scope="module")
def forgotten(shop: tuple[RunningServer, Project], file: Path) -> str:
    """The id of a customer of the backup who was deleted permanently after it: the list beside the backups
    knows it when the request is answered.
    """
    running, project = shop
    with running.client(project) as api:
        deleted = api.post(f"/v1/customers/{FORGOTTEN}/permanent-deletion").raise_for_status().json()
    (entry,) = read_list(running.data_dir / LIST_NAME)
    assert (entry.project, entry.customer) == (project.project_id, deleted["related_object_id"])
    return entry.customer


def tables_that_tell(database: Path) -> set[str]:
    """Names of the tables in which the forgotten customer's name stands."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name
            for name in names
            for row in connection.execute(f'SELECT * FROM "{name}"')
            if FORGOTTEN.encode() in b"".join(c if isinstance(c, bytes) else str(c).encode() for c in row)
        }


def test_after_a_restore_limits_hold_and_everything_agrees(
    shop: tuple[RunningServer, Project], file: Path, forgotten: str, tmp_path: Path
) -> None:
    """Backup, another folder, restore, reconcile, serve: the third use is there, the fourth is not, and who
    was forgotten since stays forgotten.
    """
    _, project = shop
    data_dir = tmp_path / "data"
    restored = command(data_dir, "backup", "restore", str(file), "--json")
    assert restored.returncode == 0, restored.stderr
    notes = json.loads(restored.stdout)["notes"]
    assert "counters made from the ledger" in notes[0]
    assert notes[1].startswith("1 customers forgotten")
    assert tables_that_tell(data_dir / "vouchsafe.db") == set()
    reconciled = command(data_dir, "ledger", "reconcile")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
    assert "all agree" in reconciled.stdout
    again = command(data_dir, "backup", "restore", str(file))
    assert again.returncode == 1
    assert "not empty" in again.stderr
    running = RunningServer(data_dir).start()
    try:
        with running.client(project) as api:
            assert redeem(api, "THREE").status_code == 200
            assert redeem(api, "THREE").json()["key"] == "quantity_exceeded"
            assert redeem(api, "CARD").status_code == 200
            assert redeem(api, "CARD").status_code == 400
            assert api.get("/v1/redemptions?result=SUCCESS").json()["total"] == 5
            assert api.get(f"/v1/customers/{forgotten}").status_code == 404
            assert api.get(f"/v1/customers/{FORGOTTEN}").status_code == 404
    finally:
        running.stop()


def as_it_was_before_it_was_projected(file: Path, target: Path) -> Path:
    """A backup of the same moment whose events were ledgered, and not yet projected."""
    manifest = read_manifest(file)
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(target, "w") as copy:
        entries = []
        for entry in manifest.tables:
            data = archive.read(member_of(entry.name))
            if entry.name in PROJECTED:
                data = b""
            if entry.name == "partitions":
                columns = list(entry.columns)
                rows = [dict(zip(columns, json.loads(line), strict=True)) for line in data.splitlines()]
                early = [{**row, "projected_epoch": 0, "projected_seq": 0} for row in rows]
                data = b"".join(json.dumps(list(row.values())).encode() + b"\n" for row in early)
            copy.writestr(member_of(entry.name), data)
            count, digest = data.count(b"\n"), hashlib.sha256(data).hexdigest()
            entries.append(msgspec.structs.replace(entry, rows=count, sha256=digest))
        copy.writestr(MANIFEST, msgspec.json.encode(msgspec.structs.replace(manifest, tables=entries)))
    return target


def test_events_that_were_not_projected_bring_nobody_back(
    shop: tuple[RunningServer, Project], file: Path, forgotten: str, tmp_path: Path
) -> None:
    """A backup that knows the customer only from an event of the ledger, restored while Redis is away, by a
    list that lies elsewhere: the server projects the event when it starts, and forgets it then.
    """
    running, _ = shop
    early = as_it_was_before_it_was_projected(file, tmp_path / "early.zip")
    data_dir = tmp_path / "data"
    refused = command(data_dir, "backup", "restore", str(early))
    assert refused.returncode == 1
    assert "--without-erasures" in refused.stderr
    assert not (data_dir / "vouchsafe.db").exists()
    listed = ("--erasures", str(running.data_dir / LIST_NAME))
    away = {"VOUCHSAFE_REDIS_URL": f"unix://{tmp_path}/nobody"}
    restored = command(data_dir, "backup", "restore", str(early), *listed, **away)
    assert restored.returncode == 0, restored.stderr
    assert "orders and redemptions forget the person then" in restored.stdout
    database = data_dir / "vouchsafe.db"
    assert "event_bodies" in tables_that_tell(database)
    server = RunningServer(data_dir).start()
    try:
        deadline = time.monotonic() + SECONDS_MAX
        while tables_that_tell(database):
            assert time.monotonic() < deadline, server.log_tail()
            time.sleep(0.1)
    finally:
        server.stop()
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM redemptions").fetchone() == (3,)
        rows = connection.execute("SELECT customer_id, status FROM erasures").fetchall()
    assert rows == [(forgotten, "DONE")]


async def test_whoever_is_on_the_list_is_a_tombstone_when_the_rows_are_there(
    shop: tuple[RunningServer, Project], file: Path, forgotten: str, postgres_url: str
) -> None:
    """On PostgreSQL too: nobody can read the customer before the rest is forgotten; the ledger keeps all."""
    _, project = shop
    db = Database(postgres_url)
    key = (project.project_id, forgotten)
    try:
        await restore_backup(db, file, {key: datetime.now(UTC)})
        async with db.reading() as session:
            row = await session.get_one(Customer, key)
            found = await session.scalars(select(Erasure).where(Erasure.customer_id == forgotten))
            erasure = found.one()
            events = await session.scalar(select(func.count()).select_from(LedgerEvent))
    finally:
        await db.close()
    assert (row.source_id, row.name, row.email, row.body) == (None, None, None, {})
    assert row.deleted_at is not None
    assert (erasure.status, erasure.counts) == (RESTORED, {"names": [FORGOTTEN]})
    assert events == len(lines_of(file)["ledger_events"])


async def test_a_backup_that_knows_no_erasures_says_how_to_go_on(file: Path, tmp_path: Path) -> None:
    """Nothing is loaded then."""
    older = tmp_path / "older.zip"
    manifest = read_manifest(file)
    tables = [entry for entry in manifest.tables if entry.name != "erasures"]
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(older, "w") as copy:
        for entry in tables:
            copy.writestr(member_of(entry.name), archive.read(member_of(entry.name)))
        copy.writestr(MANIFEST, msgspec.json.encode(msgspec.structs.replace(manifest, tables=tables)))
    db = Database(f"sqlite:///{tmp_path / 'target.db'}")
    try:
        with pytest.raises(BackupError, match="--without-erasures"):
            await restore_backup(db, older, {("proj_1", "cust_1"): datetime.now(UTC)})
        await restore_backup(db, older)
    finally:
        await db.close()


async def test_who_came_back_after_being_forgotten_is_left_alone(
    shop: tuple[RunningServer, Project], file: Path, tmp_path: Path
) -> None:
    """An entry of before the customer was made is about somebody who was there earlier under that id; one of
    another project is about nobody here.
    """
    _, project = shop
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    db = Database(f"sqlite:///{tmp_path / 'target.db'}")
    try:
        with sqlite3.connect(f"file:{file.parent / 'vouchsafe.db'}?mode=ro", uri=True) as connection:
            (ada,) = connection.execute("SELECT id FROM customers WHERE source_id = 'ada'").fetchone()
        entries = {(project.project_id, ada): long_ago, ("proj_elsewhere", ada): long_ago}
        await restore_backup(db, file, entries)
        async with db.reading() as session:
            row = await session.get(Customer, (project.project_id, ada))
            listed = await stored_list(session)
    finally:
        await db.close()
    assert row is not None
    assert (row.source_id, row.deleted_at) == ("ada", None)
    assert [(entry.customer, entry.at) for entry in listed] == [(ada, long_ago)]


def test_a_list_with_a_line_that_cannot_be_read_is_no_list(tmp_path: Path) -> None:
    """It might name somebody: it is said which line. Half a line that a full disk left stays by itself."""
    entry = Erased("proj_1", "cust_1", datetime(2026, 1, 1, tzinfo=UTC))
    keep_list(tmp_path, [entry])
    keep_list(tmp_path, [entry])
    assert read_list(tmp_path / LIST_NAME) == [entry]
    with (tmp_path / LIST_NAME).open("ab") as file:
        file.write(b'{"project":"proj_1","cus')
    add_to_list(tmp_path, [entry])
    with pytest.raises(NoEntryError, match="line 2 is no entry"):
        read_list(tmp_path / LIST_NAME)
    assert (tmp_path / LIST_NAME).read_text().splitlines()[2].startswith('{"project":"proj_1","customer"')


def lines_of(file: Path) -> dict[str, list[bytes]]:
    with zipfile.ZipFile(file) as archive:
        return {
            entry.name: sorted(archive.read(member_of(entry.name)).splitlines())
            for entry in read_manifest(file).tables
            if entry.name != "partitions"  # They begin a new epoch.
        }


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    return postgres.create_database()


async def test_a_backup_moves_between_kinds_of_databases(
    file: Path, postgres_url: str, tmp_path: Path
) -> None:
    """From SQLite to PostgreSQL and back every row is the same, to the byte; numbers go on counting."""
    there = Database(postgres_url)
    back = Database(f"sqlite:///{tmp_path / 'back.db'}")
    try:
        await restore_backup(there, file)
        first, _ = await create_backup(there, tmp_path / "first.zip", "test")
        await restore_backup(back, first)
        second, _ = await create_backup(back, tmp_path / "second.zip", "test")
    finally:
        await there.close()
        await back.close()
    assert lines_of(first) == lines_of(second)
    assert lines_of(first).keys() == Base.metadata.tables.keys() - {"partitions", "leases"}
    assert lines_of(first)["ledger_postings"] == lines_of(file)["ledger_postings"]
    assert lines_of(first)["event_bodies"] == lines_of(file)["event_bodies"]


def test_a_damaged_backup_is_found_out(file: Path, tmp_path: Path) -> None:
    """A byte that changed, a file that ends early, rows that are missing: none passes for a backup."""
    whole = file.read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupError, match="no backup"):
        verify_file(cut)
    missing = tmp_path / "missing.zip"
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(missing, "w") as copy:
        for name in archive.namelist():
            data = archive.read(name)
            if name == member_of("ledger_postings"):
                data = b"".join(data.splitlines(keepends=True)[:-1])
            copy.writestr(name, data)
    with pytest.raises(BackupError, match="ledger_postings"):
        verify_file(missing)
    assert verify_file(file).tables


def test_a_deep_verification_reads_the_ledger_of_what_it_restored(file: Path, tmp_path: Path) -> None:
    """Rows that are whole, and do not add up, are told."""
    finished = command(tmp_path / "none", "backup", "verify", "--deep", str(file))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "sound" in finished.stdout


async def test_a_restore_that_fails_leaves_an_empty_database(file: Path, tmp_path: Path) -> None:
    """So that it can be tried again with the right file."""
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(broken, "w") as copy:
        for name in archive.namelist():
            data = archive.read(name)
            copy.writestr(name, data + b"[]\n" if name == member_of("vouchers") else data)
    db = Database(f"sqlite:///{tmp_path / 'target.db'}")
    try:
        with pytest.raises(BackupError):
            await restore_backup(db, broken)
        await restore_backup(db, file)
    finally:
        await db.close()


def test_the_newest_finished_backup_is_found(file: Path, tmp_path: Path) -> None:
    """One that was cut off does not count."""
    assert newest(tmp_path) is None
    (tmp_path / f"2026-01-01{SUFFIX}").write_bytes(file.read_bytes())
    (tmp_path / f"2026-01-02{SUFFIX}").write_bytes(b"PK")
    found = newest(tmp_path)
    assert found is not None
    assert found[0].name == f"2026-01-01{SUFFIX}"
