"""Sessions (behaviour 4.8): a validation locks what it was told about, until it is redeemed, released or
overdue.
"""

import time

import httpx
import pytest
import voucherify

from tests.support.answers import LOOKED_AT
from tests.support.server import Project, RunningServer
from tests.support.shop import (
    amount_off,
    assign,
    created,
    gift_card,
    percent_off,
    redeem,
    refusal,
    rule,
    single_voucher,
    stack,
    tier,
    unique,
    validate,
)

WAIT_SECONDS = 180.0


def lock(key: str | None = None, **more: object) -> dict[str, object]:
    return {"type": "LOCK", **({"key": key} if key else {}), **more}


def credits_of(code: str, amount: int | None) -> dict[str, object]:
    redeemable: dict[str, object] = {"object": "voucher", "id": code}
    if amount is not None:
        redeemable["gift"] = {"credits": amount}
    return {"redeemables": [redeemable], "order": {"amount": 10_000}}


def release(api: httpx.Client, code: str, key: str) -> int:
    return api.delete(f"/v1/vouchers/{code}/sessions/{key}").status_code


def refused_key(api: httpx.Client, body: dict[str, object]) -> str:
    answer = created(api.post("/v1/validations", json=body))
    assert answer["valid"] is False
    return str(answer["inapplicable_redeemables"][0]["result"]["error"]["key"])


def until_free(api: httpx.Client, code: str) -> None:
    """Validate until the sweeper has released what is overdue; asks without needing the unit itself."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if validate(api, code)["valid"]:
            return
        time.sleep(0.1)
    raise AssertionError("a hold past its deadline was not released")


def test_the_last_unit_is_kept_for_who_locked_it(api: httpx.Client) -> None:
    """Others are told that the quantity is exceeded; the session's own redemption takes the unit."""
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    key = unique("ssn")
    answer = validate(api, code, session=lock(key))
    assert answer["session"] == {"key": key, "type": "LOCK", "ttl": 7, "ttl_unit": "DAYS"}
    assert refused_key(api, stack(code)) == "quantity_exceeded"
    assert refusal(api, code)["key"] == "quantity_exceeded"
    assert refusal(api, code, session=lock(unique("other")))["key"] == "quantity_exceeded"
    taken = redeem(api, code, session=lock(key))
    assert taken["redemptions"][0]["session"] == {"key": key}
    assert release(api, code, key) == 404
    assert refusal(api, code, session=lock(key))["key"] == "quantity_exceeded"


def test_a_session_without_a_key_is_given_one(api: httpx.Client) -> None:
    """ssn_…, echoed with the time to live that holds; the same key locks again without blocking itself."""
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    first = validate(api, code, session=lock(ttl=30, ttl_unit="MINUTES"))["session"]
    assert first["key"].startswith("ssn_")
    assert (first["ttl"], first["ttl_unit"]) == (30, "MINUTES")
    assert validate(api, code, session=lock(first["key"]))["valid"] is True
    assert validate(api, code, session=lock())["valid"] is False
    assert release(api, code, first["key"]) == 204
    assert validate(api, code)["valid"] is True


def test_locks_are_as_many_as_units_are_left(api: httpx.Client) -> None:
    """Three units, one redeemed, two sessions: the third session is refused, and a refused one is no lock."""
    code = single_voucher(api, percent_off(10), quantity=3)["code"]
    redeem(api, code)
    assert validate(api, code, session=lock("one"))["valid"] is True
    assert validate(api, code, session=lock("two"))["valid"] is True
    third = validate(api, code, session=lock("three"))
    assert third["valid"] is False
    assert "session" not in third
    assert release(api, code, "three") == 404
    unlimited = single_voucher(api, percent_off(10))["code"]
    for number in range(5):
        assert validate(api, unlimited, session=lock(f"s{number}"))["valid"] is True


