"""The whole way over HTTP: code, validation, redemption, rollback; what is answered is what the ledger then
lists.
"""

import time
from typing import Any

import httpx

from tests.support.shop import (
    CART,
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


def test_validation_and_redemption_of_the_same_cart_give_the_same_numbers(api: httpx.Client) -> None:
    """P7: what the customer was shown is what is taken."""
    code, _ = public_code(api, percent_off(12.5))
    validated = validate(api, code)
    redeemed = redeem(api, code)
    assert validated["valid"] is True
    assert validated["order"]["total_discount_amount"] == 1250
    for name in ("amount", "total_amount", "total_discount_amount", "total_applied_discount_amount"):
        assert redeemed["order"][name] == validated["order"][name]
    assert redeemed["inapplicable_redeemables"] == []
    assert redeemed["skipped_redeemables"] == []
    assert "inapplicable_redeemables" not in validated


def test_a_redemption_is_listed_read_back_and_counted(api: httpx.Client) -> None:
    """P2 as a caller sees it: an acknowledged redemption is in every projection of the ledger."""
    voucher = single_voucher(api, amount_off(700), quantity=3)
    customer = {"source_id": unique("buyer"), "name": "Ann", "email": "ann@example.com"}
    redemption = redeem(api, voucher["code"], customer=customer)["redemptions"][0]
    read = created(api.get(f"/v1/redemptions/{redemption['id']}"))
    assert read["result"] == "SUCCESS"
    assert read["status"] == "SUCCEEDED"
    assert read["voucher"]["code"] == voucher["code"]
    assert read["customer"]["source_id"] == customer["source_id"]
    assert created(api.get(f"/v1/vouchers/{voucher['code']}"))["redemption"]["redeemed_quantity"] == 1
    of_voucher = created(api.get(f"/v1/vouchers/{voucher['code']}/redemption"))
    assert [entry["id"] for entry in of_voucher["redemption_entries"]] == [redemption["id"]]
    assert of_voucher["redeemed_quantity"] == 1
    listed = created(api.get("/v1/redemptions", params={"result": "SUCCESS"}))
    assert [entry["id"] for entry in listed["redemptions"]] == [redemption["id"]]
    stored = created(api.get(f"/v1/customers/{customer['source_id']}"))
    assert stored["email"] == customer["email"]
    assert stored["id"] == redemption["customer_id"]
    assert stored["summary"]["redemptions"]["total_succeeded"] == 1
    order = created(api.get(f"/v1/orders/{redemption['order']['id']}"))
    assert order["status"] == "PAID"
    assert order["total_discount_amount"] == 700
    assert list(order["redemptions"]) == [redemption["id"]]


def test_a_rollback_gives_the_use_back_and_frees_the_order(api: httpx.Client) -> None:
    """TV26: no discount is left on the order, and the code can be used again."""
    voucher = single_voucher(api, amount_off(700), quantity=1)
    redemption = redeem(api, voucher["code"])["redemptions"][0]
    assert refusal(api, voucher["code"])["key"] == "quantity_exceeded"
    rollback = created(
        api.post(f"/v1/redemptions/{redemption['id']}/rollback", params={"reason": "sent back"})
    )
    assert rollback["object"] == "redemption_rollback"
    assert rollback["redemption"] == redemption["id"]
    assert rollback["reason"] == "sent back"
    assert rollback["order"]["status"] == "CANCELED"
    assert rollback["order"]["total_amount"] == 10_000
    assert "total_discount_amount" not in rollback["order"]
    assert rollback["order"]["redemptions"][redemption["id"]]["rollback_id"] == rollback["id"]
    read = created(api.get(f"/v1/redemptions/{redemption['id']}"))
    assert read["status"] == "ROLLED_BACK"
    assert created(api.get(f"/v1/vouchers/{voucher['code']}"))["redemption"]["redeemed_quantity"] == 0
    again = redeem(api, voucher["code"])
    assert again["redemptions"][0]["result"] == "SUCCESS"


def test_a_rollback_may_note_something_on_the_order(api: httpx.Client) -> None:
    """`order.metadata` is laid over the order's own; amounts are the engine's."""
    voucher = single_voucher(api, amount_off(700))
    order = {**CART, "source_id": unique("order"), "metadata": {"channel": "web"}}
    redemption = redeem(api, voucher["code"], order=order)["redemptions"][0]
    note = {"source_id": order["source_id"], "metadata": {"returned": "damaged"}, "amount": 1}
    rollback = created(
        api.post(f"/v1/redemptions/{redemption['id']}/rollback", json={"order": note})
    )
    assert rollback["order"]["metadata"] == {"channel": "web", "returned": "damaged"}
    stored = created(api.get(f"/v1/orders/{redemption['order']['id']}"))
    assert (stored["metadata"], stored["amount"]) == (rollback["order"]["metadata"], 10_000)


def failure_kept(api: httpx.Client, failure_id: str) -> dict[str, Any]:
    """A failure as it is looked up, which is a moment after its answer."""
    for _ in range(3_600):
        read = api.get(f"/v1/redemptions/{failure_id}")
        if read.status_code == 200:
            break
        time.sleep(0.05)
    return created(read)


def test_a_second_rollback_is_refused(api: httpx.Client) -> None:
    """P4: a rollback returns what was taken at most once; what was asked for again is kept as a failure."""
    code, _ = public_code(api, percent_off(10))
    redemption = redeem(api, code)["redemptions"][0]
    created(api.post(f"/v1/redemptions/{redemption['id']}/rollback"))
    second = api.post(f"/v1/redemptions/{redemption['id']}/rollback")
    assert second.status_code == 400
    refused = second.json()
    assert (refused["key"], refused["resource_type"]) == ("already_rolled_back", "redemption_rollback")
    kept = failure_kept(api, refused["resource_id"])
    assert (kept["object"], kept["result"], kept["status"]) == ("redemption_rollback", "FAILURE", "FAILED")
    assert (kept["redemption"], kept["failure_code"]) == (redemption["id"], "already_rolled_back")


def test_a_stack_is_taken_whole_and_rolled_back_whole(api: httpx.Client) -> None:
    """TV12: gift card, percentage and tier on one order, in the requested order."""
    card = gift_card(api, 100)
    code, _ = public_code(api, percent_off(20))
    promotion = tier(api, amount_off(8_000))
    done = redeem(api, card["code"], code, promotion["id"], order={"amount": 200_000})
    assert [one["order"]["total_amount"] for one in done["redemptions"]] == [199_900, 159_920, 151_920]
    assert done["order"]["total_amount"] == 151_920
    parent = done["parent_redemption"]["id"]
    assert {one["redemption"] for one in done["redemptions"]} == {parent}
    child = api.post(f"/v1/redemptions/{done['redemptions'][0]['id']}/rollback")
    assert (child.status_code, child.json()["key"]) == (400, "invalid_redemption_parent")
    single = api.post(f"/v1/redemptions/{parent}/rollback")
    assert (single.status_code, single.json()["key"]) == (400, "invalid_redemption")
    back = created(api.post(f"/v1/redemptions/{parent}/rollbacks"))
    assert len(back["rollbacks"]) == 3
    assert back["parent_rollback"]["redemption"] == parent
    assert back["order"]["total_amount"] == 200_000
    assert created(api.get(f"/v1/vouchers/{card['code']}"))["gift"]["balance"] == 100


def test_a_gift_card_pays_what_it_holds_and_no_more(api: httpx.Client) -> None:
    """P1 for balances: credits come off the balance, and asking for more is refused."""
    card = gift_card(api, 1_500)
    body = {
        "redeemables": [{"object": "voucher", "id": card["code"], "gift": {"credits": 1_000}}],
        "order": CART,
    }
    done = created(api.post("/v1/redemptions", json=body))
    assert done["redemptions"][0]["amount"] == 1_000
    assert done["order"]["total_amount"] == 9_000
    refused = api.post("/v1/redemptions", json=body)
    assert (refused.status_code, refused.json()["key"]) == (400, "gift_amount_exceeded")
    del body["redeemables"][0]["gift"]
    rest = created(api.post("/v1/redemptions", json=body))
    assert rest["redemptions"][0]["amount"] == 500


def test_a_rule_refuses_with_its_family_and_its_own_message(api: httpx.Client) -> None:
    """P8: the key names the family, the custom message travels beside it."""
    code, campaign_id = public_code(api, percent_off(10))
    rule_id = rule(api, "order.amount", {"$more_than": [50_000]}, error={"message": "Spend 500 first"})
    assign(api, rule_id, "campaign", campaign_id)
    refused = refusal(api, code)
    assert refused["key"] == "order_rules_violated"
    assert refused["error"]["message"] == "Spend 500 first"
    assert refused["resource_type"] == "redemption"
    assert refused["resource_id"].startswith("rf_")
    validated = validate(api, code)
    assert validated["valid"] is False
    error = validated["inapplicable_redeemables"][0]["result"]["error"]
    assert error["key"] == "order_rules_violated"
    assert redeem(api, code, order={"amount": 50_001})["order"]["total_discount_amount"] == 5_000


def test_a_segment_decides_who_may(api: httpx.Client) -> None:
    """Static membership, and no customer at all, are told apart."""
    member = created(api.post("/v1/customers", json={"source_id": unique("member")}))
    segment = created(
        api.post("/v1/segments", json={"name": unique("vip"), "type": "static", "customers": [member["id"]]})
    )
    code, campaign_id = public_code(api, percent_off(10))
    assign(api, rule(api, "customer.segment", {"$is": [segment["id"]]}), "campaign", campaign_id)
    assert refusal(api, code)["key"] == "missing_customer"
    assert refusal(api, code, customer={"source_id": unique("other")})["key"] == "customer_rules_violated"
    assert (
        redeem(api, code, customer={"source_id": member["source_id"]})["redemptions"][0]["result"]
        == "SUCCESS"
    )


def test_a_customer_may_use_a_code_as_often_as_the_rule_says(api: httpx.Client) -> None:
    """redemption.count.per_customer counts the attempt itself (behaviour 5.6)."""
    code, campaign_id = public_code(api, percent_off(10))
    rule_id = rule(api, "redemption.count.per_customer", {"$less_than_or_equal": [1]})
    assign(api, rule_id, "campaign", campaign_id)
    first, second = {"source_id": unique("a")}, {"source_id": unique("b")}
    redeem(api, code, customer=first)
    assert refusal(api, code, customer=first)["key"] == "redemption_rules_violated"
    redeem(api, code, customer=second)


def test_an_unknown_code_is_a_404_for_a_redemption_and_an_answer_for_a_validation(api: httpx.Client) -> None:
    """Behaviour 4.2: validation answers 200 with valid false."""
    assert refusal(api, "NO-SUCH-CODE")["key"] == "not_found"
    validated = validate(api, "NO-SUCH-CODE")
    assert validated["valid"] is False
    assert validated["inapplicable_redeemables"][0]["result"]["error"]["code"] == 404


def test_partial_mode_takes_what_applies_and_says_why_the_rest_does_not(api: httpx.Client) -> None:
    """One unknown code does not lose the customer the other discount."""
    code, _ = public_code(api, percent_off(10))
    done = redeem(api, "NO-SUCH-CODE", code)
    assert [one["result"] for one in done["redemptions"]] == ["SUCCESS"]
    assert [one["id"] for one in done["inapplicable_redeemables"]] == ["NO-SUCH-CODE"]


def test_the_same_code_twice_is_refused(api: httpx.Client) -> None:
    """A v_ id and its code are the same redeemable."""
    voucher = single_voucher(api, amount_off(100))
    for codes in ((voucher["code"], voucher["code"]), (voucher["code"], voucher["id"])):
        response = api.post(
            "/v1/redemptions",
            json={"redeemables": [{"object": "voucher", "id": one} for one in codes], "order": CART},
        )
        assert (response.status_code, response.json()["key"]) == (400, "duplicated_redeemables")


def test_a_stopped_campaign_redeems_nothing_and_resumes(api: httpx.Client) -> None:
    """P6 over HTTP: the first redemption after the stop's answer is refused."""
    code, campaign_id = public_code(api, percent_off(10))
    redeem(api, code)
    assert api.post(f"/v1/campaigns/{campaign_id}/disable").status_code == 200
    assert refusal(api, code)["code"] == 400
    assert validate(api, code)["valid"] is False
    assert api.post(f"/v1/campaigns/{campaign_id}/enable").status_code == 200
    redeem(api, code)


def test_another_projects_code_does_not_exist(api: httpx.Client, stranger: httpx.Client) -> None:
    """P9: the answer is that of a code that nobody has."""
    voucher = single_voucher(api, amount_off(100))
    theirs = refusal(stranger, voucher["code"])
    nobodys = refusal(stranger, "NO-SUCH-CODE")
    assert theirs["key"] == nobodys["key"] == "not_found"
    redemption = redeem(api, voucher["code"])["redemptions"][0]
    assert stranger.get(f"/v1/redemptions/{redemption['id']}").status_code == 404
    assert stranger.post(f"/v1/redemptions/{redemption['id']}/rollback").status_code == 404


def test_a_failed_redemption_can_be_looked_up(api: httpx.Client) -> None:
    """Failures are kept with their key (best effort, D14)."""
    voucher = single_voucher(api, amount_off(100), quantity=1)
    redeem(api, voucher["code"])
    failure = refusal(api, voucher["code"])
    kept = failure_kept(api, failure["resource_id"])
    assert (kept["result"], kept["failure_code"]) == ("FAILURE", "quantity_exceeded")


def test_a_canceled_order_takes_no_further_redemption(api: httpx.Client) -> None:
    """D20: what was called off is not sold; the caller makes a new order."""
    code, _ = public_code(api, percent_off(10))
    done = redeem(api, code)
    created(api.post(f"/v1/redemptions/{done['redemptions'][0]['id']}/rollback"))
    assert refusal(api, code, order={"id": done["order"]["id"]})["key"] == "invalid_order"


def test_a_second_redemption_on_an_order_adds_to_its_discounts(api: httpx.Client) -> None:
    """TV14: the stored order with its earlier discount is the base, and nothing goes below zero."""
    first, _ = public_code(api, amount_off(9_200))
    second, _ = public_code(api, amount_off(1_000))
    order = redeem(api, first)["order"]
    again = redeem(api, second, order={"id": order["id"]})
    assert again["order"]["applied_discount_amount"] == 800
    assert again["order"]["discount_amount"] == 10_000
    assert again["order"]["total_amount"] == 0
    assert len(again["order"]["redemptions"]) == 2
    rolled = created(api.post(f"/v1/redemptions/{again['redemptions'][0]['id']}/rollback"))
    assert rolled["order"]["status"] == "PAID"
    assert rolled["order"]["total_discount_amount"] == 9_200
    assert rolled["order"]["total_amount"] == 800
