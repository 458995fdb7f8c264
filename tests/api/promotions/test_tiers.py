"""Promotion tiers: /v1/promotions/..."""

import pytest
from voucherify.models.promotions_tiers_create_response_body import PromotionsTiersCreateResponseBody
from voucherify.models.promotions_tiers_disable_response_body import PromotionsTiersDisableResponseBody
from voucherify.models.promotions_tiers_get_response_body import PromotionsTiersGetResponseBody
from voucherify.models.promotions_tiers_list_response_body import PromotionsTiersListResponseBody
from voucherify.models.promotions_tiers_update_response_body import PromotionsTiersUpdateResponseBody

from tests.support.shop import CART, created, percent_off, rule, unique


def promotion(api, **changes):
    sent = {"name": unique("promotion"), "campaign_type": "PROMOTION", "promotion": {"tiers": []}} | changes
    return created(api.post("/v1/campaigns", json=sent))


def tier(api, campaign_id, **changes):
    sent = {"name": unique("tier"), "action": {"discount": percent_off(10)}} | changes
    return created(api.post(f"/v1/promotions/{campaign_id}/tiers", json=sent))


def is_valid(api, tier_id):
    body = {"redeemables": [{"object": "promotion_tier", "id": tier_id}], "order": CART}
    return created(api.post("/v1/validations", json=body))["valid"]


def test_what_is_sent_is_read_back(api):
    """Every property of a tier is stored and answered as it was sent, on any worker."""
    rule = created(api.post("/v1/validation-rules", json={"name": "r"}))
    campaign = promotion(api, category="Sale", start_date="2020-01-01T00:00:00Z")
    sent = {
        "name": "Order more than $100",
        "banner": "Get $30 off",
        "action": {"discount": {"type": "AMOUNT", "amount_off": 3000, "effect": "APPLY_TO_ORDER"}},
        "metadata": {"level": "A"},
        "active": True,
        "hierarchy": 6,
        "start_date": "2022-09-21T00:00:00.000Z",
        "expiration_date": "2092-09-30T00:00:00.000Z",
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
        "validity_day_of_week": [1, 2, 3, 4],
        "extensions": {"auto_apply": True},
    }
    body = sent | {"validation_rules": [rule["id"]]}
    answer = created(api.post(f"/v1/promotions/{campaign['name']}/tiers", json=body))
    assert {name: answer[name] for name in sent} == sent
    assert answer["campaign"]["start_date"] == "2020-01-01T00:00:00.000Z"
    assert answer["summary"] == {
        "redemptions": {"total_redeemed": 0},
        "orders": {"total_amount": 0, "total_discount_amount": 0},
    }
    (assignment,) = answer["validation_rule_assignments"]["data"]
    assert (assignment["rule_id"], assignment["related_object_type"]) == (rule["id"], "promotion_tier")
    assert answer["category_id"] == campaign["category_id"]
    for _ in range(4):
        read = created(api.get(f"/v1/promotions/tiers/{answer['id']}"))
        assert read == answer
    assert PromotionsTiersCreateResponseBody.from_dict(answer).hierarchy == 6
    assert PromotionsTiersGetResponseBody.from_dict(read).id == answer["id"]
    later = tier(api, campaign["id"])
    assert (later["hierarchy"], later["active"]) == (7, True)


def test_put_lays_what_is_sent_over_what_is_there(api):
    """The new action holds with the answer; what is not sent stays."""
    one = tier(api, promotion(api)["id"], metadata={"a": 1}, banner="b", start_date="2020-01-01T00:00:00Z")
    change = {
        "name": "new",
        "action": {"discount": percent_off(25)},
        "metadata": {"level": "A-21"},
        "hierarchy": 3,
        "start_date": None,
        "validity_day_of_week": [0, 1, 2, 3, 4, 5, 6],
    }
    answer = created(api.put(f"/v1/promotions/tiers/{one['id']}", json=change))
    assert answer["metadata"] == {"a": 1, "level": "A-21"}
    assert (answer["name"], answer["hierarchy"], answer["banner"]) == ("new", 3, "b")
    assert "start_date" not in answer
    assert PromotionsTiersUpdateResponseBody.from_dict(answer).name == "new"
    body = {"redeemables": [{"object": "promotion_tier", "id": one["id"]}], "order": CART}
    assert created(api.post("/v1/validations", json=body))["order"]["total_discount_amount"] == 2_500


def test_rules_in_the_answers_own_shape_are_assigned(api):
    """At creation those of the list; a later PUT adds what the tier lacks, and an old copy that is sent back
    takes no rule away.
    """
    small, big = (rule(api, "order.amount", {"$more_than": [bound]}) for bound in (1, 1_000_000))
    campaign = promotion(api)
    assignments = {"object": "list", "data_ref": "data", "data": [{"rule_id": small}], "total": 1}
    one = tier(api, campaign["id"], validation_rule_assignments=assignments)
    assert [row["rule_id"] for row in one["validation_rule_assignments"]["data"]] == [small]
    assert is_valid(api, one["id"])
    both = {"data": [{"rule_id": small}, {"rule_id": big}]}
    path = f"/v1/promotions/tiers/{one['id']}"
    changed = created(api.put(path, json={"validation_rule_assignments": both}))
    assert [row["rule_id"] for row in changed["validation_rule_assignments"]["data"]] == [small, big]
    assert not is_valid(api, one["id"])
    created(api.put(path, json=one))
    assert not is_valid(api, one["id"])
    unknown = {"data": [{"rule_id": "val_none"}]}
    assert api.put(path, json={"validation_rule_assignments": unknown}).status_code == 404


