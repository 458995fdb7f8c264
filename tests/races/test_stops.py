"""P6 under way: clients of four workers redeem while something is stopped or tightened and let go again; what
was asked for after an answer is decided on the new state.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.server import Project, RunningServer
from tests.support.shop import (
    amount_off,
    assign,
    created,
    percent_off,
    public_code,
    rule,
    single_voucher,
    stack,
    tier,
    unique,
)

CLIENTS = 6
ROUNDS = 2
BEFORE_SECONDS = 0.1
INSIDE_SECONDS = 0.12


async def within(reached: Callable[[], bool]) -> None:
    """Wait for it: how soon the next request is served depends on what else the machine does."""
    async with asyncio.timeout(180):
        while not reached():
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with four web workers."""
    running = RunningServer(data_dir=tmp_path_factory.mktemp("stops") / "data", workers=4)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def shop(four: RunningServer) -> Project:
    return four.create_project(unique("stops"))


@dataclass
class Switch:
    """Something redeemed, and how it is stopped and let go. forbidden: an answer that must not come while it
    is stopped.
    """

    redeemable: str
    stop: Callable[[], httpx.Response]
    start: Callable[[], httpx.Response]
    forbidden: Callable[[httpx.Response], bool] = lambda answer: answer.status_code == 200


def posts(api: httpx.Client, path: str, **body: Any) -> Callable[[], httpx.Response]:
    return lambda: api.post(path, json=body) if body else api.post(path)


def puts(api: httpx.Client, path: str, **body: Any) -> Callable[[], httpx.Response]:
    return lambda: api.put(path, json=body)


def a_campaign(api: httpx.Client) -> Switch:
    code, campaign_id = public_code(api, percent_off(10))
    path = f"/v1/campaigns/{campaign_id}"
    return Switch(code, posts(api, f"{path}/disable"), posts(api, f"{path}/enable"))


def a_voucher(api: httpx.Client) -> Switch:
    path = f"/v1/vouchers/{single_voucher(api, percent_off(10))['code']}"
    code = path.rpartition("/")[2]
    return Switch(code, posts(api, f"{path}/disable"), posts(api, f"{path}/enable"))


def a_tier(api: httpx.Client) -> Switch:
    promotion = tier(api, percent_off(10))["id"]
    path = f"/v1/promotions/tiers/{promotion}"
    return Switch(promotion, posts(api, f"{path}/disable"), posts(api, f"{path}/enable"))


def the_campaign_of_a_tier(api: httpx.Client) -> Switch:
    promotion = tier(api, percent_off(10))
    path = f"/v1/campaigns/{promotion['campaign_id']}"
    return Switch(promotion["id"], posts(api, f"{path}/disable"), posts(api, f"{path}/enable"))


def a_date(api: httpx.Client) -> Switch:
    code = single_voucher(api, percent_off(10))["code"]
    path = f"/v1/vouchers/{code}"
    return Switch(
        code,
        puts(api, path, expiration_date="2020-01-01T00:00:00Z"),
        puts(api, path, expiration_date="2099-01-01T00:00:00Z"),
    )


def a_rule(api: httpx.Client) -> Switch:
    code, campaign_id = public_code(api, percent_off(10))
    rule_id = rule(api, "order.amount", {"$more_than": [1]})
    assign(api, rule_id, "campaign", campaign_id)

    def requires(amount: int) -> dict[str, Any]:
        condition = {"name": "order.amount", "conditions": {"$more_than": [amount]}}
        return {"rules": {"1": condition, "logic": "1"}}

    path = f"/v1/validation-rules/{rule_id}"
    return Switch(code, puts(api, path, **requires(99_999_999)), puts(api, path, **requires(1)))


def a_discount(api: httpx.Client) -> Switch:
    """Not stopped but worth less: nobody gets the old value any more."""
    code = single_voucher(api, amount_off(900))["code"]
    path = f"/v1/vouchers/{code}"

    def is_old(answer: httpx.Response) -> bool:
        if answer.status_code == 503:
            return False  # The machine is too busy: nothing was decided.
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["order"]["total_discount_amount"] != 100)

    return Switch(
        code,
        puts(api, path, discount={"type": "AMOUNT", "amount_off": 100}),
        puts(api, path, discount={"type": "AMOUNT", "amount_off": 900}),
        is_old,
    )


