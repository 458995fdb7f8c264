"""What all scenarios share: the key, the shop that is made before anybody comes, patience, and the judgement.

A scenario passes on the share of errors and on exact counts, never on time. The project is that of
LOAD_APP_ID and LOAD_APP_TOKEN, else the demo shop (data/demo.json). Names carry the run's own mark, so
that runs do not meet. SEED_CODES: how many unique codes there are (10 000), ERROR_SHARE_MAX: 0.001.
"""

import itertools
import json
import logging
import os
import random
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from locust import FastHttpUser, constant, events
from locust.env import Environment

RUN = uuid.uuid4().hex[:8].upper()
SEED_CODES = int(os.environ.get("SEED_CODES", "10000"))
ERROR_SHARE_MAX = float(os.environ.get("ERROR_SHARE_MAX", "0.001"))
DEMO_KEYS = Path(__file__).resolve().parents[2] / "data" / "demo.json"
PERCENT = {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"}
SEED_ROWS = 100_000
"""Of one file."""
SEED_SECONDS_MAX = 3_600.0
AGAIN_SECONDS_MAX = 120.0
"""How long a 503 with Retry-After is answered by asking again."""

Check = Callable[[httpx.Client], str | None]
"""Gives what is wrong, or None."""

_checks: list[Check] = []
_openings: list[Callable[[httpx.Client], None]] = []
_numbers = itertools.count()


def key_headers() -> dict[str, str]:
    """Raises: SystemExit when there is no key."""
    app_id, app_token = os.environ.get("LOAD_APP_ID"), os.environ.get("LOAD_APP_TOKEN")
    if not (app_id and app_token):
        if not DEMO_KEYS.exists():
            raise SystemExit("set LOAD_APP_ID and LOAD_APP_TOKEN, or start `make run` first")
        saved = json.loads(DEMO_KEYS.read_text())
        app_id, app_token = saved["app_id"], saved["app_token"]
    return {"X-App-Id": app_id, "X-App-Token": app_token}


def before_anybody_comes(opening: Callable[[httpx.Client], None]) -> Callable[[httpx.Client], None]:
    """Decorator: makes the scenario's shop."""
    _openings.append(opening)
    return opening


def at_the_end(check: Check) -> Check:
    """Decorator: compares with what the server says when all have gone."""
    _checks.append(check)
    return check


def made(api: httpx.Client, path: str, document: dict[str, Any]) -> dict[str, Any]:
    """Raises: SystemExit."""
    answer = api.post(path, json=document)
    if answer.is_error:
        raise SystemExit(f"POST {path}: {answer.status_code} {answer.text}")
    return dict(answer.json())


def public_code(api: httpx.Client, code: str, quantity: int | None, **more: Any) -> None:
    document = {"type": "DISCOUNT_VOUCHER", "discount": PERCENT, "redemption": {"quantity": quantity}}
    made(api, f"/v1/vouchers/{code}", {**document, **more})


def redeemed(api: httpx.Client, code: str) -> int:
    """How often, as the ledger's projection has it: reading waits for what was acknowledged."""
    deadline = time.monotonic() + AGAIN_SECONDS_MAX
    while True:
        answer = api.get(f"/v1/vouchers/{code}")
        if answer.status_code != 503 or time.monotonic() > deadline:
            answer.raise_for_status()
            return int(answer.json()["redemption"]["redeemed_quantity"])
        time.sleep(0.5)


# Unique codes
# ---------------------------------------------------------------------------------------------------------


def seed_code(number: int) -> str:
    return f"SEED-{SEED_CODES}-{number:07d}"


def any_seed_code() -> str:
    return seed_code(random.randrange(SEED_CODES))


def seeded(api: httpx.Client) -> None:
    """A campaign of SEED_CODES codes of one use each, imported once and kept for later runs."""
    name = f"Load of {SEED_CODES} codes"
    last = api.get(f"/v1/vouchers/{seed_code(SEED_CODES - 1)}")
    if last.is_success:
        return
    campaign = api.get(f"/v1/campaigns/{name}")
    if campaign.is_error:
        voucher = {"type": "DISCOUNT_VOUCHER", "discount": PERCENT, "redemption": {"quantity": 1}}
        made(api, "/v1/campaigns", {"name": name, "campaign_type": "DISCOUNT_COUPONS", "voucher": voucher})
    for start in range(0, SEED_CODES, SEED_ROWS):
        numbers = range(start, min(start + SEED_ROWS, SEED_CODES))
        file = "\n".join(["Code", *map(seed_code, numbers)]).encode()
        answer = api.post(f"/v1/campaigns/{name}/importCSV", files={"file": ("codes.csv", file, "text/csv")})
        answer.raise_for_status()
        _wait(api, answer.json()["async_action_id"])
        print(f"{numbers.stop} of {SEED_CODES} codes")


def _wait(api: httpx.Client, action: str) -> None:
    deadline = time.monotonic() + SEED_SECONDS_MAX
    while (found := api.get(f"/v1/async-actions/{action}").json())["status"] != "DONE":
        if found["status"] == "FAILED" or time.monotonic() > deadline:
            raise SystemExit(f"the import of codes did not end: {found}")
        time.sleep(0.5)


# Shoppers
# ---------------------------------------------------------------------------------------------------------


class Shopper(FastHttpUser):
    """One client of the API; subclasses say what it does."""

    abstract = True
    wait_time = constant(0)

    def on_start(self) -> None:
        self.headers = key_headers()
        self.number = next(_numbers)
        self.refused = False
        self.customer = f"shopper-{RUN}-{self.number}"

    def ask(
        self, path: str, document: dict[str, Any], *, refusals: tuple[str, ...] = (), name: str = ""
    ) -> dict[str, Any] | None:
        """The answer; None for a failure, and for a refusal that is right (its key is among `refusals`): then
        `refused` is set.

        Sent with a key of its own, so that it can be sent again when the server is busy.
        """
        headers = {**self.headers, "Idempotency-Key": uuid.uuid4().hex}
        deadline = time.monotonic() + AGAIN_SECONDS_MAX
        self.refused = False
        while True:
            with self.client.post(
                path, json=document, headers=headers, name=name or path, catch_response=True
            ) as answer:
                if answer.status_code == 200:
                    return dict(answer.json())
                told = answer.text or ""
                patient = answer.status_code == 503 and time.monotonic() < deadline
                self.refused = any(f'"{key}"' in told for key in refusals)
                if patient or self.refused:
                    answer.success()
                else:
                    answer.failure(f"{answer.status_code} {told[:300]}")
                if not patient:
                    return None
                pause = float((answer.headers or {}).get("Retry-After", "0.2"))
            time.sleep(pause)

    def cart(self, *codes: str, lines: int = 3) -> dict[str, Any]:
        return {
            "redeemables": [{"object": "voucher", "id": code} for code in codes],
            "customer": {"source_id": self.customer},
            "order": {
                "items": [
                    {"product_id": f"prod_{line}", "quantity": 1 + line % 3, "price": 500 + 250 * line}
                    for line in range(lines)
                ]
            },
        }


# Judgement
# ---------------------------------------------------------------------------------------------------------


def _api(environment: Environment) -> httpx.Client:
    return httpx.Client(
        base_url=environment.host or "", headers=key_headers(), timeout=120, trust_env=False
    )


@events.init.add_listener
def _open(environment: Environment, **_: Any) -> None:
    """Before the run's time begins."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with _api(environment) as api:
        for opening in _openings:
            opening(api)


@events.quitting.add_listener
def _judge(environment: Environment, **_: Any) -> None:
    """Sets the exit code: 0 when errors are few enough, something was asked, and every count is exact."""
    total = environment.stats.total
    share = total.num_failures / total.num_requests if total.num_requests else 1.0
    wrong = []
    if share > ERROR_SHARE_MAX:
        wrong.append(f"{share:.2%} of {total.num_requests} requests failed, at most {ERROR_SHARE_MAX:.2%}")
    try:
        with _api(environment) as api:
            wrong += [trouble for check in _checks if (trouble := check(api))]
    except httpx.HTTPError as error:
        wrong.append(f"the counts could not be read: {error}")
    for trouble in wrong:
        print(f"FAILED: {trouble}")
    if not wrong:
        print(f"passed: {total.num_requests} requests, {total.num_failures} failed, counts are exact")
    environment.process_exit_code = int(bool(wrong))