def test_disable_holds_at_once_and_enable_lifts_it(api):
    """Switching a tier, or its campaign, is seen by every worker's next decision (P6)."""
    campaign = promotion(api)
    one = tier(api, campaign["id"])
    path = f"/v1/promotions/tiers/{one['id']}"
    assert is_valid(api, one["id"]) is True
    stopped = created(api.post(path + "/disable"))
    assert stopped["active"] is False
    assert PromotionsTiersDisableResponseBody.from_dict(stopped).active is False
    assert [is_valid(api, one["id"]) for _ in range(4)] == [False] * 4
    assert created(api.post(path + "/enable"))["active"] is True
    assert [is_valid(api, one["id"]) for _ in range(4)] == [True] * 4
    api.post(f"/v1/campaigns/{campaign['id']}/disable")
    assert [is_valid(api, one["id"]) for _ in range(4)] == [False] * 4


def test_deleting_twice_is_exactly_404(api):
    """A tier is gone for good with the answer."""
    campaign = promotion(api)
    one = tier(api, campaign["id"])
    assert is_valid(api, one["id"]) is True
    assert api.delete(f"/v1/promotions/tiers/{one['id']}").status_code == 204
    assert [is_valid(api, one["id"]) for _ in range(4)] == [False] * 4
    again = api.delete(f"/v1/promotions/tiers/{one['id']}")
    assert (again.status_code, again.json()["resource_type"]) == (404, "promotion_tier")
    assert created(api.get(f"/v1/campaigns/{campaign['id']}"))["promotion"]["total"] == 0


def test_lists(api):
    """All tiers, newest first; a campaign's in the order in which they are tried; only available ones when
    asked.
    """
    first, second = promotion(api), promotion(api)
    late = tier(api, first["id"], hierarchy=5)
    early = tier(api, first["id"], hierarchy=2)
    other = tier(api, second["id"])
    off = tier(api, second["id"], active=False)
    over = tier(api, second["id"], expiration_date="2020-01-01T00:00:00Z")

    def ids(path, **params):
        listed = created(api.get(path, params=params))
        assert (listed["object"], listed["data_ref"]) == ("list", "tiers")
        assert PromotionsTiersListResponseBody.from_dict(listed).total == listed["total"]
        return [one["id"] for one in listed["tiers"]]

    everything = [one["id"] for one in (over, off, other, early, late)]
    assert ids("/v1/promotions/tiers")[:5] == everything
    assert ids("/v1/promotions/tiers", limit=2, page=2) == everything[2:4]
    assert ids("/v1/promotions/tiers", order="created_at", limit=100)[-5:] == everything[::-1]
    assert ids(f"/v1/promotions/{first['id']}/tiers") == [early["id"], late["id"]]
    available = ids("/v1/promotions/tiers", is_available="true", limit=100)
    assert {other["id"], early["id"], late["id"]} <= set(available)
    assert not {off["id"], over["id"]} & set(available)
    page = created(api.get("/v1/promotions/tiers", params={"limit": 2}))
    assert page["has_more"] is True


@pytest.mark.parametrize(
    ("body", "status", "key"),
    [
        ({}, 400, "invalid_payload"),
        ({"action": {}}, 400, "invalid_payload"),
        ({"action": {"discount": {"type": "PERCENT"}}}, 400, None),
        ({"action": {"discount": percent_off(1)}, "hierarchy": -1}, 400, "invalid_payload"),
        ({"action": {"discount": percent_off(1)}, "validation_rules": ["val_no"]}, 404, "not_found"),
    ],
)
def test_400_for_what_is_no_tier(api, body, status, key):
    """Bad input is refused and leaves nothing behind."""
    campaign = promotion(api)
    answer = api.post(f"/v1/promotions/{campaign['id']}/tiers", json=body)
    assert answer.status_code == status, answer.text
    if key is not None:
        assert answer.json()["key"] == key
    assert created(api.get(f"/v1/promotions/{campaign['id']}/tiers"))["total"] == 0


def test_only_promotions_have_tiers(api):
    """A campaign of codes refuses a tier."""
    sent = {"name": unique("c"), "voucher": {"discount": percent_off(1)}}
    campaign = created(api.post("/v1/campaigns", json=sent))
    body = {"action": {"discount": percent_off(1)}}
    answer = api.post(f"/v1/promotions/{campaign['id']}/tiers", json=body)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_campaign")


@pytest.mark.parametrize(
    ("method", "suffix"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/disable")]
)
def test_404_for_another_project(api, stranger, method, suffix):
    """P9."""
    campaign = promotion(api)
    one = tier(api, campaign["id"])
    answer = stranger.request(method, f"/v1/promotions/tiers/{one['id']}{suffix}", json={})
    assert (answer.status_code, answer.json()["key"]) == (404, "not_found")
    assert stranger.get(f"/v1/promotions/{campaign['id']}/tiers").status_code == 404
    assert created(stranger.get("/v1/promotions/tiers"))["total"] == 0
