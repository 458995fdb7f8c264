"""Fifty requests in one packet or released by their last byte together, as whoever looks for a race sends
them.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from chaos.wire import read_answer
from tests.support.server import Project, RunningServer
from tests.support.shop import (
    created,
    gift_card,
    percent_off,
    public_code,
    redeem,
    single_voucher,
    stack,
    unique,
)

REQUESTS = 50
Answered = list[tuple[int, dict[str, str], Any]]


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with four web workers."""
    running = RunningServer(data_dir=tmp_path_factory.mktemp("four") / "data", workers=4)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def shop(four: RunningServer) -> Project:
    return four.create_project(unique("once"))


def request(shop: Project, path: str, body: Any, key: str | None) -> bytes:
    """The bytes of one POST."""
    payload = json.dumps(body).encode()
    lines = {**shop.headers, "Host": "shop", "Content-Type": "application/json"}
    if key is not None:
        lines["Idempotency-Key"] = key
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(payload)}\r\n\r\n".encode() + payload


async def pipelined(server: RunningServer, requests: list[bytes]) -> Answered:
    """All in one write on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"".join(requests))
    answers = [await read_answer(reader) for _ in requests]
    writer.close()
    await writer.wait_closed()
    return await definite(server, requests, answers)


async def released_together(server: RunningServer, requests: list[bytes]) -> Answered:
    """Each on a connection of its own; the last byte of all goes out when everything else is there."""
    streams = [await asyncio.open_connection("127.0.0.1", server.port) for _ in requests]
    for (_, writer), one in zip(streams, requests, strict=True):
        writer.write(one[:-1])
        await writer.drain()
    for (_, writer), one in zip(streams, requests, strict=True):
        writer.write(one[-1:])
    answers = await asyncio.gather(*(read_answer(reader) for reader, _ in streams))
    for _, writer in streams:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in streams))
    return await definite(server, requests, answers)


async def definite(server: RunningServer, requests: list[bytes], answers: Answered) -> Answered:
    """Those that a busy machine answered 503 are sent again under their key, alone."""
    found = list(answers)
    for number, one in enumerate(requests):
        for _ in range(60):
            if found[number][0] != 503 or b"Idempotency-Key" not in one:
                break
            await asyncio.sleep(0.5)
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(one)
            found[number] = await read_answer(reader)
            writer.close()
            await writer.wait_closed()
    return found


WAYS = {"pipelined": pipelined, "released-together": released_together}


@pytest.mark.parametrize("way", WAYS)
async def test_fifty_identical_redemptions_of_a_single_use_code_are_one(
    way: str, four: RunningServer, shop: Project
) -> None:
    """With fifty keys one succeeds and the others hear why not."""
    with four.client(shop) as api:
        code = single_voucher(api, percent_off(10), quantity=1)["code"]
        requests = [request(shop, "/v1/redemptions", stack(code), f"key-{n}") for n in range(REQUESTS)]
        answers = await WAYS[way](four, requests)
        assert Counter(status for status, _, _ in answers) == {200: 1, 400: REQUESTS - 1}
        assert {body["key"] for status, _, body in answers if status == 400} == {"quantity_exceeded"}
        assert created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"] == 1
    await asyncio.to_thread(four.assert_ledger_agrees, shop)


@pytest.mark.parametrize("way", WAYS)
async def test_fifty_redemptions_with_one_key_are_one_with_one_answer(
    way: str, four: RunningServer, shop: Project
) -> None:
    """P3: the code would allow fifty; one is taken, and whoever is answered 200 is told of that one."""
    with four.client(shop) as api:
        code = single_voucher(api, percent_off(10), quantity=REQUESTS)["code"]
        requests = [request(shop, "/v1/redemptions", stack(code), "one-key")] * REQUESTS
        answers = await WAYS[way](four, requests)
        assert {status for status, _, _ in answers} <= {200, 409}
        taken = [body["redemptions"][0]["id"] for status, _, body in answers if status == 200]
        assert len(set(taken)) == 1
        first = [headers.get("idempotent-replayed") for status, headers, _ in answers if status == 200]
        assert first.count(None) == 1
        assert created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"] == 1
    await asyncio.to_thread(four.assert_ledger_agrees, shop)


@pytest.mark.parametrize("way", WAYS)
async def test_a_gift_card_is_not_spent_twice(way: str, four: RunningServer, shop: Project) -> None:
    """Two carts of 700 meet a card of 1 000: one is paid, one is refused, 300 are left."""
    with four.client(shop) as api:
        for _ in range(5):
            card = gift_card(api, 1_000)["code"]
            body = {
                "redeemables": [{"object": "voucher", "id": card, "gift": {"credits": 700}}],
                "order": {"amount": 10_000},
            }
            requests = [request(shop, "/v1/redemptions", body, unique("key")) for _ in range(2)]
            answers = await WAYS[way](four, requests)
            assert sorted(status for status, _, _ in answers) == [200, 400]
            assert created(api.get(f"/v1/vouchers/{card}"))["gift"]["balance"] == 300


@pytest.mark.parametrize("way", WAYS)
async def test_two_rollbacks_at_once_give_back_once(way: str, four: RunningServer, shop: Project) -> None:
    """P4: whoever is second hears that it was rolled back already."""
    with four.client(shop) as api:
        code, _ = public_code(api, percent_off(10), quantity=10)
        redeem(api, code)
        for _ in range(5):
            path = f"/v1/redemptions/{redeem(api, code)['redemptions'][0]['id']}/rollback"
            answers = await WAYS[way](four, [request(shop, path, {}, unique("key")) for _ in range(2)])
            assert sorted(status for status, _, _ in answers) == [200, 400]
            assert {body["key"] for status, _, body in answers if status == 400} == {"already_rolled_back"}
        assert created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"] == 1
    await asyncio.to_thread(four.assert_ledger_agrees, shop)


async def test_a_lowered_cap_holds_from_its_answer_on(four: RunningServer, shop: Project) -> None:
    """Fifty buyers and the owner who lowers 50 to 10 at the same moment: nothing succeeds that was asked for
    after the answer and would pass 10.
    """
    with four.client(shop) as api:
        code, _ = public_code(api, percent_off(10), quantity=REQUESTS)
        buyers = [request(shop, "/v1/redemptions", stack(code), unique("key")) for _ in range(REQUESTS)]
        later = [request(shop, "/v1/redemptions", stack(code), unique("key")) for _ in range(20)]
        lowering = asyncio.to_thread(
            api.put, f"/v1/vouchers/{code}", json={"redemption": {"quantity": 10}}
        )
        answers, lowered = await asyncio.gather(released_together(four, buyers), lowering)
        assert lowered.status_code == 200
        taken = sum(status == 200 for status, _, _ in answers)
        late = await released_together(four, later)
        taken_late = sum(status == 200 for status, _, _ in late)
        assert taken_late == max(0, 10 - taken)
        used = created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"]
        assert used == taken + taken_late
    await asyncio.to_thread(four.assert_ledger_agrees, shop)


async def test_nothing_asked_for_after_a_stop_succeeds(four: RunningServer, shop: Project) -> None:
    """P6 under way: clients of all four workers redeem while the campaign is stopped and started."""
    with four.client(shop) as api:
        code, campaign = public_code(api, percent_off(10))
        bought: list[tuple[float, float, int]] = []
        stops: list[tuple[float, float]] = []
        done = asyncio.Event()

        async def buy() -> None:
            async with four.async_client(shop) as own:
                while not done.is_set():
                    asked = time.monotonic()
                    answer = await own.post("/v1/redemptions", json=stack(code))
                    bought.append((asked, time.monotonic(), answer.status_code))

        buyers = [asyncio.create_task(buy()) for _ in range(12)]
        for _ in range(6):
            served = sum(status == 200 for _, _, status in bought)
            async with asyncio.timeout(120):
                while sum(status == 200 for _, _, status in bought) < served + 12:
                    await asyncio.sleep(0.02)
            assert (await asyncio.to_thread(api.post, f"/v1/campaigns/{campaign}/disable")).is_success
            stopped = time.monotonic()
            async with asyncio.timeout(120):
                while not any(asked > stopped for asked, _, _ in bought):
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)
            stops.append((stopped, time.monotonic()))
            assert (await asyncio.to_thread(api.post, f"/v1/campaigns/{campaign}/enable")).is_success
        done.set()
        await asyncio.gather(*buyers)
    inside = [
        status
        for asked, answered, status in bought
        for stopped, started in stops
        if stopped < asked and answered < started
    ]
    assert inside
    assert 200 not in inside
    assert any(status == 200 for _, _, status in bought)
