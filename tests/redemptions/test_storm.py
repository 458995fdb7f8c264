"""A code that is sold out is refused in a storm without asking the script each time; nothing else changes."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import redis

from tests.support.server import Project, RunningServer
from tests.support.shop import amount_off, created, public_code, redeem, refusal, stack, unique

AT_ONCE = 8
ROUND = 200
WAIT_SECONDS_MAX = 180


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One worker: a storm is what one process sees of it."""
    folder: Path = tmp_path_factory.mktemp("storm")
    server = RunningServer(data_dir=folder, workers=1).start()
    yield server
    server.stop()


@pytest.fixture
def shop(single: RunningServer) -> Project:
    return single.create_project(unique("storm"))


def scripts(server: RunningServer) -> int:
    """How many calls of scripts the server has had."""
    status = server.status()
    assert status is not None
    with redis.Redis(unix_socket_path=status["redis_url"].removeprefix("unix://")) as valkey:
        return int(valkey.info("commandstats")["cmdstat_evalsha"]["calls"])


def storm(api: httpx.Client, body: dict, requests: int = ROUND) -> list[httpx.Response]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda _: api.post("/v1/redemptions", json=body), range(requests)))


def stormed(server: RunningServer, api: httpx.Client, body: dict) -> None:
    """Ask until most requests were refused without a script."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        before = scripts(server)
        answers = storm(api, body)
        told = {(answer.status_code, answer.json()["key"]) for answer in answers}
        assert told == {(400, "quantity_exceeded")}
        if scripts(server) - before < ROUND / 2:
            return
        assert time.monotonic() < deadline, "never was one refused without a script"


def test_the_storm_is_refused_without_the_script(single: RunningServer, shop: Project) -> None:
    """With the same answer, and each failure is noted as ever."""
    with single.client(shop) as api:
        code, _ = public_code(api, amount_off(100), quantity=1)
        customer = {"source_id": unique("regular")}
        redeem(api, code, customer=customer)
        alone = refusal(api, code, customer=customer)
        stormed(single, api, stack(code, customer=customer))
        last = storm(api, stack(code, customer=customer), 1)[0].json()
        own = ("request_id", "resource_id")
        assert {**last, **dict.fromkeys(own)} == {**alone, **dict.fromkeys(own)}
        ids = {answer.json()["resource_id"] for answer in storm(api, stack(code, customer=customer))}
        assert len(ids) == ROUND
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while ids:
            ids = {name for name in ids if api.get(f"/v1/redemptions/{name}").status_code != 200}
            assert time.monotonic() < deadline, f"{len(ids)} failures were never noted"


def test_a_unit_that_comes_back_in_a_storm_is_there_in_a_moment(single: RunningServer, shop: Project) -> None:
    """D4: not in the same moment; and it is given once."""
    with single.client(shop) as api:
        code, _ = public_code(api, amount_off(100), quantity=1)
        customer = {"source_id": unique("regular")}
        taken = redeem(api, code, customer=customer)["redemptions"][0]["id"]
        stormed(single, api, stack(code, customer=customer))
        created(api.post(f"/v1/redemptions/{taken}/rollback"))
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        given = 0
        while not given and time.monotonic() < deadline:
            given = sum(answer.status_code == 200 for answer in storm(api, stack(code, customer=customer)))
        assert given == 1
        assert created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"] == 1


def test_a_revoked_key_is_told_so_in_a_storm(single: RunningServer, shop: Project) -> None:
    """Before anything else about the code."""
    with single.client(shop) as api:
        code, _ = public_code(api, amount_off(100), quantity=1)
        customer = {"source_id": unique("regular")}
        redeem(api, code, customer=customer)
        body = stack(code, customer=customer)
        stormed(single, api, body)
        with ThreadPoolExecutor(1) as pool:
            revoking = pool.submit(single.command, "keys", "revoke", shop.app_id)
            while not revoking.done():
                storm(api, body, AT_ONCE)
            revoking.result()
        assert {answer.status_code for answer in storm(api, body)} == {401}


def test_another_customers_own_limit_refuses_nobody_else(single: RunningServer, shop: Project) -> None:
    """Only what refuses everybody is remembered for everybody."""
    with single.client(shop) as api:
        rules = {"1": {"name": "redemption.count.per_customer", "conditions": {"$less_than_or_equal": [1]}}}
        document = {"name": unique("once"), "rules": {**rules, "logic": "1"}}
        rule = created(api.post("/v1/validation-rules", json=document))
        code, _ = public_code(api, amount_off(100), validation_rules=[rule["id"]])
        greedy = {"source_id": unique("greedy")}
        redeem(api, code, customer=greedy)
        for _ in range(3):
            storm(api, stack(code, customer=greedy))
            redeem(api, code, customer={"source_id": unique("modest")})
