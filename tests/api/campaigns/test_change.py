"""PUT, enable, disable and DELETE of /v1/campaigns/{campaignId}."""

from urllib.parse import quote

import pytest
from voucherify.models.campaigns_delete_response_body import CampaignsDeleteResponseBody
from voucherify.models.campaigns_update_response_body import CampaignsUpdateResponseBody

from tests.api.campaigns.test_create import wait_for_codes
from tests.support.shop import CART, created, percent_off, public_code, unique


def made(api, **changes):
    sent = {"name": unique("c"), "voucher": {"discount": percent_off(10)}} | changes
    return created(api.post("/v1/campaigns", json=sent))


def validate(api, code):
    body = {"redeemables": [{"object": "voucher", "id": code}], "order": CART}
    return created(api.post("/v1/validations", json=body))


def test_put_lays_what_is_sent_over_what_is_there(api):
    """Properties that are not sent stay; metadata is merged and its keys can be taken away."""
    campaign = made(api, metadata={"a": 1, "b": 2}, description="old", start_date="2020-01-01T00:00:00Z")
    path = f"/v1/campaigns/{campaign['id']}"
    change = {
        "description": "new",
        "metadata": {"c": [3]},
        "unset_metadata_fields": ["a"],
        "expiration_date": "2090-10-08T12:57:09.386000+00:00",
        "validity_hours": {
            "daily": [{"start_time": "09:00", "expiration_time": "17:00", "days_of_week": [1]}]
        },
        "name": "another",
        "activity_duration_after_publishing": "P3D",
        "type": "STATIC",
        "join_once": True,
        "extensions": {"x": 1},
        "category": "Second",
    }
    answer = created(api.put(path, json=change))
    assert answer == created(api.get(path))
    assert answer["name"] == campaign["name"]
    assert answer["metadata"] == {"b": 2, "c": [3]}
    assert answer["expiration_date"] == "2090-10-08T12:57:09.386Z"
    assert answer["start_date"] == "2020-01-01T00:00:00.000Z"
    for name in ("description", "validity_hours", "activity_duration_after_publishing", "type", "join_once"):
        assert answer[name] == change[name], name
    assert (answer["category"], answer["extensions"]) == ("Second", {"x": 1})
    assert answer["voucher"]["discount"] == percent_off(10)
    assert answer["updated_at"] > answer["created_at"]
    assert CampaignsUpdateResponseBody.from_dict(answer).description == "new"


def test_put_null_takes_a_date_away(api):
    """After a null the key is absent from the answer."""
    campaign = made(api, expiration_date="2090-01-01T00:00:00Z", validity_day_of_week=[1])
    answer = created(
        api.put(
            f"/v1/campaigns/{campaign['id']}",
            json={
                "expiration_date": None,
                "validity_day_of_week": None,
                "start_date": "2021-01-01T00:00:00Z",
            },
        )
    )
    assert "expiration_date" not in answer
    assert "validity_day_of_week" not in answer
    assert answer["start_date"] == "2021-01-01T00:00:00.000Z"


def test_put_refuses_another_type_of_discount(api):
    """The type of the discount is for ever; its value is not."""
    campaign = made(api)
    path = f"/v1/campaigns/{campaign['id']}"
    refused = api.put(path, json={"discount": {"type": "AMOUNT", "amount_off": 100}})
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_campaign")
    answer = created(api.put(path, json={"discount": {"percent_off": 20, "effect": "APPLY_TO_ORDER"}}))
    assert answer["voucher"]["discount"] == percent_off(20)


def test_new_discount_is_for_codes_that_nobody_has(api):
    """A code that was redeemed keeps the terms that it was redeemed under; one that was not has the new
    ones.
    """
    campaign = made(api, vouchers_count=2)
    wait_for_codes(api, campaign["id"], 2)
    listed = created(api.get("/v1/vouchers", params={"campaign_id": campaign["id"]}))
    used, unused = (voucher["code"] for voucher in listed["vouchers"])
    body = {"redeemables": [{"object": "voucher", "id": used}], "order": CART}
    created(api.post("/v1/redemptions", json=body))
    created(api.put(f"/v1/campaigns/{campaign['id']}", json={"discount": percent_off(50)}))
    assert created(api.get(f"/v1/vouchers/{used}"))["discount"] == percent_off(10)
    assert created(api.get(f"/v1/vouchers/{unused}"))["discount"] == percent_off(50)
    assert validate(api, used)["order"]["total_discount_amount"] == 1_000
    assert validate(api, unused)["order"]["total_discount_amount"] == 5_000


