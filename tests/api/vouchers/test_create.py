"""POST /v1/vouchers and POST /v1/vouchers/{code}."""

from urllib.parse import quote

import pytest
from voucherify.models.vouchers_create_response_body import VouchersCreateResponseBody

from tests.support.shop import created, percent_off, public_code, unique

KEYS = {
    "id",
    "code",
    "campaign",
    "campaign_id",
    "category",
    "category_id",
    "categories",
    "type",
    "discount",
    "gift",
    "loyalty_card",
    "start_date",
    "expiration_date",
    "validity_timeframe",
    "validity_day_of_week",
    "validity_hours",
    "active",
    "additional_info",
    "metadata",
    "assets",
    "is_referral_code",
    "created_at",
    "updated_at",
    "holder_id",
    "referrer_id",
    "publish",
    "redemption",
    "validation_rules_assignments",
    "object",
}


def test_what_is_sent_is_read_back(api):
    """Every property of a voucher is stored and answered as it was sent, on any worker, with every key of the
    contract.
    """
    rule = created(api.post("/v1/validation-rules", json={"name": "r"}))
    code = unique("NEW-WELCOME / é#+%")
    sent = {
        "category": "New Customers",
        "type": "DISCOUNT_VOUCHER",
        "discount": {"percent_off": 12.25, "type": "PERCENT", "effect": "APPLY_TO_ORDER"},
        "start_date": "2016-01-01T00:00:00.000Z",
        "expiration_date": "2092-12-31T23:59:59.000Z",
        "validity_timeframe": {"duration": "PT1H", "interval": "P2D"},
        "validity_day_of_week": [1, 2, 3, 4, 5],
        "active": False,
        "additional_info": "inactive until enabled",
        "metadata": {"test": True, "locale": "de-en", "deep": [{"a": None}]},
        "extensions": {"auto_apply": False},
    }
    body = sent | {"redemption": {"quantity": 10}, "validation_rules": [rule["id"]]}
    answer = created(api.post(f"/v1/vouchers/{quote(code, safe='')}", json=body))
    assert set(answer) == KEYS | {"extensions"}
    path = f"/v1/vouchers/{quote(code, safe='')}"
    for _ in range(4):
        assert created(api.get(path)) == answer
    assert created(api.get(f"/v1/vouchers/{answer['id']}")) == answer
    assert {name: answer[name] for name in sent} == sent
    assert answer["redemption"] == {
        "quantity": 10,
        "redeemed_quantity": 0,
        "object": "list",
        "url": f"{path}/redemptions?page=1&limit=10",
    }
    assert answer["publish"] == {"object": "list", "count": 0, "url": f"{path}/publications?page=1&limit=10"}
    (assignment,) = answer["validation_rules_assignments"]["data"]
    assert (assignment["rule_id"], assignment["related_object_id"]) == (rule["id"], answer["id"])
    assert answer["categories"][0]["id"] == answer["category_id"]
    assert VouchersCreateResponseBody.from_dict(answer).code == code


def test_a_gift_card_has_a_balance(api):
    """A new gift card's balance is its amount; amounts are whole numbers on the wire."""
    sent = {"type": "GIFT_VOUCHER", "gift": {"amount": 10000.0}, "code_config": {"pattern": "GIFT-####"}}
    answer = created(api.post("/v1/vouchers", json=sent))
    assert answer["code"].startswith("GIFT-")
    assert answer["gift"] == {
        "amount": 10000,
        "subtracted_amount": 0,
        "balance": 10000,
        "effect": "APPLY_TO_ORDER",
    }
    assert isinstance(answer["gift"]["amount"], int)
    assert (answer["discount"], answer["redemption"]["redeemed_amount"]) == (None, 0)
    assert VouchersCreateResponseBody.from_dict(answer).gift.balance == 10000


def test_a_random_code_follows_its_configuration(api):
    """Pattern, prefix, postfix and charset shape the code that is drawn."""
    config = {"pattern": "A-###", "prefix": "pre-", "postfix": "-post", "charset": "xyz"}
    codes = set()
    for _ in range(5):
        answer = created(api.post("/v1/vouchers", json={"discount": percent_off(1), "code_config": config}))
        code = answer["code"]
        assert code.startswith("pre-A-")
        assert code.endswith("-post")
        assert set(code[6:9]) <= set("xyz")
        codes.add(code)
    assert len(codes) == 5


