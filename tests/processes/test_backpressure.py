"""Nothing grows without bound: a ledger that stands still stops redemptions until it goes on."""

import os
import re
import signal
from pathlib import Path

import httpx
import pytest

from tests.durability.load import status, wait_until
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, public_code, stack, unique

REDEMPTIONS_MAX = 2_000
"""More than fit into a megabyte."""


def gauge(server: RunningServer, project: Project, name: str) -> int:
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    for _ in range(20):  # What takes a busy server too long it leaves out.
        answer = httpx.get(f"{server.base_url}/management/v1/engine/metrics", headers=headers, timeout=60)
        found = re.search(rf"^{name} (\d+)$", answer.text, re.MULTILINE)
        if found:
            return int(found[1])
    raise AssertionError(answer.text)


@pytest.mark.service
def test_a_ledger_that_stands_still_is_waited_for(tmp_path: Path) -> None:
    """I12, I14: at the outbox's limit 503 with Retry-After; nothing that was refused so was taken."""
    server = RunningServer(
        data_dir=tmp_path / "data", environment={"VOUCHSAFE_OUTBOX_MEGABYTES_MAX": "1"}
    ).start()
    try:
        shop = server.create_project(unique("full"))
        with server.client(shop) as api:
            code, _ = public_code(api, percent_off(10))
            body = stack(code, metadata={"note": "x" * 4_000})
            background = status(server)["background"]
            os.kill(background, signal.SIGSTOP)
            taken = 0
            try:
                while taken < REDEMPTIONS_MAX:
                    answer = api.post("/v1/redemptions", json=body)
                    if answer.status_code != 200:
                        break
                    taken += 1
                assert answer.status_code == 503
                assert int(answer.headers["Retry-After"]) >= 1
                assert gauge(server, shop, "vouchsafe_ledger_lag_events") == taken
                assert 1 << 20 <= gauge(server, shop, "vouchsafe_outbox_bytes") < (1 << 20) + 100_000
            finally:
                os.kill(background, signal.SIGCONT)
            used = created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"]
            assert used == taken
            wait_until(
                lambda: api.post("/v1/redemptions", json=body).status_code == 200, server.log_tail
            )
        server.assert_ledger_agrees(shop)
    finally:
        server.stop()
