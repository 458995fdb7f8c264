"""POST /v1/campaigns/{campaignId}/vouchers[/{code}]."""

import time
from urllib.parse import quote

import pytest
from voucherify.models.campaigns_vouchers_create_combined_response_body import (
    CampaignsVouchersCreateCombinedResponseBody,
)

from tests.api.campaigns.test_change import made
from tests.api.campaigns.test_create import wait_for_codes
from tests.support.shop import created, percent_off, public_code, unique


def wait_for_action(api, action_id, seconds=180.0):
    deadline = time.monotonic() + seconds
    while True:
        action = created(api.get(f"/v1/async-actions/{action_id}"))
        if action["status"] in ("DONE", "FAILED"):
            return action
        assert time.monotonic() < deadline, action
        time.sleep(0.05)


def test_one_code_is_answered_at_once(api):
    """Without a count, and with an empty body, one voucher is made and answered."""
    campaign = made(api, metadata={"team": "red"})
    answer = api.post(
        f"/v1/campaigns/{campaign['id']}/vouchers", headers={"Content-Type": "application/json"}, content=b""
    )
    voucher = created(answer)
    assert answer.status_code == 200
    assert voucher["campaign_id"] == campaign["id"]
    assert voucher["metadata"] == {"team": "red"}
    assert created(api.get(f"/v1/vouchers/{voucher['code']}"))["id"] == voucher["id"]
    assert created(api.get(f"/v1/campaigns/{campaign['id']}"))["vouchers_count"] == 1
    assert CampaignsVouchersCreateCombinedResponseBody.from_dict(voucher).code == voucher["code"]


def test_many_codes_are_an_async_action(api):
    """A count above one answers 202 with the action, whose end is told with the number of codes."""
    campaign = made(api, vouchers_count=2)
    wait_for_codes(api, campaign["id"], 2)
    path = f"/v1/campaigns/{campaign['name']}/vouchers"
    answer = api.post(path, params={"vouchers_count": 700}, json={"code_config": {"prefix": "ADD-"}})
    assert answer.status_code == 202
    action = wait_for_action(api, answer.json()["async_action_id"])
    assert (action["type"], action["operation_status"]) == ("CAMPAIGN.VOUCHERS_GENERATE", "SUCCESS")
    assert action["result"] == {"message": "Generated 700 vouchers.", "done_count": 700}
    assert action["progress"] == 100
    assert wait_for_codes(api, campaign["id"], 702)["vouchers_count"] == 702
    added = created(
        api.get(
            "/v1/vouchers",
            params={"campaign": campaign["name"], "filters[code][conditions][$starts_with]": "ADD-"},
        )
    )
    assert added["total"] == 700


def test_a_bare_number_as_body_is_the_count(api):
    """Clients that send `5` where an object belongs get five codes."""
    campaign = made(api)
    answer = api.post(
        f"/v1/campaigns/{campaign['id']}/vouchers", headers={"Content-Type": "application/json"}, content=b"5"
    )
    assert answer.status_code == 202
    wait_for_action(api, answer.json()["async_action_id"])
    assert wait_for_codes(api, campaign["id"], 5)["vouchers_count"] == 5


def test_codes_have_what_the_request_gives_them(api):
    """Dates, limit, metadata and information of the body belong to the new codes alone."""
    campaign = made(api)
    own = {
        "start_date": "2022-09-24T00:00:00Z",
        "expiration_date": "2099-09-25T23:59:59Z",
        "redemption": {"quantity": 7},
        "additional_info": "by hand",
        "metadata": {"Season": "Fall"},
        "active": False,
        "category": "Own",
    }
    code = unique("Code é/?#+%")
    voucher = created(api.post(f"/v1/campaigns/{campaign['id']}/vouchers/{quote(code, safe='')}", json=own))
    action = api.post(
        f"/v1/campaigns/{campaign['id']}/vouchers", params={"vouchers_count": 2}, json=own
    ).json()
    wait_for_action(api, action["async_action_id"])
    listed = created(api.get("/v1/vouchers", params={"campaign_id": campaign["id"]}))["vouchers"]
    assert len(listed) == 3
    assert voucher in listed
    assert voucher["code"] == code
    for one in listed:
        assert one["start_date"] == "2022-09-24T00:00:00.000Z"
        assert one["redemption"]["quantity"] == 7
        for name in ("additional_info", "metadata", "active", "category"):
            assert one[name] == own[name]
        assert one["discount"] == percent_off(10)


def test_409_when_the_code_is_taken_anywhere_in_the_project(api, stranger):
    """Codes are unique over a project's campaigns and single vouchers."""
    first, second = made(api), made(api)
    code = unique("CODE")
    created(api.post(f"/v1/campaigns/{first['id']}/vouchers/{code}"))
    for path in (f"/v1/campaigns/{second['id']}/vouchers/{code}", f"/v1/vouchers/{code}"):
        answer = api.post(path, json={"discount": percent_off(1)})
        assert (answer.status_code, answer.json()["key"]) == (409, "duplicate_found")
        assert answer.json()["resource_id"] == code
    created(stranger.post(f"/v1/vouchers/{code}", json={"discount": percent_off(1)}))


def test_a_generic_campaign_has_no_more_codes(api):
    """STANDALONE and PROMOTION campaigns refuse new codes."""
    _, campaign_id = public_code(api, percent_off(1))
    promotion = made(api, voucher=None, campaign_type="PROMOTION", promotion={"tiers": []})
    for named in (campaign_id, promotion["id"]):
        answer = api.post(f"/v1/campaigns/{named}/vouchers")
        assert (answer.status_code, answer.json()["key"]) == (400, "invalid_campaign")


@pytest.mark.parametrize("count", ["0", "-1", "x", "10000001"])
def test_400_for_a_count_that_is_none(api, count):
    """The count is a whole number between one and what one request may ask for."""
    campaign = made(api)
    answer = api.post(f"/v1/campaigns/{campaign['id']}/vouchers", params={"vouchers_count": count})
    assert answer.status_code == 400


def test_a_keyspace_that_is_too_small_is_refused_with_its_numbers(api):
    """Codes that could be guessed, one in ten, are not made."""
    config = {"pattern": "##", "charset": "0123456789"}
    campaign = made(api, voucher={"discount": percent_off(1), "code_config": config})
    path = f"/v1/campaigns/{campaign['id']}/vouchers"
    answer = api.post(path, params={"vouchers_count": 11})
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_code_config")
    assert "100 codes" in answer.json()["details"]
    done = wait_for_action(api, api.post(path, params={"vouchers_count": 10}).json()["async_action_id"])
    assert (done["status"], done["result"]["done_count"]) == ("DONE", 10)
    assert api.post(path, params={"vouchers_count": 2}).status_code == 400