def test_a_voucher_joins_its_campaign(api):
    """With a campaign named by id or name, the code is the campaign's and has its terms."""
    sent = {"name": unique("c"), "voucher": {"discount": percent_off(33), "redemption": {"quantity": 4}}}
    campaign = created(api.post("/v1/campaigns", json=sent))
    by_name = created(api.post("/v1/vouchers", json={"campaign": campaign["name"], "code": unique("A")}))
    by_id = created(api.post(f"/v1/vouchers/{unique('B')}", json={"campaign_id": campaign["id"]}))
    for voucher in (by_name, by_id):
        assert (voucher["campaign"], voucher["campaign_id"]) == (campaign["name"], campaign["id"])
        assert voucher["discount"] == percent_off(33)
        assert voucher["redemption"]["quantity"] == 4
    own = {"campaign_id": campaign["id"], "discount": percent_off(1), "redemption": {"quantity": None}}
    different = created(api.post("/v1/vouchers", json=own))
    assert (different["discount"], different["redemption"]["quantity"]) == (percent_off(1), None)
    assert created(api.get(f"/v1/campaigns/{campaign['id']}"))["vouchers_count"] == 3


def test_explicit_nulls_are_absent(api):
    """A null for what may be left out means that it was left out."""
    names = ("campaign", "campaign_id", "metadata", "category", "gift", "start_date", "code_config")
    answer = created(api.post("/v1/vouchers", json={"discount": percent_off(1)} | dict.fromkeys(names)))
    assert (answer["campaign"], answer["metadata"], answer["start_date"]) == (None, {}, None)


@pytest.mark.parametrize(
    ("body", "status", "key"),
    [
        ({}, 400, "invalid_voucher"),
        ({"type": "GIFT_VOUCHER"}, 400, "invalid_voucher"),
        ({"type": "NOPE"}, 400, "invalid_payload"),
        ({"loyalty_card": {"points": 1}}, 400, "invalid_voucher"),
        ({"discount": {"type": "PERCENT", "percent_off": "ten"}}, 400, None),
        ({"gift": {"amount": -1}}, 400, "invalid_payload"),
        ({"gift": {"amount": 10.5}}, 400, "invalid_payload"),
        ({"gift": {"amount": 10**13}}, 400, "invalid_payload"),
        ({"discount": percent_off(1), "redemption": {"quantity": -1}}, 400, "invalid_payload"),
        ({"discount": percent_off(1), "redemption": {"quantity": 1.5}}, 400, "invalid_payload"),
        ({"discount": percent_off(1), "campaign": "no such"}, 404, "not_found"),
        ({"discount": percent_off(1), "validation_rules": ["val_no"]}, 404, "not_found"),
        ({"discount": percent_off(1), "code": " "}, 400, "invalid_voucher"),
        ({"discount": percent_off(1), "code": "a\nb"}, 400, "invalid_voucher"),
        ({"discount": percent_off(1), "metadata": []}, 400, "invalid_payload"),
    ],
)
def test_400_for_what_is_no_voucher(api, body, status, key):
    """Bad input is refused with its key and leaves nothing behind."""
    before = created(api.get("/v1/vouchers"))["total"]
    answer = api.post("/v1/vouchers", json=body)
    assert answer.status_code == status, answer.text
    if key is not None:
        assert answer.json()["key"] == key
    assert created(api.get("/v1/vouchers"))["total"] == before


def test_409_when_the_code_is_taken(api, stranger):
    """One code, one voucher; another project's codes are another project's."""
    code = unique("CODE")
    created(api.post(f"/v1/vouchers/{code}", json={"discount": percent_off(1)}))
    for answer in (
        api.post(f"/v1/vouchers/{code}", json={"discount": percent_off(1)}),
        api.post("/v1/vouchers", json={"discount": percent_off(1), "code": code}),
    ):
        assert (answer.status_code, answer.json()["key"]) == (409, "duplicate_found")
        assert answer.json()["details"] == f"Duplicated voucher exists with id {code}"
    created(stranger.post(f"/v1/vouchers/{code}", json={"discount": percent_off(1)}))


def test_no_code_is_drawn_for_a_generic_campaign(api):
    """A STANDALONE campaign has the code that was chosen for it."""
    _, campaign_id = public_code(api, percent_off(1))
    answer = api.post("/v1/vouchers", json={"campaign_id": campaign_id})
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_campaign")
    assert answer.json()["details"] == "You can not generate vouchers for STANDALONE type campaign."
