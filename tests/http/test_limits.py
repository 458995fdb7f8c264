"""How often is too often: buckets per key, address and customer, and budgets against guessing codes."""

import asyncio
import re
import time
from typing import Any

import pytest

from app.api.routes import ALL_ROUTES
from app.core.keys import Partition
from app.http.addresses import client_address, neighbourhood
from app.http.limits import keys_of
from app.projects import create_key, create_project
from app.settings import Settings
from tests.http.conftest import Worker, server_headers, worker_of

ORIGIN = "https://shop.example"
PROXIES = {"trusted_proxies": "127.0.0.0/8"}


async def shop_of(worker: Worker, **settings: Any) -> tuple[str, dict[str, str], dict[str, str]]:
    """(project id, headers of the server side, headers of the client side)."""
    engine = worker.engine
    project = await create_project(
        engine.core, engine.db, "shop", settings={"client_trusted_domains": [ORIGIN], **settings}
    )
    server = await create_key(engine.db, "server", project_id=project.id)
    client = await create_key(engine.db, "client", project_id=project.id)
    page = {"X-Client-Application-Id": client.id, "X-Client-Token": client.token, "Origin": ORIGIN}
    return project.id, server_headers(server), page


def asked(code: str, **more: Any) -> dict[str, Any]:
    return {"redeemables": [{"object": "voucher", "id": code}], "order": {"amount": 1_000}, **more}


async def guess(worker: Worker, page: dict[str, str], code: str, address: str, **more: Any) -> Any:
    """Sent again while the machine is too busy to decide (503)."""
    headers = {**page, "X-Forwarded-For": address}
    while True:
        answer = await worker.client.post(
            "/client/v1/validations", json=asked(code, **more), headers=headers
        )
        if answer.status_code != 503:
            return answer
        await asyncio.sleep(0.1)


async def code_of(worker: Worker, server: dict[str, str], code: str, **more: Any) -> None:
    body = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}, **more}
    made = await worker.client.post(f"/v1/vouchers/{code}", json=body, headers=server)
    assert made.status_code == 200, made.text


