"""What people look at: summary, availability, readiness, and why a redemption failed."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import voucherify

from tests.support.shop import (
    amount_off,
    assign,
    created,
    gift_card,
    percent_off,
    public_code,
    redeem,
    refusal,
    rule,
    single_voucher,
    tier,
    unique,
    validate,
)

SECONDS_MAX = 180.0
WIDE = "2090-01-01T00:00:00Z"


def availability(api, campaign_id):
    return created(api.get(f"/v1/engine/campaigns/{campaign_id}/availability"))


def keys_of(api, campaign_id):
    answer = created(api.get(f"/v1/engine/campaigns/{campaign_id}/readiness"))
    assert answer["ready"] is not bool(answer["findings"])
    return {finding["key"] for finding in answer["findings"]}


def test_what_is_left_of_a_public_code(api):
    """Claimed and left move with every redemption, on any worker; sold out is not expired and not stopped."""
    code, campaign_id = public_code(api, percent_off(10), quantity=3)
    assert availability(api, campaign_id)["percent_claimed"] == 0
    for claimed in (1, 2, 3):
        redeem(api, code)
        for _ in range(2):
            shown = availability(api, campaign_id)
            assert (shown["claimed"], shown["left"], shown["limit"]) == (claimed, 3 - claimed, 3)
    assert (shown["status"], shown["percent_claimed"]) == ("sold_out", 100)
    created(api.post(f"/v1/campaigns/{campaign_id}/disable"))
    assert availability(api, campaign_id)["status"] == "disabled"
    for name, value, status in (
        ("expiration_date", "2020-01-01T00:00:00Z", "expired"),
        ("start_date", WIDE, "not_started"),
    ):
        _, other = public_code(api, percent_off(10), **{name: value})
        assert availability(api, other)["status"] == status
    answer = api.get(f"/v1/engine/campaigns/{campaign_id}/availability")
    assert answer.headers["cache-control"] == "public, max-age=1"
    assert api.get("/v1/engine/campaigns/nobody/availability").status_code == 404


def test_what_is_left_of_a_pool_and_under_a_rule(api):
    """Of unique codes what was handed out counts; a rule on the campaign's redemptions is a cap as well."""
    body = {
        "name": unique("pool"),
        "type": "STATIC",
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10)},
    }
    pool = created(api.post("/v1/campaigns", json=body))
    for _ in range(4):
        created(api.post(f"/v1/campaigns/{pool['id']}/vouchers"))
    created(api.post("/v1/publications", json={"campaign": pool["name"], "customer": {"source_id": "c"}}))
    shown = availability(api, pool["id"])
    assert (shown["claimed"], shown["left"], shown["percent_claimed"]) == (1, 3, 25)
    code, campaign_id = public_code(api, percent_off(10))
    assign(
        api, rule(api, "campaign.redemptions.count", {"$less_than_or_equal": [2]}), "campaign", campaign_id
    )
    redeem(api, code)
    shown = availability(api, campaign_id)
    assert (shown["limit"], shown["claimed"], shown["left"]) == (2, 1, 1)


def promotion(api, *caps):
    """A promotion with a tier per cap, each under a rule on the campaign's redemptions; None: without one."""
    body = {"name": unique("promotion"), "campaign_type": "PROMOTION", "type": "STATIC"}
    campaign_id = created(api.post("/v1/campaigns", json=body))["id"]
    tiers = []
    for cap in caps:
        body = {"name": unique("tier"), "action": {"discount": percent_off(10)}}
        tiers.append(created(api.post(f"/v1/promotions/{campaign_id}/tiers", json=body))["id"])
        if cap is not None:
            limit = rule(api, "campaign.redemptions.count", {"$less_than_or_equal": [cap]})
            assign(api, limit, "promotion_tier", tiers[-1])
    return campaign_id, *tiers


def test_a_promotion_is_there_as_long_as_one_of_its_tiers(api):
    """The cap of one tier is not the campaign's: the others go on, and the highest of all caps is the end."""
    campaign_id, low, high = promotion(api, 1, 2)
    for claimed, tried in enumerate((low, high)):
        shown = availability(api, campaign_id)
        assert (shown["limit"], shown["claimed"], shown["left"]) == (2, claimed, 2 - claimed)
        assert shown["status"] == "available"
        redeem(api, tried)
        assert refusal(api, low)["key"]
    shown = availability(api, campaign_id)
    assert (shown["status"], shown["left"], shown["percent_claimed"]) == ("sold_out", 0, 100)
    assert refusal(api, high)["key"]
    campaign_id, _, free = promotion(api, 1, None)
    redeem(api, free)
    shown = availability(api, campaign_id)
    assert (shown["status"], shown["limit"], shown["claimed"]) == ("available", None, 1)
    limit = rule(api, "campaign.redemptions.count", {"$less_than": [2]})
    assign(api, limit, "campaign", campaign_id)
    assert availability(api, campaign_id)["status"] == "sold_out"


