"""Imports and bulk updates: /v1/vouchers/import..., /v1/campaigns/{id}/import..., .../async."""

import time

import pytest
import voucherify
from voucherify import models

from tests.support.shop import created, percent_off, public_code, redeem, single_voucher, unique

SECONDS_MAX = 30.0


def ended(api, response):
    """The action, once it is done."""
    action_id = created(response)["async_action_id"]
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        action = created(api.get(f"/v1/async-actions/{action_id}"))
        if action["status"] in ("DONE", "FAILED"):
            return action
        assert time.monotonic() < deadline, action
        time.sleep(0.05)


def campaign(api, **changes):
    body = {
        "name": unique("campaign"),
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10), "redemption": {"quantity": 1}},
    }
    return created(api.post("/v1/campaigns", json=body | changes))


def gift_campaign(api):
    return campaign(api, voucher={"type": "GIFT_VOUCHER", "gift": {"amount": 5_000}})


def send_csv(api, path, content):
    raw = content if isinstance(content, bytes) else content.encode()
    return api.post(path, files={"file": ("codes.csv", raw, "text/csv")})


def test_single_vouchers_are_imported_row_by_row(api):
    """What fits is there as it was sent, on any worker; each other row says why it is not."""
    coupon, card, plain = unique("C"), unique("G"), unique("P")
    rows = [
        {
            "code": coupon,
            "category": "Imported",
            "active": False,
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "PERCENT", "percent_off": 12.5, "effect": "APPLY_TO_ORDER"},
            "start_date": "2020-01-01T00:00:00.000Z",
            "expiration_date": "2092-03-11",
            "validity_day_of_week": [1, 2],
            "redemption": {"quantity": 7},
            "additional_info": "info",
            "metadata": {"shop": "A"},
        },
        {"code": card, "type": "GIFT_VOUCHER", "gift": {"amount": 10_000, "balance": 7_000}},
        {"code": coupon, "type": "DISCOUNT_VOUCHER", "discount": percent_off(5)},
        {"code": unique("bad"), "type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT"}},
        {"code": unique("bad"), "type": "GIFT_VOUCHER", "gift": {"amount": -1}},
        {"code": unique("bad"), "discount": percent_off(5), "start_date": "tomorrow"},
        {"code": plain, "discount": {"type": "AMOUNT", "amount_off": 100}},
    ]
    action = ended(api, api.post("/v1/vouchers/import", json=rows))
    assert (action["type"], action["operation_status"], action["progress"]) == (
        "VOUCHERS.IMPORT",
        "SUCCESS",
        100,
    )
    assert (action["result"]["done_count"], action["result"]["failed_count"]) == (3, 4)
    assert [row["code"] for row in action["result"]["failed"]] == [row["code"] for row in rows[2:6]]
    assert all(row["reason"] for row in action["result"]["failed"])
    for _ in range(4):
        read = created(api.get(f"/v1/vouchers/{coupon}"))
        assert read["discount"]["percent_off"] == 12.5
        assert (read["category"], read["active"], read["additional_info"]) == ("Imported", False, "info")
        assert (read["redemption"]["quantity"], read["metadata"]) == (7, {"shop": "A"})
        assert read["expiration_date"] == "2092-03-11T23:59:59.999Z"
        assert (read["campaign"], read["validity_day_of_week"]) == (None, [1, 2])
    gift = created(api.get(f"/v1/vouchers/{card}"))
    assert (gift["gift"]["amount"], gift["gift"]["balance"]) == (10_000, 7_000)
    assert gift["redemption"]["redeemed_amount"] == 3_000
    assert redeem(api, plain)["order"]["total_discount_amount"] == 100
    assert redeem(api, card)["order"]["total_discount_amount"] == 7_000


