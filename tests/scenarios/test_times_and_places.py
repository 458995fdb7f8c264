"""S3, S4, S5, S11: when and where an offer holds, and for whom."""

import time
from typing import Any

import httpx
import pytest

from tests.support.receiver import until
from tests.support.server import Project, RunningServer
from tests.support.shop import (
    amount_off,
    created,
    public_code,
    redeem,
    rule,
    single_voucher,
    stack,
    tier,
    unique,
    validate,
)


def at(api: httpx.Client, moment: str, *codes: str, **more: Any) -> dict[str, Any]:
    """The validation as of a moment."""
    headers = {"Vouchsafe-Now": moment}
    return created(api.post("/v1/validations", headers=headers, json=stack(*codes, **more)))


def why(answer: dict[str, Any]) -> str | None:
    """The key of the first refusal; None when the code holds."""
    if answer["valid"]:
        return None
    return str(answer["inapplicable_redeemables"][0]["result"]["error"]["key"])


def segment_code(api: httpx.Client, field: str, conditions: dict[str, Any]) -> str:
    body = {"name": unique("s"), "type": "passive", "filter": {field: {"conditions": conditions}}}
    segment = created(api.post("/v1/segments", json=body))
    rule_id = rule(api, "customer.segment", {"$is": [segment["id"]]})
    return public_code(api, amount_off(500), validation_rules=[rule_id])[0]


def test_s3_good_for_three_days(api: httpx.Client) -> None:
    """Before it is not active yet, after it expired."""
    code, _ = public_code(
        api,
        amount_off(500),
        start_date="2026-05-01T10:00:00Z",
        expiration_date="2026-05-04T10:00:00Z",
    )
    moments = ("2026-05-01T09:59:59Z", "2026-05-01T10:00:00Z", "2026-05-04T09:59:59Z", "2026-05-04T10:00:01Z")
    assert [why(at(api, moment, code)) for moment in moments] == [
        "voucher_not_active",
        None,
        None,
        "voucher_expired",
    ]


def test_s3_fridays_from_five_to_eight_over_the_change_of_clocks(api: httpx.Client) -> None:
    """In the shop's zone: the same hour on the wall before and after the clocks change, another in UTC."""
    hours = {"daily": [{"start_time": "17:00", "expiration_time": "20:00", "days_of_week": [5]}]}
    code, _ = public_code(api, amount_off(500), validity_hours=hours)
    for day, shift in (("2026-03-27", 1), ("2026-04-03", 2), ("2026-10-23", 2), ("2026-10-30", 1)):
        for hour, expected in ((16, "voucher_not_active_now"), (17, None), (19, None), (20, "late")):
            moment = f"{day}T{hour - shift:02}:30:00Z"
            found = why(at(api, moment, code))
            assert found == ("voucher_not_active_now" if expected == "late" else expected), moment
    assert why(at(api, "2026-04-02T15:30:00Z", code)) == "voucher_not_active_now"


def test_s4_a_birthday_also_on_the_29th_of_february(api: httpx.Client) -> None:
    """On the 28th in other years."""
    code = segment_code(api, "birthdate", {"$today": [True]})
    leap = {"source_id": unique("c"), "birthdate": "2000-02-29"}
    june = {"source_id": unique("c"), "birthdate": "1990-06-15"}
    moments = ("2028-02-29T12:00:00Z", "2027-02-28T12:00:00Z", "2027-03-01T12:00:00Z", "2028-02-28T12:00:00Z")
    assert [at(api, moment, code, customer=leap)["valid"] for moment in moments] == [True, True, False, False]
    # Half past eleven in the evening of the 14th in UTC is the 15th in the shop.
    assert at(api, "2027-06-14T23:30:00Z", code, customer=june)["valid"]


def test_s4_six_months_after_the_shoes(api: httpx.Client) -> None:
    """Counted in calendar months from a date in the customer's metadata."""
    code = segment_code(api, "metadata.bought_shoes", {"$is_months_ago": [6]})
    customer = {"source_id": unique("c"), "metadata": {"bought_shoes": "2026-02-15"}}
    moments = ("2026-08-14T10:00:00Z", "2026-08-15T10:00:00Z", "2026-09-15T10:00:00Z")
    assert [at(api, moment, code, customer=customer)["valid"] for moment in moments] == [False, True, False]


def test_s5_a_local_event_scheduled_in_advance(api: httpx.Client) -> None:
    """For those within the radius on the day, and for nobody else or earlier."""
    event = {
        "include": [{"circle": {"center": "geo:47.0105,28.8638", "radius_metres": 20_000}}],
        "missing": "refuse",
    }
    code, _ = public_code(
        api,
        amount_off(500),
        extensions={"geo": event},
        start_date="2026-08-31T00:00:00Z",
        expiration_date="2026-09-01T00:00:00Z",
    )
    here, there = ({"metadata": {"location": point}} for point in ("geo:47.02,28.85", "geo:46.48,30.72"))
    assert why(at(api, "2026-08-30T12:00:00Z", code, **here)) == "voucher_not_active"
    assert why(at(api, "2026-08-31T12:00:00Z", code, **here)) is None
    assert why(at(api, "2026-08-31T12:00:00Z", code, **there)) == "location_not_permitted"
    assert why(at(api, "2026-08-31T12:00:00Z", code)) == "missing_location"


