"""S7, S9, S10, S12, S16, S25: who is given a code, and what a page tells of it."""

import json
import struct
import time
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import segno

from tests.support.server import Project, RunningServer
from tests.support.shop import amount_off, created, percent_off, public_code, redeem, rule, unique

CART = {"amount": 5_000}
OPEN = {
    "client_trusted_domains": ["https://shop.example"],
    "client_publish_enabled": True,
    "client_list_vouchers_enabled": True,
}


@pytest.fixture(scope="module")
def project(server: RunningServer) -> Project:
    """A sandbox that is open to the shop's pages."""
    return server.create_project(unique("people"), is_sandbox=True, timezone="Europe/Berlin", settings=OPEN)


@pytest.fixture(scope="module")
def page(server: RunningServer, project: Project) -> Iterator[httpx.Client]:
    """A page of the shop: a publishable key and its origin."""
    headers = {
        "X-Client-Application-Id": project.client_id,
        "X-Client-Token": project.client_token,
        "Origin": "https://shop.example",
    }
    transport = _Patient()
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=30, transport=transport) as client:
        yield client


class _Patient(httpx.HTTPTransport):
    """Pages share the address of all tests, and its limit: what is too quick is sent again later."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        while True:
            response = super().handle_request(request)
            if response.status_code not in (429, 503):
                return response
            response.read()
            time.sleep(float(response.headers["Retry-After"]))


def campaign(api: httpx.Client, discount: dict[str, Any], **more: Any) -> str:
    """Codes that are drawn when somebody is given one; the campaign's name."""
    body = {
        "name": unique("campaign"),
        "type": "AUTO_UPDATE",
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": discount, "redemption": {"quantity": 1}},
        **more,
    }
    return str(created(api.post("/v1/campaigns", json=body))["name"])


def key_of(response: httpx.Response) -> str:
    assert response.status_code >= 400, response.text
    return str(response.json()["key"])


def test_s7_after_a_complaint_the_next_order_is_discounted_by_itself(api: httpx.Client) -> None:
    """Once, for that customer, with no code typed."""
    ann, eve = unique("ann"), unique("eve")
    name = campaign(api, amount_off(700), extensions={"auto_apply": True})
    created(api.post("/v1/publications", json={"campaign": name, "customer": {"source_id": ann}}))

    def checkout(source_id: str) -> dict[str, Any]:
        body = {"redeemables": [], "customer": {"source_id": source_id}, "order": CART}
        return created(api.post("/v1/validations?auto=true", json=body))

    found = checkout(ann)
    assert [entry["automatic"] for entry in found["redeemables"]] == [True]
    assert found["order"]["total_amount"] == 4_300
    assert checkout(eve)["redeemables"] == []
    redeem(api, found["redeemables"][0]["id"], customer={"source_id": ann}, order=CART)
    assert checkout(ann)["redeemables"] == []


def test_s9_a_landing_page_hands_out_codes_behind_an_address(api: httpx.Client, page: httpx.Client) -> None:
    """One per person, however the address is written; nothing without one, nothing to another site."""
    name = campaign(api, percent_off(15), join_once=True)
    email = f"{unique('fan')}@example.com"

    def ask(**customer: str) -> httpx.Response:
        return page.post("/client/v1/publish", json={"campaign": name, "customer": customer})

    first = created(ask(email=email))["voucher"]["code"]
    assert created(ask(email=f" {email.upper()} "))["voucher"]["code"] == first
    assert created(ask(email=f"other-{email}"))["voucher"]["code"] != first
    assert key_of(ask()) == "invalid_customer"
    stolen = page.post(
        "/client/v1/publish",
        json={"campaign": name, "customer": {"email": email}},
        headers={"Origin": "https://evil.example"},
    )
    assert stolen.status_code == 403
    body = {"redeemables": [{"object": "voucher", "id": first}], "order": CART}
    assert created(page.post("/client/v1/validations", json=body))["order"]["total_amount"] == 4_250


