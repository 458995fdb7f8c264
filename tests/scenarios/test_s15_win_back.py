"""S15: win-back. Nobody who bought in the last six months; favourite category, this weekend, in Seattle; only
with consent.
"""

from typing import Any

import httpx
import pytest

from tests.support.actions import ended
from tests.support.shop import amount_off, created, public_code, rule, stack, unique

SEATTLE, PORTLAND = "geo:47.6062,-122.3321", "geo:45.5152,-122.6784"
SATURDAY, MONDAY = "2027-02-06T12:00:00Z", "2027-02-08T12:00:00Z"


def refusal_at(api: httpx.Client, moment: str, code: str, customer: str, **more: Any) -> str | None:
    """The key of the refusal; None when the code holds."""
    headers = {"Vouchsafe-Now": moment}
    sent = stack(code, customer={"source_id": customer}, **more)
    answer = created(api.post("/v1/validations", headers=headers, json=sent))
    if answer["valid"]:
        return None
    return str(answer["inapplicable_redeemables"][0]["result"]["error"]["key"])


@pytest.fixture(scope="module")
def consent(api: httpx.Client) -> str:
    """The id of what customers are asked for."""
    text = {"name": "Offers by mail", "description": "I want to hear of offers."}
    return str(created(api.post("/v1/engine/consents", json=text))["id"])


@pytest.fixture(scope="module")
def win_back(api: httpx.Client, consent: str) -> str:
    """The code of the campaign."""
    filters = {
        "junction": "and",
        "summary.orders.last_order_date": {"conditions": {"$more_than_ago": [182]}},
        "metadata.favourite": {"conditions": {"$is": ["coffee"]}},
        f"consents.{consent}.given": {"conditions": {"$is": [True]}},
    }
    segment = created(
        api.post("/v1/segments", json={"name": unique("lapsed"), "type": "auto-update", "filter": filters})
    )
    circle = {"center": SEATTLE, "radius": "30 km"}
    shape = {"type": "circle", "format": "distance", "distance": circle}
    place = created(api.post("/v1/engine/locations", json={"name": "Seattle", "shape": shape}))
    return public_code(
        api,
        amount_off(500),
        validity_day_of_week=[6, 0],
        extensions={"geo": {"include": [{"location": place["id"]}]}},
        validation_rules=[rule(api, "customer.segment", {"$is": [segment["id"]]})],
    )[0]


def buyer(api: httpx.Client, last_order: str, consent: str | None, favourite: str = "coffee") -> str:
    """A customer whose one order came over from the old shop. consent: that the customer gives."""
    name = unique("buyer")
    order = {
        "status": "PAID",
        "amount": 3_000,
        "created_at": last_order,
        "customer": {"source_id": name, "metadata": {"favourite": favourite}},
    }
    ended(api, api.post("/v1/orders/import", json=[order]))
    if consent is not None:
        consents(api, name, {consent: True})
    return name


def consents(api: httpx.Client, name: str, given: dict[str, bool]) -> None:
    answer = api.put(f"/v1/customers/{name}/consents", json=given)
    assert answer.status_code == 204, answer.text


def test_whoever_has_lapsed_is_won_back_where_and_when_it_counts(
    api: httpx.Client, win_back: str, consent: str
) -> None:
    """All of it must hold: each condition alone refuses."""
    lapsed = buyer(api, "2026-03-01T10:00:00Z", consent)
    here = {"metadata": {"location": SEATTLE}}
    assert refusal_at(api, SATURDAY, win_back, lapsed, **here) is None
    assert refusal_at(api, MONDAY, win_back, lapsed, **here) == "voucher_not_active_now"
    away = {"metadata": {"location": PORTLAND}}
    assert refusal_at(api, SATURDAY, win_back, lapsed, **away) == "location_not_permitted"
    assert refusal_at(api, SATURDAY, win_back, lapsed) == "missing_location"
    for given, favourite in ((consent, "tea"), (None, "coffee")):
        name = buyer(api, "2026-03-01T10:00:00Z", given, favourite)
        assert refusal_at(api, SATURDAY, win_back, name, **here) == "customer_rules_violated"
    recent = buyer(api, "2026-11-01T10:00:00Z", consent)
    assert refusal_at(api, SATURDAY, win_back, recent, **here) == "customer_rules_violated"


def test_consent_that_is_taken_back_counts_at_once(api: httpx.Client, win_back: str, consent: str) -> None:
    """The next validation knows it, on whichever worker."""
    name = buyer(api, "2026-03-01T10:00:00Z", consent)
    here = {"metadata": {"location": SEATTLE}}
    for given in (False, True, False, True):
        consents(api, name, {consent: given})
        expected = None if given else "customer_rules_violated"
        assert refusal_at(api, SATURDAY, win_back, name, **here) == expected