def test_a_promotion_is_what_its_tiers_are(api):
    """Off without a tier that is on; not begun or over when all tiers are; one that is over caps nothing."""
    campaign_id, only = promotion(api, None)
    path = f"/v1/promotions/tiers/{only}"
    for change, status in (
        ({"start_date": WIDE}, "not_started"),
        ({"start_date": None, "expiration_date": "2020-01-01T00:00:00Z"}, "expired"),
        ({"expiration_date": None}, "available"),
    ):
        created(api.put(path, json=change))
        assert availability(api, campaign_id)["status"] == status
    created(api.post(f"{path}/disable"))
    assert availability(api, campaign_id)["status"] == "disabled"
    assert availability(api, promotion(api)[0])["status"] == "disabled"
    campaign_id, low, high = promotion(api, 1, 5)
    created(api.put(f"/v1/promotions/tiers/{high}", json={"expiration_date": "2020-01-01T00:00:00Z"}))
    redeem(api, low)
    shown = availability(api, campaign_id)
    assert (shown["status"], shown["limit"], shown["left"]) == ("sold_out", 1, 0)


def test_a_pool_is_counted_for_all_who_ask_at_once(api):
    """Many at the same moment get the same count, and a code that is handed out shows soon afterwards."""
    voucher = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10)}
    body = {"name": unique("pool"), "type": "STATIC", "voucher": voucher}
    pool = created(api.post("/v1/campaigns", json=body))
    for _ in range(2):
        created(api.post(f"/v1/campaigns/{pool['id']}/vouchers"))
    with ThreadPoolExecutor(40) as threads:
        shown = list(threads.map(lambda _: availability(api, pool["id"]), range(80)))
    assert {(one["claimed"], one["left"]) for one in shown} == {(0, 2)}
    created(api.post("/v1/publications", json={"campaign": pool["name"], "customer": {"source_id": "c"}}))
    deadline = time.monotonic() + SECONDS_MAX
    while availability(api, pool["id"])["claimed"] != 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_page_asks_with_a_publishable_key(server):
    """The same numbers, and nothing for a page of somebody else."""
    project = server.create_project(
        unique("open"), settings={"client_trusted_domains": ["https://shop.example"]}
    )
    with server.client(project) as api:
        _, campaign_id = public_code(api, percent_off(10), quantity=5)
        keys = {"X-Client-Application-Id": project.client_id, "X-Client-Token": project.client_token}
        path = f"/client/v1/engine/campaigns/{campaign_id}/availability"
        shown = created(api.get(path, headers={**keys, "origin": "https://shop.example"}))
        assert shown["left"] == 5
        assert api.get(path, headers={**keys, "origin": "https://evil.example"}).status_code in (401, 403)


def test_readiness_names_what_usually_goes_wrong(api):
    """A careless campaign has every finding; a careful one none; and strict switching on tells them apart."""
    _, careless = public_code(api, percent_off(100))
    assert keys_of(api, careless) == {
        "everything_is_free",
        "no_cap",
        "no_limit_per_customer",
        "no_expiration",
        "no_margin_floor",
    }
    _, careful = public_code(
        api, percent_off(10), quantity=100, expiration_date=WIDE, extensions={"margin": {"floor_percent": 10}}
    )
    assert keys_of(api, careful) == {"no_limit_per_customer"}
    per_customer = rule(api, "redemption.count.per_customer", {"$less_than_or_equal": [1]})
    assign(api, per_customer, "campaign", careful)
    assert keys_of(api, careful) == set()
    for campaign_id, status in ((careless, 400), (careful, 200)):
        answer = api.post(f"/v1/campaigns/{campaign_id}/enable", params={"strict": "true"})
        assert answer.status_code == status
    assert api.post(f"/v1/campaigns/{careless}/enable").status_code == 200
    refused = api.post(f"/v1/campaigns/{careless}/enable", params={"strict": "true"}).json()
    assert (refused["key"], "no_cap" in refused["details"]) == ("campaign_not_ready", True)


def test_readiness_of_codes_and_tiers(api):
    """Codes that can be guessed, a pool without codes, a promotion without a tier."""
    voucher = {
        "type": "DISCOUNT_VOUCHER",
        "discount": amount_off(5),
        "redemption": {"quantity": 1},
        "code_config": {"pattern": "SALE-###", "charset": "0123456789"},
    }
    body = {"name": unique("c"), "type": "STATIC", "voucher": voucher, "expiration_date": WIDE}
    campaign = created(api.post("/v1/campaigns", json=body))
    assert keys_of(api, campaign["id"]) == {"codes_can_be_guessed", "no_codes", "no_margin_floor"}
    promotion = created(api.post("/v1/campaigns", json={"name": unique("p"), "campaign_type": "PROMOTION"}))
    assert "no_active_tier" in keys_of(api, promotion["id"])


