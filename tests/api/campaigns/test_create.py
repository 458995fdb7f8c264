"""POST /v1/campaigns."""

import time

import pytest
from voucherify.models.campaigns_create_response_body import CampaignsCreateResponseBody

from tests.support.shop import created, percent_off, unique


def discount_campaign(**changes):
    return {
        "name": unique("campaign"),
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE",
        "join_once": True,
        "start_date": "2020-08-16T00:00:00Z",
        "expiration_date": "2093-12-26T00:00:00Z",
        "vouchers_count": 3,
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": {"percent_off": 10.5, "type": "PERCENT", "amount_limit": 4000},
            "redemption": {"quantity": 10},
            "code_config": {"pattern": "10OFF-#######"},
        },
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
        "validity_day_of_week": [0, 1, 2],
        "activity_duration_after_publishing": "P24D",
        "use_voucher_metadata_schema": False,
        "metadata": {"region": "AMER", "floors": [1, 2.5, None], "nested": {"a": True}},
        "description": "Ten off",
        "extensions": {"anything": {"at": ["all"]}},
        "category": "First",
    } | changes


def wait_for_codes(api, campaign_id, count, seconds=180.0):
    """The campaign once it is generated."""
    deadline = time.monotonic() + seconds
    while True:
        campaign = created(api.get(f"/v1/campaigns/{campaign_id}"))
        if campaign["vouchers_generation_status"] == "DONE" and campaign["vouchers_count"] >= count:
            return campaign
        assert time.monotonic() < deadline, campaign
        time.sleep(0.05)


def test_what_is_sent_is_read_back(api):
    """Every property of a campaign is stored and answered as it was sent, on any worker."""
    sent = discount_campaign()
    answer = created(api.post("/v1/campaigns", json=sent))
    assert answer["vouchers_generation_status"] == "IN_PROGRESS"
    assert answer["vouchers_count"] == 0
    for _ in range(4):
        read = created(api.get(f"/v1/campaigns/{answer['id']}"))
        for name in set(sent) - {"vouchers_count", "voucher", "start_date", "expiration_date"}:
            assert sent[name] == read[name], name
        assert read["start_date"] == "2020-08-16T00:00:00.000Z"
        assert read["expiration_date"] == "2093-12-26T00:00:00.000Z"
        voucher = read["voucher"]
        assert voucher["type"] == "DISCOUNT_VOUCHER"
        assert voucher["discount"] == sent["voucher"]["discount"]
        assert voucher["redemption"] == {"quantity": 10}
        assert voucher["code_config"]["pattern"] == "10OFF-#######"
        assert voucher["code_config"]["length"] == 7
        assert voucher["is_referral_code"] is False
        assert read["categories"][0]["name"] == "First"
        assert read["category_id"] == read["categories"][0]["id"]
    assert CampaignsCreateResponseBody.from_dict(answer).id == answer["id"]


def test_codes_are_there_soon(api):
    """The codes of a small campaign are visible soon after it was made, each in the pattern that was asked
    for.
    """
    answer = created(api.post("/v1/campaigns", json=discount_campaign(vouchers_count=25)))
    campaign = wait_for_codes(api, answer["id"], 25)
    assert campaign["creation_status"] == "DONE"
    listed = created(api.get("/v1/vouchers", params={"campaign_id": answer["id"], "limit": 100}))
    codes = {voucher["code"] for voucher in listed["vouchers"]}
    assert (listed["total"], len(codes)) == (25, 25)
    assert all(code.startswith("10OFF-") and len(code) == 13 for code in codes)
    one = listed["vouchers"][0]
    assert one["campaign"] == campaign["name"]
    assert one["discount"] == campaign["voucher"]["discount"]
    assert one["redemption"]["quantity"] == 10
    assert one["validity_day_of_week"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("voucher", "campaign_type"),
    [
        ({"discount": percent_off(5)}, "DISCOUNT_COUPONS"),
        ({"type": "GIFT_VOUCHER", "gift": {"amount": 5000}}, "GIFT_VOUCHERS"),
        ({"gift": {"amount": 5000.0, "effect": "APPLY_TO_ITEMS"}}, "GIFT_VOUCHERS"),
        ({"type": "LOYALTY_CARD", "loyalty_card": {"points": 10}}, "LOYALTY_PROGRAM"),
        ({"discount": percent_off(5), "is_referral_code": True}, "REFERRAL_PROGRAM"),
    ],
)
def test_campaign_type_is_inferred(api, voucher, campaign_type):
    """Callers who never send campaign_type get the one that their voucher can only mean."""
    answer = created(api.post("/v1/campaigns", json={"name": unique("c"), "voucher": voucher}))
    assert answer["campaign_type"] == campaign_type
    assert answer["type"] == "AUTO_UPDATE"
    assert answer["join_once"] is (campaign_type == "LOYALTY_PROGRAM")
    assert answer["voucher"]["code_config"]["pattern"] == "########"
    assert CampaignsCreateResponseBody.from_dict(answer).campaign_type == campaign_type


