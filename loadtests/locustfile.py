"""Locust: a checkout that validates and redeems, and a rush on a public code with a cap.

`make loadtest` runs it headless and bounded against a server that runs. The shop is made at the start, in the
project of LOAD_APP_ID and LOAD_APP_TOKEN, else in the demo shop (data/demo.json). CAP (500) is the
rush's cap: the run fails when more was taken.
"""

import itertools
import json
import os
import random
import uuid
from pathlib import Path
from typing import Any

from locust import HttpUser, between, events, task
from locust.env import Environment

CAP = int(os.environ.get("CAP", "500"))
RUN = uuid.uuid4().hex[:8].upper()
CODE = f"LOAD-{RUN}"
RUSH_CODE = f"RUSH-{RUN}"
DEMO_KEYS = Path(__file__).resolve().parents[1] / "data" / "demo.json"
SOLD_OUT = "quantity_exceeded"

_customer_numbers = itertools.count()
_taken = itertools.count()
_rush: dict[str, int] = {"taken": 0, "refused": 0}


def key_headers() -> dict[str, str]:
    """Raises: SystemExit when there is no key."""
    app_id, app_token = os.environ.get("LOAD_APP_ID"), os.environ.get("LOAD_APP_TOKEN")
    if not (app_id and app_token):
        if not DEMO_KEYS.exists():
            raise SystemExit("set LOAD_APP_ID and LOAD_APP_TOKEN, or start `make run` first")
        saved = json.loads(DEMO_KEYS.read_text())
        app_id, app_token = saved["app_id"], saved["app_token"]
    return {"X-App-Id": app_id, "X-App-Token": app_token}


def request_body(code: str, customer: str) -> dict[str, Any]:
    return {
        "redeemables": [{"object": "voucher", "id": code}],
        "customer": {"source_id": customer},
        "order": {
            "items": [
                {"product_id": "prod_one", "quantity": random.randint(1, 3), "price": 5_000},
                {"product_id": "prod_two", "quantity": 2, "price": 2_500},
            ]
        },
    }


@events.test_start.add_listener
def open_shop(environment: Environment, **_: Any) -> None:
    """One unlimited code, and one public code with a cap."""
    import requests

    for code, quantity in ((CODE, None), (RUSH_CODE, CAP)):
        answer = requests.post(
            f"{environment.host}/v1/vouchers/{code}",
            headers=key_headers(),
            json={
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"},
                "redemption": {"quantity": quantity},
            },
            timeout=30,
        )
        answer.raise_for_status()


@events.test_stop.add_listener
def nothing_over(environment: Environment, **_: Any) -> None:
    """The one figure that must hold, whatever the load was."""
    print(f"{RUSH_CODE}: cap {CAP}, taken {_rush['taken']}, refused {_rush['refused']}")
    if _rush["taken"] > CAP:
        environment.process_exit_code = 1


class Shopper(HttpUser):
    """Looks at the discount twice, then buys. A customer comes back now and then."""

    weight = 3
    wait_time = between(0.0, 0.05)

    def on_start(self) -> None:
        self.client.headers.update(key_headers())
        self.number = next(_customer_numbers)

    @task(2)
    def validate(self) -> None:
        body = request_body(CODE, f"shopper-{self.number}")
        with self.client.post("/v1/validations", json=body, catch_response=True) as answer:
            if not answer.ok or not answer.json()["valid"]:
                answer.failure(answer.text)

    @task(1)
    def redeem(self) -> None:
        body = request_body(CODE, f"shopper-{self.number}-{random.randrange(50)}")
        with self.client.post("/v1/redemptions", json=body, catch_response=True) as answer:
            if not answer.ok:
                answer.failure(answer.text)


class Rusher(HttpUser):
    """Wants the public code that is limited; being refused is right once it is sold out."""

    weight = 1
    wait_time = between(0.0, 0.02)

    def on_start(self) -> None:
        self.client.headers.update(key_headers())

    @task
    def redeem_capped(self) -> None:
        body = request_body(RUSH_CODE, f"rusher-{next(_taken)}")
        name = "/v1/redemptions (capped)"
        with self.client.post("/v1/redemptions", json=body, name=name, catch_response=True) as answer:
            if answer.ok:
                _rush["taken"] += 1
            elif answer.status_code == 400 and answer.json().get("key") == SOLD_OUT:
                _rush["refused"] += 1
                answer.success()
            else:
                answer.failure(answer.text)