def test_readiness_takes_no_rule_for_a_limit_that_is_none(api):
    """A lower bound caps nothing, and a limit of one tier leaves the other without."""
    code, campaign_id = public_code(api, percent_off(10))
    assign(api, rule(api, "campaign.redemptions.count", {"$more_than": [5]}), "campaign", campaign_id)
    assign(api, rule(api, "redemption.count.per_customer", {"$is_not": [3]}), "campaign", campaign_id)
    assert {"no_cap", "no_limit_per_customer"} <= keys_of(api, campaign_id)
    first = tier(api, percent_off(10))
    promotion = first["campaign"]["id"]
    body = {"name": unique("tier"), "action": {"discount": percent_off(5)}}
    second = created(api.post(f"/v1/promotions/{promotion}/tiers", json=body))
    once = rule(api, "redemption.count.per_customer", {"$less_than_or_equal": [1]})
    assign(api, once, "promotion_tier", first["id"])
    assert "no_limit_per_customer" in keys_of(api, promotion)
    assign(api, once, "promotion_tier", second["id"])
    assert "no_limit_per_customer" not in keys_of(api, promotion)
    assert validate(api, code)["valid"] is False


def test_the_summary_adds_up(api):
    """Redemptions, failures, rollbacks, amounts, codes and publications; of other days nothing."""
    code, campaign_id = public_code(api, percent_off(10), quantity=2)
    first, _ = redeem(api, code), redeem(api, code)
    refusal(api, code)
    created(api.post(f"/v1/redemptions/{first['redemptions'][0]['id']}/rollback"))
    created(api.post("/v1/publications", json={"voucher": code, "customer": {"source_id": "c"}}))
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        summary = created(api.get(f"/v1/campaigns/{campaign_id}/summary"))
        if summary["redemptions_failed"]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (summary["object"], summary["campaign"]["id"]) == ("campaign_summary", campaign_id)
    shown = {name: value for name, value in summary.items() if name not in ("object", "campaign")}
    assert shown == {
        "redemptions": 3,
        "redemptions_succeeded": 2,
        "redemptions_failed": 1,
        "rollbacks": 1,
        "rollbacks_succeeded": 1,
        "rollbacks_failed": 0,
        "validations": 0,
        "validations_succeeded": 0,
        "validations_failed": 0,
        "orders_amount": 20_000,
        "orders_rolledback_amount": 10_000,
        "discounted_amount": 2_000,
        "rolledback_discounted_amount": 1_000,
        "vouchers_created": 1,
        "vouchers_deleted": 0,
        "publications": 1,
        "publications_succeeded": 1,
        "publications_failed": 0,
    }
    params = {"start_date": "2020-01-01", "end_date": "2020-01-31"}
    before = created(api.get(f"/v1/campaigns/{campaign_id}/summary", params=params))
    assert not any(value for name, value in before.items() if name not in ("object", "campaign"))


def test_the_summary_of_gift_cards(api, project, official):
    """What they held, what was paid with them; the official client reads it."""
    body = {"name": unique("gifts"), "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 5_000}}}
    campaign = created(api.post("/v1/campaigns", json=body))
    code = created(api.post(f"/v1/campaigns/{campaign['id']}/vouchers"))["code"]
    redeem(api, code, order={"amount": 2_000})
    summary = created(api.get(f"/v1/campaigns/{campaign['id']}/summary"))
    assert (summary["created_vouchers_amount"], summary["amount_redeemed"]) == (5_000, 2_000)
    read = voucherify.CampaignsApi(official).get_campaign_summary(campaign["id"])
    assert read.redemptions_succeeded == 1


def explained(api, failure_id):
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        answer = api.get(f"/v1/engine/redemptions/{failure_id}/explain")
        if answer.status_code == 200:
            return answer.json()
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


def test_why_a_redemption_failed(api, stranger):
    """The rule that refused it is in the trace, with the key that asked; strangers and successes are 404."""
    code = single_voucher(api, percent_off(10))["code"]
    voucher_id = created(api.get(f"/v1/vouchers/{code}"))["id"]
    assign(api, rule(api, "order.amount", {"$more_than": [50_000]}), "voucher", voucher_id)
    failed = refusal(api, code)
    shown = explained(api, failed["resource_id"])
    assert (shown["failure_code"], shown["object"]) == ("order_rules_violated", "failure_explanation")
    assert "order.amount" in str(shown["trace"])
    assert shown["channel"]["channel_type"] == "API"
    assert stranger.get(f"/v1/engine/redemptions/{failed['resource_id']}/explain").status_code == 404
    taken = redeem(api, gift_card(api, 100)["code"])["redemptions"][0]["id"]
    assert api.get(f"/v1/engine/redemptions/{taken}/explain").status_code == 404


@pytest.mark.parametrize("quantity", [1])
def test_a_failure_keeps_the_counters_that_were_seen(api, quantity):
    """Of a code that was used up: how often it had been used."""
    code = single_voucher(api, percent_off(10), quantity=quantity)["code"]
    redeem(api, code)
    shown = explained(api, refusal(api, code)["resource_id"])
    assert shown["failure_code"] == "quantity_exceeded"
    assert 1 in [counter["value"] for counter in shown["counters"]]