def test_gift_credits_are_held_and_overwritten(api: httpx.Client) -> None:
    """Credits of the request are held; the same key holds the new amount instead of both."""
    code = gift_card(api, 1_000)["code"]
    held = {**credits_of(code, 700), "session": lock("card")}
    assert created(api.post("/v1/validations", json=held))["valid"] is True
    assert refused_key(api, credits_of(code, 400)) == "gift_amount_exceeded"
    assert created(api.post("/v1/validations", json=credits_of(code, 300)))["valid"] is True
    answer = created(api.post("/v1/validations", json={**credits_of(code, 200), "session": lock("card")}))
    assert answer["redeemables"][0]["result"]["gift"] == {"credits": 200, "balance": 1_000}
    most = created(api.post("/v1/validations", json=credits_of(code, None)))
    assert most["redeemables"][0]["result"]["gift"] == {"credits": 800, "balance": 800}
    created(api.post("/v1/redemptions", json={**credits_of(code, 900), "session": {"key": "card"}}))
    assert created(api.get(f"/v1/vouchers/{code}"))["gift"]["balance"] == 100
    assert created(api.post("/v1/validations", json=credits_of(code, None)))["valid"] is True


def test_a_redemption_ends_the_whole_session(api: httpx.Client) -> None:
    """What was locked under the key and left out of the redemption is free again (D8)."""
    one = single_voucher(api, percent_off(10), quantity=1)["code"]
    two = single_voucher(api, amount_off(100), quantity=1)["code"]
    validate(api, one, two, session=lock("cart"))
    assert refusal(api, two)["key"] == "quantity_exceeded"
    redeem(api, one, session=lock("cart"))
    assert len(redeem(api, two)["redemptions"]) == 1


def test_locking_again_leaves_what_it_does_not_name(api: httpx.Client) -> None:
    """Fields of the key that a later validation does not name stay locked."""
    one = single_voucher(api, percent_off(10), quantity=1)["code"]
    two = single_voucher(api, amount_off(100), quantity=1)["code"]
    validate(api, one, session=lock("cart"))
    validate(api, two, session=lock("cart"))
    assert refusal(api, one)["key"] == refusal(api, two)["key"] == "quantity_exceeded"
    assert len(redeem(api, one, two, session=lock("cart"))["redemptions"]) == 2


def test_only_what_applies_is_locked(api: httpx.Client) -> None:
    """In a stack, the redeemable that is refused holds nothing, and a tier has nothing to hold."""
    good = single_voucher(api, percent_off(10), quantity=1)["code"]
    bad = single_voucher(api, amount_off(100), quantity=1)
    assign(api, rule(api, "order.amount", {"$more_than": [99_999_999]}), "voucher", bad["id"])
    promotion = tier(api, percent_off(5))["id"]
    answer = validate(api, good, bad["code"], promotion, session=lock("mixed"))
    assert [one["id"] for one in answer["redeemables"]] == [good, promotion]
    assert answer["session"]["key"] == "mixed"
    assert release(api, bad["code"], "mixed") == 404
    assert release(api, good, "mixed") == 204


def test_a_released_session_frees_its_unit_at_once(api: httpx.Client, stranger: httpx.Client) -> None:
    """204 once, then 404; an unknown voucher, an unknown session and another project are 404 too."""
    voucher = single_voucher(api, percent_off(10), quantity=1)
    code = voucher["code"]
    validate(api, code, session=lock("key/with odd?signs"))
    quoted = "key%2Fwith%20odd%3Fsigns"
    assert release(stranger, code, quoted) == 404
    assert release(api, unique("nothing"), quoted) == 404
    missing = api.delete(f"/v1/vouchers/{code}/sessions/unknown")
    assert (missing.status_code, missing.json()["resource_type"]) == (404, "session")
    assert release(api, voucher["id"], quoted) == 204
    assert release(api, code, quoted) == 404
    redeem(api, code)


def test_a_lock_past_its_time_is_no_longer_in_the_way(api: httpx.Client) -> None:
    """The next one who needs the unit gets it; the late session is an ordinary redemption and is refused."""
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    validate(api, code, session=lock("brief", ttl=1, ttl_unit="MICROSECONDS"))
    until_free(api, code)
    redeem(api, code)
    assert refusal(api, code, session=lock("brief"))["key"] == "quantity_exceeded"


def test_a_late_session_is_honoured_while_nobody_else_came(api: httpx.Client) -> None:
    """After its time a session still redeems what is left."""
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    validate(api, code, session=lock("late", ttl=1, ttl_unit="NANOSECONDS"))
    assert len(redeem(api, code, session=lock("late"))["redemptions"]) == 1


