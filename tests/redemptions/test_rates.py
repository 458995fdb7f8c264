"""Redemptions and refusals of the last seconds, counted from the ledger."""

import time

import httpx

from tests.support.server import Project
from tests.support.shop import created, percent_off, public_code, stack

WAIT_SECONDS_MAX = 180


def rates_when(api: httpx.Client, reached) -> dict:
    """The rates as soon as they are as wanted: the ledger is a moment behind."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        rates = created(api.get("/v1/engine/redemptions/rates", params={"seconds": 300}))
        if reached(rates) or time.monotonic() > deadline:
            return rates
        time.sleep(0.1)


def test_each_redemption_and_each_refusal_is_counted_once(api: httpx.Client, project: Project) -> None:
    """By second, by key and by the refusal's own key; the seconds are whole and in order."""
    code, _ = public_code(api, percent_off(10), quantity=3)
    for _ in range(5):
        api.post("/v1/redemptions", json=stack(code))
    rates = rates_when(api, lambda one: one["redemptions"] + one["refusals"] >= 5)
    assert (rates["redemptions"], rates["refusals"], rates["refusals_complete"]) == (3, 2, True)
    assert rates["by_key"] == [{"key_id": project.app_id, "redemptions": 3}]
    assert rates["by_reason"] == [{"key": "quantity_exceeded", "refusals": 2}]
    assert len(rates["seconds"]) == 300
    assert sum(one["redemptions"] for one in rates["seconds"]) == 3
    assert sum(one["refusals"] for one in rates["seconds"]) == 2
    instants = [one["at"] for one in rates["seconds"]]
    assert instants == sorted(instants)
    assert rates["from"] == instants[0]


def test_odd_lengths_are_refused(api: httpx.Client) -> None:
    """No second, too many, and what is no number."""
    for seconds in ("0", "301", "-1", "x", "9" * 30):
        answer = api.get("/v1/engine/redemptions/rates", params={"seconds": seconds})
        assert answer.json()["key"] == "invalid_query_params"
