"""Somebody at a browser, without one: pages are asked for and forms are sent as a browser does it."""

import asyncio
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx

from app.db.database import Database
from app.projects import set_mint_budget
from tests.support.patience import PatientTransport
from tests.support.server import Project, RunningServer


class Visitor:
    """A client that keeps cookies and follows redirections, and the page that it sees."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.key_id = ""
        self.seen = client.get("/console")

    @property
    def text(self) -> str:
        """The words of the page, without its marks."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.seen.text)).split())

    def hidden(self, name: str) -> str:
        """The value of the first hidden field of that name on the page."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.seen.text)
        assert found is not None, f"no field {name} on {self.seen.url}"
        return unescape(found[1])

    def open(self, path: str, **query: str) -> httpx.Response:
        self.seen = self.client.get(path, params=query)
        return self.seen

    def send(self, path: str, **fields: str) -> httpx.Response:
        """A form of the page that is open, with its hidden fields."""
        fields.setdefault("csrf", self.hidden("csrf"))
        self.seen = self.client.post(path, data=fields, headers={"Sec-Fetch-Site": "same-origin"})
        return self.seen

    def sign_in(self, key_id: str, secret: str) -> httpx.Response:
        self.key_id = key_id
        self.seen = self.client.post("/console/sign-in", data={"key_id": key_id, "secret": secret})
        return self.seen

    def mint(self, campaign: str, **fields: str) -> httpx.Response:
        """For whom the page shows; the key of idempotency is the page's."""
        fields.setdefault("reason", "arrived broken")
        fields.setdefault("once", self.hidden("once"))
        return self.send("/console/mint", campaign=campaign, **fields)

    @property
    def code(self) -> str:
        """The code that the page shows as made."""
        found = re.search(r'id="code"[^>]*value="([^"]+)"', self.seen.text)
        assert found is not None, self.text
        return found[1]


@contextmanager
def visiting(server: RunningServer, **headers: str) -> Iterator[Visitor]:
    with httpx.Client(
        base_url=server.base_url,
        follow_redirects=True,
        timeout=60,
        headers=headers,
        transport=PatientTransport(),
    ) as client:
        yield Visitor(client)


@dataclass(frozen=True)
class Agent:
    """A further server-side key of a project, and the way to take it away."""

    id: str
    secret: str
    path: str
    management: dict[str, str]

    def revoke(self, server: RunningServer) -> None:
        answer = httpx.delete(server.base_url + self.path, headers=self.management, timeout=30)
        assert answer.status_code == 204, answer.text


def may_give(server: RunningServer, key_id: str, codes_per_day: int) -> None:
    """What `vouchsafe keys budget` does, without the second that a process takes to start."""

    async def work() -> None:
        db = Database(f"sqlite:///{server.data_dir / 'vouchsafe.db'}")
        try:
            assert await set_mint_budget(db, key_id, codes_per_day, None) is not None
        finally:
            await db.close()

    # A loop in a thread of its own: the caller may be inside one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work()).result()


def agent_of(server: RunningServer, project: Project, role: str, **more: Any) -> Agent:
    """Made under management, as an operator does it."""
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    path = f"/management/v1/engine/projects/{project.project_id}/keys"
    answer = httpx.post(server.base_url + path, headers=headers, json={"role": role, **more}, timeout=30)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    return Agent(made["id"], made["token"], f"{path}/{made['id']}", headers)


def mintable(api: httpx.Client, **extensions: Any) -> dict[str, Any]:
    """A campaign whose codes agents may hand out: 10.00 off, once."""
    answer = api.post(
        "/v1/campaigns",
        json={
            "name": f"Apology {secrets.token_hex(4)}",
            "type": "AUTO_UPDATE",
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "redemption": {"quantity": 1},
                "discount": {"type": "AMOUNT", "amount_off": 1000},
            },
            "extensions": {"mintable": True, "currency": "EUR", **extensions},
        },
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