def test_a_file_of_single_vouchers_makes_and_updates(api):
    """Headers as published; unknown ones are metadata; a single voucher that exists is updated everywhere."""
    old = single_voucher(api, percent_off(10), metadata={"keep": "1"})["code"]
    foreign, _ = public_code(api, percent_off(10))
    new, card = unique("NEW"), unique("CARD")
    text = (
        "Code,Voucher Type,Value,Discount Type,Category,Start Date,Expiration Date,Redemption Limit,"
        "Redeemed Quantity,Redeemed Amount,Active,Additional Info,Shop\r\n"
        f'{new},DISCOUNT_VOUCHER,15.00,AMOUNT,Sale,2020-01-01T00:00,2092-01-01,5,2,,true,"a, b",Berlin\r\n'
        f"{card},GIFT_VOUCHER,90,,,,,,,10.00,,,\r\n"
        f"{old},DISCOUNT_VOUCHER,20,PERCENT,,,,,,,,,Paris\r\n"
        f"{foreign},DISCOUNT_VOUCHER,20,PERCENT,,,,,,,,,\r\n"
        f"{unique('x')},,,,,,,,,,,,\r\n"
        f"{unique('x')},DISCOUNT_VOUCHER,many,AMOUNT,,,,,,,,,"
    )
    assert redeem(api, old)["order"]["total_discount_amount"] == 1_000
    action = ended(api, send_csv(api, "/v1/vouchers/importCSV", text))
    assert (action["status"], action["type"]) == ("DONE", "VOUCHERS.IMPORT_CSV")
    assert (action["result"]["done_count"], action["result"]["failed_count"]) == (3, 3)
    reasons = {row["row"]: row["reason"] for row in action["result"]["failed"]}
    assert set(reasons) == {4, 5, 6}
    assert reasons[5] == "Voucher Type is required"
    read = created(api.get(f"/v1/vouchers/{new}"))
    assert (read["discount"]["amount_off"], read["category"], read["additional_info"]) == (
        1_500,
        "Sale",
        "a, b",
    )
    assert (read["redemption"]["quantity"], read["redemption"]["redeemed_quantity"]) == (5, 2)
    assert read["metadata"] == {"Shop": "Berlin"}
    assert created(api.get(f"/v1/vouchers/{card}"))["gift"]["balance"] == 8_000
    for _ in range(4):
        assert redeem(api, old)["order"]["total_discount_amount"] == 2_000
    assert created(api.get(f"/v1/vouchers/{old}"))["metadata"] == {"keep": "1", "Shop": "Paris"}
    for _ in range(3):
        assert redeem(api, new)["order"]["total_discount_amount"] == 1_500
    spent = api.post(
        "/v1/redemptions",
        json={"redeemables": [{"object": "voucher", "id": new}], "order": {"amount": 5_000}},
    )
    assert spent.json()["key"] == "quantity_exceeded"


