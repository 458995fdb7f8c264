"""Codes that are unknown, over or somebody else's, where the project hides which (D25)."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from app.api.routes import ALL_ROUTES
from tests.http.conftest import Worker, worker_of
from tests.http.test_limits import asked, code_of, shop_of

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()
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
    """EXPIRED, OFF and HELD exist; UNKNOWN does not. HELD belongs to another customer."""
    _, server, page = await shop_of(worker, client_redeem_enabled=True, **settings)
    await code_of(worker, server, "EXPIRED", expiration_date=YESTERDAY, metadata={"a": "secret"})
    await code_of(worker, server, "OFF", active=False)
    await code_of(worker, server, "HELD")
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
    return page


def anonymous(text: str, code: str) -> str:
    """An answer without what every answer has of its own."""
    return re.sub(r"(v-|valid_)[0-9a-z]+", r"\1", text).replace(code, "CODE")


async def answers(worker: Worker, page: dict[str, str], path: str) -> dict[str, str]:
    found = {}
    for code in ("UNKNOWN", "EXPIRED", "OFF", "HELD"):
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
async def test_hidden_codes_cost_the_same(worker, path):
    """As many commands of Redis and as many statements of SQL for each of them."""
    page = await shop_with_codes(worker, hide_code_state=True)
    calls = Calls(worker)
    costs: dict[str, tuple[int, ...]] = {}
    for turn in range(2):
        for code in ("UNKNOWN", "EXPIRED", "OFF", "HELD"):
            body = asked(code, customer={"source_id": "ann"})
            before = calls.counted()
            await worker.client.post(path, json=body, headers=page)
            cost = tuple(after - earlier for after, earlier in zip(calls.counted(), before, strict=True))
            if turn:  # once everything is compiled
                costs[code] = cost
    assert len(set(costs.values())) == 1, costs
    assert min(costs["UNKNOWN"]) > 0, "nothing was counted"
