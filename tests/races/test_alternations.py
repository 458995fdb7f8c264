"""What was acknowledged is seen by the next decision on whichever worker: a change, then two validations over
connections of their own, again and again. `make alternations` does it a thousand times on four workers.
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, public_code, rule, single_voucher, stack, unique

TIMES = int(os.environ.get("VOUCHSAFE_TEST_ALTERNATIONS", "40"))
WORKERS = 4
ODD = list(range(1, 999, 2))
"""A counter that moves by one is in here every other time."""

Change = Callable[[httpx.Client, int], bool]
"""Changes something for the n-th time; whether the code holds from now on."""


@pytest.fixture(scope="module")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """The server of all tests; one of its own, with more workers, for the long form."""
    if "VOUCHSAFE_TEST_ALTERNATIONS" not in os.environ:
        yield request.getfixturevalue("server")
        return
    own = RunningServer(data_dir=tmp_path_factory.mktemp("alternations") / "data", workers=WORKERS)
    own.start()
    yield own
    own.stop()


@pytest.fixture(scope="module")
def shop(running: RunningServer) -> Project:
    return running.create_project(unique("alternations"))


def segment_of(api: httpx.Client, field: str, conditions: dict[str, Any]) -> str:
    body = {"name": unique("s"), "type": "passive", "filter": {field: {"conditions": conditions}}}
    return str(created(api.post("/v1/segments", json=body))["id"])


def code_for(api: httpx.Client, segment_id: str) -> str:
    return public_code(
        api, percent_off(10), validation_rules=[rule(api, "customer.segment", {"$is": [segment_id]})]
    )[0]


def changes(api: httpx.Client, who: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any], Change]]:
    """By name: a code, a customer, and what makes it hold and not hold for him in turn."""
    event = unique("event")
    free = single_voucher(api, percent_off(1))["code"]

    def attribute(client: httpx.Client, number: int) -> bool:
        plan = "gold" if number % 2 else "tin"
        body = {"metadata": {"nested": {"plan": plan}}}
        created(client.put(f"/v1/customers/{who['source_id']}", json=body))
        return plan == "gold"

    def order(client: httpx.Client, number: int) -> bool:
        amount = 900 if number % 2 else 100
        at = datetime.now(UTC).isoformat()
        body = {"customer": who, "amount": amount, "status": "PAID", "created_at": at}
        created(client.post("/v1/orders", json=body))
        return amount > 500

    def redemption(client: httpx.Client, number: int) -> bool:
        created(client.post("/v1/redemptions", json=stack(free, customer=who)))
        return bool(number % 2)

    def happened(client: httpx.Client, number: int) -> bool:
        created(client.post("/v1/events", json={"event": event, "customer": who}))
        return bool(number % 2)

    def sent_with(path: str, more: dict[str, Any]) -> tuple[str, dict[str, Any], Change]:
        """An attribute of a customer of its own, which comes with something else."""
        guest, name = {"source_id": unique("guest")}, unique("level")

        def change(client: httpx.Client, number: int) -> bool:
            level = "high" if number % 2 else "low"
            created(client.post(path, json={**more, "customer": {**guest, "metadata": {name: level}}}))
            return level == "high"

        return code_for(api, segment_of(api, f"metadata.{name}", {"$is": ["high"]})), guest, change

    own = {
        "attribute": (code_for(api, segment_of(api, "metadata.nested.plan", {"$is": ["gold"]})), attribute),
        "last order": (
            code_for(api, segment_of(api, "extensions.orders.last_order_amount", {"$more_than": [500]})),
            order,
        ),
        "redemption": (
            code_for(api, segment_of(api, "summary.redemptions.total_succeeded", {"$in": ODD})),
            redemption,
        ),
        "event": (code_for(api, segment_of(api, f"events.{event}.count", {"$in": ODD})), happened),
    }
    return {
        **{name: (code, who, change) for name, (code, change) in own.items()},
        "attribute with a redemption": sent_with("/v1/redemptions", stack(free)),
        "attribute with an event": sent_with("/v1/events", {"event": unique("seen")}),
        "attribute with an order": sent_with("/v1/orders", {"amount": 1}),
    }


def test_a_change_is_seen_by_the_next_decision(running: RunningServer, shop: Project) -> None:
    """A nested attribute, written or sent along, an order, a redemption and an event, in turn."""
    who = {"source_id": unique("c")}
    with running.client(shop) as api:
        created(api.post("/v1/customers", json=who))
        known = changes(api, who)
        turns = dict.fromkeys(known, 0)
        for number in range(TIMES):
            name = list(known)[number % len(known)]
            code, customer, change = known[name]
            turns[name] += 1
            expected = change(api, turns[name])
            for _ in range(2):
                with running.client(shop) as fresh:
                    body = stack(code, customer=customer)
                    seen = created(fresh.post("/v1/validations", json=body))["valid"]
                assert seen is expected, (number, name)


def test_a_segment_that_is_gone_has_nobody(running: RunningServer, shop: Project) -> None:
    """From the very next decision on; so has one that was made anew its members."""
    who = {"source_id": unique("c"), "metadata": {"plan": "gold"}}
    with running.client(shop) as api:
        created(api.post("/v1/customers", json=who))
        for _ in range(max(2, TIMES // 20)):
            segment_id = segment_of(api, "metadata.plan", {"$is": ["gold"]})
            code = code_for(api, segment_id)
            for expected in (True, False):
                for _ in range(2):
                    with running.client(shop) as fresh:
                        body = stack(code, customer=who)
                        assert created(fresh.post("/v1/validations", json=body))["valid"] is expected
                if expected:
                    assert api.delete(f"/v1/segments/{segment_id}").status_code == 204