def test_s5_a_british_offer_is_neither_seen_nor_used_in_france(api: httpx.Client) -> None:
    """Not among what qualifies, and refused all the same when its id is known."""
    offer = tier(api, amount_off(500), extensions={"geo": {"include": ["GB"]}})["id"]

    def customer(country: str) -> dict[str, Any]:
        return {"source_id": unique("c"), "address": {"country": country}}

    def seen(country: str) -> bool:
        body = {
            "customer": customer(country),
            "order": stack("x")["order"],
            "scenario": "ALL",
            "options": {"limit": 50},
        }
        found = created(api.post("/v1/qualifications", json=body))["redeemables"]["data"]
        return offer in [entry["id"] for entry in found]

    assert [seen("GB"), seen("FR")] == [True, False]
    assert why(validate(api, offer, customer=customer("GB"))) is None
    assert why(validate(api, offer, customer=customer("FR"))) == "location_not_permitted"


def test_s11_only_customers_in_germany(api: httpx.Client) -> None:
    """As a segment on the address."""
    code = segment_code(api, "address.country", {"$is": ["DE"]})
    for country, valid in (("DE", True), ("AT", False)):
        customer = {"source_id": unique("c"), "address": {"country": country}}
        assert validate(api, code, customer=customer)["valid"] is valid


def test_s11_only_customers_past_their_third_order(api: httpx.Client) -> None:
    """Counted as of this moment, also for who has just paid."""
    code = segment_code(api, "summary.orders.total_count", {"$more_than_or_equal": [3]})
    filler, _ = public_code(api, amount_off(1))
    customer = {"source_id": unique("c")}
    seen = []
    for _ in range(4):
        seen.append(validate(api, code, customer=customer)["valid"])
        redeem(api, filler, customer=customer)
    assert seen == [False, False, False, True]


@pytest.mark.parametrize("sent", ["tomorrow", "1999-12-31T23:59:59Z", "2100-01-01"])
def test_400_for_a_moment_that_is_none(api: httpx.Client, sent: str) -> None:
    """Text, and centuries that no offer is made for."""
    response = api.post("/v1/validations", headers={"Vouchsafe-Now": sent}, json=stack("X"))
    assert (response.status_code, response.json()["key"]) == (400, "invalid_query_params")


def test_only_a_sandbox_travels_in_time(server: RunningServer) -> None:
    """Anywhere else the header is refused, so that nobody can redeem what has expired."""
    real: Project = server.create_project(unique("real"))
    with server.client(real) as api:
        response = api.post("/v1/redemptions", headers={"Vouchsafe-Now": "2026-01-01"}, json=stack("X"))
    assert (response.status_code, response.json()["key"]) == (403, "forbidden")


def test_a_travellers_lock_ends_by_the_servers_clock(api: httpx.Client) -> None:
    """D8: whoever locks with a clock of years ahead keeps the unit for no longer than he asked for."""
    code = single_voucher(api, amount_off(500), quantity=1)["code"]
    for seconds in (1, 10, 100):  # So long that the lock is looked at before it ends, also on a busy machine.
        began = time.monotonic()
        session = {"type": "LOCK", "key": unique("s"), "ttl": seconds, "ttl_unit": "SECONDS"}
        assert at(api, "2031-01-01", code, session=session)["valid"] is True
        is_free = validate(api, code)["valid"]
        if not is_free or time.monotonic() - began < seconds:
            break
    assert not is_free
    until(lambda: validate(api, code)["valid"], "the lock ends")


def test_s11_an_offer_follows_a_location_that_moves(api: httpx.Client) -> None:
    """`extensions.geo` names a location by its id, on a campaign, a tier, a voucher and the project: where it
    lies is decided anew with each request, and nobody is in one that is gone.
    """

    def circle(center: str) -> dict[str, Any]:
        return {"type": "circle", "format": "distance", "distance": {"center": center, "radius": "2 km"}}

    def location(center: str) -> str:
        body = {"name": unique("l"), "shape": circle(center)}
        return str(created(api.post("/v1/engine/locations", json=body))["id"])

    here, there = "geo:47.0105,28.8638", "geo:52.52,13.405"
    place = location(here)
    near = {"geo": {"include": [{"location": place}]}}
    code, _ = public_code(api, amount_off(500), extensions=near)
    single = created(
        api.post(
            f"/v1/vouchers/{unique('V')}",
            json={"type": "DISCOUNT_VOUCHER", "discount": amount_off(100), "extensions": near},
        )
    )["code"]
    promotion = tier(api, amount_off(100), extensions=near)["id"]

    def keys_at(center: str) -> list[str | None]:
        answers = (validate(api, one, metadata={"location": center}) for one in (code, single, promotion))
        return [why(answer) for answer in answers]

    refused = ["location_not_permitted"] * 3
    for center, elsewhere in ((here, there), (there, here), (here, there)):
        moved = api.put(f"/v1/engine/locations/{place}", json={"shape": circle(center)})
        assert created(moved)["shape"] == circle(center)
        assert keys_at(center) == [None] * 3
        assert keys_at(elsewhere) == refused
    assert redeem(api, code, metadata={"location": here})["redemptions"][0]["result"] == "SUCCESS"
    plain, _ = public_code(api, amount_off(500))
    shop = location(here)
    away = {"geo": {"exclude": [{"location": shop}], "missing": "pass"}}
    created(api.put("/v1/engine/extensions", json=away))
    assert why(validate(api, plain, metadata={"location": here})) == "location_not_permitted"
    created(api.put(f"/v1/engine/locations/{shop}", json={"shape": circle(there)}))
    assert why(validate(api, plain, metadata={"location": here})) is None
    created(api.put("/v1/engine/extensions", json={}))
    assert api.delete(f"/v1/engine/locations/{place}").status_code == 204
    assert keys_at(here) == refused
