"""S26: nobody is offered more than n discounts a month over all campaigns."""

import concurrent.futures
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, public_code, redeem, stack, tier, unique, validate


@pytest.fixture(scope="module")
def project(server: RunningServer) -> Project:
    """Two discounts a month, service codes aside; three codes a month may be handed out."""
    project = server.create_project(f"pressure-{uuid.uuid4().hex[:12]}", is_sandbox=True)
    limits = [
        {"limit": 2, "window": "month", "exempt_categories": ["Service"]},
        {"limit": 3, "window": "month", "of": "publications", "exempt_categories": ["Service"]},
    ]
    with server.client(project) as client:
        created(client.put("/v1/engine/extensions", json={"offer_pressure": limits}))
        created(client.post("/v1/categories", json={"name": "Service", "hierarchy": 1}))
    return project


@pytest.fixture(scope="module")
def api(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    with server.client(project) as client:
        yield client


def somebody() -> dict[str, Any]:
    return {"source_id": unique("c")}


def code_of(api: httpx.Client, **campaign: Any) -> str:
    return public_code(api, percent_off(10), **campaign)[0]


def refused(api: httpx.Client, *codes: str, **more: Any) -> str:
    answer = api.post("/v1/redemptions", json=stack(*codes, **more))
    assert answer.status_code == 400, answer.text
    return str(answer.json()["key"])


def test_s26_the_third_discount_of_a_month_is_refused_whichever_campaign(api: httpx.Client) -> None:
    """Codes and promotions count together, for each customer alone; the validation says so already, the
    qualification does not show it, and the next month begins anew.
    """
    first, second, third = code_of(api), code_of(api), code_of(api)
    offer = tier(api, percent_off(5))["id"]
    who = somebody()
    redeem(api, first, customer=who)
    redeem(api, offer, customer=who)
    assert refused(api, second, customer=who) == "redemption_rules_violated"
    answer = validate(api, third, customer=who)
    assert answer["valid"] is False
    details = answer["inapplicable_redeemables"][0]["result"]["error"]["details"]
    assert details == "A customer can have at most 2 redemptions a month over all campaigns"
    body = {"customer": who, "scenario": "ALL", "order": stack("x")["order"], "options": {"limit": 50}}
    seen = created(api.post("/v1/qualifications", json=body))["redeemables"]["data"]
    assert not {one["id"] for one in seen} & {offer}
    assert validate(api, third, customer=somebody())["valid"]
    later = {"Vouchsafe-Now": "2092-01-01T12:00:00Z"}
    body = stack(third, customer=who)
    assert created(api.post("/v1/validations", headers=later, json=body))["valid"]


def test_s26_a_returned_discount_is_no_offer_and_a_stack_is_several(api: httpx.Client) -> None:
    """A rollback gives its place back; of three at once two apply."""
    codes = [code_of(api) for _ in range(3)]
    who = somebody()
    taken = redeem(api, codes[0], customer=who)["redemptions"][0]["id"]
    created(api.post(f"/v1/redemptions/{taken}/rollback"))
    answer = redeem(api, *codes, customer=who)
    assert len(answer["redemptions"]) == 2
    assert len(answer["inapplicable_redeemables"]) == 1


def test_s26_service_codes_do_not_count(api: httpx.Client) -> None:
    """Neither against the limit nor towards it."""
    service = code_of(api, category="Service")
    codes = [code_of(api) for _ in range(2)]
    who = somebody()
    for code in (service, *codes, service):
        redeem(api, code, customer=who)


def test_s26_of_many_at_once_two_are_taken(
    server: RunningServer, project: Project, api: httpx.Client
) -> None:
    """Over two workers and eight codes: the script counts."""
    codes = [code_of(api) for _ in range(8)]
    who = somebody()

    def take(code: str) -> int:
        with server.client(project) as client:
            return client.post("/v1/redemptions", json=stack(code, customer=who)).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(take, codes))
    assert statuses.count(200) == 2, statuses


def test_s26_codes_are_handed_out_three_times_a_month(
    server: RunningServer, project: Project, api: httpx.Client
) -> None:
    """Also when they are asked for at the same moment; a service code is given all the same."""
    names = []
    for category in (None, "Service"):
        body = {
            "name": unique("campaign"),
            "type": "AUTO_UPDATE",
            "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10)},
            **({"category": category} if category else {}),
        }
        names.append(created(api.post("/v1/campaigns", json=body))["name"])
    who = somebody()
    created(api.post("/v1/customers", json=who))

    def publish(name: str) -> str:
        with server.client(project) as client:
            answer = client.post("/v1/publications", json={"campaign": {"name": name}, "customer": who})
            return "given" if answer.status_code == 200 else str(answer.json()["key"])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(publish, names[:1] * 5))
    assert sorted(found) == ["given"] * 3 + ["offer_limit_exceeded"] * 2
    assert publish(names[1]) == "given"


def test_s26_somebody_unnamed_may_be_refused(server: RunningServer) -> None:
    """Where the limit says so: else it would be passed by saying nothing. What is no limit is refused."""
    project = server.create_project(f"pressure-{uuid.uuid4().hex[:12]}")
    with server.client(project) as api:
        limit = {"limit": 1, "window": "week", "missing": "refuse"}
        created(api.put("/v1/engine/extensions", json={"offer_pressure": [limit]}))
        assert refused(api, code_of(api)) == "missing_customer"
        for wrong in ({"limit": -1, "window": "week"}, {"limit": 1, "window": "year"}, {"window": "day"}):
            answer = api.put("/v1/engine/extensions", json={"offer_pressure": [wrong]})
            assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")