def test_s10_a_public_code_for_the_first_buyers(api: httpx.Client, page: httpx.Client) -> None:
    """Scheduled for the evening, "66 % claimed" on the page, sold out is not expired and not stopped."""
    hours = {"daily": [{"start_time": "18:00", "expiration_time": "22:00", "days_of_week": list(range(7))}]}
    code, campaign_id = public_code(api, amount_off(500), quantity=3, validity_hours=hours)

    def shown() -> tuple[str, int, int]:
        found = page.get(f"/client/v1/engine/campaigns/{campaign_id}/availability")
        assert found.headers["cache-control"] == "public, max-age=1"
        answer = created(found)
        return answer["status"], answer["left"], answer["percent_claimed"]

    def buy(moment: str) -> httpx.Response:
        body = {
            "redeemables": [{"object": "voucher", "id": code}],
            "customer": {"source_id": unique("buyer")},
            "order": CART,
        }
        return api.post("/v1/redemptions", json=body, headers={"Vouchsafe-Now": moment})

    noon, evening = "2026-07-01T10:00:00Z", "2026-07-01T17:00:00Z"
    assert key_of(buy(noon)) == "voucher_not_active_now"
    assert shown() == ("available", 3, 0)
    for _ in range(2):
        created(buy(evening))
    assert shown() == ("available", 1, 66)
    created(api.post(f"/v1/campaigns/{campaign_id}/disable"))
    assert key_of(buy(evening)) == "voucher_disabled"
    assert shown()[0] == "disabled"
    created(api.post(f"/v1/campaigns/{campaign_id}/enable"))
    created(buy(evening))
    assert key_of(buy(evening)) == "quantity_exceeded"
    assert shown() == ("sold_out", 0, 100)
    created(api.put(f"/v1/campaigns/{campaign_id}", json={"expiration_date": "2020-01-01T00:00:00Z"}))
    assert shown()[0] == "expired"


def test_s12_an_agent_mints_an_apology(server: RunningServer, project: Project, api: httpx.Client) -> None:
    """By e-mail alone, for one product, for that customer, within the day's budget, with a reason; a second
    one within a week needs a look.
    """
    product = created(api.post("/v1/products", json={"name": unique("kettle"), "price": 3_000}))["id"]
    only = {"name": unique("rule"), "rules": {}}
    only["applicable_to"] = {"included": [{"object": "product", "id": product}]}
    rule_id = created(api.post("/v1/validation-rules", json=only))["id"]
    minting = {"duplicate_days": 7, "duplicates": "refuse"}
    name = campaign(
        api,
        {**amount_off(1_000), "effect": "APPLY_TO_ITEMS"},
        validation_rules=[rule_id],
        extensions={"mintable": True, "minting": minting},
    )
    with httpx.Client(base_url=server.base_url, headers=_agent(server, project), timeout=30) as agent:

        def mint(email: str, **more: Any) -> httpx.Response:
            extensions = {"holder_only": True, "reason": "late parcel", "agent": "kim", **more}
            body = {"campaign": name, "customer": {"email": email}, "extensions": extensions}
            return agent.post("/v1/publications", json=body)

        ann = f"{unique('ann')}@example.com"
        made = created(mint(ann))
        assert (made["extensions"]["reason"], made["extensions"]["agent"]) == ("late parcel", "kim")
        assert key_of(mint(ann)) == "duplicate_needs_confirmation"
        assert created(mint(ann, confirmed=True))["extensions"]["warnings"]
        assert key_of(mint(f"{unique('bob')}@example.com")) == "mint_budget_exceeded"
    code = made["voucher"]["code"]
    lines = [{"product_id": product, "quantity": 1}, {"source_id": "mug", "quantity": 1, "price": 2_000}]
    body = {"redeemables": [{"object": "voucher", "id": code}], "order": {"items": lines}}
    stranger = api.post("/v1/redemptions", json={**body, "customer": {"source_id": unique("eve")}})
    assert key_of(stranger) == "customer_rules_violated"
    order = redeem(api, code, order={"items": lines}, customer={"email": ann})["order"]
    assert [line.get("discount_amount", 0) for line in order["items"]] == [1_000, 0]


