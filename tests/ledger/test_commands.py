"""`vouchsafe ledger` and `vouchsafe migrate` as an operator runs them: output and documented exit codes."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.shop import Shop
from tests.support.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]


class Shell:
    """Runs commands against one server and one database."""

    def __init__(self, redis_url: str, database_url: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VOUCHSAFE_")},
            "VOUCHSAFE_REDIS_URL": redis_url,
            "VOUCHSAFE_DATABASE_URL": database_url,
        }

    async def run(self, *words: str) -> tuple[int, Any]:
        """Exit code and what --json printed; on failure what went to stderr."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "app.cli", *words, "--json"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else done.stderr


@pytest.fixture
def shell(valkey: Valkey, database_url: str) -> Shell:
    return Shell(valkey.url, database_url)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_reconcile_rebuild_and_verify_say_what_they_found(own_shop: Shop, shell: Shell) -> None:
    """0 when all agree, 1 and the difference when not, and a rebuild puts it right."""
    await own_shop.redeem_many(3)
    code, (found,) = await shell.run("ledger", "reconcile")
    assert (code, found["difference_count"], found["counters"]) == (0, 0, 2)
    keys = await own_shop.core.open(own_shop.partition)
    await own_shop.core.read(own_shop.partition, [("HSET", keys.voucher_used("v_1"), "v_1", 42)])
    code, (found,) = await shell.run("ledger", "reconcile", "--project", own_shop.partition.project_id)
    assert code == 1
    assert "Redis has 42" in found["differences"][0]
    code, (done,) = await shell.run("ledger", "rebuild", "--from-genesis")
    assert (code, done["action"], done["counters"]) == (0, "rebuilt", 2)
    code, (found,) = await shell.run("ledger", "reconcile")
    assert (code, found["differences"]) == (0, [])
    code, (found,) = await shell.run("ledger", "verify")
    assert (code, found["events"], found["problems"]) == (0, 3, [])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_archive_says_what_went_where_and_what_may_not_go(
    own_shop: Shop, shell: Shell, tmp_path: Path
) -> None:
    """0 with the file's name, which verify takes; 1 and the reason for a month that is too young."""
    own_shop.past_us = 200 * 24 * 3600 * 1_000_000
    await own_shop.redeem_many(2)
    own_shop.past_us = 0
    await own_shop.redeem()
    await own_shop.settle()
    month = f"{datetime.now(UTC) - timedelta(days=150):%Y-%m}"
    code, (done,) = await shell.run("ledger", "archive", "--before", month, "--to", str(tmp_path))
    assert (code, done["action"], done["events"], done["removed"]) == (0, "archived", 2, 2)
    code, (checked,) = await shell.run("ledger", "verify", "--archive", done["file"])
    assert (code, checked["known"], checked["chained"], checked["problems"]) == (0, True, True, [])
    this_month = f"{datetime.now(UTC):%Y-%m}"
    code, (done,) = await shell.run("ledger", "archive", "--before", this_month, "--to", str(tmp_path))
    assert (code, done["action"]) == (1, "refused")
    assert "can be rolled back for 92 days" in done["reasons"][0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_cannot_be_reached_is_another_exit_code(
    own_shop: Shop, shell: Shell, valkey: Valkey
) -> None:
    """A script can tell a difference from a server that is away, and from a project that is not there."""
    code, message = await shell.run("ledger", "verify", "--project", "nobody")
    assert code == 1
    assert "there is no project nobody" in message
    valkey.kill()
    code, message = await shell.run("ledger", "rebuild")
    assert code == 3
    assert "Redis" in message


async def test_migrate_brings_a_database_to_this_version(tmp_path: Path) -> None:
    """--check only looks; without it the schema is made, and again changes nothing."""
    shell = Shell("unix:///nowhere", f"sqlite:///{tmp_path / 'new.db'}")
    assert (await shell.run("migrate", "--check"))[0] == 1
    for _ in range(2):
        code, said = await shell.run("migrate")
        assert (code, said["at_head"]) == (0, True)
    assert (await shell.run("migrate", "--check"))[0] == 0