BROKEN = {
    "no code": ",DISCOUNT_VOUCHER,5,AMOUNT,,,,",
    "a code that is too long": "x" * 600 + ",DISCOUNT_VOUCHER,5,AMOUNT,,,,",
    "a cell too few": "{code},DISCOUNT_VOUCHER,5,AMOUNT,,",
    "a cell too many": "{code},DISCOUNT_VOUCHER,5,AMOUNT,,,,,",
    "one cell alone": "{code}",
    "another delimiter": "{code};DISCOUNT_VOUCHER;5;AMOUNT;;;",
    "bytes that are no UTF-8": b"{code},DISCOUNT_VOUCHER,5,AMOUNT,,,\xff,",
    "the character U+0000": "{code},DISCOUNT_VOUCHER,5,AMOUNT,,,a\0b,",
    "a cell that is too long": "{code},DISCOUNT_VOUCHER,5,AMOUNT,,," + "y" * 10_001 + ",",
    "a cell beyond what a reader holds": "{code},DISCOUNT_VOUCHER,5,AMOUNT,,," + "z" * 140_000 + ",",
    "a quote that is never closed": '"{code},DISCOUNT_VOUCHER,5,AMOUNT,,,,',
    "text behind a closing quote": '"{code}"x,DISCOUNT_VOUCHER,5,AMOUNT,,,,',
    "a value in words": "{code},DISCOUNT_VOUCHER,much,AMOUNT,,,,",
    "a value below zero": "{code},DISCOUNT_VOUCHER,-5,AMOUNT,,,,",
    "half a cent": "{code},DISCOUNT_VOUCHER,5.005,AMOUNT,,,,",
    "a value that is no number": "{code},DISCOUNT_VOUCHER,NaN,AMOUNT,,,,",
    "a value beyond all bounds": "{code},GIFT_VOUCHER,1e30,,,,,",
    "a discount without a value": "{code},DISCOUNT_VOUCHER,,AMOUNT,,,,",
    "a value without a discount": "{code},DISCOUNT_VOUCHER,5,,,,,",
    "a discount of no kind": "{code},DISCOUNT_VOUCHER,5,CASH,,,,",
    "a voucher of no kind": "{code},COUPON,,,,,,",
    "neither yes nor no": "{code},DISCOUNT_VOUCHER,5,AMOUNT,maybe,,,",
    "half a use": "{code},DISCOUNT_VOUCHER,5,AMOUNT,,1.5,,",
    "a category that is too long": "{code},DISCOUNT_VOUCHER,5,AMOUNT,,,," + "c" * 1_001,
}


def test_malformed_rows_are_refused_alone(api):
    """Each of more than twenty kinds says its row and why, stores nothing of it, and leaves its neighbours
    whole.
    """
    assert len(BROKEN) >= 20
    lines = [b"Code,Voucher Type,Value,Discount Type,Active,Redemption Limit,Shop,Category"]
    broken, sound = [], []
    for number, line in enumerate(BROKEN.values()):
        broken.append(unique(f"broken{number}"))
        raw = line if isinstance(line, bytes) else line.encode()
        lines.append(raw.replace(b"{code}", broken[-1].encode()))
        sound.append(unique(f"sound{number}"))
        lines.append(f"{sound[-1]},DISCOUNT_VOUCHER,5,AMOUNT,,,,".encode())
    result = ended(api, send_csv(api, "/v1/vouchers/importCSV", b"\n".join(lines)))["result"]
    assert result["failed_count"] == len(BROKEN), result
    assert [one["row"] for one in result["failed"]] == list(range(1, 2 * len(BROKEN), 2))
    assert all(one["reason"] for one in result["failed"])
    assert result["done_count"] == len(sound)
    page = created(api.get("/v1/vouchers", params={"limit": 100, "order": "-created_at"}))["vouchers"]
    listed = {one["code"] for one in page}
    assert set(sound) <= listed
    assert not set(broken) & listed


def test_codes_are_imported_to_a_campaign(api):
    """They have the campaign's terms, count as its vouchers, and may be a used gift card."""
    made = campaign(api)
    codes = [unique("IMP") for _ in range(3)]
    rows = [{"code": code, "metadata": {"n": 1}} for code in codes[:2]]
    action = ended(api, api.post(f"/v1/campaigns/{made['name']}/import", json=rows))
    assert (action["type"], action["result"]["done_count"]) == ("CAMPAIGN.VOUCHERS_IMPORT", 2)
    text = f"Code;Active;Shop\n{codes[2]};false;Rome\n"
    action = ended(api, send_csv(api, f"/v1/campaigns/{made['id']}/importCSV", text))
    assert (action["type"], action["result"]["done_count"]) == ("CAMPAIGN.VOUCHERS_IMPORT_CSV", 1)
    assert created(api.get(f"/v1/campaigns/{made['id']}"))["vouchers_count"] == 3
    read = created(api.get(f"/v1/vouchers/{codes[2]}"))
    assert (read["active"], read["campaign"], read["metadata"]) == (False, made["name"], {"Shop": "Rome"})
    assert redeem(api, codes[0])["order"]["total_discount_amount"] == 1_000
    gifts, card = gift_campaign(api), unique("CARD")
    text = f"Code,Gift Amount,Redeemed Amount,Redeemed Quantity\n{card},80,30.0,2\n{unique('C')},1,2,\n"
    action = ended(api, send_csv(api, f"/v1/campaigns/{gifts['id']}/importCSV", text))
    assert (action["result"]["done_count"], action["result"]["failed_count"]) == (1, 1)
    read = created(api.get(f"/v1/vouchers/{card}"))
    assert (read["gift"]["amount"], read["gift"]["balance"]) == (8_000, 5_000)
    assert redeem(api, card)["order"]["total_discount_amount"] == 5_000


