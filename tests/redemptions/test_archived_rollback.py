"""A redemption whose month left the ledger: it is listed as before, and cannot be rolled back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.db.database import Database
from app.ledger.archive import archive
from app.ledger.archive_room import remove_archived
from tests.redemptions.test_partial_rollback import forget, used
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, public_code, redeem


async def archive_everything(server: RunningServer, project: Project, folder: Path) -> int:
    """As of half a year later; how many events went."""
    status = server.status()
    assert status is not None
    database_url = f"sqlite:///{server.data_dir / 'vouchsafe.db'}"
    core, db = RedemptionCore(status["redis_url"]), Database(database_url)
    partition, later = Partition(project.project_id), datetime.now(UTC) + timedelta(days=190)
    month = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m}"
    await core.start()
    try:
        done = await archive(core, db, partition, month, folder, rollback_days=92, now=later, version="test")
        assert done.action == "archived", done.reasons
        return await remove_archived(db, partition, later)
    finally:
        await core.close()
        await db.close()


async def test_an_archived_redemption_is_read_but_not_rolled_back(
    server: RunningServer, project: Project, api: httpx.Client, tmp_path: Path
) -> None:
    """Nothing is given back by halves: the refusal is that of a redemption that is too old."""
    code, _ = public_code(api, percent_off(10), quantity=2)
    redemption_id = redeem(api, code)["redemptions"][0]["id"]
    created(api.get(f"/v1/redemptions/{redemption_id}"))
    assert await archive_everything(server, project, tmp_path) >= 1
    forget(server, project)
    refused = api.post(f"/v1/redemptions/{redemption_id}/rollback")
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_redemption")
    assert "older than the ledger goes back" in refused.json()["details"]
    assert created(api.get(f"/v1/redemptions/{redemption_id}"))["status"] == "SUCCEEDED"
    assert used(api, code) == 1
    later = redeem(api, code)["redemptions"][0]["id"]
    created(api.post(f"/v1/redemptions/{later}/rollback"))
    assert used(api, code) == 1
