"""Campaigns that stop themselves (`extensions.auto_stop`): really, readably, and until they are enabled."""

import time
from typing import Any

import httpx
import pytest

from tests.support.shop import amount_off, created, public_code, redeem, stack, validate

WAIT_SECONDS = 180.0


def until_stopped(api: httpx.Client, campaign_id: str) -> dict[str, Any]:
    """What the campaign says of its stop."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        campaign = created(api.get(f"/v1/campaigns/{campaign_id}"))
        if not campaign["active"]:
            return dict(campaign["extensions"]["stopped"])
        time.sleep(0.1)
    raise AssertionError("the campaign did not stop itself")


def seen_by(api: httpx.Client, campaign_id: str) -> bool:
    return bool(created(api.get(f"/v1/campaigns/{campaign_id}"))["active"])


def test_too_many_redemptions_a_minute_stop_a_campaign(api: httpx.Client) -> None:
    """Disabled for everybody, with the reason on it; enabled again, its rules count from there."""
    rules = {"redemptions_per_minute": 3}
    code, campaign_id = public_code(api, amount_off(10), extensions={"auto_stop": rules})
    for _ in range(3):
        redeem(api, code)
    quiet, quiet_id = public_code(
        api, amount_off(10), extensions={"auto_stop": {"redemptions_per_minute": 1}}
    )
    redeem(api, code)
    said = until_stopped(api, campaign_id)
    assert (said["by"], said["rule"], said["limit"]) == ("auto_stop", "redemptions_per_minute", 3)
    assert said["value"] == 4
    refused = api.post("/v1/redemptions", json=stack(code)).json()
    assert refused["key"] == "voucher_disabled"
    assert seen_by(api, quiet_id)
    created(api.post(f"/v1/campaigns/{campaign_id}/enable"))
    enabled = created(api.get(f"/v1/campaigns/{campaign_id}"))
    assert (enabled["active"], enabled["extensions"]) == (True, {"auto_stop": rules})
    redeem(api, code)
    assert validate(api, quiet)["valid"] is True


def test_too_much_discount_an_hour_stops_a_campaign(api: httpx.Client) -> None:
    """Counted in minor units given away; an update may set the rule on a running campaign."""
    code, campaign_id = public_code(api, amount_off(600))
    redeem(api, code)
    rules = {"auto_stop": {"discount_per_hour": 1_000}}
    created(api.put(f"/v1/campaigns/{campaign_id}", json={"extensions": rules}))
    redeem(api, code)
    said = until_stopped(api, campaign_id)
    assert (said["rule"], said["limit"], said["value"]) == ("discount_per_hour", 1_000, 1_200)
    audited = api.get("/v1/engine/audit", params={"object_id": campaign_id})
    assert audited.status_code == 200
    assert "auto-stop:discount_per_hour" in audited.text


def test_too_many_returns_stop_a_campaign(api: httpx.Client) -> None:
    """The share of an hour's redemptions that were taken back, from a number on that means something."""
    rules = {"refund_share": 0.25, "refund_minimum": 4}
    code, campaign_id = public_code(api, amount_off(10), extensions={"auto_stop": rules})
    taken = [redeem(api, code)["redemptions"][0]["id"] for _ in range(4)]
    created(api.post(f"/v1/redemptions/{taken[0]}/rollback"))
    created(api.post(f"/v1/redemptions/{taken[1]}/rollback"))
    said = until_stopped(api, campaign_id)
    assert (said["rule"], said["limit"], said["value"]) == ("refund_share", 0.25, 0.5)


@pytest.mark.parametrize(
    "rules",
    [
        {"redemptions_per_minute": 0},
        {"discount_per_hour": "100"},
        {"refund_share": 1.5},
        {"redemptions_per_second": 1},
        [],
    ],
)
def test_malformed_rules_are_refused(api: httpx.Client, rules: Any) -> None:
    """400 invalid_payload when a campaign is made and when it is changed."""
    _, campaign_id = public_code(api, amount_off(10))
    body = {"extensions": {"auto_stop": rules}}
    refused = api.put(f"/v1/campaigns/{campaign_id}", json=body)
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_payload")
