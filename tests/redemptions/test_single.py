"""The older way: one voucher or tier in the path of a validation or a redemption."""

from tests.support.shop import (
    CART,
    amount_off,
    created,
    gift_card,
    percent_off,
    public_code,
    single_voucher,
    tier,
    unique,
)


def test_a_voucher_is_validated_and_redeemed(api):
    """Valid with its discount and order; redeemed it is a redemption; used up it says so in a sentence."""
    code, campaign_id = public_code(api, percent_off(10), quantity=1)
    body = {"order": CART, "customer": {"source_id": "ann"}, "metadata": {"shop": "A"}}
    for _ in range(2):
        shown = created(api.post(f"/v1/vouchers/{code}/validate", json=body))
        assert (shown["valid"], shown["code"], shown["campaign_id"]) == (True, code, campaign_id)
        assert (shown["discount"]["percent_off"], shown["order"]["total_amount"]) == (10, 9_000)
        assert shown["tracking_id"]
    taken = created(api.post(f"/v1/vouchers/{code}/redemption", json=body))
    assert (taken["object"], taken["result"], taken["voucher"]["code"]) == ("redemption", "SUCCESS", code)
    assert (taken["order"]["total_amount"], taken["metadata"]) == (9_000, {"shop": "A"})
    read = created(api.get(f"/v1/redemptions/{taken['id']}"))
    assert read["order"]["id"] == taken["order"]["id"]
    shown = created(api.post(f"/v1/vouchers/{code}/validate", json=body))
    assert (shown["valid"], shown["reason"]) == (False, "quantity exceeded")
    assert "discount" not in shown
    refused = api.post(f"/v1/vouchers/{code}/redemption", json=body)
    assert (refused.status_code, refused.json()["key"]) == (400, "quantity_exceeded")
    unknown = created(api.post("/v1/vouchers/nobody/validate"))
    assert (unknown["valid"], unknown["reason"]) == (False, "Resource not found")
    assert api.post("/v1/vouchers/nobody/redemption").status_code == 404


def test_credits_of_a_gift_card_and_the_customer_of_the_query(api):
    """As many as were asked for; the tracking id in the query names the customer."""
    code = gift_card(api, 5_000)["code"]
    body = {"gift": {"credits": 1_200}, "order": {"amount": 3_000}}
    shown = created(api.post(f"/v1/vouchers/{code}/validate", json=body))
    assert (shown["gift"]["credits"], shown["order"]["total_amount"]) == (1_200, 1_800)
    source_id = unique("query")
    taken = created(api.post(f"/v1/vouchers/{code}/redemption", json=body, params={"tracking_id": source_id}))
    assert taken["amount"] == 1_200
    assert created(api.get(f"/v1/customers/{source_id}"))["id"] == taken["customer_id"]


def test_a_lock_is_taken_and_redeemed(api):
    """A session of the older validation holds the only use for its key."""
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    body = {"order": CART, "session": {"type": "LOCK", "ttl": 1, "ttl_unit": "HOURS"}}
    key = created(api.post(f"/v1/vouchers/{code}/validate", json=body))["session"]["key"]
    assert created(api.post(f"/v1/vouchers/{code}/validate", json={"order": CART}))["valid"] is False
    mine = {"order": CART, "session": {"type": "LOCK", "key": key}}
    assert created(api.post(f"/v1/vouchers/{code}/redemption", json=mine))["result"] == "SUCCESS"


def test_a_tier_is_validated_and_redeemed(api):
    """The same for promotion tiers; an inactive one says why."""
    made = tier(api, amount_off(500))
    path = f"/v1/promotions/tiers/{made['id']}"
    shown = created(api.post(f"{path}/validation", json={"order": CART}))
    assert (shown["valid"], shown["id"], shown["order"]["total_amount"]) == (True, made["id"], 9_500)
    taken = created(api.post(f"{path}/redemption", json={"order": CART}))
    assert (taken["promotion_tier"]["id"], taken["order"]["total_amount"]) == (made["id"], 9_500)
    created(api.post(f"{path}/disable"))
    shown = created(api.post(f"{path}/validation", json={"order": CART}))
    assert (shown["valid"], shown["reason"]) == (False, "Inactive Promotion")
    assert api.post(f"{path}/redemption", json={"order": CART}).json()["key"] == "promotion_inactive"


def test_from_a_browser(server):
    """Validation by a query string; redemption only where the project opens it."""
    settings = {"client_trusted_domains": ["*"], "client_redeem_enabled": True}
    project = server.create_project(unique("open"), settings=settings)
    headers = {
        "X-Client-Application-Id": project.client_id,
        "X-Client-Token": project.client_token,
        "origin": "https://shop.example",
    }
    with server.client(project) as api:
        code = single_voucher(api, percent_off(10), quantity=1)["code"]
        params = {
            "code": code,
            "tracking_id": "ann",
            "item[0][source_id]": "mug",
            "item[0][related_object]": "product",
            "item[0][quantity]": "2",
            "item[0][price]": "2000",
        }
        shown = created(api.get("/client/v1/validate", params=params, headers=headers))
        assert (shown["valid"], shown["order"]["total_amount"]) == (True, 3_600)
        shown = created(
            api.get("/client/v1/validate", params={"code": code, "amount": 1_000}, headers=headers)
        )
        assert shown["order"]["total_amount"] == 900
        assert api.get("/client/v1/validate", headers=headers).status_code == 400
        body = {"order": {"amount": 1_000}}
        taken = created(api.post("/client/v1/redeem", json=body, params={"code": code}, headers=headers))
        assert taken["result"] == "SUCCESS"
        assert (
            created(api.get("/client/v1/validate", params={"code": code}, headers=headers))["valid"] is False
        )
    closed = server.create_project(unique("closed"), settings={"client_trusted_domains": ["*"]})
    headers |= {"X-Client-Application-Id": closed.client_id, "X-Client-Token": closed.client_token}
    with server.client(closed) as api:
        refused = api.post("/client/v1/redeem", json=body, params={"code": code}, headers=headers)
        assert refused.status_code == 403
