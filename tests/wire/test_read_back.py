"""What one worker wrote, another worker reads, with every field that was sent: no worker answers from its own
memory.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.server import Project, RunningServer
from tests.support.shop import created, unique

TRIES_MAX = 10
START, END = "2026-01-01T00:00:00.000Z", "2031-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Two web workers of our own, of which one at a time is held still."""
    running = RunningServer(data_dir=tmp_path_factory.mktemp("pair") / "data", workers=2)
    running.start()
    yield running
    running.stop()


@contextlib.contextmanager
def only_worker(server: RunningServer, number: int) -> Iterator[None]:
    """While inside, worker `number` (0 or 1) alone takes connections: the other one is stopped by the
    kernel.
    """
    status = server.status()
    assert status is not None
    assert len(status["web"]) == 2
    still = sorted(status["web"])[1 - number]
    os.kill(still, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(still, signal.SIGCONT)


def on_worker(
    server: RunningServer, project: Project, number: int, method: str, path: str, **options: Any
) -> Any:
    """One request on a connection of its own, answered by that worker. Where the other one was stopped in the
    midst of a transaction (behind an answer it notes the use of a key), it is let go on, and asked again.
    """
    for _ in range(TRIES_MAX):
        with only_worker(server, number), server.client(project, patient=False) as client:
            answer = client.request(method, path, **options)
        if answer.status_code != 503:
            break
        time.sleep(0.5)
    return created(answer)


def differences(sent: Any, read: Any, path: str = "") -> list[str]:
    """Paths at which what was sent is not what is read; members beyond those sent do not matter."""
    if isinstance(sent, dict) and isinstance(read, dict):
        return [found for name in sent for found in differences(sent[name], read.get(name), f"{path}.{name}")]
    if isinstance(sent, list) and isinstance(read, list) and len(sent) == len(read):
        return [
            found
            for i, (a, b) in enumerate(zip(sent, read, strict=True))
            for found in differences(a, b, f"{path}[{i}]")
        ]
    return [] if sent == read else [f"{path}: sent {sent!r}, read {read!r}"]


DISCOUNT = {"type": "AMOUNT", "amount_off": 750, "effect": "APPLY_TO_ORDER"}
RULES = {
    "1": {"name": "order.amount", "conditions": {"$more_than": [1000]}, "error": {"message": "More!"}},
    "logic": "1",
}


THINGS: dict[str, tuple[str, dict[str, Any], str]] = {
    "customer": (
        "/v1/customers",
        {
            "source_id": unique("c"),
            "name": "Ada",
            "description": "d",
            "email": "a@example.com",
            "phone": "+491",
            "birthdate": "1990-02-28",
            "metadata": {"a": 1, "b": [1, 2], "c": {"d": None}},
            "address": {
                "city": "Köln",
                "state": "NW",
                "line_1": "1",
                "line_2": "2",
                "country": "DE",
                "postal_code": "5",
            },
        },
        "/v1/customers/{id}",
    ),
    "product": (
        "/v1/products",
        {
            "source_id": unique("p"),
            "name": "Mug",
            "price": 1234,
            "attributes": ["colour", "size"],
            "metadata": {"season": "winter"},
            "image_url": "https://example.com/mug.png",
            "extensions": {"cost": 600},
        },
        "/v1/products/{id}",
    ),
    "campaign": (
        "/v1/campaigns",
        {
            "name": unique("camp"),
            "description": "d",
            "campaign_type": "DISCOUNT_COUPONS",
            "type": "AUTO_UPDATE",
            "start_date": START,
            "expiration_date": END,
            "join_once": True,
            "metadata": {"region": "north"},
            "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
            "validity_day_of_week": [1, 2, 3],
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "discount": DISCOUNT,
                "redemption": {"quantity": 7},
                "code_config": {"pattern": "RB-#####"},
            },
        },
        "/v1/campaigns/{id}",
    ),
    "voucher": (
        f"/v1/vouchers/{unique('CODE')}",
        {
            "type": "DISCOUNT_VOUCHER",
            "discount": DISCOUNT,
            "redemption": {"quantity": 5},
            "start_date": START,
            "expiration_date": END,
            "active": True,
            "additional_info": "info",
            "metadata": {"k": "v"},
            "validity_day_of_week": [0, 6],
        },
        "/v1/vouchers/{code}",
    ),
    "gift voucher": (
        f"/v1/vouchers/{unique('GIFT')}",
        {
            "type": "GIFT_VOUCHER",
            "gift": {"amount": 5000},
            "redemption": {"quantity": None},
            "metadata": {},
        },
        "/v1/vouchers/{code}",
    ),
    "validation rule": (
        "/v1/validation-rules",
        {
            "name": unique("rule"),
            "rules": RULES,
            "error": {"message": "No"},
            "context_type": "global",
            "type": "expression",
        },
        "/v1/validation-rules/{id}",
    ),
    "promotion": (
        "/v1/campaigns",
        {
            "name": unique("promo"),
            "campaign_type": "PROMOTION",
            "promotion": {
                "tiers": [
                    {
                        "name": "One",
                        "banner": "B",
                        "action": {"discount": DISCOUNT},
                        "metadata": {"t": True},
                        "hierarchy": 1,
                    }
                ]
            },
        },
        "/v1/campaigns/{id}",
    ),
    "order": (
        "/v1/orders",
        {
            "source_id": unique("o"),
            "amount": 6000,
            "metadata": {"channel": "web"},
            "status": "CREATED",
            "items": [
                {
                    "source_id": "x",
                    "related_object": "product",
                    "quantity": 2,
                    "price": 3000,
                    "product": {"name": "X", "metadata": {"m": 1}},
                }
            ],
        },
        "/v1/orders/{id}",
    ),
    "segment": (
        "/v1/segments",
        {
            "name": unique("s"),
            "type": "passive",
            "filter": {"junction": "and", "metadata.a": {"conditions": {"$is": ["1"]}}},
        },
        "/v1/segments/{id}",
    ),
    "product collection": (
        "/v1/product-collections",
        {
            "name": unique("pc"),
            "type": "AUTO_UPDATE",
            "filter": {"junction": "or", "price": {"conditions": {"$more_than": [100]}}},
        },
        "/v1/product-collections/{id}",
    ),
    "location": (
        "/v1/engine/locations",
        {
            "name": unique("shop"),
            "shape": {
                "type": "polygon",
                "format": "geojson",
                "geojson": {"type": "Polygon", "coordinates": [[[13, 52], [14, 52], [14, 53], [13, 52]]]},
            },
        },
        "/v1/locations/{id}",
    ),
}
"""Name → (path to POST to, body, path to read it from with the answer's members in braces)."""


