"""The way to the next version: what runs goes on running on the new schema, and nobody who buys notices."""

import json
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest

from app.db.revisions import heads, serves
from tests.support.server import ROOT, Project, RunningServer
from tests.support.valkey import Valkey

WAIT_SECONDS_MAX = 300.0


def last_tag() -> str:
    """The newest version tag before this commit; empty where the clone has none."""
    done = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


class Shopper(threading.Thread):
    """Redeems once after the other, at whichever address is said now, and never sends anything twice."""

    def __init__(self, project: Project, address: str) -> None:
        super().__init__(daemon=True)
        self.address = address
        self.done = 0
        self.failed: list[str] = []
        self.stop_asked = threading.Event()
        self._headers = project.headers

    def run(self) -> None:
        with httpx.Client(headers=self._headers, timeout=30) as client:
            while not self.stop_asked.is_set():
                body = {"redeemables": [{"object": "voucher", "id": "MANY"}], "order": {"amount": 1000}}
                try:
                    answer = client.post(f"{self.address}/v1/redemptions", json=body)
                except httpx.HTTPError as error:
                    self.failed.append(f"{type(error).__name__}: {error}")
                    continue
                if answer.status_code != 200:
                    self.failed.append(answer.text)
                self.done += 1
                time.sleep(0.02)

    def go_on(self, count: int = 5) -> None:
        """Until so many more are done."""
        wanted, until = self.done + count, time.monotonic() + WAIT_SECONDS_MAX
        while self.done < wanted:
            assert time.monotonic() < until, self.failed
            time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.skipif(not last_tag(), reason="this clone has no tags: git fetch --tags")
def test_the_last_version_serves_while_the_next_one_migrates_and_takes_over(tmp_path: Path) -> None:
    """Old node, migration under load, new node beside it, old node away: no request fails, and all agrees."""
    old_code = tmp_path / "old"
    old_code.mkdir()
    archive = subprocess.run(
        ["git", "archive", last_tag(), "app", "rules", "migrations"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    subprocess.run(["tar", "x", "-C", str(old_code)], input=archive.stdout, check=True)
    with Valkey() as valkey:
        shared = {
            "VOUCHSAFE_REDIS_URL": valkey.url,
            "VOUCHSAFE_DATABASE_URL": f"sqlite:///{tmp_path / 'shop.db'}",
        }
        old = RunningServer(tmp_path / "a", environment=shared, code=old_code)
        new = RunningServer(tmp_path / "b", environment=shared)
        old.command("migrate")
        old.start()
        project = made_by(old)
        shopper = Shopper(project, old.base_url)
        with old.client(project) as api:
            code = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 1}}
            api.post("/v1/vouchers/MANY", json=code).raise_for_status()
            shopper.start()
            try:
                shopper.go_on()
                new.command("migrate")
                shopper.go_on()
                api.post("/v1/vouchers/LATER", json=code).raise_for_status()
                new.start()
                shopper.address = new.base_url
                shopper.go_on()
            finally:
                shopper.stop_asked.set()
                shopper.join(WAIT_SECONDS_MAX)
                old.stop()
        assert shopper.failed == []
        with new.client(project) as api:
            assert api.get("/v1/vouchers/MANY").json()["redemption"]["redeemed_quantity"] == shopper.done
        assert "all agree" in new.command("ledger", "reconcile").stdout
        new.stop()


def made_by(node: RunningServer) -> Project:
    """A project that the node's own command made."""
    keys = json.loads(node.command("keys", "create", "--project", "upgrade", "--json").stdout)
    names = set(Project.__dataclass_fields__) & set(keys)
    return Project(**{"name": "upgrade", **{name: keys[name] for name in names}})


def test_a_schema_of_a_later_version_is_served_and_an_older_one_is_not() -> None:
    """A revision that nobody here knows is a later one's."""
    assert serves(heads())
    assert serves(("revision_of_next_year",))
    assert not serves(("first_schema",))
    assert not serves(())
