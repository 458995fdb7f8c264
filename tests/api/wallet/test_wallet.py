"""What a customer holds, and what applies by itself."""

from tests.support.shop import (
    CART,
    amount_off,
    assign,
    created,
    percent_off,
    redeem,
    rule,
    single_voucher,
    tier,
    unique,
)


def held(api, source_id, discount, **more):
    code = single_voucher(api, discount, **more)["code"]
    created(api.post("/v1/publications", json={"voucher": code, "customer": {"source_id": source_id}}))
    return code


def validated(api, source_id, *codes, **params):
    body = {
        "redeemables": [{"object": "voucher", "id": code} for code in codes],
        "customer": {"source_id": source_id},
        "order": CART,
    }
    return api.post("/v1/validations", json=body, params={"auto": "true"} | params)


def test_the_next_order_is_discounted_by_itself_once(api):
    """No code is typed beside the one that is; after the redemption nothing is added any more."""
    source_id, other = unique("ann"), unique("bob")
    apology = held(api, source_id, amount_off(500), quantity=1, extensions={"auto_apply": True})
    typed = single_voucher(api, amount_off(100))["code"]
    for _ in range(2):
        answer = created(validated(api, source_id, typed))
        assert [entry["id"] for entry in answer["redeemables"]] == [typed, apology]
        assert [entry.get("automatic", False) for entry in answer["redeemables"]] == [False, True]
        assert answer["order"]["total_discount_amount"] == 600
    assert [entry["id"] for entry in created(validated(api, other, typed))["redeemables"]] == [typed]
    assert [entry["id"] for entry in created(validated(api, source_id))["redeemables"]] == [apology]
    nothing = created(validated(api, other))
    assert (nothing["valid"], nothing["redeemables"]) == (False, [])
    assert validated(api, other, auto="false").json()["key"] == "invalid_payload"
    redeem(api, typed, apology, customer={"source_id": source_id})
    for _ in range(2):
        assert [entry["id"] for entry in created(validated(api, source_id, typed))["redeemables"]] == [typed]


def test_what_does_not_apply_is_not_added(api):
    """A tier whose rule is not met leaves no trace; one that applies is added; the stack is taken as it
    stands.
    """
    source_id = unique("eve")
    typed = single_voucher(api, amount_off(100))["code"]
    too_high = tier(api, amount_off(700), extensions={"auto_apply": True})
    assign(api, rule(api, "order.amount", {"$more_than": [50_000]}), "promotion_tier", too_high["id"])
    fits = tier(api, percent_off(1), extensions={"auto_apply": True})
    answer = created(validated(api, source_id, typed))
    assert [entry["id"] for entry in answer["redeemables"]] == [typed, fits["id"]]
    assert "inapplicable_redeemables" not in answer
    assert "automatic" not in str(created(validated(api, source_id, typed, auto="false")))
    for made in (too_high, fits):
        assert api.delete(f"/v1/promotions/tiers/{made['id']}").status_code == 204
    wrong = {"name": "x", "action": {"discount": percent_off(1)}, "extensions": {"auto_apply": "yes"}}
    assert api.post(f"/v1/promotions/{fits['campaign_id']}/tiers", json=wrong).status_code == 400


def test_the_wallet_says_what_applies_and_what_is_missing(api):
    """Codes, balances, uses left; nobody else's."""
    source_id = unique("wallet")
    good = held(api, source_id, percent_off(10), quantity=3)
    high = held(api, source_id, amount_off(500))
    voucher_id = created(api.get(f"/v1/vouchers/{high}"))["id"]
    assign(api, rule(api, "order.amount", {"$more_than": [50_000]}), "voucher", voucher_id)
    card = unique("GIFT")
    created(api.post(f"/v1/vouchers/{card}", json={"type": "GIFT_VOUCHER", "gift": {"amount": 700}}))
    created(api.post("/v1/publications", json={"voucher": card, "customer": {"source_id": source_id}}))
    body = {"customer": {"source_id": source_id}, "order": CART}
    wallet = created(api.post("/v1/engine/wallet", json=body))
    shown = {entry["code"]: entry for entry in wallet["data"]}
    assert set(shown) == {good, high, card}
    assert (shown[good]["applicable"], shown[good]["discount_amount"]) == (True, 1_000)
    assert shown[good]["uses_left"] == 3
    assert (shown[card]["balance"], shown[card]["discount_amount"]) == (700, 700)
    missing = shown[high]["missing"]
    assert (shown[high]["applicable"], missing["key"]) == (False, "order_rules_violated")
    assert (missing["name"], missing["more"]) == ("order.amount", 40_001)
    stranger = created(api.post("/v1/engine/wallet", json=body | {"customer": {"source_id": unique("x")}}))
    assert stranger["data"] == []
    nobody = api.post("/v1/engine/wallet", json={"order": CART})
    assert (nobody.status_code, nobody.json()["key"]) == (400, "missing_customer")
