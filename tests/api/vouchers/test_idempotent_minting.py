"""P3 for codes: the same request under the same Idempotency-Key makes codes once and is answered once."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.support.server import RunningServer
from tests.support.shop import amount_off, created, percent_off, unique

COUPON = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10)}


def campaign(api: httpx.Client) -> str:
    body = {
        "name": unique("minted"),
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE",
        "voucher": COUPON,
    }
    return str(created(api.post("/v1/campaigns", json=body))["id"])


def requests_of(api: httpx.Client) -> dict[str, tuple[str, Any]]:
    """Every way to make codes: path and body."""
    campaign_id = campaign(api)
    name = unique("campaign")
    return {
        "random": ("/v1/vouchers", COUPON),
        "chosen": (f"/v1/vouchers/{unique('CHOSEN')}", COUPON),
        "campaign": (
            "/v1/campaigns",
            {"name": name, "campaign_type": "DISCOUNT_COUPONS", "vouchers_count": 3, "voucher": COUPON},
        ),
        "added": (f"/v1/campaigns/{campaign_id}/vouchers", {}),
        "many": (f"/v1/campaigns/{campaign_id}/vouchers?vouchers_count=5", {}),
        "imported": ("/v1/vouchers/import", [{"code": unique("IN"), **COUPON, "category": unique("cat")}]),
        "imported to a campaign": (f"/v1/campaigns/{campaign_id}/import", [{"code": unique("IN")}]),
        "named": (f"/v1/campaigns/{campaign_id}/vouchers/{unique('NAMED')}", {}),
    }


@pytest.mark.parametrize(
    "way", ["random", "chosen", "campaign", "added", "many", "named", "imported", "imported to a campaign"]
)
def test_a_repeated_request_makes_nothing_new(api: httpx.Client, way: str) -> None:
    """Byte for byte the first answer, with the header that says so; another body is 422."""
    path, body = requests_of(api)[way]
    headers = {"Idempotency-Key": unique("key")}
    first = api.post(path, json=body, headers=headers)
    again = api.post(path, json=body, headers=headers)
    assert first.is_success, first.text
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    changed = [*body, *body] if isinstance(body, list) else {**body, "metadata": {"other": True}}
    other = api.post(path, json=changed, headers=headers)
    assert (other.status_code, other.json()["key"]) == (422, "idempotency_key_reused")


def test_a_refused_request_is_decided_again(api: httpx.Client) -> None:
    """Only what was done is kept: the same key succeeds when nothing stands in its way any more."""
    code = unique("TAKEN")
    created(api.post(f"/v1/vouchers/{code}", json=COUPON))
    headers = {"Idempotency-Key": unique("key")}
    assert api.post(f"/v1/vouchers/{code}", json=COUPON, headers=headers).status_code == 409
    assert api.delete(f"/v1/vouchers/{code}?force=true").status_code == 204
    assert api.post(f"/v1/vouchers/{code}", json=COUPON, headers=headers).status_code == 200


def test_keys_are_of_an_operation_and_a_project(api: httpx.Client, stranger: httpx.Client) -> None:
    """The same text is another key on another path, and in another project."""
    headers = {"Idempotency-Key": "same-everywhere"}
    one = created(api.post("/v1/vouchers", json=COUPON, headers=headers))
    path = f"/v1/vouchers/{unique('OTHER')}"
    two = created(api.post(path, json={**COUPON, "discount": amount_off(5)}, headers=headers))
    three = created(stranger.post("/v1/vouchers", json=COUPON, headers=headers))
    assert len({one["id"], two["id"], three["id"]}) == 3


async def test_twenty_at_once_make_one(
    api: httpx.Client, async_api: httpx.AsyncClient, server: RunningServer
) -> None:
    """On both workers: one code is made, and everybody is told the same one."""
    campaign_id = await asyncio.to_thread(campaign, api)
    path, headers = f"/v1/campaigns/{campaign_id}/vouchers", {"Idempotency-Key": unique("key")}
    answers = await asyncio.gather(*(async_api.post(path, json={}, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    listed = created(await async_api.get("/v1/vouchers", params={"campaign_id": campaign_id}))
    assert listed["total"] == 1
    with closing(sqlite3.connect(server.data_dir / "vouchsafe.db")) as database:
        (unanswered,) = database.execute(
            "SELECT count(*) FROM idempotent_answers WHERE status = 0"
        ).fetchone()
    assert unanswered == 0


@pytest.mark.parametrize("place", ["vouchers", "campaign", "customers", "products", "skus"])
def test_a_file_sent_again_is_imported_once(api: httpx.Client, place: str) -> None:
    """Clients draw another boundary each time that they send a form: it is the file that counts."""
    path = f"/v1/campaigns/{campaign(api)}/importCSV" if place == "campaign" else f"/v1/{place}/importCSV"
    column = {"customers": "Source_id", "products": "Name", "skus": "product_id,source_id"}.get(place, "Code")
    headers = {"Idempotency-Key": unique("key")}

    def send(text: str) -> httpx.Response:
        return api.post(path, headers=headers, files={"file": ("rows.csv", text.encode(), "text/csv")})

    row = ",".join(unique("row") for _ in column.split(","))
    text = f"{column}\n{row}\n"
    first, again = send(text), send(text)
    assert first.request.headers["Content-Type"] != again.request.headers["Content-Type"]
    assert first.is_success, first.text
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert send(text + "more\n").status_code == 422
