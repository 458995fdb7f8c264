"""Async actions as a client watches them, and files as it sends them."""

import time
from typing import Any

import httpx

from tests.support.shop import created

SECONDS_MAX = 180.0
"""Far more than any of them takes: never a measurement."""


def ended(api: httpx.Client, response: httpx.Response) -> dict[str, Any]:
    """The action, once it is over."""
    action_id = created(response)["async_action_id"]
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        action = created(api.get(f"/v1/async-actions/{action_id}"))
        if action["status"] in ("DONE", "FAILED"):
            return action
        assert time.monotonic() < deadline, action
        time.sleep(0.05)


def send_csv(api: httpx.Client, path: str, text: str | bytes) -> httpx.Response:
    raw = text if isinstance(text, bytes) else text.encode()
    return api.post(path, files={"file": ("rows.csv", raw, "text/csv")})
