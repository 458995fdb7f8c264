"""Backup, destroy, restore: nothing is missing, on either kind of database, and everything still agrees."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.backup.create import create_backup
from app.backup.form import SUFFIX, BackupError, member_of
from app.backup.read import newest, read_manifest, verify_file
from app.backup.restore import restore_backup
from app.db.base import Base
from app.db.database import Database
from tests.support.postgres import Postgres
from tests.support.server import ROOT, Project, RunningServer


def command(data_dir: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("VOUCHSAFE_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env={**inherited, "VOUCHSAFE_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )


def redeem(api: httpx.Client, code: str) -> httpx.Response:
    body = {"redeemables": [{"object": "voucher", "id": code}], "order": {"amount": 1234}}
    return api.post("/v1/redemptions", json={**body, "customer": {"source_id": "ada"}})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, Project]]:
    """A shop with a code of three uses, two of which are taken, and a card with half its money left."""
    running = RunningServer(tmp_path_factory.mktemp("backup") / "data").start()
    project = running.create_project("backed-up")
    with running.client(project) as api:
        code = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 12.5}}
        api.post("/v1/vouchers/THREE", json={**code, "redemption": {"quantity": 3}}).raise_for_status()
        card = {"type": "GIFT_VOUCHER", "gift": {"amount": 2468}}
        api.post("/v1/vouchers/CARD", json=card).raise_for_status()
        for name in ("THREE", "THREE", "CARD"):
            redeem(api, name).raise_for_status()
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
    return made


def test_after_a_restore_limits_hold_and_everything_agrees(
    shop: tuple[RunningServer, Project], file: Path, tmp_path: Path
) -> None:
    """Backup, another folder, restore, reconcile, serve: the third use is there, the fourth is not."""
    _, project = shop
    data_dir = tmp_path / "data"
    restored = command(data_dir, "backup", "restore", str(file), "--json")
    assert restored.returncode == 0, restored.stderr
    assert "counters made from the ledger" in json.loads(restored.stdout)["notes"][0]
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
    finally:
        running.stop()


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
