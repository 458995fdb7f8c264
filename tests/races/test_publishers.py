"""Many publishers on one pool of codes while web workers are killed: no code is given to two customers, and
none is lost.
"""

import asyncio
import os
import signal
import time
from contextlib import suppress

import httpx

from tests.support.receiver import until
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, unique

PUBLISHERS = 32
EACH = 4
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
ANSWERS_BETWEEN_KILLS = 30
PAUSE_SECONDS = 0.2


async def publish(client: httpx.AsyncClient, campaign: str, customer: str) -> str:
    """The code that the customer was given. What had no answer is asked again under the same key."""
    body = {"campaign": campaign, "customer": {"source_id": customer}}
    while True:
        try:
            answer = await client.post("/v1/publications", json=body, headers={"Idempotency-Key": customer})
        except httpx.TransportError:
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        if answer.status_code not in (409, 503):
            return str(created(answer)["voucher"]["code"])
        await asyncio.sleep(PAUSE_SECONDS)


async def publish_all(server: RunningServer, project: Project, campaign: str) -> dict[str, str]:
    """Customer to code; a web worker is killed each time so many answers are in."""
    given: dict[str, str] = {}
    kills = 0

    async def one(number: int, client: httpx.AsyncClient) -> None:
        nonlocal kills
        for turn in range(EACH):
            customer = f"customer-{number}-{turn}"
            given[customer] = await publish(client, campaign, customer)
            if len(given) > ANSWERS_BETWEEN_KILLS * (kills + 1):
                kills += 1
                status = server.status()
                assert status is not None
                # One that was killed before may not be back yet, nor be forgotten.
                with suppress(ProcessLookupError, ZeroDivisionError):
                    os.kill(status["web"][kills % len(status["web"])], signal.SIGKILL)

    async with server.async_client(project) as client:
        await asyncio.gather(*(one(number, client) for number in range(PUBLISHERS)))
    assert kills >= 3
    return given


def test_no_code_is_given_to_two_customers_while_workers_die(on_postgresql: RunningServer) -> None:
    """Thirty-two publishers empty a pool: every code has one customer, every customer one code, and both
    the publications and the vouchers say so.
    """
    project = on_postgresql.create_project(unique("publishers"))
    body = {
        "name": unique("pool"),
        "type": "STATIC",
        "vouchers_count": PUBLISHERS * EACH,
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": percent_off(10),
            "code_config": {"length": 6, "charset": ALPHABET},
        },
    }
    with on_postgresql.client(project) as api:
        campaign = created(api.post("/v1/campaigns", json=body))
        path = f"/v1/campaigns/{campaign['id']}"
        until(lambda: created(api.get(path))["vouchers_count"] == PUBLISHERS * EACH, "the codes are made")
        given = asyncio.run(publish_all(on_postgresql, project, campaign["name"]))
        on_postgresql.wait_ready()
        codes = set(given.values())
        assert len(codes) == len(given) == PUBLISHERS * EACH
        assert all(len(code) == 6 and set(code) <= set(ALPHABET) for code in codes)
        found = []
        for page in (1, 2):
            asked = {"limit": 100, "page": page, "campaign": campaign["name"]}
            found += created(api.get("/v1/publications", params=asked))["publications"]
        assert {row["customer"]["source_id"]: row["voucher"]["code"] for row in found} == given
        assert len(found) == len(given)
        one_more = {"campaign": campaign["name"], "customer": {"source_id": "late"}}
        while (refused := api.post("/v1/publications", json=one_more)).status_code == 503:
            time.sleep(PAUSE_SECONDS)
        assert refused.json()["key"] == "no_voucher_suitable_for_publication"
