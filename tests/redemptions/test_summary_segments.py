"""Segments on what a customer has redeemed and ordered: as of the very moment, also between two requests."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.server import Project, RunningServer
from tests.support.shop import (
    CART,
    amount_off,
    created,
    public_code,
    redeem,
    rule,
    stack,
    unique,
    validate,
)


def code_for(api: httpx.Client, field: str, conditions: dict[str, Any]) -> str:
    """A code for the customers whose summary meets the conditions."""
    segment = created(
        api.post(
            "/v1/segments",
            json={"name": unique("s"), "type": "passive", "filter": {field: {"conditions": conditions}}},
        )
    )
    rule_id = rule(api, "customer.segment", {"$is": [segment["id"]]})
    return public_code(api, amount_off(500), validation_rules=[rule_id])[0]


def test_a_first_order_is_only_once_the_first(api: httpx.Client) -> None:
    """Counted with the redemption itself; a rollback with its order makes it the first again."""
    code = code_for(api, "summary.orders.total_count", {"$is": [0]})
    customer = {"source_id": unique("buyer")}
    assert validate(api, code, customer=customer)["valid"]
    first = redeem(api, code, customer=customer)
    again = validate(api, code, customer=customer)
    assert again["inapplicable_redeemables"][0]["result"]["error"]["key"] == "customer_rules_violated"
    created(api.post(f"/v1/redemptions/{first['redemptions'][0]['id']}/rollback"))
    assert validate(api, code, customer=customer)["valid"]
    assert validate(api, code, customer={"source_id": unique("other")})["valid"]


def test_two_orders_at_once_are_not_both_the_first(server: RunningServer, project: Project) -> None:
    """What the segment saw is checked again by the script, so of many at once one wins."""
    with httpx.Client(base_url=server.base_url, headers=project.headers) as api:
        code = code_for(api, "summary.redemptions.total_redeemed", {"$less_than": [1]})
    body = stack(code, customer={"source_id": unique("eager")})

    def attempt(_: int) -> int:
        with httpx.Client(base_url=server.base_url, headers=project.headers, timeout=30) as api:
            return api.post("/v1/redemptions", json=body).status_code

    with ThreadPoolExecutor(6) as threads:
        answers = sorted(threads.map(attempt, range(12)))
    assert answers == [200] + [400] * 11


@pytest.mark.parametrize(
    ("field", "conditions"),
    [
        ("summary.orders.total_amount", {"$more_than_or_equal": [20_000]}),
        ("summary.orders.average_amount", {"$is": [10_000]}),
        ("summary.redemptions.total_succeeded", {"$is": [2]}),
        ("summary.orders.last_order_amount", {"$is": [10_000]}),
    ],
)
def test_what_was_ordered_counts(api: httpx.Client, field: str, conditions: dict[str, Any]) -> None:
    """Amounts, averages, redemptions and the last order."""
    code = code_for(api, field, conditions)
    any_code, _ = public_code(api, amount_off(0 + 1))
    customer = {"source_id": unique("regular")}
    assert not validate(api, code, customer=customer)["valid"]
    for _ in range(2):
        redeem(api, any_code, customer=customer)
    # The list waits for the projection, from which the last order is read.
    created(api.get("/v1/customers"))
    assert validate(api, code, customer=customer)["valid"]


def test_a_customer_of_the_payload_alone_has_ordered_nothing(api: httpx.Client) -> None:
    """Without an identity there is nobody to count."""
    code = code_for(api, "summary.orders.total_count", {"$is": [0]})
    assert validate(api, code, customer={"name": "Ann"}, order=CART)["valid"]
