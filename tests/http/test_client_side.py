"""The client side through a browser's eyes: origins, flags, and less in every answer (behaviour 6)."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.answers import LOOKED_AT
from tests.support.server import Project, RunningServer
from tests.support.shop import CART, created, percent_off, public_code, single_voucher, stack, tier, unique

ORIGIN = "https://shop.example"
OPEN = {"client_trusted_domains": [ORIGIN]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Without a limit per address: this file asks more than five times in five seconds."""
    running = RunningServer(
        data_dir=tmp_path_factory.mktemp("client-side") / "data",
        workers=2,
        environment={"VOUCHSAFE_CLIENT_RATE_LIMIT": "0"},
    )
    running.start()
    yield running
    running.stop()


def project_with(server: RunningServer, **settings: Any) -> Project:
    return server.create_project(f"browser-{uuid.uuid4().hex[:12]}", settings={**OPEN, **settings})


def browser(server: RunningServer, project: Project, origin: str = ORIGIN) -> httpx.Client:
    headers = {
        "X-Client-Application-Id": project.client_id,
        "X-Client-Token": project.client_token,
        "Origin": origin,
    }
    return httpx.Client(base_url=server.base_url, headers=headers, timeout=30, event_hooks=LOOKED_AT)


@pytest.fixture(scope="module")
def shop(server: RunningServer) -> Project:
    """A project as it is opened to browsers by default: nothing is switched on."""
    return project_with(server)


@pytest.fixture(scope="module")
def page(server: RunningServer, shop: Project) -> Iterator[httpx.Client]:
    with browser(server, shop) as client:
        yield client


@pytest.fixture(scope="module")
def back(server: RunningServer, shop: Project) -> Iterator[httpx.Client]:
    with server.client(shop) as client:
        yield client


def test_a_page_validates_and_reads_the_answer(page: httpx.Client, back: httpx.Client) -> None:
    """The same decision as on the server side, with the headers that let the page read it."""
    code, _ = public_code(back, percent_off(10), metadata={"margin": "secret"})
    answer = page.post("/client/v1/validations", json=stack(code))
    assert answer.status_code == 200
    assert answer.json()["order"]["total_amount"] == 9_000
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "X-Rate-Limit-Remaining" in answer.headers["access-control-expose-headers"]
    assert "secret" not in answer.text


def test_a_preflight_says_what_a_page_may_send(server: RunningServer) -> None:
    """Without any key, as browsers ask."""
    answer = httpx.options(
        server.base_url + "/client/v1/redemptions",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-client-application-id,x-client-token",
        },
    )
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("content-type", "x-client-application-id", "x-client-token"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/client/v1/validations"),
        ("POST", "/client/v1/redemptions"),
        ("POST", "/client/v1/qualifications"),
        ("GET", "/client/v1/promotions/tiers"),
    ],
)
def test_a_page_of_another_origin_is_refused(
    server: RunningServer, shop: Project, method: str, path: str
) -> None:
    """Each project trusts its own origins."""
    body = stack("X") if method == "POST" else None
    for origin in ("https://evil.example", "null"):
        with browser(server, shop, origin) as client:
            refused = client.request(method, path, json=body)
        assert (refused.status_code, refused.json()["key"]) == (403, "forbidden")


