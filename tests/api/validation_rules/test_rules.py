"""/v1/validation-rules"""

import pytest
from voucherify.models.validation_rules_create_response_body import ValidationRulesCreateResponseBody
from voucherify.models.validation_rules_get_response_body import ValidationRulesGetResponseBody
from voucherify.models.validation_rules_list_response_body import ValidationRulesListResponseBody
from voucherify.models.validation_rules_update_response_body import ValidationRulesUpdateResponseBody

from tests.support.shop import CART, created, percent_off, public_code, unique

MORE_THAN = {"1": {"name": "order.amount", "conditions": {"$more_than": [5_000]}, "rules": {}}, "logic": "1"}
NEVER = {"1": {"name": "order.amount", "conditions": {"$more_than": [10**9]}, "rules": {}}, "logic": "1"}


def made(api, **changes):
    return created(
        api.post("/v1/validation-rules", json={"name": unique("rule"), "rules": MORE_THAN} | changes)
    )


def is_valid(api, code):
    body = {"redeemables": [{"object": "voucher", "id": code}], "order": CART}
    return created(api.post("/v1/validations", json=body))["valid"]


def test_what_is_sent_is_read_back(api):
    """Every part of a rule is stored and answered as it was sent, on any worker."""
    sent = {
        "name": "Business Validation Rule",
        "rules": {
            "1": {
                "name": "order.metadata",
                "property": "location",
                "rules": {},
                "conditions": {"$is": ["Santorini"]},
                "error": {"message": "Your order must be placed on Santorini."},
            },
            "2": {"name": "order.amount", "conditions": {"$more_than": [100]}, "rules": {}},
            "logic": "1 or 2",
        },
        "error": {"message": "No."},
        "applicable_to": {
            "excluded": [{"object": "product", "id": "prod_1", "effect": "APPLY_TO_EVERY"}],
            "included": [
                {
                    "object": "products_collection",
                    "id": "pc_1",
                    "effect": "APPLY_TO_CHEAPEST",
                    "quantity_limit": 1,
                }
            ],
            "included_all": False,
        },
        "type": "advanced",
        "context_type": "campaign.discount_coupons",
        "extensions": {"anything": [1]},
    }
    answer = created(api.post("/v1/validation-rules", json=sent))
    assert {name: answer[name] for name in sent} == sent
    assert (answer["assignments_count"], answer["object"]) == (0, "validation_rules")
    for _ in range(4):
        read = created(api.get(f"/v1/validation-rules/{answer['id']}"))
        assert read == answer
    assert ValidationRulesCreateResponseBody.from_dict(answer).name == sent["name"]
    assert ValidationRulesGetResponseBody.from_dict(read).error.message == "No."


def test_defaults(api):
    """A rule with only a name is an expression for everything, and official clients can read it."""
    answer = created(api.post("/v1/validation-rules", json={"name": "only a name"}))
    assert (answer["type"], answer["context_type"]) == ("expression", "global")
    assert answer["applicable_to"] == {"excluded": [], "included": [], "included_all": False}
    entry = {"object": "product", "id": "prod_1"}
    other = made(api, applicable_to={"included": [entry]})
    assert other["applicable_to"]["included"] == [entry | {"effect": "APPLY_TO_EVERY"}]
    assert ValidationRulesCreateResponseBody.from_dict(other).applicable_to.included[0].id == "prod_1"


def test_put_replaces_parts_and_null_takes_one_away(api):
    """What is not sent stays."""
    rule = made(api, error={"message": "m"}, context_type="voucher.discount_voucher")
    path = f"/v1/validation-rules/{rule['id']}"
    answer = created(api.put(path, json={"name": "renamed", "error": None, "bundle_rules": None}))
    assert answer == created(api.get(path))
    assert (answer["name"], answer["bundle_rules"]) == ("renamed", {})
    assert "error" not in answer
    assert answer["rules"] == MORE_THAN
    assert answer["context_type"] == "voucher.discount_voucher"
    assert answer["updated_at"] is not None
    assert ValidationRulesUpdateResponseBody.from_dict(answer).name == "renamed"


