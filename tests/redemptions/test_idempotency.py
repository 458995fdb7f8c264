"""P3: the same request with the same Idempotency-Key has one effect and one answer."""

import threading

import httpx

from tests.support.server import Project, RunningServer
from tests.support.shop import (
    CART,
    created,
    gift_card,
    percent_off,
    public_code,
    redeem,
    refusal,
    single_voucher,
    stack,
    unique,
)


def used(api: httpx.Client, code: str) -> int:
    return int(created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"])


def test_a_repeated_redemption_is_answered_again_and_taken_once(api: httpx.Client) -> None:
    """Byte for byte the first answer, with the header that says so; quoted and bare keys are the same key."""
    code, _ = public_code(api, percent_off(10), quantity=1)
    key = unique("key")
    first = api.post("/v1/redemptions", json=stack(code), headers={"Idempotency-Key": key})
    again = api.post("/v1/redemptions", json=stack(code), headers={"Idempotency-Key": f'"{key}"'})
    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert used(api, code) == 1


def test_the_same_key_with_another_body_is_refused(api: httpx.Client) -> None:
    """422, and nothing is taken for the second body."""
    code, _ = public_code(api, percent_off(10))
    headers = {"Idempotency-Key": unique("key")}
    created(api.post("/v1/redemptions", json=stack(code), headers=headers))
    other = api.post("/v1/redemptions", json=stack(code, metadata={"n": 2}), headers=headers)
    assert (other.status_code, other.json()["key"]) == (422, "idempotency_key_reused")
    assert used(api, code) == 1


def test_without_a_key_equal_bodies_are_two_redemptions(api: httpx.Client) -> None:
    """Nothing is ever derived from a body (D1)."""
    code, _ = public_code(api, percent_off(10))
    assert redeem(api, code)["redemptions"][0]["id"] != redeem(api, code)["redemptions"][0]["id"]
    assert used(api, code) == 2


def test_a_refused_request_is_decided_again_under_its_key(api: httpx.Client) -> None:
    """Only successes are kept: after the cap is raised the same key succeeds."""
    voucher = single_voucher(api, percent_off(10), quantity=1)
    redeem(api, voucher["code"])
    headers = {"Idempotency-Key": unique("key")}
    refused = api.post("/v1/redemptions", json=stack(voucher["code"]), headers=headers)
    assert refused.json()["key"] == "quantity_exceeded"
    created(api.put(f"/v1/vouchers/{voucher['code']}", json={"redemption": {"quantity": 2}}))
    taken = api.post("/v1/redemptions", json=stack(voucher["code"]), headers=headers)
    assert taken.status_code == 200
    assert refusal(api, voucher["code"])["key"] == "quantity_exceeded"


def test_a_repeated_rollback_is_answered_again(api: httpx.Client) -> None:
    """With a key the caller may repeat a rollback whose answer was lost; without one it is told."""
    code, _ = public_code(api, percent_off(10))
    redemption = redeem(api, code)["redemptions"][0]["id"]
    headers = {"Idempotency-Key": unique("key")}
    first = api.post(f"/v1/redemptions/{redemption}/rollback", headers=headers)
    again = api.post(f"/v1/redemptions/{redemption}/rollback", headers=headers)
    assert first.status_code == 200
    assert again.content == first.content
    other = api.post(f"/v1/redemptions/{redemption}/rollback")
    assert other.json()["key"] == "already_rolled_back"


def test_a_key_is_known_to_whoever_asks_first_after_a_rebuild(
    server: RunningServer, project: Project, api: httpx.Client
) -> None:
    """Workers find out by that very request that counters and keys are elsewhere now: they answer it as the
    first time, and refuse nothing by what is no longer there.
    """
    code, _ = public_code(api, percent_off(10))
    card = gift_card(api, 1_000)["code"]
    path = f"/v1/redemptions/{redeem(api, code)['redemptions'][0]['id']}/rollback"
    requests = ((path, {}), (f"/v1/vouchers/{card}/balance", {"amount": -600}))
    for where, body in requests:
        headers = {"Idempotency-Key": unique("key")}
        first = api.post(where, json=body, headers=headers)
        assert first.status_code == 200, first.text
        api.get("/v1/redemptions")
        server.command("ledger", "rebuild", "--project", project.name)
        for _ in range(3):
            with server.client(project) as another:
                again = another.post(where, json=body, headers=headers)
            assert (again.status_code, again.content) == (200, first.content), again.text


TIMES = 8
"""Requests after which both workers have met what they are about."""


def again_and_again(api: httpx.Client, first: httpx.Response, body: dict, headers: dict[str, str]) -> None:
    """Whichever worker is asked."""
    for _ in range(TIMES):
        again = api.post("/v1/redemptions", json=body, headers=headers)
        assert (again.status_code, again.content) == (200, first.content), again.text
        assert again.headers["idempotent-replayed"] == "true"


def test_what_a_key_took_is_answered_again_after_a_stop(api: httpx.Client) -> None:
    """Also by a worker that remembers the code and has learnt of the stop by another code of the campaign:
    the caller whose answer was lost must not be told that nothing was taken.
    """
    document = {
        "name": unique("campaign"),
        "campaign_type": "DISCOUNT_COUPONS",
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": percent_off(10),
            "redemption": {"quantity": None},
        },
    }
    campaign_id = created(api.post("/v1/campaigns", json=document))["id"]
    path = f"/v1/campaigns/{campaign_id}/vouchers"
    code, other = (created(api.post(f"{path}/{unique('CODE')}", json={}))["code"] for _ in range(2))
    for _ in range(TIMES):
        redeem(api, code)
        redeem(api, other)
    body, headers = stack(code), {"Idempotency-Key": unique("key")}
    first = api.post("/v1/redemptions", json=body, headers=headers)
    assert first.status_code == 200
    created(api.post(f"/v1/campaigns/{campaign_id}/disable"))
    for _ in range(TIMES):
        assert refusal(api, other)["key"] == "voucher_disabled"
    again_and_again(api, first, body, headers)
    assert refusal(api, code)["key"] == "voucher_disabled"


