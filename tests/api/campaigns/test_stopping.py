"""Stop with a reason, and the list of what runs: budgets, speed, and when a cap will be reached."""

from datetime import UTC, datetime

import httpx
import pytest

from tests.support.shop import assign, created, percent_off, public_code, rule, stack, unique


def stopped(api: httpx.Client, campaign_id: str, **body):
    return created(api.post(f"/v1/engine/campaigns/{campaign_id}/stop", json={"reason": "leaked", **body}))


def locked(api: httpx.Client, code: str, key: str) -> httpx.Response:
    session = {"type": "LOCK", "key": key, "ttl": 10, "ttl_unit": "MINUTES"}
    return api.post("/v1/validations", json={**stack(code), "session": session})


def running(api: httpx.Client, campaign_id: str):
    """The campaign's entry; None when it is not on the list."""
    found = created(api.get("/v1/engine/campaigns/running", params={"limit": 100}))["campaigns"]
    return next((one for one in found if one["id"] == campaign_id), None)


def test_a_stop_says_who_and_why_until_the_campaign_goes_on(api: httpx.Client) -> None:
    """Nobody redeems meanwhile; stopped twice, the first reason stands."""
    code, campaign_id = public_code(api, percent_off(10))
    answer = stopped(api, campaign_id)
    said = answer["stopped"]
    assert (answer["active"], said["reason"], said["by"]) == (False, "leaked", "key")
    assert api.post("/v1/redemptions", json=stack(code)).json()["key"] == "voucher_disabled"
    assert stopped(api, campaign_id, reason="again")["stopped"] == answer["stopped"]
    shown = created(api.get(f"/v1/campaigns/{campaign_id}"))
    assert shown["extensions"]["stopped"] == answer["stopped"]
    assert api.post(f"/v1/campaigns/{campaign_id}/enable").status_code == 200
    assert "stopped" not in (created(api.get(f"/v1/campaigns/{campaign_id}")).get("extensions") or {})
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200


def test_what_carts_hold_is_kept_or_given_back_as_chosen(api: httpx.Client) -> None:
    """Kept, nobody else gets the last unit when the campaign goes on; given back, the next one does."""
    code, campaign_id = public_code(api, percent_off(10), quantity=1)
    assert locked(api, code, unique("cart")).json()["valid"] is True
    kept = stopped(api, campaign_id)
    assert (kept["holds"], kept["holds_released"]) == ("keep", 0)
    api.post(f"/v1/campaigns/{campaign_id}/enable")
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 400
    given_back = stopped(api, campaign_id, holds="release")
    assert (given_back["holds_released"], given_back["holds_complete"]) == (1, True)
    assert stopped(api, campaign_id, holds="release")["holds_released"] == 0
    api.post(f"/v1/campaigns/{campaign_id}/enable")
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x", "holds": "honour"}, {"reason": 5}])
def test_a_stop_without_a_reason_stops_nothing(api: httpx.Client, body) -> None:
    """400, and the campaign runs."""
    code, campaign_id = public_code(api, percent_off(10))
    assert api.post(f"/v1/engine/campaigns/{campaign_id}/stop", json=body).status_code == 400
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200


def test_another_projects_campaign_is_neither_seen_nor_stopped(
    api: httpx.Client, stranger: httpx.Client
) -> None:
    """404, an empty list, no redemptions."""
    code, campaign_id = public_code(api, percent_off(10))
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200
    answer = stranger.post(f"/v1/engine/campaigns/{campaign_id}/stop", json={"reason": "x"})
    assert answer.status_code == 404
    assert created(stranger.get("/v1/engine/campaigns/running"))["campaigns"] == []
    assert created(stranger.get("/v1/engine/redemptions/rates"))["redemptions"] == 0
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200