@pytest.mark.parametrize(
    "switch", [a_campaign, a_voucher, a_tier, the_campaign_of_a_tier, a_date, a_rule, a_discount]
)
async def test_what_is_asked_for_after_a_stop_is_decided_on_it(
    four: RunningServer, shop: Project, switch: Callable[[httpx.Client], Switch]
) -> None:
    """Inside each stop nothing of before it happens; between the stops redemptions go on."""
    with four.client(shop) as api:
        switched = switch(api)
        answers: list[tuple[float, float, httpx.Response]] = []
        stops: list[tuple[float, float]] = []
        done = asyncio.Event()

        async def buy() -> None:
            async with four.async_client(shop) as own:
                while not done.is_set():
                    asked = time.monotonic()
                    answer = await own.post("/v1/redemptions", json=stack(switched.redeemable))
                    answers.append((asked, time.monotonic(), answer))

        buyers = [asyncio.create_task(buy()) for _ in range(CLIENTS)]
        for _ in range(ROUNDS):
            known = len(answers)
            await within(
                lambda known=known: any(switched.forbidden(answer) for _, _, answer in answers[known:])
            )
            created(await asyncio.to_thread(switched.stop))
            stopped = time.monotonic()
            await within(lambda stopped=stopped: any(asked > stopped for asked, _, _ in answers))
            await asyncio.sleep(INSIDE_SECONDS)
            stops.append((stopped, time.monotonic()))
            created(await asyncio.to_thread(switched.start))
        await asyncio.sleep(BEFORE_SECONDS)
        done.set()
        await asyncio.gather(*buyers)
    inside = [
        answer
        for asked, answered, answer in answers
        for stopped, started in stops
        if stopped < asked and answered < started
    ]
    assert inside
    assert not any(switched.forbidden(answer) for answer in inside)
    assert any(switched.forbidden(answer) for _, _, answer in answers)
    assert {answer.status_code for _, _, answer in answers} <= {200, 400, 503}


def publications_due(server: RunningServer, shop: Project) -> int:
    """Catalogue writes that the core was not told of yet."""
    with closing(sqlite3.connect(server.data_dir / "vouchsafe.db")) as database:
        statement = "SELECT count(*) FROM snapshots_due WHERE project_id = ?"
        (count,) = database.execute(statement, (shop.project_id,)).fetchone()
    return int(count)


async def test_nothing_succeeds_after_a_campaign_has_stopped_itself(
    four: RunningServer, shop: Project
) -> None:
    """Its rule may be passed by what comes within a look of the ledger, for it is a brake and not a cap; once
    it stands and is published, no worker takes anything more.
    """
    limit = 20
    with four.client(shop) as api:
        rules = {"auto_stop": {"redemptions_per_minute": limit}}
        code, campaign_id = public_code(api, percent_off(10), extensions=rules)
        answers: list[tuple[float, httpx.Response]] = []
        done = asyncio.Event()

        async def buy() -> None:
            async with four.async_client(shop) as own:
                while not done.is_set():
                    asked = time.monotonic()
                    answers.append((asked, await own.post("/v1/redemptions", json=stack(code))))

        def has_stopped() -> bool:
            campaign = created(api.get(f"/v1/campaigns/{campaign_id}"))
            return not campaign["active"] and not publications_due(four, shop)

        buyers = [asyncio.create_task(buy()) for _ in range(CLIENTS)]
        async with asyncio.timeout(180):
            while not await asyncio.to_thread(has_stopped):
                await asyncio.sleep(0.02)
        stopped = time.monotonic()
        await within(lambda: sum(asked > stopped for asked, _ in answers) >= 8 * CLIENTS)
        done.set()
        await asyncio.gather(*buyers)
    taken = [asked for asked, answer in answers if answer.status_code == 200]
    assert len(taken) > limit
    assert max(taken) < stopped
    refused = [answer for _, answer in answers if answer.status_code not in (200, 503)]
    assert {(answer.status_code, answer.json()["key"]) for answer in refused} == {(400, "voucher_disabled")}


async def test_no_worker_serves_a_key_that_was_revoked(four: RunningServer) -> None:
    """Clients of all four processes redeem and read with a key while the management side revokes it: whatever
    is asked for after the answer is 401, on connections that were served before.
    """
    shop = four.create_project(unique("revoked"))
    with four.client(shop) as api:
        code, _ = public_code(api, percent_off(10))
    answers: list[tuple[float, int]] = []
    done = asyncio.Event()

    async def ask(reads: bool) -> None:
        async with four.async_client(shop) as own:
            while not done.is_set():
                asked = time.monotonic()
                if reads:
                    answer = await own.get(f"/v1/vouchers/{code}")
                else:
                    answer = await own.post("/v1/redemptions", json=stack(code))
                answers.append((asked, answer.status_code))

    asking = [asyncio.create_task(ask(bool(number % 2))) for number in range(4 * CLIENTS)]
    await within(lambda: sum(status == 200 for _, status in answers) >= 8 * CLIENTS)
    headers = {"X-Management-Id": shop.management_id, "X-Management-Token": shop.management_token}
    path = f"/management/v1/engine/projects/{shop.project_id}/keys/{shop.app_id}"
    async with httpx.AsyncClient(base_url=four.base_url, headers=headers, timeout=30) as manage:
        revoked = await manage.delete(path)
    assert revoked.is_success, revoked.text
    told = time.monotonic()
    await within(lambda: sum(asked > told for asked, _ in answers) >= 8 * CLIENTS)
    done.set()
    await asyncio.gather(*asking)
    assert {status for asked, status in answers if asked > told} - {503} == {401}
