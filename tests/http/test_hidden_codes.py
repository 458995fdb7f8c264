"""Codes that are unknown, over or somebody else's, where the project hides which (D25)."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from app.api.routes import ALL_ROUTES
from app.http import auth
from tests.http.conftest import Worker, worker_of
from tests.http.test_limits import asked, code_of, shop_of

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()
SECRET = ("UNKNOWN", "EXPIRED", "OFF", "HELD", "USED", "EMPTY", "LOCKED")
EXPANDED = {"options": {"expand": ["redeemable", "category"]}}


class Calls:
    """How often the core and SQL are asked: (trips, commands, statements)."""

    def __init__(self, worker: Worker) -> None:
        self.trips = self.commands = self.statements = 0
        self.core = worker.engine.core
        self.read, self.apply = self.core.read, self.core.apply
        self.core.read, self.core.apply = self._read, self._apply  # type: ignore[method-assign]
        event.listen(worker.engine.db._reader.sync_engine, "before_cursor_execute", self._statement)

    async def _read(self, partition: Any, commands: Any) -> Any:
        self.trips, self.commands = self.trips + 1, self.commands + len(commands)
        return await self.read(partition, commands)

    async def _apply(self, call: Any) -> Any:
        self.trips, self.commands = self.trips + 1, self.commands + 1
        return await self.apply(call)

    def _statement(self, *_: Any) -> None:
        self.statements += 1

    def counted(self) -> tuple[int, int, int]:
        return self.trips, self.commands, self.statements


@pytest.fixture
async def worker(settings: Any) -> AsyncIterator[Worker]:
    async with worker_of(settings, routes=ALL_ROUTES, guess_limit=0) as running:
        yield running


async def shop_with_codes(worker: Worker, **settings: Any) -> dict[str, str]:
    """UNKNOWN does not exist, GOOD is usable; HELD belongs to another customer, USED is used up, EMPTY a card
    without credits, LOCKED locked by somebody's session.
    """
    _, server, page = await shop_of(worker, client_redeem_enabled=True, **settings)
    await code_of(worker, server, "EXPIRED", expiration_date=YESTERDAY, metadata={"a": "secret"})
    await code_of(worker, server, "OFF", active=False)
    await code_of(worker, server, "HELD")
    await code_of(worker, server, "GOOD")
    await code_of(worker, server, "USED", redemption={"quantity": 1})
    await code_of(worker, server, "LOCKED", redemption={"quantity": 1})
    card = {"type": "GIFT_VOUCHER", "gift": {"amount": 500, "effect": "APPLY_TO_ORDER"}}
    made = await worker.client.post("/v1/vouchers/EMPTY", json=card, headers=server)
    assert made.status_code == 200, made.text
    rules = {"1": {"name": "customer.metadata", "property": "vip", "conditions": {"$is": [True]}}}
    rule = await worker.client.post(
        "/v1/validation-rules", json={"name": "mine", "rules": {**rules, "logic": "1"}}, headers=server
    )
    held = (await worker.client.get("/v1/vouchers/HELD", headers=server)).json()["id"]
    done = await worker.client.post(
        f"/v1/validation-rules/{rule.json()['id']}/assignments",
        json={"related_object_type": "voucher", "related_object_id": held},
        headers=server,
    )
    assert done.status_code == 200, done.text
    campaign = {
        "name": "public",
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "STANDALONE",
        "expiration_date": YESTERDAY,
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "PERCENT", "percent_off": 10},
            "code": "PUBLIC",
        },
    }
    assert (await worker.client.post("/v1/campaigns", json=campaign, headers=server)).status_code == 200
    # At last: nobody drains the ledger here, and what reads beyond it would wait.
    all_of_it = {"object": "voucher", "id": "EMPTY", "gift": {"credits": 500}}
    for taking in (asked("USED"), {**asked("EMPTY"), "redeemables": [all_of_it]}):
        taken = await worker.client.post("/v1/redemptions", json=taking, headers=server)
        assert taken.status_code == 200, taken.text
    lock = {"session": {"type": "LOCK", "key": "theirs", "ttl": 1, "ttl_unit": "HOURS"}}
    locked = await worker.client.post("/v1/validations", json=asked("LOCKED", **lock), headers=server)
    assert locked.json()["valid"], locked.text
    return page


def anonymous(text: str, code: str) -> str:
    """An answer without what every answer has of its own."""
    return re.sub(r"(v-|valid_)[0-9a-z]+", r"\1", text).replace(code, "CODE")


async def answers(worker: Worker, page: dict[str, str], path: str) -> dict[str, str]:
    found = {}
    for code in SECRET:
        body = asked(code, customer={"source_id": "ann"}, **EXPANDED)
        answer = await worker.client.post(path, json=body, headers=page)
        found[code] = f"{answer.status_code} {anonymous(answer.text, code)}"
    return found


@pytest.mark.parametrize("path", ["/client/v1/validations", "/client/v1/redemptions"])
async def test_hidden_codes_give_the_same_bytes(worker, path):
    """Whatever is the matter with them."""
    page = await shop_with_codes(worker, hide_code_state=True)
    found = await answers(worker, page, path)
    assert len(set(found.values())) == 1, found
    assert "not_found" in found["EXPIRED"]


async def test_without_hiding_each_code_says_what_it_is(worker):
    """The default: a friendly sentence for the buyer."""
    page = await shop_with_codes(worker)
    found = await answers(worker, page, "/client/v1/validations")
    assert "voucher_expired" in found["EXPIRED"]
    assert "voucher_disabled" in found["OFF"]
    assert "customer_rules_violated" in found["HELD"]


async def test_public_codes_always_say_what_they_are(worker):
    """SUMMER25 is no secret, and a buyer wants to know that it is over."""
    page = await shop_with_codes(worker, hide_code_state=True)
    answer = await worker.client.post("/client/v1/validations", json=asked("PUBLIC"), headers=page)
    assert "voucher_expired" in answer.text


async def test_the_server_side_is_told(worker):
    """Support must be able to explain."""
    _, server, _ = await shop_of(worker, hide_code_state=True)
    await code_of(worker, server, "EXPIRED", expiration_date=YESTERDAY)
    answer = await worker.client.post("/v1/validations", json=asked("EXPIRED"), headers=server)
    assert "voucher_expired" in answer.text


@pytest.mark.parametrize("path", ["/client/v1/validations", "/client/v1/redemptions"])
@pytest.mark.parametrize("beside", [(), ("GOOD",)], ids=["alone", "beside a good one"])
async def test_hidden_codes_cost_the_same(worker, path, beside, monkeypatch):
    """As many calls of the core for each of them, the first time and later; as many statements of SQL once
    the rules are compiled.
    """
    monkeypatch.setattr(auth, "REREAD_SECONDS", 3_600.0)  # However slow the machine.
    page = await shop_with_codes(worker, hide_code_state=True)
    warm = asked("GOOD", customer={"source_id": "ann"})
    for _ in range(2):  # what every request needs is compiled, and the customer is there
        done = await worker.client.post("/client/v1/redemptions", json=warm, headers=page)
        assert done.status_code == 200, done.text
    await asyncio.gather(*worker.edge.authenticator._noting)
    calls = Calls(worker)
    trips: dict[str, set[int]] = {}
    statements: dict[str, int] = {}
    for turn in range(3):
        for code in SECRET:
            redeemables = [{"object": "voucher", "id": one} for one in (code, *beside)]
            body = {**asked(code), "redeemables": redeemables, "customer": {"source_id": "ann"}}
            before = calls.counted()
            await worker.client.post(path, json=body, headers=page)
            cost = tuple(after - earlier for after, earlier in zip(calls.counted(), before, strict=True))
            trips.setdefault(code, set()).add(cost[0])
            if turn:  # The least: what the process does behind its answers comes on top now and then.
                statements[code] = min(cost[2], statements.get(code, cost[2]))
    assert len(set.union(*trips.values())) == 1, trips
    assert len(set(statements.values())) == 1, statements
    assert min(statements["UNKNOWN"], *trips["UNKNOWN"]) > 0, "nothing was counted"