def test_a_changed_rule_holds_with_the_answer(api):
    """A tightened rule refuses on every worker at once, and its deletion lifts it (P6)."""
    code, campaign_id = public_code(api, percent_off(10))
    rule = made(api)
    path = f"/v1/validation-rules/{rule['id']}"
    body = {"related_object_type": "campaign", "related_object_id": campaign_id}
    created(api.post(path + "/assignments", json=body))
    assert [is_valid(api, code) for _ in range(4)] == [True] * 4
    created(api.put(path, json={"rules": NEVER}))
    assert [is_valid(api, code) for _ in range(6)] == [False] * 6
    assert api.delete(path).status_code == 204
    assert [is_valid(api, code) for _ in range(6)] == [True] * 6
    assert created(api.get(f"/v1/campaigns/{campaign_id}"))["validation_rules_assignments"]["total"] == 0


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "invalid_payload"),
        ({"name": 5}, "invalid_payload"),
        ({"name": "r", "type": "magic"}, "invalid_validation_rules"),
        ({"name": "r", "rules": {"1": {"name": "custom_event.metadata", "conditions": {"$is": [1]}}}},
         "invalid_validation_rules"),
        ({"name": "r", "rules": {"1": {"name": "no.such.rule", "conditions": {"$is": [1]}}}},
         "invalid_validation_rules"),
        ({"name": "r", "rules": {"1": MORE_THAN["1"], "logic": "1 and 2"}}, "invalid_validation_rules"),
        ({"name": "r", "rules": {"1": MORE_THAN["1"], "logic": "1 and"}}, "invalid_validation_rules"),
        ({"name": "r", "rules": {"1": {"name": "order.amount", "conditions": {"$more_than": ["x"]}}}},
         "invalid_validation_rules"),
        ({"name": "r", "applicable_to": {"included": [5]}}, "invalid_validation_rules"),
    ],
)  # fmt: skip
def test_400_for_what_does_not_compile(api, body, key):
    """A rule that could not be decided on is not stored."""
    before = created(api.get("/v1/validation-rules"))["total"]
    answer = api.post("/v1/validation-rules", json=body)
    assert (answer.status_code, answer.json()["key"]) == (400, key), answer.text
    assert created(api.get("/v1/validation-rules"))["total"] == before


def test_a_refused_change_changes_nothing(api):
    """PUT with a rule that does not compile leaves the old one."""
    rule = made(api)
    answer = api.put(f"/v1/validation-rules/{rule['id']}", json={"rules": {"1": {"name": "nope"}}})
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_validation_rules")
    assert created(api.get(f"/v1/validation-rules/{rule['id']}")) == rule


def test_lists(api):
    """Newest first, by name when asked; creation bounded by start_date and end_date."""
    prefix = unique("L")
    rules = [made(api, name=f"{prefix}-{letter}") for letter in "ba"]

    def names(**params):
        listed = created(api.get("/v1/validation-rules", params=params | {"limit": 100}))
        assert (listed["object"], listed["data_ref"]) == ("list", "data")
        assert ValidationRulesListResponseBody.from_dict(listed).total == listed["total"]
        return [rule["name"] for rule in listed["data"] if rule["name"].startswith(prefix)]

    assert names() == [rules[1]["name"], rules[0]["name"]]
    assert names(order="-name") == [rules[0]["name"], rules[1]["name"]]
    assert names(end_date="2020-01-01") == []
    assert names(start_date="2020-01-01", order="created_at") == [rule["name"] for rule in rules]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_404_for_another_project(api, stranger, method):
    """P9; deleting twice is 404 too."""
    rule = made(api)
    answer = stranger.request(method, f"/v1/validation-rules/{rule['id']}", json={})
    assert (answer.status_code, answer.json()["resource_type"]) == (404, "validation_rules")
    assert created(stranger.get("/v1/validation-rules"))["total"] == 0
    assert api.delete(f"/v1/validation-rules/{rule['id']}").status_code == 204
    assert api.delete(f"/v1/validation-rules/{rule['id']}").status_code == 404
