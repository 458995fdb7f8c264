"""/v1/validation-rules/{validationRuleId}/assignments and /v1/validation-rules-assignments."""

import pytest
from voucherify.models.validation_rules_assignments_create_response_body import (
    ValidationRulesAssignmentsCreateResponseBody,
)
from voucherify.models.validation_rules_assignments_list_response_body import (
    ValidationRulesAssignmentsListResponseBody,
)

from tests.api.validation_rules.test_rules import NEVER, is_valid, made
from tests.support.shop import CART, created, percent_off, public_code, unique


def assign(api, rule_id, kind, related_id, **params):
    body = {"related_object_type": kind, "related_object_id": related_id}
    return api.post(f"/v1/validation-rules/{rule_id}/assignments", json=body, params=params)


@pytest.fixture
def targets(api):
    """What a rule can be assigned to, with a way to ask whether it still works."""
    voucher = created(api.post(f"/v1/vouchers/{unique('V')}", json={"discount": percent_off(10)}))
    code, campaign_id = public_code(api, percent_off(10))
    sent = {
        "name": unique("p"),
        "campaign_type": "PROMOTION",
        "promotion": {"tiers": [{"name": "t", "action": {"discount": percent_off(10)}}]},
    }
    tier_id = created(api.post("/v1/campaigns", json=sent))["promotion"]["tiers"][0]["id"]

    def tier_is_valid():
        body = {"redeemables": [{"object": "promotion_tier", "id": tier_id}], "order": CART}
        return created(api.post("/v1/validations", json=body))["valid"]

    return [
        ("voucher", voucher["id"], lambda: is_valid(api, voucher["code"])),
        ("campaign", campaign_id, lambda: is_valid(api, code)),
        ("promotion_tier", tier_id, tier_is_valid),
    ]


def test_an_assignment_holds_with_the_answer_and_until_it_is_deleted(api, targets):
    """Assigned, a rule refuses on every worker; its assignment deleted, it does not (P6)."""
    rule = made(api, rules=NEVER)
    for kind, related_id, works in targets:
        assert [works() for _ in range(4)] == [True] * 4
        assignment = created(assign(api, rule["id"], kind, related_id))
        assert (assignment["rule_id"], assignment["related_object_type"]) == (rule["id"], kind)
        assert assignment["related_object_id"] == related_id
        assert ValidationRulesAssignmentsCreateResponseBody.from_dict(assignment).id == assignment["id"]
        assert [works() for _ in range(4)] == [False] * 4
        path = f"/v1/validation-rules/{rule['id']}/assignments/{assignment['id']}"
        assert api.delete(path).status_code == 204
        assert [works() for _ in range(4)] == [True] * 4
        again = api.delete(path)
        assert (again.status_code, again.json()["resource_type"]) == (404, "validation_rules_assignment")


def test_409_for_the_same_assignment_unless_forced(api, targets):
    """An equal assignment is refused with the id of the first; force replaces it."""
    rule = made(api)
    for kind, related_id, _ in targets:
        first = created(assign(api, rule["id"], kind, related_id))
        second = assign(api, rule["id"], kind, related_id)
        assert (second.status_code, second.json()["key"]) == (409, "duplicate_found")
        assert second.json()["resource_id"] == first["id"]
        forced = created(assign(api, rule["id"], kind, related_id, force="true"))
        assert forced["id"] != first["id"]


def test_lists(api, targets):
    """By rule, by object, and all."""
    rule, other = made(api), made(api)
    own = [created(assign(api, rule["id"], kind, related_id)) for kind, related_id, _ in targets]
    created(assign(api, other["id"], targets[0][0], targets[0][1]))

    def ids(path, **params):
        listed = created(api.get(path, params=params | {"limit": 100}))
        assert ValidationRulesAssignmentsListResponseBody.from_dict(listed).total == listed["total"]
        return [assignment["id"] for assignment in listed["data"]]

    newest_first = [assignment["id"] for assignment in own[::-1]]
    assert ids(f"/v1/validation-rules/{rule['id']}/assignments") == newest_first
    assert ids("/v1/validation-rules-assignments", rule=rule["id"], order="created_at") == newest_first[::-1]
    assert len(ids("/v1/validation-rules-assignments", related_object_id=targets[0][1])) == 2
    assert created(api.get(f"/v1/validation-rules/{rule['id']}"))["assignments_count"] == 3


@pytest.mark.parametrize(
    ("kind", "related_id", "status"),
    [
        ("voucher", "v_none", 404),
        ("campaign", "camp_none", 404),
        ("promotion_tier", "promo_none", 404),
        ("earning_rule", "ern_none", 404),
        ("customer", "cust_1", 400),
        ("voucher", None, 400),
    ],
)
def test_what_cannot_be_assigned_to_is_refused(api, kind, related_id, status):
    """Unknown objects are 404, unknown kinds 400."""
    assert assign(api, made(api)["id"], kind, related_id).status_code == status


def test_404_for_another_project(api, stranger, targets):
    """P9: neither another project's rule nor its objects can be named."""
    rule, strange = made(api), made(stranger)
    kind, related_id, _ = targets[0]
    assert assign(stranger, rule["id"], kind, related_id).status_code == 404
    assert assign(stranger, strange["id"], kind, related_id).status_code == 404
    assert assign(api, strange["id"], kind, related_id).status_code == 404
    assert stranger.get(f"/v1/validation-rules/{rule['id']}/assignments").status_code == 404
    assert created(stranger.get("/v1/validation-rules-assignments"))["total"] == 0
