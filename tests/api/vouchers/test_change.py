"""GET, PUT, enable, disable and DELETE of /v1/vouchers/{code}."""

import pytest
from voucherify.models.vouchers_enable_response_body import VouchersEnableResponseBody
from voucherify.models.vouchers_get_response_body import VouchersGetResponseBody
from voucherify.models.vouchers_update_response_body import VouchersUpdateResponseBody

from tests.support.shop import CART, created, percent_off, unique


def made(api, **changes):
    return created(api.post(f"/v1/vouchers/{unique('V')}", json={"discount": percent_off(10)} | changes))


def is_valid(api, code):
    body = {"redeemables": [{"object": "voucher", "id": code}], "order": CART}
    return created(api.post("/v1/validations", json=body))["valid"]


def redeem(api, code, **redeemable):
    body = {"redeemables": [{"object": "voucher", "id": code} | redeemable], "order": CART}
    return api.post("/v1/redemptions", json=body)


def test_put_lays_what_is_sent_over_what_is_there(api):
    """What is not sent stays, a null takes away, metadata is merged, what cannot change is passed over."""
    voucher = made(api, metadata={"a": 1}, additional_info="x", start_date="2020-01-01T00:00:00Z")
    path = f"/v1/vouchers/{voucher['code']}"
    change = {
        "metadata": {"b": 2},
        "discount": {"type": "PERCENT", "percent_off": 45, "effect": "APPLY_TO_ORDER", "amount_limit": 1800},
        "expiration_date": "2093-12-31T23:59:59Z",
        "start_date": None,
        "validity_day_of_week": [0, 1, 2, 3, 4, 5, 6],
        "category": "Second",
        "code": "another",
        "campaign": "another",
    }
    answer = created(api.put(path, json=change))
    assert created(api.get(path)) == answer
    assert answer["code"] == voucher["code"]
    assert answer["metadata"] == {"a": 1, "b": 2}
    assert answer["discount"] == change["discount"]
    assert (answer["start_date"], answer["expiration_date"]) == (None, "2093-12-31T23:59:59.000Z")
    assert (answer["category"], answer["additional_info"]) == ("Second", "x")
    assert answer["updated_at"] is not None
    assert VouchersUpdateResponseBody.from_dict(answer).category == "Second"
    assert is_valid(api, voucher["code"]) is True


def test_put_refuses_another_type_of_discount(api):
    """The contract's own example of a change that is not possible."""
    voucher = made(api)
    answer = api.put(
        f"/v1/vouchers/{voucher['code']}", json={"discount": {"type": "AMOUNT", "amount_off": 1}}
    )
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_voucher")
    assert answer.json()["details"] == "It is not possible to change Voucher discount type"


def test_a_lowered_limit_holds_with_the_answer(api):
    """Lowering the number of redemptions below what was used refuses every further one (P1)."""
    voucher = made(api, redemption={"quantity": 3})
    created(redeem(api, voucher["code"]))
    created(api.put(f"/v1/vouchers/{voucher['code']}", json={"redemption": {"quantity": 1}}))
    for _ in range(4):
        assert redeem(api, voucher["code"]).json()["key"] == "quantity_exceeded"
    created(api.put(f"/v1/vouchers/{voucher['code']}", json={"redemption": {"quantity": None}}))
    created(redeem(api, voucher["code"]))


def test_disable_holds_at_once_and_enable_lifts_it(api):
    """Both answer the voucher; no worker acts on the old state afterwards (P6)."""
    code = made(api)["code"]
    assert is_valid(api, code) is True
    stopped = created(api.post(f"/v1/vouchers/{code}/disable"))
    assert stopped["active"] is False
    for _ in range(6):
        assert is_valid(api, code) is False
    started = created(api.post(f"/v1/vouchers/{code}/enable"))
    assert started["active"] is True
    assert VouchersEnableResponseBody.from_dict(started).active is True
    for _ in range(6):
        assert is_valid(api, code) is True


def test_counts_are_those_of_what_was_acknowledged(api):
    """A voucher that is read after a redemption tells of it, on any worker."""
    voucher = made(api, discount=None, gift={"amount": 4_000})
    created(redeem(api, voucher["code"], gift={"credits": 1_500}))
    for _ in range(4):
        read = created(api.get(f"/v1/vouchers/{voucher['code']}"))
        assert read["redemption"]["redeemed_quantity"] == 1
        assert read["redemption"]["redeemed_amount"] == 1_500
        assert (read["gift"]["amount"], read["gift"]["balance"]) == (4_000, 2_500)
    assert VouchersGetResponseBody.from_dict(read).gift.balance == 2_500


@pytest.mark.parametrize("force", [False, True])
def test_deleting_twice_is_exactly_404(api, force):
    """A deleted code is unknown at once; from the bin it stays reserved, forced it can be made anew."""
    code = made(api)["code"]
    assert is_valid(api, code) is True
    params = {"force": "true"} if force else {}
    first = api.delete(f"/v1/vouchers/{code}", params=params)
    assert (first.status_code, first.content) == (204, b"")
    for _ in range(4):
        assert is_valid(api, code) is False
    second = api.delete(f"/v1/vouchers/{code}", params=params)
    assert (second.status_code, second.json()["key"]) == (404, "not_found")
    assert api.get(f"/v1/vouchers/{code}").status_code == 404
    again = api.post(f"/v1/vouchers/{code}", json={"discount": percent_off(10)})
    assert again.status_code == (200 if force else 409)
    for _ in range(4):
        assert is_valid(api, code) is force


@pytest.mark.parametrize(
    ("method", "suffix"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/disable")]
)
def test_404_for_another_project(api, stranger, method, suffix):
    """A voucher of another project is as unknown as one that never was, by code and by id (P9)."""
    voucher = made(api)
    for named in (voucher["code"], voucher["id"]):
        answer = stranger.request(method, f"/v1/vouchers/{named}{suffix}", json={})
        assert (answer.status_code, answer.json()["resource_id"]) == (404, named)
        assert answer.json()["details"] == f"Cannot find voucher with id {named}"
    assert created(api.get(f"/v1/vouchers/{voucher['code']}"))["active"] is True