def test_a_sku_is_read_on_the_other_worker_with_all_sent_fields(pair: RunningServer) -> None:
    """By its own path and in the list of its product."""
    project = pair.create_project(unique("readback"))
    product = on_worker(pair, project, 0, "POST", "/v1/products", json={"name": "Mug"})
    body = {
        "source_id": unique("sku"),
        "sku": "Red",
        "price": 1300,
        "currency": "EUR",
        "attributes": {"colour": "red"},
        "image_url": "https://example.com/red.png",
        "metadata": {"season": "winter"},
    }
    path = f"/v1/products/{product['id']}/skus"
    written = on_worker(pair, project, 0, "POST", path, json=body)
    read = on_worker(pair, project, 1, "GET", f"/v1/skus/{written['id']}")
    assert differences(body, read) == []
    listed = on_worker(pair, project, 1, "GET", path)["skus"]
    assert differences([written], listed) == []


@pytest.mark.parametrize("name", THINGS)
def test_what_is_written_on_one_worker_is_read_on_the_other_with_all_sent_fields(
    pair: RunningServer, name: str
) -> None:
    """Every member that was sent comes back equal, at once, from a worker that has not seen the request."""
    project = pair.create_project(unique("readback"))
    path, body, read_path = THINGS[name]
    written = on_worker(pair, project, 0, "POST", path, json=body)
    read = on_worker(pair, project, 1, "GET", read_path.format(**written))
    assert differences(body, read) == []
    assert differences(written, read) == []


def test_a_redemption_is_decided_on_what_another_worker_wrote(pair: RunningServer) -> None:
    """A definition that was tightened on one worker holds on the other, which had the old one in memory
    (P6).
    """
    project = pair.create_project(unique("tightened"))
    code = unique("SHARED")
    body = {"type": "DISCOUNT_VOUCHER", "discount": DISCOUNT, "redemption": {"quantity": None}}
    voucher = on_worker(pair, project, 0, "POST", f"/v1/vouchers/{code}", json=body)
    wanted = {"redeemables": [{"object": "voucher", "id": code}], "order": {"amount": 5000}}
    for number in (0, 1):
        assert on_worker(pair, project, number, "POST", "/v1/validations", json=wanted)["valid"] is True
    on_worker(
        pair,
        project,
        0,
        "PUT",
        f"/v1/vouchers/{voucher['code']}",
        json={"expiration_date": "2020-01-01T00:00:00Z"},
    )
    with only_worker(pair, 1), pair.client(project) as client:
        refused = client.post("/v1/redemptions", json=wanted)
    assert refused.status_code == httpx.codes.BAD_REQUEST
    assert refused.json()["key"] == "voucher_expired"
