"""Stacking rules: /management/v1/projects/{projectId}/stacking-rules, and what decisions make of them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rules.facts import StackingRules
from tests.support.answers import LOOKED_AT
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, single_voucher, tier, unique, validate


@pytest.fixture
def fresh(server: RunningServer) -> Project:
    """A project whose rules nobody has changed."""
    return server.create_project(unique("stacking"))


@pytest.fixture
def manage(server: RunningServer, fresh: Project) -> Iterator[httpx.Client]:
    headers = {"X-Management-Id": fresh.management_id, "X-Management-Token": fresh.management_token}
    path = f"{server.base_url}/management/v1/projects/{fresh.project_id}/"
    with httpx.Client(base_url=path, headers=headers, event_hooks=LOOKED_AT) as client:
        yield client


@pytest.fixture
def shop(server: RunningServer, fresh: Project) -> Iterator[httpx.Client]:
    with server.client(fresh) as client:
        yield client


def make(manage: httpx.Client, **rules: Any) -> dict[str, Any]:
    return created(manage.post("stacking-rules", json=rules))


def test_the_defaults_are_listed_without_id(manage: httpx.Client) -> None:
    """The list has always one entry; an entry of its own replaces the defaults, and its deletion restores
    them.
    """
    before = created(manage.get("stacking-rules"))
    (defaults,) = before["data"]
    assert (before["object"], before["data_ref"], before["total"]) == ("list", "data", 1)
    assert "id" not in defaults
    assert defaults["applicable_redeemables_limit"] == StackingRules().applicable_redeemables_limit
    made = make(manage, applicable_redeemables_limit=2)
    assert made["id"].startswith("stk_")
    assert created(manage.get(f"stacking-rules/{made['id']}")) == made
    assert created(manage.get("stacking-rules"))["data"] == [made]
    assert manage.delete(f"stacking-rules/{made['id']}").status_code == 204
    assert created(manage.get("stacking-rules")) == before
    assert manage.get(f"stacking-rules/{made['id']}").status_code == 404


def test_there_is_one_object_per_project(manage: httpx.Client) -> None:
    """A second creation is 409 and changes nothing."""
    made = make(manage, redeemables_limit=7)
    refused = manage.post("stacking-rules", json={"redeemables_limit": 9})
    assert (refused.status_code, refused.json()["key"]) == (409, "stacking_rules_exist")
    assert created(manage.get(f"stacking-rules/{made['id']}"))["redeemables_limit"] == 7


EVERYTHING = {
    "exclusive_categories": ["cat_e"],
    "joint_categories": ["cat_j"],
    "redeemables_limit": 25,
    "applicable_redeemables_limit": 10,
    "applicable_redeemables_per_category_limit": None,
    "applicable_redeemables_category_limits": {"cat_e": 2},
    "applicable_exclusive_redeemables_limit": 2,
    "applicable_exclusive_redeemables_per_category_limit": 2,
    "discount_calculation_mode": "INITIAL_AMOUNT",
    "initial_amount_mode_categories": ["cat_e"],
    "discounted_amount_mode_categories": ["cat_j"],
    "redeemables_application_mode": "ALL",
    "redeemables_sorting_rule": "CATEGORY_HIERARCHY",
    "grouped_redeemables_sorting_rule": "JOINT_ALWAYS_LAST",
    "redeemables_products_application_mode": "ONCE",
    "redeemables_no_effect_rule": "SKIP",
    "no_effect_skip_categories": ["cat_e"],
    "no_effect_redeem_anyway_categories": ["cat_j"],
    "redeemables_rollback_order_mode": "WITHOUT_ORDER",
}


def test_every_member_is_kept(manage: httpx.Client) -> None:
    """As sent; an update changes what it names and replaces whole lists."""
    made = make(manage, **EVERYTHING)
    assert {name: made[name] for name in EVERYTHING} == EVERYTHING
    path = f"stacking-rules/{made['id']}"
    changed = created(manage.put(path, json={"joint_categories": ["cat_x"], "redeemables_limit": 30}))
    assert changed["joint_categories"] == ["cat_x"]
    assert changed["updated_at"]
    untouched = EVERYTHING.keys() - {"joint_categories", "redeemables_limit"}
    assert {name: changed[name] for name in untouched} == {name: EVERYTHING[name] for name in untouched}


@pytest.mark.parametrize(
    ("rules", "details"),
    [
        ({"redeemables_limit": 31}, "Property .redeemables_limit must be <= 30"),
        ({"applicable_exclusive_redeemables_limit": 6}, "must be <= 5"),
        ({"applicable_redeemables_category_limits": {"cat_1": 11}}, "must be <= 10"),
        ({"redeemables_limit": 3, "applicable_redeemables_limit": 4}, "must be <= redeemables_limit (3)"),
        ({"redeemables_application_mode": "SOME"}, "must be equal to one of the allowed values"),
        ({"joint_categories": ["c"], "exclusive_categories": ["c"]}, "must NOT share categories"),
        ({"exclusive_categories": "c"}, "must be array"),
    ],
)
def test_400_for_rules_out_of_bounds(manage: httpx.Client, rules: dict[str, Any], details: str) -> None:
    """In the contract's words, and nothing is stored."""
    refused = manage.post("stacking-rules", json=rules)
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_payload")
    assert details in refused.json()["details"]
    assert "id" not in created(manage.get("stacking-rules"))["data"][0]