def test_disable_holds_at_once_and_enable_lifts_it(api):
    """After the stop was acknowledged, no worker accepts a code of the campaign; both answers are {}."""
    code, campaign_id = public_code(api, percent_off(10))
    assert validate(api, code)["valid"] is True
    stopped = api.post(f"/v1/campaigns/{campaign_id}/disable")
    assert (stopped.status_code, stopped.json()) == (200, {})
    for _ in range(6):
        assert validate(api, code)["valid"] is False
    assert created(api.get(f"/v1/campaigns/{campaign_id}"))["active"] is False
    assert api.post(f"/v1/campaigns/{campaign_id}/enable").json() == {}
    for _ in range(6):
        assert validate(api, code)["valid"] is True


def test_a_generic_codes_limit_follows_its_campaign(api):
    """Lowering the limit of a STANDALONE campaign holds for its code with the answer."""
    code, campaign_id = public_code(api, percent_off(10), quantity=5)
    created(api.put(f"/v1/campaigns/{campaign_id}", json={"voucher": {"redemption": {"quantity": 0}}}))
    assert created(api.get(f"/v1/vouchers/{code}"))["redemption"]["quantity"] == 0
    assert validate(api, code)["valid"] is False


def test_name_works_wherever_the_id_does(api):
    """A campaign is found by its URL-encoded name."""
    name = unique("Größe 50% / ü")
    campaign = made(api, name=name)
    path = f"/v1/campaigns/{quote(name, safe='')}"
    assert created(api.get(path))["id"] == campaign["id"]
    assert api.post(path + "/disable").status_code == 200
    assert api.delete(path).status_code == 202


def test_deleting_twice_is_exactly_404(api):
    """The first deletion answers with its async action, the second that there is nothing."""
    campaign = made(api, vouchers_count=3)
    wait_for_codes(api, campaign["id"], 3)
    code = created(api.get("/v1/vouchers", params={"campaign_id": campaign["id"]}))["vouchers"][0]["code"]
    path = f"/v1/campaigns/{campaign['id']}"
    first = api.delete(path)
    assert first.status_code == 202
    assert CampaignsDeleteResponseBody.from_dict(first.json()).async_action_id.startswith("aa_")
    action = created(api.get(f"/v1/async-actions/{first.json()['async_action_id']}"))
    assert (action["status"], action["result"]["done_count"]) == ("DONE", 3)
    second = api.delete(path)
    assert (second.status_code, second.json()["key"]) == (404, "not_found")
    assert api.get(path).status_code == 404
    assert api.get(f"/v1/vouchers/{code}").status_code == 404
    assert validate(api, code)["valid"] is False
    reused = api.post(
        "/v1/campaigns", json={"name": campaign["name"], "voucher": {"discount": percent_off(1)}}
    )
    assert reused.status_code == 409
    assert api.post(f"/v1/vouchers/{code}", json={"discount": percent_off(1)}).status_code == 409


def test_forced_deletion_frees_name_and_codes(api):
    """After a forced deletion the same campaign can be made again, and its code works with the new terms."""
    code, campaign_id = public_code(api, percent_off(10))
    name = created(api.get(f"/v1/campaigns/{campaign_id}"))["name"]
    assert validate(api, code)["order"]["total_discount_amount"] == 1_000
    assert api.delete(f"/v1/campaigns/{campaign_id}", params={"force": "true"}).status_code == 202
    for _ in range(4):
        assert validate(api, code)["valid"] is False
    again = {"name": name, "type": "STANDALONE", "voucher": {"discount": percent_off(20), "code": code}}
    created(api.post("/v1/campaigns", json=again))
    for _ in range(4):
        assert validate(api, code)["order"]["total_discount_amount"] == 2_000


@pytest.mark.parametrize(
    ("method", "suffix"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/enable"),
        ("POST", "/disable"),
        ("POST", "/vouchers"),
        ("POST", "/vouchers/CODE"),
    ],
)
def test_404_for_another_project(api, stranger, method, suffix):
    """A campaign of another project is as unknown as one that never was, by id and by name (P9)."""
    campaign = made(api)
    for named in (campaign["id"], campaign["name"]):
        answer = stranger.request(method, f"/v1/campaigns/{named}{suffix}", json={})
        assert (answer.status_code, answer.json()["key"]) == (404, "not_found")
        assert answer.json()["details"] == f"Cannot find campaign with id {named}"
    assert created(api.get(f"/v1/campaigns/{campaign['id']}"))["active"] is True