async def test_a_key_has_its_rate(settings):
    """So many in a minute; then 429 in the contract's shape, with both families of headers."""
    async with worker_of(settings, rate_limit_per_minute=3) as worker:
        _, server, _ = await shop_of(worker)
        answers = [await worker.client.get("/v1/things", headers=server) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["x-rate-limit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["ratelimit-policy"] == '"apikey";q=3;w=60'
    assert re.fullmatch(r'"apikey";r=2;t=\d+', answers[0].headers["ratelimit"])
    refused = answers[3]
    assert refused.json().keys() == {"code", "message", "request_id"}
    assert refused.headers["x-rate-limit-type"] == "api_calls"
    assert 0 < int(refused.headers["retry-after"]) <= 20


async def test_an_address_has_five_in_five_seconds_on_the_client_side(settings):
    """As published, without anybody setting it; another address is not held up."""
    assert Settings().client_rate_limit == 5
    async with worker_of(settings, client_rate_limit=5, **PROXIES) as worker:
        _, _, page = await shop_of(worker)
        here = {**page, "X-Forwarded-For": "203.0.113.7"}
        answers, began = [], time.monotonic()
        while not answers or answers[-1].status_code == 200:
            answers.append(await worker.client.get("/client/v1/things", headers=here))
        seconds = time.monotonic() - began
        there = {**page, "X-Forwarded-For": "203.0.113.8"}
        other = await worker.client.get("/client/v1/things", headers=there)
    assert answers[-1].status_code == 429
    assert 5 <= len(answers) - 1 <= 5 + seconds, "one comes back each second"
    assert other.status_code == 200
    exposed = answers[-1].headers["access-control-expose-headers"]
    assert all(name in exposed for name in ("Retry-After", "RateLimit", "X-Rate-Limit-Type"))


async def test_a_customer_has_a_rate_whatever_the_address(settings):
    """Requests that name the customer count; those that name nobody do not."""
    async with worker_of(settings, routes=ALL_ROUTES, customer_rate_limit=2) as worker:
        _, server, _ = await shop_of(worker)

        async def validated(**more: Any) -> Any:
            return await worker.client.post("/v1/validations", json=asked("X", **more), headers=server)

        await validated()
        ann = [(await validated(customer={"source_id": "ann"})).status_code for _ in range(3)]
        bob = await validated(customer={"source_id": "bob"})
        nobody = await validated()
    assert ann == [200, 200, 429]
    assert (bob.status_code, nobody.status_code) == (200, 200)
    assert bob.headers["ratelimit-policy"] == '"customer";q=2;w=60'


@pytest.mark.slow
async def test_a_guesser_is_cut_while_a_buyer_is_served(settings):
    """10 000 codes from one key and address: after the budget nothing is told, and others do not notice."""
    limits = {"client_rate_limit": 0, "guess_limit": 20, **PROXIES}
    async with worker_of(settings, routes=ALL_ROUTES, **limits) as worker:
        _, server, page = await shop_of(worker, client_redeem_enabled=True)
        await code_of(worker, server, "GOOD")
        told = cut = 0
        began = time.monotonic()
        for start in range(0, 10_000, 250):
            guesses = [
                guess(worker, page, f"C{number}", "203.0.113.66") for number in range(start, start + 250)
            ]
            for answer in await asyncio.gather(*guesses):
                told += answer.status_code == 200
                cut += answer.status_code == 429
            if start % 2_500 == 0:
                buyer = {**page, "X-Forwarded-For": "198.51.100.1"}
                bought = await worker.client.post("/client/v1/redemptions", json=asked("GOOD"), headers=buyer)
                assert bought.status_code == 200, bought.text
        last = await guess(worker, page, "GOOD", "203.0.113.66")
    assert told + cut == 10_000
    blocks = 1 + int((time.monotonic() - began) // 30)
    assert 20 <= told <= blocks * (20 + 250), "what was in flight when the budget was spent may still be told"
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) <= 30 * 2 ** (blocks - 1)


async def test_blocks_grow_and_follow_the_customer(settings):
    """Each block is twice the last; a customer's is met from another address, too."""
    limits = {"client_rate_limit": 0, "guess_limit": 1, **PROXIES}
    async with worker_of(settings, routes=ALL_ROUTES, **limits) as worker:
        project_id, _, page = await shop_of(worker)
        waits = []
        for _ in range(3):
            while (await guess(worker, page, "NO", "203.0.113.9")).status_code == 200:
                pass
            refused = await guess(worker, page, "NO", "203.0.113.9")
            waits.append(int(refused.headers["retry-after"]))
            await unblock(worker, project_id)
        for block, wait in zip((30, 60, 120), waits, strict=True):
            assert 0.6 * block < wait <= block  # Some of it may have passed meanwhile.
        customer = {"customer": {"source_id": "eve"}}
        for address in ("203.0.113.20", "203.0.113.21"):
            await guess(worker, page, "NO", address, **customer)
        moved = await guess(worker, page, "NO", "203.0.113.22", **customer)
        assert moved.status_code == 429


async def unblock(worker: Worker, project_id: str) -> None:
    """Let the time of every block pass."""
    core, partition = worker.engine.core, Partition(project_id)
    # Braces of the partition's tag mean nothing in a pattern.
    (found,) = await core.read(partition, [("KEYS", keys_of(partition).guess_block("*", "*"))])
    assert found
    await core.read(partition, [("DEL", *found)])


async def test_a_key_that_is_guessed_with_from_many_addresses_raises_the_alarm(settings, capsys):
    """Then every address has fewer failures, and nobody who asks for what exists is refused."""
    limits = {"client_rate_limit": 0, "guess_limit": 5, **PROXIES}
    async with worker_of(settings, routes=ALL_ROUTES, **limits) as worker:
        _, server, page = await shop_of(worker)
        await code_of(worker, server, "GOOD")
        for number in range(256):
            await guess(worker, page, "NO", f"203.0.{number}.1")
        tried = [(await guess(worker, page, "NO", "198.51.100.9")).status_code for _ in range(3)]
        good = await guess(worker, page, "GOOD", "198.51.100.10")
    assert tried == [200, 200, 429]
    assert good.json()["valid"] is True


async def test_codes_that_exist_cost_nothing(settings):
    """A buyer may ask for a good code as often as the rate allows."""
    limits = {"client_rate_limit": 0, "guess_limit": 2, **PROXIES}
    async with worker_of(settings, routes=ALL_ROUTES, **limits) as worker:
        _, server, page = await shop_of(worker)
        await code_of(worker, server, "GOOD")
        answers = [await guess(worker, page, "GOOD", "203.0.113.5") for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "address"),
    [
        ("203.0.113.1", "198.51.100.1", "", "203.0.113.1"),
        ("203.0.113.1", "198.51.100.1", "10.0.0.0/8", "203.0.113.1"),
        ("10.0.0.1", "198.51.100.1", "10.0.0.0/8", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "10.0.0.0/8", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, forged", "10.0.0.0/8", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.0/8", "10.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_says_who_asks(peer, forwarded, proxies, address):
    """And of what it says only the part that it saw itself."""
    assert client_address(peer, forwarded, proxies) == address


def test_a_subnet_of_ipv6_is_one_client():
    """A customer of a provider has a whole /64."""
    assert neighbourhood("2001:db8:1:2:3::4") == neighbourhood("2001:db8:1:2:ffff::1")
    assert neighbourhood("2001:db8:1:3::1") != neighbourhood("2001:db8:1:2::1")
    assert neighbourhood("::ffff:192.0.2.1") == "192.0.2.1"
