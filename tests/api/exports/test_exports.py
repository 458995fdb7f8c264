"""Exports: /v1/exports and the exports that other paths start."""

import csv
import io
import json
import time

import httpx
import pytest
import voucherify
from voucherify import models

from tests.support.shop import created, gift_card, percent_off, redeem, single_voucher, unique

SECONDS_MAX = 180.0


def ended(api, response):
    """The export, once it is written."""
    export_id = created(response)["id"]
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        export = created(api.get(f"/v1/exports/{export_id}"))
        if export["status"] in ("DONE", "ERROR"):
            assert export["status"] == "DONE", export
            return export
        assert time.monotonic() < deadline, export
        time.sleep(0.05)


def export(api, exported_object, path="/v1/exports", **parameters):
    return ended(api, api.post(path, json={"exported_object": exported_object, "parameters": parameters}))


def file_of(server, made):
    """By its address alone, without any key."""
    answer = httpx.get(server.base_url + made["result"]["url"])
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


def rows_of(server, made):
    return list(csv.DictReader(io.StringIO(file_of(server, made))))


def test_codes_in_the_fields_the_order_and_the_filter_that_were_asked_for(server, api):
    """CSV with titles and major units; the token opens the file, a wrong one does not."""
    shop = unique("shop")
    codes = sorted(
        single_voucher(api, percent_off(12.5), metadata={"shop": shop, "n": number})["code"]
        for number in range(3)
    )
    single_voucher(api, percent_off(5), metadata={"shop": "other"})
    made = export(
        api,
        "voucher",
        order="code",
        fields=["code", "voucher_type", "value", "discount_type", "active", "metadata.shop", "metadata"],
        filters={"junction": "and", "metadata.shop": {"conditions": {"$is": [shop]}}},
    )
    assert (made["object"], made["exported_object"], made["channel"]) == ("export", "voucher", "API")
    rows = rows_of(server, made)
    assert [row["Code"] for row in rows] == codes
    assert list(rows[0]) == ["Code", "Voucher Type", "Value", "Discount Type", "Active", "shop", "Metadata"]
    assert (rows[0]["Value"], rows[0]["Active"], rows[0]["shop"]) == ("12.5", "true", shop)
    assert json.loads(rows[0]["Metadata"])["shop"] == shop
    token = made["result"]["url"].partition("token=")[2]
    again = api.get(f"/v1/exports/{made['id']}", params={"token": token})
    assert again.text == file_of(server, made)
    for path in (f"/v1/exports/{made['id']}", f"/downloads/exports/{made['id']}"):
        assert api.get(path, params={"token": token[:-2] + "xx"}).status_code == 401
    assert httpx.get(f"{server.base_url}/downloads/exports/{made['id']}").status_code == 401


@pytest.mark.parametrize(
    ("form", "titles"),
    [("CSV", ["Code", "QR Code", "Bar Code"]), ("NDJSON", ["code", "qr_code", "bar_code"])],
)
def test_pictures_of_codes_by_their_addresses(server, api, form, titles):
    """The addresses in a file are those that the code itself has, and they open without a key."""
    voucher = single_voucher(api, percent_off(10), metadata={"lot": unique("lot")})
    made = export(
        api,
        "voucher",
        response_format=form,
        fields=["code", "qr_code", "bar_code"],
        filters={"code": {"conditions": {"$is": [voucher["code"]]}}},
    )
    (row,) = rows_of(server, made) if form == "CSV" else [json.loads(file_of(server, made))]
    pictures = [voucher["assets"][name]["url"] for name in ("qr", "barcode")]
    assert list(row.values()) == [voucher["code"], *pictures]
    assert list(row) == titles
    for picture in pictures:
        shown = httpx.get(server.base_url + "/v1/" + picture.partition("/v1/")[2])
        assert shown.headers["content-type"] == "image/png"


def test_a_file_longer_than_one_slice_has_every_row_once(server, api):
    """1 100 codes in three slices, as NDJSON in minor units, in either direction."""
    body = {
        "name": unique("big"),
        "vouchers_count": 1_100,
        "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 1_234}, "redemption": {"quantity": 1}},
    }
    campaign = created(api.post("/v1/campaigns", json=body))
    deadline = time.monotonic() + SECONDS_MAX
    while created(api.get(f"/v1/campaigns/{campaign['id']}"))["vouchers_generation_status"] != "DONE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    only = {"campaign_id": {"conditions": {"$is": [campaign["id"]]}}}
    asked = {"fields": ["id", "code", "value", "gift_balance", "campaign"], "filters": only}
    made = export(api, "voucher", response_format="NDJSON", order="created_at", **asked)
    rows = [json.loads(line) for line in file_of(server, made).splitlines()]
    assert len({row["code"] for row in rows}) == len(rows) == 1_100
    assert rows[0] == {
        "id": rows[0]["id"],
        "code": rows[0]["code"],
        "value": 1_234,
        "gift_balance": 1_234,
        "campaign": body["name"],
    }
    backwards = rows_of(server, export(api, "voucher", order="-created_at", **asked))
    assert [row["Code"] for row in backwards] == [row["code"] for row in rows[::-1]]
    assert backwards[0]["Value"] == "12.34"