def test_budgets_burn_down_and_say_when_they_will_be_used_up(api: httpx.Client) -> None:
    """What is used is exact at once; the time follows from the speed, and is past when nothing is left."""
    code, campaign_id = public_code(api, percent_off(10), quantity=4)
    budget = rule(api, "campaign.orders.amount_discounted", {"$less_than_or_equal": [9_000]})
    assign(api, budget, "campaign", campaign_id)
    for _ in range(3):
        created(api.post("/v1/redemptions", json=stack(code)))
    budgets = {one["name"]: one for one in running(api, campaign_id)["budgets"]}
    uses, amount = budgets["voucher.redemption.quantity"], budgets["campaign.orders.amount_discounted"]
    assert (uses["limit"], uses["used"], uses["left"], uses["percent_used"]) == (4, 3, 1, 75)
    assert (amount["unit"], amount["limit"], amount["left"]) == ("amount", 9_000, 9_000 - amount["used"])
    assert amount["used"] == 3_000
    created(api.post("/v1/redemptions", json=stack(code)))
    entry = running(api, campaign_id)
    used_up = next(one for one in entry["budgets"] if one["unit"] == "redemptions")
    assert used_up["left"] == 0
    assert datetime.fromisoformat(used_up["reached_at"]) <= datetime.now(UTC)
    assert (entry["redemptions"], entry["discounted"]) == (4, 4_000)


def test_a_budget_of_the_day_begins_anew(api: httpx.Client) -> None:
    """Caps of a day, a week and a month, of the campaign and of its public code, end with their window."""
    code, campaign_id = public_code(api, percent_off(10))
    caps = {
        "campaign.redemptions.count.daily": 1_000_000_000,
        "redemption.count.weekly": 4,
        "campaign.redemptions.count.monthly": 2,
    }
    for name, most in caps.items():
        assign(api, rule(api, name, {"$less_than_or_equal": [most]}), "campaign", campaign_id)
    for _ in range(2):
        created(api.post("/v1/redemptions", json=stack(code)))
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 400
    budgets = {one["name"]: one for one in running(api, campaign_id)["budgets"]}
    assert {name: (one["limit"], one["used"]) for name, one in budgets.items()} == {
        name: (most, 2) for name, most in caps.items()
    }
    now = datetime.now(UTC)
    ends = {name: datetime.fromisoformat(one["begins_anew_at"]) for name, one in budgets.items()}
    day, week, month = (ends[name] for name in caps)
    assert now < day <= min(week, month)
    assert (day - now).days == 0
    assert (week.weekday(), month.day) == (0, 1)
    assert datetime.fromisoformat(budgets["campaign.redemptions.count.monthly"]["reached_at"]) <= now
    assert budgets["campaign.redemptions.count.daily"]["reached_at"] is None, "the day ends first"


def test_what_orders_and_cards_may_cost_is_a_budget(api: httpx.Client) -> None:
    """Amounts of orders, and credits of gift cards."""
    code, campaign_id = public_code(api, percent_off(10))
    most = rule(api, "campaign.orders.amount", {"$less_than_or_equal": [25_000]})
    assign(api, most, "campaign", campaign_id)
    created(api.post("/v1/redemptions", json=stack(code)))
    (budget,) = running(api, campaign_id)["budgets"]
    assert (budget["unit"], budget["used"], budget["left"]) == ("orders_amount", 10_000, 15_000)
    assert budget["begins_anew_at"] is None
    cards = created(
        api.post(
            "/v1/campaigns",
            json={
                "name": unique("cards"),
                "campaign_type": "GIFT_VOUCHERS",
                "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 5_000}},
            },
        )
    )
    most = rule(api, "redemption.gift.amount", {"$less_than_or_equal": [8_000]})
    assign(api, most, "campaign", cards["id"])
    card = unique("CARD")
    created(api.post(f"/v1/campaigns/{cards['id']}/vouchers/{card}", json={}))
    created(api.post("/v1/redemptions", json=stack(card)))
    (budget,) = running(api, cards["id"])["budgets"]
    assert (budget["unit"], budget["used"], budget["limit"]) == ("credits", 5_000, 8_000)


def test_only_what_runs_or_was_stopped_is_listed(api: httpx.Client) -> None:
    """Over, not begun and switched off without a word are not; one that was stopped waits there."""
    _, runs = public_code(api, percent_off(10))
    _, over = public_code(api, percent_off(10), expiration_date="2020-01-01T00:00:00Z")
    _, future = public_code(api, percent_off(10), start_date="2099-01-01T00:00:00Z")
    _, off = public_code(api, percent_off(10))
    api.post(f"/v1/campaigns/{off}/disable")
    _, halted = public_code(api, percent_off(10))
    stopped(api, halted)
    assert running(api, runs)["active"] is True
    assert running(api, halted)["stopped"]["reason"] == "leaked"
    assert [running(api, one) for one in (over, future, off)] == [None, None, None]
    page = created(api.get("/v1/engine/campaigns/running", params={"limit": 1}))
    assert (len(page["campaigns"]), page["has_more"]) == (1, True)