def test_standalone_campaign_has_its_one_code_at_once(api):
    """A generic code can be read as soon as its campaign was acknowledged."""
    code = unique("SUMMER")
    sent = {
        "name": unique("standalone"),
        "type": "STANDALONE",
        "join_once": True,
        "voucher": {"discount": percent_off(10), "code": code, "redemption": {"quantity": 5}},
    }
    answer = created(api.post("/v1/campaigns", json=sent))
    assert (answer["vouchers_count"], answer["creation_status"], answer["join_once"]) == (1, "DONE", False)
    assert answer["voucher"]["code_config"] == {}
    voucher = created(api.get(f"/v1/vouchers/{code}"))
    assert voucher["campaign_id"] == answer["id"]
    assert voucher["redemption"]["quantity"] == 5
    assert CampaignsCreateResponseBody.from_dict(answer).vouchers_count == 1


def test_promotion_campaign_is_made_with_its_tiers(api):
    """Tiers keep their order and everything that was sent with them."""
    tier = {
        "name": "Percent",
        "banner": "Get 40% off",
        "action": {"discount": percent_off(40)},
        "metadata": {"level": "B"},
        "active": False,
        "start_date": "2022-09-21T00:00:00.000Z",
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
        "extensions": {"auto_apply": True},
    }
    sent = {
        "name": unique("promotion"),
        "campaign_type": "PROMOTION",
        "promotion": {"tiers": [tier, {"name": "Second", "action": {"discount": percent_off(1)}}]},
    }
    answer = created(api.post("/v1/campaigns", json=sent))
    first, second = answer["promotion"]["tiers"]
    assert {name: first[name] for name in tier} == tier
    assert (first["hierarchy"], second["hierarchy"], second["active"]) == (1, 2, True)
    assert first["campaign"]["id"] == first["promotion_id"] == first["campaign_id"] == answer["id"]
    assert "voucher" not in answer
    assert CampaignsCreateResponseBody.from_dict(answer).promotion.total == 2


def test_validation_rule_is_assigned(api):
    """validation_rules names at most one rule, which is assigned to the campaign."""
    rule = created(api.post("/v1/validation-rules", json={"name": "r"}))
    sent = {"name": unique("c"), "voucher": {"discount": percent_off(1)}, "validation_rules": [rule["id"]]}
    answer = created(api.post("/v1/campaigns", json=sent))
    (assignment,) = answer["validation_rules_assignments"]["data"]
    assert assignment["rule_id"] == rule["id"]
    assert assignment["related_object_id"] == answer["id"]
    two = api.post("/v1/campaigns", json=sent | {"name": unique("c"), "validation_rules": [rule["id"]] * 2})
    assert (two.status_code, two.json()["key"]) == (400, "invalid_payload")
    unknown = api.post("/v1/campaigns", json=sent | {"name": unique("c"), "validation_rules": ["val_x"]})
    assert (unknown.status_code, unknown.json()["resource_type"]) == (404, "validation_rules")


def test_409_when_the_name_is_taken(api, stranger):
    """Names are unique in a project, and in a project only."""
    sent = {"name": unique("c"), "voucher": {"discount": percent_off(1)}}
    created(api.post("/v1/campaigns", json=sent))
    again = api.post("/v1/campaigns", json=sent)
    assert (again.status_code, again.json()["key"]) == (409, "duplicate_found")
    assert again.json()["details"] == f"Duplicated campaign exists with name {sent['name']}"
    created(stranger.post("/v1/campaigns", json=sent))


@pytest.mark.parametrize(
    ("changes", "status", "key"),
    [
        ({"name": None}, 400, "invalid_payload"),
        ({"name": " "}, 400, "invalid_payload"),
        ({"vouchers_count": "3"}, 400, "invalid_payload"),
        ({"vouchers_count": -1}, 400, "invalid_payload"),
        ({"campaign_type": "NOTHING"}, 400, "invalid_payload"),
        ({"campaign_type": "GIFT_VOUCHERS"}, 400, "invalid_campaign"),
        ({"voucher": None}, 400, "invalid_campaign"),
        ({"type": "STANDALONE"}, 400, "invalid_campaign"),
        ({"voucher": {"discount": {"type": "PERCENT", "percent_off": -1}}}, 400, None),
        ({"voucher": {"discount": {"type": "NOPE"}}}, 400, None),
        (
            {"voucher": {"discount": percent_off(1), "code_config": {"pattern": "ABC"}}},
            400,
            "invalid_code_config",
        ),
        ({"voucher": {"discount": percent_off(1), "code_config": {"length": 0}}}, 400, "invalid_code_config"),
        (
            {"voucher": {"discount": percent_off(1), "code_config": {"length": 1, "charset": "AB"}}},
            400,
            "invalid_code_config",
        ),
        ({"start_date": "yesterday"}, 400, "invalid_payload"),
        ({"validity_timeframe": {"interval": "2 days", "duration": "P1D"}}, 400, "invalid_payload"),
        ({"validity_day_of_week": [7]}, 400, "invalid_payload"),
        ({"activity_duration_after_publishing": "24 days"}, 400, "invalid_payload"),
        ({"category_id": "cat_none"}, 404, "not_found"),
    ],
)
def test_400_for_what_is_no_campaign(api, changes, status, key):
    """Bad input is refused with its key and leaves nothing behind."""
    before = created(api.get("/v1/campaigns"))["total"]
    sent = discount_campaign(**changes)
    answer = api.post(
        "/v1/campaigns", json={name: value for name, value in sent.items() if value is not None}
    )
    assert answer.status_code == status, answer.text
    if key is not None:
        assert answer.json()["key"] == key
    assert created(api.get("/v1/campaigns"))["total"] == before