@pytest.mark.parametrize("forced", [True, False])
def test_a_code_that_was_deleted_can_be_imported_again(api, forced):
    """For good is for good: the code works anew on every worker. In the bin it stays reserved."""
    code = single_voucher(api, percent_off(10))["code"]
    redeem(api, code)
    assert api.delete(f"/v1/vouchers/{code}", params={"force": forced}).status_code == 204
    rows = [{"code": code, "type": "DISCOUNT_VOUCHER", "discount": percent_off(30)}]
    action = ended(api, api.post("/v1/vouchers/import", json=rows))
    assert action["result"]["done_count"] == int(forced)
    for _ in range(4 if forced else 0):
        assert redeem(api, code)["order"]["total_discount_amount"] == 3_000


def test_what_is_no_import_is_refused_before_it_starts(api):
    """No code, codes that exist, no rows, no file, no header, campaigns without a pool: nothing is made."""
    made, code = campaign(api), unique("TWICE")
    path = f"/v1/campaigns/{made['id']}"
    _, standalone = public_code(api, percent_off(10))
    promotion = created(api.post("/v1/campaigns", json={"name": unique("p"), "campaign_type": "PROMOTION"}))
    created(api.post(f"{path}/vouchers/{code}", json={}))
    for answer, key in (
        (api.post(f"{path}/import", json=[{"code": code}]), "duplicate_key"),
        (api.post(f"{path}/import", json=[{"code": "A1"}, {"code": "A1"}]), "duplicate_key"),
        (api.post(f"{path}/import", json=[{"metadata": {}}]), "invalid_voucher"),
        (api.post(f"{path}/import", json=[]), "invalid_payload"),
        (api.post(f"{path}/import", json=[{"code": 5}]), "invalid_payload"),
        (api.post(f"/v1/campaigns/{standalone}/import", json=[{"code": "A1"}]), "invalid_campaign"),
        (api.post(f"/v1/campaigns/{promotion['id']}/import", json=[{"code": "A1"}]), "invalid_campaign"),
        (send_csv(api, f"{path}/importCSV", "Name\nx\n"), "invalid_payload"),
        (send_csv(api, f"{path}/importCSV", "Code\n"), "invalid_payload"),
        (send_csv(api, f"{path}/importCSV", '"Code\nopen\n'), "invalid_payload"),
        (api.post("/v1/vouchers/importCSV", files={"other": ("x", b"Code\nA")}), "invalid_payload"),
        (api.post("/v1/campaigns/nobody/import", json=[{"code": "A1"}]), "not_found"),
    ):
        assert answer.json()["key"] == key, answer.text
    assert api.get("/v1/vouchers/A1").status_code == 404
    assert api.post("/v1/vouchers/importCSV", json={"file": "x"}).status_code == 415


