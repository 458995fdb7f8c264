"""S10 and S12 through the pages in a real browser: by keyboard alone, on a telephone's width, with nothing
that keeps people out.

Needs Chromium (the system's own) and the packages playwright and axe-playwright-python; skipped without.
"""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.console.conftest import SHOP
from tests.console.visitor import agent_of, may_give, mintable
from tests.support.server import Project, RunningServer
from tests.support.shop import assign, created, percent_off, public_code, redeem, stack, unique

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
WAIT_MILLISECONDS_MAX = 180_000
TELEPHONE = {"width": 360, "height": 740}
DESK = {"width": 1200, "height": 800}
PICTURES = os.environ.get("VOUCHSAFE_TEST_PICTURES", "")
"""A folder for pictures of the pages, to look at."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sandbox = () if os.getuid() else ("--no-sandbox",)
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(
            executable_path=CHROMIUM, args=[*QUIET, *sandbox], timeout=WAIT_MILLISECONDS_MAX
        )
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

    def sign_in(self, key_id: str, secret: str, to: str = "live") -> None:
        """By whoever wanted that page. The first field has the focus."""
        self.page.goto(f"{self.base}/console/{to}")
        self.check("sign-in")
        self.type(key_id, "Tab", secret, "Enter")
        self.page.wait_for_selector("text=Sign out")
        assert self.page.url == f"{self.base}/console/{to}"

    def type(self, *keys: str) -> None:
        """Words, and names of keys."""
        for one in keys:
            if one in ("Tab", "Shift+Tab", "Enter", "ArrowDown", "Space", "Control+a"):
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

    def press(self, selector: str) -> None:
        self.tab_to(selector)
        self.type("Enter")

    def sees(self, *texts: str) -> None:
        """Each of them, sooner or later."""
        for text in texts:
            self.page.wait_for_selector(f"text={text}")

    def check(self, name: str) -> None:
        """Nobody is kept out, nothing sticks out, nothing came from elsewhere, nothing was blocked. name: of
        the picture that is taken when somebody wants pictures.
        """
        found = axe.Axe().run(self.page).response["violations"]
        serious = [
            (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")
        ]
        assert serious == []
        assert self.page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
        assert [url for url in self.asked if not url.startswith(self.base + "/")] == []
        assert self.complaints == []
        if PICTURES:
            self.page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)
            self.page.set_viewport_size(DESK)
            self.page.screenshot(path=f"{PICTURES}/{name}-wide.png", full_page=True)
            self.page.set_viewport_size(TELEPHONE)


@pytest.fixture
def screen(browser: Any, server: RunningServer) -> Iterator[Screen]:
    opened = Screen(browser, server)
    yield opened
    opened.context.close()


def refused_with(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    return str(answer.json()["key"])


def test_s10_a_public_code_is_watched_stopped_and_resumed_by_keyboard_alone(
    screen: Screen, server: RunningServer, project: Project, api: httpx.Client
) -> None:
    """For the first eight buyers, in the evening: "87 % claimed" in the shop and on the page, STOP without a
    pointer, resumed, sold out. The focus goes where the next key belongs, also while the stream tells the
    page anew.
    """
    name = unique("Evening")
    hours = {"daily": [{"start_time": "18:00", "expiration_time": "22:00", "days_of_week": list(range(7))}]}
    code, campaign_id = public_code(api, percent_off(10), quantity=8, name=name, validity_hours=hours)

    def buy(clock: str) -> httpx.Response:
        now = {"Vouchsafe-Now": f"2026-07-01T{clock}:00Z"}
        return api.post("/v1/redemptions", json=stack(code), headers=now)

    assert refused_with(buy("12:00")) == "voucher_not_active_now"
    for _ in range(7):
        created(buy("18:30"))
    shop = {
        "X-Client-Application-Id": project.client_id,
        "X-Client-Token": project.client_token,
        "Origin": SHOP,
    }
    path = f"{server.base_url}/client/v1/engine/campaigns/{campaign_id}/availability"
    assert created(httpx.get(path, headers=shop, timeout=60))["percent_claimed"] == 87
    screen.sign_in(project.app_id, project.app_token)
    other, _ = public_code(api, percent_off(10), quantity=40)
    once, _ = public_code(api, percent_off(10), quantity=1)
    for one in (other, other, other, once):
        created(api.post("/v1/redemptions", json=stack(one)))
    assert refused_with(api.post("/v1/redemptions", json=stack(once))) == "quantity_exceeded"
    screen.page.wait_for_selector("#chart canvas")
    screen.sees("7 of 8 redeemed (87 %)", "3 of 40 redeemed (7 %)", "if it goes on like this")
    screen.sees("quantity_exceeded")
    screen.page.click("#campaigns >> summary >> nth=0")
    screen.check("live")
    with screen.page.expect_response("**/console/live/stop?*"):
        screen.press(f"#stop-{campaign_id}")
    screen.page.wait_for_selector("#name:focus")
    screen.check("stop")
    screen.type("another", "Tab", "ArrowDown", "Tab", "leaked", "Enter")
    screen.page.wait_for_selector("#wrong")
    assert created(api.get(f"/v1/campaigns/{campaign_id}"))["active"] is True
    screen.page.wait_for_selector("#name:focus")
    screen.type("Control+a", name, "Enter")
    screen.page.wait_for_selector("#stopped")
    assert refused_with(buy("18:40")) == "voucher_disabled"
    screen.page.wait_for_selector("#campaigns >> text=leaked")
    screen.check("stopped")
    screen.press("form[action='/console/live/resume'] button")
    screen.page.wait_for_selector("#resumed")
    created(buy("18:50"))
    assert refused_with(buy("18:50")) == "quantity_exceeded"
    screen.page.wait_for_selector("#campaigns >> text=8 of 8 redeemed (100 %)")
    screen.sees("Used up.")


def test_s12_an_agent_says_sorry_by_keyboard_alone(
    screen: Screen, server: RunningServer, project: Project, api: httpx.Client
) -> None:
    """By e-mail alone, for one product, for that customer, with a reason, within the day's budget; a second
    one within a week needs a look; refusals are explained, and a code is taken back.
    """
    product = created(api.post("/v1/products", json={"name": unique("kettle"), "price": 3_000}))["id"]
    only = {"included": [{"object": "product", "id": product}]}
    rule = {"name": unique("kettles"), "rules": {}, "applicable_to": only}
    campaign = mintable(api, minting={"duplicate_days": 7, "duplicates": "refuse"})
    assign(api, created(api.post("/v1/validation-rules", json=rule))["id"], "campaign", campaign["id"])
    email = unique("ann") + "@example.net"
    key = agent_of(server, project, "SUPPORT")
    may_give(server, key.id, codes_per_day=2)
    screen.page.emulate_media(color_scheme="dark")  # For the whole story: S10 is told in the light.
    screen.sign_in(key.id, key.secret, to="mint")
    screen.type(email, "Enter")
    screen.page.wait_for_selector("#give")
    screen.sees("Nobody has this address yet")
    screen.check("mint")
    screen.tab_to("#reason")
    screen.type("arrived broken", "Tab", "T-17", "Enter")
    screen.page.wait_for_selector("#made:focus")
    code = screen.page.input_value("#code")
    screen.page.wait_for_function("document.querySelector('.code-and-picture img').naturalWidth > 0")
    screen.check("minted")
    screen.press("[data-copy]")
    screen.page.wait_for_selector("[data-copied]:not(:empty)")
    screen.tab_to("#reason")
    screen.type("again", "Enter")
    screen.page.wait_for_selector("input[name=confirmed]:focus")
    screen.check("second")
    screen.type("Space", "Enter")
    screen.sees(f"the customer was given {code}")
    second = screen.page.input_value("#code")
    screen.page.goto(f"{screen.base}/console/mint?q=new-{email}")
    screen.tab_to("#reason")
    screen.type("late", "Enter")
    screen.page.wait_for_selector("h2:focus >> text=No code was made")
    screen.sees("codes_per_day is 2", "Ask for a higher budget")
    screen.check("budget")
    lines = [{"product_id": product, "quantity": 1}, {"source_id": "mug", "quantity": 1, "price": 2_000}]
    order = {"items": lines}
    eve = {"source_id": unique("eve")}
    stolen = api.post("/v1/redemptions", json={**stack(code), "order": order, "customer": eve})
    assert refused_with(stolen) == "customer_rules_violated"
    taken = redeem(api, code, order=order, customer={"email": email})
    assert [line.get("discount_amount", 0) for line in taken["order"]["items"]] == [1_000, 0]
    screen.page.goto(f"{screen.base}/console/mint?q={email}")
    screen.press(f"button[aria-label='Take back {second}']")
    screen.page.wait_for_selector("h2:focus >> text=Taken back")
    screen.sees("The code is switched off")
    assert created(api.get(f"/v1/vouchers/{second}"))["active"] is False
    screen.check("taken-back")