def test_redemptions_publications_customers_and_orders(server, api):
    """What was acknowledged before the export was asked for is in it."""
    source_id = unique("buyer")
    code = single_voucher(api, percent_off(10))["code"]
    buyer = {"source_id": source_id, "name": "Ann", "address": {"city": "Bonn"}}
    done = redeem(api, code, customer=buyer)
    published = single_voucher(api, percent_off(10))["code"]
    created(api.post("/v1/publications", json={"voucher": published, "customer": {"source_id": source_id}}))
    customer_id = done["redemptions"][0]["customer_id"]
    mine = {"filters": {"customer_id": {"conditions": {"$is": [customer_id]}}}}
    (row,) = rows_of(
        server,
        export(
            api,
            "redemption",
            fields=["id", "voucher_code", "order_amount", "result", "customer_name"],
            **mine,
        ),
    )
    assert (row["Voucher Code"], row["Order Amount"], row["Customer Name"]) == (code, "100.00", "Ann")
    (row,) = rows_of(
        server, export(api, "publication", fields=["code", "channel", "customer_source_id"], **mine)
    )
    assert (row["Code"], row["Channel"], row["Customer Source ID"]) == (published, "API", source_id)
    only = {"filters": {"source_id": {"conditions": {"$in": [source_id]}}}}
    fields = ["source_id", "address_city", "orders_total_amount", "redemptions_total_redeemed"]
    (row,) = rows_of(server, export(api, "customer", fields=fields, **only))
    assert list(row.values()) == [source_id, "Bonn", "90.00", "1"] or row["Address City"] == "Bonn"
    assert row["Redemptions Total Redeemed"] == "1"
    made = ended(
        api, api.post("/v1/orders/export", json={"parameters": {"fields": ["id", "total_amount"], **mine}})
    )
    (row,) = rows_of(server, made)
    assert (row["ID"], row["Total Amount"]) == (done["order"]["id"], "90.00")


def test_movements_of_gift_cards(server, api):
    """Of one card, and of no other."""
    card, other = gift_card(api, 5_000)["code"], gift_card(api, 5_000)["code"]
    for code in (card, other):
        redeem(api, code, order={"amount": 1_000})
    made = ended(api, api.post(f"/v1/vouchers/{card}/transactions/export", json={}))
    (row,) = rows_of(server, made)
    assert (row["Type"], row["Amount"], row["Balance"]) == ("CREDITS_REDEMPTION", "-10.00", "40.00")
    assert api.post("/v1/vouchers/nobody/transactions/export", json={}).status_code == 404
    assert api.post("/v1/campaigns/nobody/transactions/export").status_code == 404


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"exported_object": "weather"}, "invalid_payload"),
        ({"parameters": {}}, "invalid_payload"),
        ({"exported_object": "voucher", "parameters": {"fields": ["weather"]}}, "invalid_export_fields"),
        ({"exported_object": "voucher", "parameters": {"order": "weather"}}, "invalid_payload"),
        ({"exported_object": "voucher", "parameters": {"filters": {"x": {}}}}, "invalid_payload"),
        ({"exported_object": "voucher", "parameters": {"filters": {"x": "text"}}}, "invalid_payload"),
        (
            {"exported_object": "voucher", "parameters": {"filters": {"x": {"conditions": {"$is": ["1"]}}}}},
            "invalid_query_params",
        ),
    ],
)
def test_what_cannot_be_exported_is_refused(api, body, key):
    """Before anything is written."""
    before = created(api.get("/v1/exports"))["total"]
    assert api.post("/v1/exports", json=body).json()["key"] == key
    assert created(api.get("/v1/exports"))["total"] == before


def test_exports_are_listed_and_removed(server, api, stranger):
    """Newest first; a removed one is gone with its file; another project sees neither."""
    made = export(api, "customer")
    assert created(api.get("/v1/exports", params={"limit": 1}))["exports"] == [made]
    assert stranger.get(f"/v1/exports/{made['id']}").status_code == 404
    assert stranger.delete(f"/v1/exports/{made['id']}").status_code == 404
    assert api.delete(f"/v1/exports/{made['id']}").status_code == 204
    assert api.delete(f"/v1/exports/{made['id']}").status_code == 404
    assert httpx.get(server.base_url + made["result"]["url"]).status_code == 401


def test_the_official_client(official):
    """Create, read, download, list and delete parse."""
    exports = voucherify.ExportsApi(official)
    body = models.ExportsCreateRequestBody.from_dict(
        {"exported_object": "voucher", "parameters": {"order": "code"}}
    )
    made = exports.create_export(body)
    deadline = time.monotonic() + SECONDS_MAX
    while exports.get_export(made.id).status != "DONE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    token = exports.get_export(made.id).result.url.partition("token=")[2]
    assert exports.download_export(made.id, token=token).startswith("Code,Voucher Type,Value")
    assert made.id in [row.id for row in exports.list_exports(limit=1).exports]
    exports.delete_export(made.id)
    voucherify.OrdersApi(official).create_order_export(models.OrdersExportCreateRequestBody.from_dict({}))
