"""The pages in a real browser: by keyboard alone, on a telephone's width, with nothing that keeps people out.

Needs Chromium (the system's own) and the packages playwright and axe-playwright-python; skipped without.
"""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.console.visitor import agent_of, mintable
from tests.support.server import Project, RunningServer
from tests.support.shop import percent_off, public_code, stack, unique

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on PATH")

QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""A browser that asks nobody anything."""
WAIT_MILLISECONDS_MAX = 60_000
TELEPHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sandbox = () if os.getuid() else ("--no-sandbox",)
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *sandbox])
        yield opened
        opened.close()


class Screen:
    """A page of the browser, and what it asked for and complained of."""

    def __init__(self, browser: Any, server: RunningServer) -> None:
        self.context = browser.new_context(viewport=TELEPHONE)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MILLISECONDS_MAX)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._said)
        self.base = server.base_url

    def _said(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def sign_in(self, key_id: str, secret: str) -> None:
        """The first field has the focus."""
        self.page.goto(self.base + "/console")
        self.type(key_id, "Tab", secret, "Enter")
        self.page.wait_for_selector("text=Sign out")

    def type(self, *keys: str) -> None:
        """Words, and names of keys."""
        for one in keys:
            if one in ("Tab", "Shift+Tab", "Enter", "ArrowDown", "Space"):
                self.page.keyboard.press(one)
            else:
                self.page.keyboard.type(one)

    def tab_to(self, selector: str, steps_max: int = 60) -> None:
        """By the Tab key alone."""
        for _ in range(steps_max):
            if self.page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached by the keyboard")

    def check(self) -> None:
        """Nobody is kept out, nothing sticks out, nothing came from elsewhere, nothing was blocked."""
        found = axe.Axe().run(self.page).response["violations"]
        serious = [
            (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")
        ]
        assert serious == []
        assert self.page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
        assert [url for url in self.asked if not url.startswith(self.base + "/")] == []
        assert self.complaints == []


@pytest.fixture
def screen(browser: Any, server: RunningServer) -> Iterator[Screen]:
    opened = Screen(browser, server)
    yield opened
    opened.context.close()


def test_a_campaign_is_stopped_and_resumed_by_keyboard_alone(
    screen: Screen, project: Project, api: httpx.Client
) -> None:
    """S10: from the sign-in to the stop without a pointer; the focus goes where the next key belongs, also
    while the stream tells the page anew.
    """
    name = unique("Evening")
    code, campaign_id = public_code(api, percent_off(10), quantity=500, name=name)
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200
    screen.sign_in(project.app_id, project.app_token)
    screen.page.wait_for_selector("#chart canvas")
    screen.check()
    screen.tab_to(f"#stop-{campaign_id}")
    with screen.page.expect_response("**/console/live/stop?*"):
        screen.type("Enter")
    screen.page.wait_for_selector("#name:focus")
    screen.check()
    screen.type("another", "Tab", "ArrowDown", "Tab", "leaked", "Enter")
    screen.page.wait_for_selector("#wrong")
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200
    screen.page.wait_for_selector("#name:focus")
    screen.page.keyboard.press("Control+a")
    screen.type(name, "Enter")
    screen.page.wait_for_selector("#stopped")
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 400
    screen.page.wait_for_selector("#campaigns >> text=leaked")
    screen.check()
    screen.tab_to("form[action='/console/live/resume'] button")
    screen.type("Enter")
    screen.page.wait_for_selector("#resumed")
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200


def test_an_agent_mints_and_takes_back_by_keyboard_alone(
    screen: Screen, server: RunningServer, project: Project, api: httpx.Client
) -> None:
    """S12: address, campaign, reason, code; a second one is refused with words, and the first taken back."""
    mintable(api, minting={"duplicate_days": 7, "duplicates": "refuse"})
    email = unique("ann") + "@example.net"
    key = agent_of(server, project, "SUPPORT")
    screen.sign_in(key.id, key.secret)
    screen.page.goto(screen.base + "/console/mint")
    screen.type(email, "Enter")
    screen.page.wait_for_selector("#give")
    screen.check()
    screen.tab_to("#reason")
    screen.type("arrived broken", "Tab", "T-17", "Enter")
    screen.page.wait_for_selector("#code")
    code = screen.page.input_value("#code")
    assert screen.page.evaluate("document.querySelector('.code-and-picture img').naturalWidth") > 0
    screen.check()
    screen.tab_to("[data-copy]")
    screen.type("Enter")
    screen.page.wait_for_selector("[data-copied]:not(:empty)")
    screen.tab_to("#reason")
    screen.type("again", "Enter")
    screen.page.wait_for_selector("input[name=confirmed]")
    screen.check()
    screen.page.goto(f"{screen.base}/console/mint?q={email}")
    screen.tab_to("form[action='/console/mint/revoke'] button")
    screen.type("Enter")
    screen.page.wait_for_selector("text=The code is switched off")
    assert api.get(f"/v1/vouchers/{code}").json()["active"] is False
