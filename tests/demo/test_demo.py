"""`make run`: the shop has its story, the four requests work as printed, and a second start keeps
everything.
"""

import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.demo.keys import load_keys
from app.demo.welcome import requests_to_paste
from tests.support.answers import LOOKED_AT
from tests.support.demo import saved_keys, start_demo, wait_told
from tests.support.patience import PatientTransport
from tests.support.server import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.service]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = start_demo(tmp_path_factory.mktemp("demo") / "data")
    yield running
    running.stop()


def client_of(shop: RunningServer) -> httpx.Client:
    keys = saved_keys(shop)
    headers = {"X-App-Id": keys["app_id"], "X-App-Token": keys["app_token"]}
    transport = PatientTransport()
    return httpx.Client(
        base_url=shop.base_url, headers=headers, timeout=60, transport=transport, event_hooks=LOOKED_AT
    )


def listing(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    answer = client.get(path, params={"limit": 100}).raise_for_status().json()
    return list(answer[answer["data_ref"]])


def test_the_shop_has_its_story(shop: RunningServer) -> None:
    """30 products in 4 collections, 12 campaigns, a capped public code, customers in a segment."""
    with client_of(shop) as client:
        assert len(listing(client, "/v1/products")) == 30
        assert len(listing(client, "/v1/product-collections")) == 4
        assert len(listing(client, "/v1/campaigns")) == 12
        assert len(listing(client, "/v1/customers")) >= 8
        capped = client.get("/v1/vouchers/FIRST500").json()
        assert capped["redemption"]["quantity"] == 500


def test_the_four_requests_work_as_they_are_printed(shop: RunningServer) -> None:
    """Pasted into one shell, in order: valid, refused with its reason, redeemed, rolled back."""
    keys = load_keys(shop.data_dir)
    assert keys is not None
    commands = [command for _, command in requests_to_paste(shop.base_url, keys)]
    for command in commands:
        assert command in shop.log_tail(20_000)
    separator = 'printf "\\n=====\\n"; printf "\\n=====\\n" >&2'
    script = f"\n{separator}\n".join(commands)
    finished = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    valid, refused, _, rolled_back = finished.stdout.split("\n=====\n")
    redeemed = finished.stderr.split("\n=====\n")[2]
    assert '"valid":true' in valid
    assert '"discount_amount":290' in valid
    assert '"valid":false' in refused
    assert "This code is for our regulars" in refused
    assert re.search(r'"id":"r_[0-9a-z]+"', redeemed)
    assert '"result":"SUCCESS"' in redeemed
    assert '"object":"redemption_rollback"' in rolled_back
    assert '"result":"SUCCESS"' in rolled_back


def test_every_kind_of_offer_of_the_story_answers(shop: RunningServer) -> None:
    """Capped, once for each customer, over, a free bag, cake only, a gift card: each does what it says."""

    def validated(redeemable: dict[str, Any], **order: Any) -> dict[str, Any]:
        body = {"redeemables": [redeemable], "customer": {"source_id": "ben"}, "order": order}
        return dict(client.post("/v1/validations", json=body).raise_for_status().json())

    def code(name: str) -> dict[str, Any]:
        return {"object": "voucher", "id": name}

    cart = [
        {"source_id": "almond-cake", "related_object": "product", "quantity": 1},
        {"source_id": "house-blend", "related_object": "product", "quantity": 4},
    ]
    with client_of(shop) as client:
        assert validated(code("FIRST500"), amount=5000)["order"]["total_amount"] == 4500
        assert validated(code("SUMMER25"), amount=5000)["valid"] is False
        assert validated(code("REGULARS20"), amount=5000)["order"]["total_amount"] == 4000
        assert validated(code("CAKEWEEK"), items=cart)["order"]["items_discount_amount"] == 700
        assert validated(code("BAG1"), items=cart)["order"]["items_discount_amount"] == 400
        bag = validated(code("ONEMOREBAG"), items=cart)["order"]
        assert bag["items_discount_amount"] == 1250
        cards = client.get("/v1/vouchers", params={"campaign": "Gift cards", "limit": 1}).json()["vouchers"]
        assert validated(code(cards[0]["code"]), amount=8000)["order"]["total_amount"] == 3000
        once = {"redeemables": [code("ONCE15")], "customer": {"source_id": "hugo"}, "order": {"amount": 1000}}
        assert client.post("/v1/redemptions", json=once).status_code == 200
        assert client.post("/v1/redemptions", json=once).status_code == 400


def test_keys_are_readable_by_their_owner_alone(shop: RunningServer) -> None:
    """They are as good as a password."""
    for name in ("demo.json", "demo.env"):
        assert stat.S_IMODE((shop.data_dir / name).stat().st_mode) == 0o600


def test_a_second_start_keeps_the_data_and_prints_the_same_keys(shop: RunningServer, tmp_path: Path) -> None:
    """Nothing is made twice."""
    keys = saved_keys(shop)
    with client_of(shop) as client:
        before = sorted(row["id"] for row in listing(client, "/v1/campaigns"))
    shop.stop()
    shop.log.rename(tmp_path / "first.log")
    shop.start()
    wait_told(shop)
    assert saved_keys(shop) == keys
    assert keys["app_token"] in shop.log_tail(20_000)
    with client_of(shop) as client:
        assert sorted(row["id"] for row in listing(client, "/v1/campaigns")) == before
        assert len(listing(client, "/v1/products")) == 30