def test_metadata_of_many_codes_is_laid_over_what_they_have(api):
    """Each its own, then all the same; unknown codes are reported and never made."""
    codes = [single_voucher(api, percent_off(10), metadata={"old": "1"})["code"] for _ in range(2)]
    unknown = unique("unknown")
    rows = [{"code": code, "metadata": {"n": number}} for number, code in enumerate([*codes, unknown])]
    action = ended(api, api.post("/v1/vouchers/bulk/async", json=rows))
    assert (action["type"], action["result"]["done_count"]) == ("VOUCHERS.BULK_UPDATE", 2)
    assert action["result"]["failed"] == [{"code": unknown, "reason": "Resource not found"}]
    body = {"codes": [*codes, unknown], "metadata": {"all": True}}
    action = ended(api, api.post("/v1/vouchers/metadata/async", json=body))
    assert (action["result"]["done_count"], action["result"]["failed_count"]) == (2, 1)
    for number, code in enumerate(codes):
        read = created(api.get(f"/v1/vouchers/{code}"))
        assert read["metadata"] == {"old": "1", "n": number, "all": True}
    assert api.get(f"/v1/vouchers/{unknown}").status_code == 404
    for wrong in ([], [{"code": "x"}], {"codes": [], "metadata": {}}):
        assert api.post("/v1/vouchers/bulk/async", json=wrong).status_code == 400


def test_the_official_client(official, tmp_path):
    """Both imports, of files too, and both updates are started, and their actions parse."""
    vouchers, actions = voucherify.VouchersApi(official), voucherify.AsyncActionsApi(official)
    campaigns = voucherify.CampaignsApi(official)
    code = unique("OFF")
    row = {"code": code, "type": "GIFT_VOUCHER", "gift": {"amount": 100, "balance": 100}}
    started = [vouchers.import_vouchers([models.VouchersImportCreateItemRequestBody.from_dict(row)])]
    file = tmp_path / "codes.csv"
    file.write_text(f"Code,Voucher Type,Value\n{unique('CSV')},GIFT_VOUCHER,100")
    started.append(vouchers.import_vouchers_using_csv(file=str(file)))
    update = models.VouchersUpdateInBulkItemRequestBody(code=code, metadata={"a": 1})
    started.append(vouchers.update_vouchers_in_bulk([update]))
    same = models.VouchersMetadataUpdateInBulkRequestBody(codes=[code], metadata={"b": 2})
    started.append(vouchers.update_vouchers_metadata_in_bulk(same))
    made = campaigns.create_campaign(
        models.CampaignsCreateRequestBody.from_dict(
            {"name": unique("c"), "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(5)}}
        )
    )
    file.write_text(f"Code\n{unique('CSV')}")
    started.append(campaigns.import_vouchers_to_campaign_using_csv(made.id, file=str(file)))
    for one in started:
        deadline = time.monotonic() + SECONDS_MAX
        while actions.get_async_action(one.async_action_id).status != "DONE":
            assert time.monotonic() < deadline
            time.sleep(0.05)
    listed = {row.id for row in actions.list_async_actions(limit=100).async_actions}
    assert {one.async_action_id for one in started} <= listed


def test_what_was_redeemed_elsewhere_is_counted_once(api):
    """An imported code and an imported card go on from where they were, in counts, balance and movements."""
    coupon, card = unique("C"), unique("G")
    rows = [
        {
            "code": coupon,
            "type": "DISCOUNT_VOUCHER",
            "discount": percent_off(10),
            "redemption": {"quantity": 5, "redeemed_quantity": 3},
        },
        {"code": card, "type": "GIFT_VOUCHER", "gift": {"amount": 10_000, "balance": 7_000}},
    ]
    assert ended(api, api.post("/v1/vouchers/import", json=rows))["result"]["done_count"] == 2
    redeem(api, coupon)
    assert created(api.get(f"/v1/vouchers/{coupon}"))["redemption"]["redeemed_quantity"] == 4
    added = created(api.post(f"/v1/vouchers/{card}/balance", json={"amount": 500}))
    assert (added["total"], added["balance"]) == (10_500, 7_500)
    gift = created(api.get(f"/v1/vouchers/{card}"))["gift"]
    assert (gift["amount"], gift["balance"]) == (10_500, 7_500)
    (movement,) = created(api.get(f"/v1/vouchers/{card}/transactions"))["data"]
    assert movement["details"]["balance"]["total"] == 10_500