def test_redeeming_is_closed_until_the_project_opens_it(
    server: RunningServer, page: httpx.Client, back: httpx.Client
) -> None:
    """And opens for that project alone."""
    code, _ = public_code(back, percent_off(10))
    refused = page.post("/client/v1/redemptions", json=stack(code))
    assert (refused.status_code, refused.json()["key"]) == (403, "forbidden")
    assert created(back.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"] == 0
    opened = project_with(server, client_redeem_enabled=True)
    with server.client(opened) as back_office, browser(server, opened) as client:
        code, _ = public_code(back_office, percent_off(10), metadata={"margin": "secret"})
        answer = client.post("/client/v1/redemptions", json=stack(code))
        assert answer.status_code == 200, answer.text
        assert answer.json()["order"]["total_amount"] == 9_000
        assert "secret" not in answer.text
        assert created(back_office.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"] == 1


@pytest.mark.parametrize("keeps", [False, True])
def test_what_a_page_says_of_a_customer_is_kept_where_the_project_wants_it(
    server: RunningServer, keeps: bool
) -> None:
    """The redemption counts for the customer in either case."""
    opened = project_with(server, client_redeem_enabled=True, client_create_customer_enabled=keeps)
    source_id = unique("visitor")
    with server.client(opened) as back_office, browser(server, opened) as client:
        code, _ = public_code(back_office, percent_off(10))
        body = stack(code, customer={"source_id": source_id, "name": "Ann"})
        answer = created(client.post("/client/v1/redemptions", json=body))
        assert answer["redemptions"][0]["customer"]["name"] == "Ann"
        found = back_office.get(f"/v1/customers/{source_id}")
        assert found.status_code == (200 if keeps else 404)
        listed = created(back_office.get("/v1/redemptions"))["redemptions"]
        assert [row["customer_id"] for row in listed] == [answer["redemptions"][0]["customer_id"]]


def test_a_guessed_identity_opens_no_profile_and_no_order(server: RunningServer) -> None:
    """A page reads of customers and orders what it said itself."""
    opened = project_with(server, client_redeem_enabled=True)
    with server.client(opened) as back_office, browser(server, opened) as client:
        victim = {"source_id": unique("victim"), "name": "Zoe", "email": "zoe@example.org"}
        created(back_office.post("/v1/customers", json={**victim, "metadata": {"risk": "tall"}}))
        order = {"source_id": unique("order"), "metadata": {"gift": "watch"}, "items": CART["items"]}
        created(
            back_office.post("/v1/orders", json={**order, "customer": {"source_id": victim["source_id"]}})
        )
        code, _ = public_code(back_office, percent_off(10))
        body = {
            "redeemables": [{"object": "voucher", "id": code}],
            "customer": {"source_id": victim["source_id"]},
            "order": {"source_id": order["source_id"]},
        }
        for path in ("validations", "qualifications", "redemptions"):
            text = client.post(f"/client/v1/{path}", json=body).text
            for secret in ("Zoe", "zoe@", "tall", "watch", "lamp"):
                assert secret not in text, (path, secret, text)


def test_a_page_changes_no_product(server: RunningServer) -> None:
    """`override` is for those who own the catalogue."""
    opened = project_with(server, client_redeem_enabled=True)
    with server.client(opened) as back_office, browser(server, opened) as client:
        body = {"name": "Lamp", "source_id": unique("lamp"), "price": 9_000}
        lamp = created(back_office.post("/v1/products", json=body))
        code, _ = public_code(back_office, percent_off(10))
        item = {"product_id": lamp["id"], "quantity": 1, "product": {"override": True, "price": 1}}
        created(client.post("/client/v1/redemptions", json=stack(code, order={"items": [item]})))
        assert created(back_office.get(f"/v1/products/{lamp['id']}"))["price"] == 9_000


def test_codes_are_listed_to_pages_only_where_the_project_opens_it(server: RunningServer) -> None:
    """Promotions anybody may see; a code is worth money."""
    for lists in (False, True):
        opened = project_with(server, client_list_vouchers_enabled=lists)
        with server.client(opened) as back_office, browser(server, opened) as client:
            code = single_voucher(back_office, percent_off(10))["code"]
            promotion = tier(back_office, percent_off(10))["id"]
            found = created(client.post("/client/v1/qualifications", json={"order": CART}))
            ids = [entry["id"] for entry in found["redeemables"]["data"]]
            assert ids == ([promotion, code] if lists else [promotion])


def test_tiers_are_listed_without_the_shops_figures(page: httpx.Client, back: httpx.Client) -> None:
    """What they are, and not how they went."""
    live = tier(back, percent_off(10), extensions={"group": "winter"})
    over = tier(back, percent_off(10))
    created(back.post(f"/v1/promotions/tiers/{over['id']}/disable"))
    every = created(page.get("/client/v1/promotions/tiers"))
    assert {row["id"] for row in every["tiers"]} >= {live["id"], over["id"]}
    assert all(not {"summary", "extensions"} & set(row) for row in every["tiers"])
    available = created(page.get("/client/v1/promotions/tiers", params={"is_available": True}))
    assert over["id"] not in {row["id"] for row in available["tiers"]}


def test_a_page_gets_no_reasons(page: httpx.Client, back: httpx.Client) -> None:
    """A trace tells of costs and budgets."""
    code, _ = public_code(back, percent_off(10))
    answer = page.post("/client/v1/validations?explain=true", json=stack(code), headers={"X-Explain": "1"})
    assert "trace" not in answer.json()


def test_a_publishable_key_opens_the_client_side_alone(server: RunningServer, shop: Project) -> None:
    """It is in every page's source."""
    headers = {"X-App-Id": shop.client_id, "X-App-Token": shop.client_token}
    assert httpx.get(server.base_url + "/v1/vouchers", headers=headers).status_code == 401


def test_a_repeated_redemption_answers_as_the_first_time(server: RunningServer) -> None:
    """Also with less: what was kept for the server side does not come out of the replay."""
    opened = project_with(server, client_redeem_enabled=True)
    with server.client(opened) as back_office, browser(server, opened) as client:
        code, _ = public_code(back_office, percent_off(10), metadata={"margin": "secret"})
        headers = {"Idempotency-Key": unique("key")}
        first = client.post("/client/v1/redemptions", json=stack(code), headers=headers)
        again = client.post("/client/v1/redemptions", json=stack(code), headers=headers)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == first.json()
        assert "secret" not in again.text