def test_limits_that_were_not_sent_give_way(manage: httpx.Client) -> None:
    """Fewer redeemables per request than the defaults apply means fewer that apply."""
    made = make(manage, redeemables_limit=3)
    assert made["applicable_redeemables_limit"] == 3


def test_the_next_decision_is_made_from_them(manage: httpx.Client, shop: httpx.Client) -> None:
    """How many apply, in which mode, on which amount: acknowledged means in force."""
    codes = [single_voucher(shop, percent_off(10))["code"] for _ in range(2)]
    assert validate(shop, *codes)["order"]["total_discount_amount"] == 1_900
    made = make(manage, discount_calculation_mode="INITIAL_AMOUNT")
    path = f"stacking-rules/{made['id']}"
    answer = validate(shop, *codes)
    assert answer["order"]["total_discount_amount"] == 2_000
    assert answer["stacking_rules"]["discount_calculation_mode"] == "INITIAL_AMOUNT"
    created(manage.put(path, json={"applicable_redeemables_limit": 1}))
    skipped = validate(shop, *codes)["skipped_redeemables"][0]["result"]["details"]["key"]
    assert skipped == "applicable_redeemables_limit_exceeded"
    created(manage.put(path, json={"redeemables_application_mode": "ALL"}))
    assert validate(shop, codes[0], "NO-SUCH")["valid"] is False
    assert manage.delete(path).status_code == 204
    assert validate(shop, *codes)["order"]["total_discount_amount"] == 1_900


def test_categories_decide_who_goes_first_and_who_goes_alone(
    manage: httpx.Client, shop: httpx.Client
) -> None:
    """Hierarchy instead of the order of the request; an exclusive one leaves no place for common ones."""
    categories = [
        created(shop.post("/v1/categories", json={"name": unique("c"), "hierarchy": number}))["id"]
        for number in (2, 1)
    ]
    ids = [tier(shop, percent_off(10), category_id=one)["id"] for one in categories]
    made = make(manage, redeemables_sorting_rule="CATEGORY_HIERARCHY")
    assert [one["id"] for one in validate(shop, *ids)["redeemables"]] == ids[::-1]
    created(manage.put(f"stacking-rules/{made['id']}", json={"exclusive_categories": categories[:1]}))
    answer = validate(shop, *ids)
    assert [one["id"] for one in answer["redeemables"]] == ids[:1]
    assert answer["skipped_redeemables"][0]["result"]["details"]["key"] == "exclusion_rules_not_met"


def test_only_a_management_key_reaches_them(
    server: RunningServer, fresh: Project, manage: httpx.Client, shop: httpx.Client
) -> None:
    """A key of the project does not; a project that does not exist is 404."""
    path = f"/management/v1/projects/{fresh.project_id}/stacking-rules"
    assert shop.get(path).status_code == 401
    nowhere = server.base_url + "/management/v1/projects/proj_none/stacking-rules"
    assert manage.get(nowhere).status_code == 404
    assert manage.post(nowhere, json={}).status_code == 404
    assert manage.get("stacking-rules/stk_none").status_code == 404
    assert manage.put("stacking-rules/stk_none", json={}).status_code == 404
    assert manage.delete("stacking-rules/stk_none").status_code == 404