def test_what_a_key_took_is_answered_again_after_a_stop_and_a_rebuild(
    server: RunningServer, project: Project, api: httpx.Client
) -> None:
    """A worker that looks for the key where it was before finds nothing, and refuses nothing by that."""
    voucher = single_voucher(api, percent_off(10))["code"]
    for _ in range(TIMES):
        redeem(api, voucher)
    body, headers = stack(voucher), {"Idempotency-Key": unique("key")}
    first = api.post("/v1/redemptions", json=body, headers=headers)
    created(api.post(f"/v1/vouchers/{voucher}/disable"))
    for _ in range(TIMES):
        assert refusal(api, voucher)["key"] == "voucher_disabled"
    api.get("/v1/redemptions")
    server.command("ledger", "rebuild", "--project", project.name)
    again_and_again(api, first, body, headers)


def test_what_a_key_took_is_answered_again_after_its_order_was_canceled(api: httpx.Client) -> None:
    """What makes the request undecidable now did not when it was made."""
    code, _ = public_code(api, percent_off(10))
    order = {**CART, "source_id": unique("order")}
    body, headers = stack(code, order=order), {"Idempotency-Key": unique("key")}
    first = api.post("/v1/redemptions", json=body, headers=headers)
    created(api.put(f"/v1/orders/{first.json()['order']['id']}", json={"status": "CANCELED"}))
    assert refusal(api, code, order=order)["key"] == "invalid_order"
    again_and_again(api, first, body, headers)


def test_fifty_at_once_under_one_key_are_one_redemption(api: httpx.Client) -> None:
    """All are answered alike, whichever worker they met."""
    code, _ = public_code(api, percent_off(10), quantity=1)
    headers = {"Idempotency-Key": unique("key")}
    answers: list[httpx.Response] = []

    def send() -> None:
        answers.append(api.post("/v1/redemptions", json=stack(code), headers=headers))

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["redemptions"][0]["id"] for answer in answers}) == 1
    assert sum(answer.headers.get("idempotent-replayed") == "true" for answer in answers) == 49
    assert used(api, code) == 1


def test_a_key_that_is_none_is_refused(api: httpx.Client) -> None:
    """Empty and endless keys would remember the wrong thing."""
    code, _ = public_code(api, percent_off(10))
    for key in ('""', "k" * 256):
        answer = api.post("/v1/redemptions", json=stack(code), headers={"Idempotency-Key": key})
        assert answer.status_code == 400
    assert used(api, code) == 0