def test_an_overdue_lock_of_credits_is_no_longer_in_the_way(api: httpx.Client) -> None:
    """Credits held past their time are free for the request that asks for them."""
    code = gift_card(api, 1_000)["code"]
    session = lock("brief", ttl=0.5, ttl_unit="MILLISECONDS")
    created(api.post("/v1/validations", json={**credits_of(code, 900), "session": session}))
    deadline = time.monotonic() + WAIT_SECONDS
    while not created(api.post("/v1/validations", json=credits_of(code, 1_000)))["valid"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    "session",
    [
        {"type": "SHARE"},
        {"type": "LOCK", "ttl_unit": "FORTNIGHTS"},
        {"type": "LOCK", "ttl": 31},
        {"type": "LOCK", "ttl": 0},
        {"type": "LOCK", "key": ""},
        {"type": "LOCK", "key": "k" * 256},
    ],
)
def test_a_malformed_session_is_refused(api: httpx.Client, session: dict[str, object]) -> None:
    """400 invalid_payload, and nothing is locked or taken."""
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    refused = api.post("/v1/validations", json=stack(code, session=session))
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_payload")
    assert validate(api, code)["valid"] is True


def test_a_disabled_voucher_cannot_be_redeemed_by_its_session(api: httpx.Client) -> None:
    """A lock keeps a unit, not a promotion: after a stop the session is refused like everybody (P6)."""
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    validate(api, code, session=lock("held"))
    created(api.post(f"/v1/vouchers/{code}/disable"))
    assert refusal(api, code, session=lock("held"))["key"] == "voucher_disabled"


def test_a_qualification_sees_what_is_left_beside_locks(api: httpx.Client) -> None:
    """A card never used before is shown with what sessions hold of it, and not at all when all is held."""
    created(api.post("/v1/customers", json={"source_id": "owner"}))
    code = gift_card(api, 1_000)["code"]

    def shown() -> list[dict[str, object]]:
        body = {
            "customer": {"source_id": "owner"},
            "order": {"amount": 400},
            "session": {"type": "LOCK"},
            "options": {"limit": 50, "filters": {"code": {"conditions": {"$is": [code]}}}},
        }
        answer = created(api.post("/v1/qualifications", json=body))
        return [dict(one["result"]["gift"]) for one in answer["redeemables"]["data"]]

    assert len(shown()) == 1
    created(api.post("/v1/validations", json={**credits_of(code, 300), "session": lock("q")}))
    assert shown() == [{"credits": 400, "balance": 700, "locked_credits": 300}]
    created(api.post("/v1/validations", json={**credits_of(code, 1_000), "session": lock("q")}))
    assert shown() == []


def test_a_shop_page_locks_for_an_hour_at_most(server: RunningServer) -> None:
    """D8: a key that everybody can read keeps nothing for longer, and the answer says what holds."""
    origin = "https://shop.example"
    project = server.create_project(unique("page"), settings={"client_trusted_domains": [origin]})
    with server.client(project) as api:
        lock_from_a_page(server, project, api, origin)


def lock_from_a_page(server: RunningServer, project: Project, api: httpx.Client, origin: str) -> None:
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    headers = {
        "X-Client-Application-Id": project.client_id,
        "X-Client-Token": project.client_token,
        "Origin": origin,
    }
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=30, event_hooks=LOOKED_AT) as page:
        first = created(page.post("/client/v1/validations", json=stack(code, session=lock("page"))))
        longer = lock("page", ttl=7, ttl_unit="DAYS")
        second = created(page.post("/client/v1/validations", json=stack(code, session=longer)))
        brief = lock("page", ttl=5, ttl_unit="MINUTES")
        third = created(page.post("/client/v1/validations", json=stack(code, session=brief)))
    hour = {"key": "page", "type": "LOCK", "ttl": 1, "ttl_unit": "HOURS"}
    assert (first["session"], second["session"]) == (hour, hour)
    assert (third["session"]["ttl"], third["session"]["ttl_unit"]) == (5, "MINUTES")
    assert refusal(api, code)["key"] == "quantity_exceeded"
    assert len(redeem(api, code, session={"key": "page"})["redemptions"]) == 1


def test_the_official_client_locks_and_releases(api: httpx.Client, official: voucherify.ApiClient) -> None:
    """P11: the answers of both operations are what the published client expects."""
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    answer = voucherify.ValidationsApi(official).validate_stacked_discounts(
        voucherify.ValidationsValidateRequestBody.from_dict(stack(code, session=lock("official")))
    )
    assert answer.session is not None
    assert answer.session.key == "official"
    voucherify.VouchersApi(official).release_validation_session(code=code, session_key="official")
    assert validate(api, code)["valid"] is True