def _agent(server: RunningServer, project: Project) -> dict[str, str]:
    """A key of the role SUPPORT that may hand out two codes a day."""
    made = server.command("keys", "create", "--project", project.name, "--role", "SUPPORT", "--json")
    key = json.loads(made.stdout)
    server.command("keys", "budget", key["app_id"], "--codes-per-day", "2")
    return {"X-App-Id": key["app_id"], "X-App-Token": key["app_token"]}


def test_s16_the_code_as_a_picture(api: httpx.Client, server: RunningServer) -> None:
    """In an e-mail, on an invoice, on a parcel: the addresses of the voucher open without a key and can be
    kept for ever.
    """
    code, _ = public_code(api, amount_off(500))
    assets = created(api.get(f"/v1/vouchers/{code}"))["assets"]
    for picture in ("qr", "barcode"):
        path = urlsplit(assets[picture]["url"]).path
        png, svg = (
            httpx.get(server.base_url + path, params={"size": 4, "format": kind}) for kind in ("png", "svg")
        )
        assert png.content.startswith(b"\x89PNG")
        assert svg.headers["content-type"].startswith("image/svg+xml")
        assert "immutable" in png.headers["cache-control"]
        assert code not in path
        assert httpx.get(server.base_url + path[:-1] + ("A" if path[-1] != "A" else "B")).status_code == 404
    path = urlsplit(assets["qr"]["url"]).path
    drawn = _modules(httpx.get(server.base_url + path, params={"size": 1, "format": "png"}).content)
    expected = [list(map(bool, row)) for row in segno.make_qr(code, error="m").matrix_iter(border=4)]
    assert drawn == expected


def _modules(png: bytes) -> list[list[bool]]:
    """The black pixels of a picture of one bit a pixel."""
    width, height = struct.unpack(">II", png[16:24])
    start = png.index(b"IDAT") + 4
    size = struct.unpack(">I", png[start - 8 : start - 4])[0]
    rows = zlib.decompress(png[start : start + size])
    stride = (width + 7) // 8 + 1
    return [
        [not rows[y * stride + 1 + x // 8] >> (7 - x % 8) & 1 for x in range(width)] for y in range(height)
    ]


def test_s25_the_checkout_shows_the_wallet(api: httpx.Client, page: httpx.Client) -> None:
    """One call of a page: codes, balances, what applies now, and what the cart is short of ("12.50 more")."""
    source_id = unique("ann")
    big = rule(api, "order.amount", {"$more_than_or_equal": [6_250]})
    offer, high = campaign(api, percent_off(10)), campaign(api, amount_off(900), validation_rules=[big])
    card = unique("CARD")
    created(api.post(f"/v1/vouchers/{card}", json={"type": "GIFT_VOUCHER", "gift": {"amount": 2_000}}))
    customer = {"source_id": source_id}
    for given in ({"campaign": offer}, {"campaign": high}, {"voucher": card}):
        created(api.post("/v1/publications", json={**given, "customer": customer}))
    asked = {"customer": customer, "order": CART}
    found = created(page.post("/client/v1/engine/wallet", json=asked))["data"]
    shown = {entry["campaign"] or entry["code"]: entry for entry in found}
    assert (shown[offer]["applicable"], shown[offer]["discount_amount"]) == (True, 500)
    assert (shown[card]["balance"], shown[card]["discount_amount"]) == (2_000, 2_000)
    missing = shown[high]["missing"]
    assert missing["key"] == "order_rules_violated"
    assert (missing["name"], missing["more"]) == ("order.amount", 1_250)
    nobody = page.post("/client/v1/engine/wallet", json={**asked, "customer": {"source_id": unique("x")}})
    assert created(nobody)["data"] == []
