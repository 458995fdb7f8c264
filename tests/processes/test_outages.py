"""`vouchsafe serve` on the operator's own PostgreSQL and Valkey: the same way, and 503 while one of them is
away (P10).
"""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.postgres import Postgres
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, public_code, stack, unique
from tests.support.valkey import Valkey

pytestmark = [pytest.mark.slow, pytest.mark.service]

BACK_SECONDS_MAX = 180.0
"""Far more than coming back takes."""


@pytest.fixture(scope="module")
def parts() -> Iterator[tuple[Postgres, Valkey]]:
    database, valkey = Postgres(), Valkey()
    valkey.start()
    yield database, valkey
    valkey.stop()
    database.stop()


@pytest.fixture(scope="module")
def server(
    parts: tuple[Postgres, Valkey], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """`vouchsafe migrate`, then `vouchsafe serve`, as an operator does it."""
    database, valkey = parts
    environment = {
        "VOUCHSAFE_DATABASE_URL": database.create_empty_database(),
        "VOUCHSAFE_REDIS_URL": valkey.url,
    }
    running = RunningServer(
        data_dir=tmp_path_factory.mktemp("outages") / "data", workers=2, environment=environment
    )
    running.command("migrate")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shop(server: RunningServer) -> Project:
    return server.create_project(unique("outages"))


@pytest.fixture(scope="module")
def code(server: RunningServer, shop: Project) -> str:
    with server.client(shop) as api:
        return public_code(api, percent_off(10))[0]


def redeem(server: RunningServer, shop: Project, code: str) -> httpx.Response:
    with server.client(shop, patient=False) as api:
        return api.post("/v1/redemptions", json=stack(code))


def until_answer(ask: Callable[[], httpx.Response], status: int) -> httpx.Response:
    """Ask until that status comes; everything before must be 200 or 503, nothing in between."""
    deadline = time.monotonic() + BACK_SECONDS_MAX
    while (answer := ask()).status_code != status:
        assert answer.status_code in (200, 503), answer.text
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return answer


def until_definite(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """As a patient client sends a request again until it is answered with something else than 503."""
    deadline = time.monotonic() + BACK_SECONDS_MAX
    while (answer := ask()).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return answer


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.json()["key"] == "service_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1


def made_card(api: httpx.Client) -> str:
    """A gift card of 5 000. A worker that is still on its way back answers 503: then it is another card."""
    body = {"type": "GIFT_VOUCHER", "gift": {"amount": 5_000, "effect": "APPLY_TO_ORDER"}}
    made = until_definite(lambda: api.post(f"/v1/vouchers/{unique('GIFT')}", json=body))
    return str(created(made)["code"])


def used(api: httpx.Client, code: str) -> int:
    return int(created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"])


def test_the_whole_way_works_on_postgresql(server: RunningServer, shop: Project, code: str) -> None:
    """Redeem, read back, roll back, reconcile."""
    with server.client(shop) as api:
        until_answer(lambda: redeem(server, shop, code), 200)
        before = used(api, code)
        (redemption,) = created(api.post("/v1/redemptions", json=stack(code)))["redemptions"]
        assert created(api.get(f"/v1/redemptions/{redemption['id']}"))["result"] == "SUCCESS"
        assert used(api, code) == before + 1
        created(api.post(f"/v1/redemptions/{redemption['id']}/rollback"))
        assert used(api, code) == before
    server.assert_ledger_agrees(shop)


def test_a_frozen_valkey_is_503_and_comes_back(
    server: RunningServer, shop: Project, code: str, parts: tuple[Postgres, Valkey]
) -> None:
    """A server that neither answers nor closes: requests are refused in time, and served again afterwards."""
    until_answer(lambda: redeem(server, shop, code), 200)
    parts[1].pause()
    try:
        assert_unavailable(redeem(server, shop, code))
        assert until_answer(lambda: httpx.get(f"{server.base_url}/readyz", timeout=30), 503)
    finally:
        parts[1].resume()
    until_answer(lambda: redeem(server, shop, code), 200)
    until_answer(lambda: httpx.get(f"{server.base_url}/readyz", timeout=30), 200)
    server.assert_ledger_agrees(shop)


def test_a_key_is_known_after_valkey_has_lost_everything(
    server: RunningServer, shop: Project, code: str, parts: tuple[Postgres, Valkey]
) -> None:
    """A request that is sent again under its Idempotency-Key finds what it did, on counters that were made
    anew: redemptions, rollbacks, balances and custom events; and 422 for another body as before.
    """
    with server.client(shop) as api:
        card = made_card(api)
        taken = until_answer(lambda: api.post("/v1/redemptions", json=stack(code)), 200)
        redemption = taken.json()["redemptions"][0]["id"]
        requests: tuple[tuple[str, dict[str, Any]], ...] = (
            ("/v1/redemptions", stack(code)),
            (f"/v1/redemptions/{redemption}/rollback", {}),
            (f"/v1/vouchers/{card}/balance", {"amount": 700}),
            ("/v1/events", {"event": "seen", "customer": {"source_id": unique("buyer")}}),
        )

        def send(number: int, body: dict[str, Any]) -> httpx.Response:
            headers = {"Idempotency-Key": f"lost-{number}"}
            path = requests[number][0]
            return until_definite(lambda: api.post(path, json=body, headers=headers))

        first = [send(number, body) for number, (_, body) in enumerate(requests)]
        assert [answer.status_code for answer in first] == [200] * 4, [answer.text for answer in first]
        created(api.get("/v1/redemptions"))  # Behind the barrier: all of it is in SQL.
        parts[1].kill()
        shutil.rmtree(Path(parts[1].directory, "appendonlydir"))
        parts[1].start()
        for number, (_, body) in enumerate(requests):
            again = send(number, body)
            assert again.content == first[number].content
            assert again.headers["idempotent-replayed"] == "true"
        other = send(0, stack(code, metadata={"n": 2}))
        assert (other.status_code, other.json()["key"]) == (422, "idempotency_key_reused")
        assert created(api.get(f"/v1/vouchers/{card}"))["gift"]["balance"] == 5_700
    server.assert_ledger_agrees(shop)


def test_a_killed_database_is_503_for_what_needs_it_and_nothing_acknowledged_is_lost(
    server: RunningServer, shop: Project, code: str, parts: tuple[Postgres, Valkey]
) -> None:
    """Reads of the catalogue are refused; redemptions acknowledged meanwhile are in the ledger when it is
    back.
    """
    database = parts[0]
    with server.client(shop, patient=False) as api:
        before = until_answer(lambda: api.get(f"/v1/vouchers/{code}"), 200).json()["redemption"][
            "redeemed_quantity"
        ]
        database.process.kill()
        database.process.wait()
        assert_unavailable(api.get("/v1/campaigns"))
        assert_unavailable(api.post("/v1/customers", json={"source_id": "meanwhile"}))
        answers = [redeem(server, shop, code) for _ in range(5)]
        assert {answer.status_code for answer in answers} <= {200, 503}
        database.revive()
        until_answer(lambda: api.get("/v1/campaigns"), 200)
        until_answer(lambda: redeem(server, shop, code), 200)
        acknowledged = before + sum(answer.status_code == 200 for answer in answers) + 1
        shown = until_answer(lambda: api.get(f"/v1/vouchers/{code}"), 200).json()
        assert shown["redemption"]["redeemed_quantity"] >= acknowledged
    server.assert_ledger_agrees(shop)
