"""Live: what the page tells, and STOP."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from tests.console.visitor import Visitor, agent_of, visiting
from tests.support.receiver import until
from tests.support.server import Project, RunningServer
from tests.support.shop import assign, created, percent_off, public_code, rule, stack, unique

CLIENTS = 16
WAIT_SECONDS_MAX = 300


@pytest.fixture
def marketer(server: RunningServer, project: Project) -> Iterator[Visitor]:
    with visiting(server) as visitor:
        visitor.sign_in(project.app_id, project.app_token)
        yield visitor


def press_stop(visitor: Visitor, campaign_id: str, name: str, **fields: str) -> httpx.Response:
    visitor.open("/console/live/stop", campaign=campaign_id)
    sent = {"holds": "keep", "reason": "leaked", **fields}
    return visitor.send("/console/live/stop", campaign=campaign_id, name=name, **sent)


def told(visitor: Visitor, wanted: set[str]) -> dict[str, str]:
    """The first of each wanted kind of event of the stream."""
    events: dict[str, str] = {}
    with visitor.client.stream("GET", "/console/live/stream") as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        name, data = "", []
        for line in stream.iter_lines():
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif not line and name:
                events.setdefault(name, "\n".join(data))
                name, data = "", []
                if wanted <= events.keys():
                    break
    return events


def goes_on_like_this(marketer: Visitor) -> bool:
    """Whether the page knows of a speed: what was redeemed is counted beside the answer."""
    marketer.open("/console/live")
    return "if it goes on like this" in marketer.text


def test_the_page_tells_what_runs_and_how_long_it_lasts(marketer: Visitor, api: httpx.Client) -> None:
    """Campaigns with budgets and what is worth a look; refusals by their key; each request as curl."""
    name = unique("Evening")
    code, campaign_id = public_code(
        api, percent_off(10), quantity=3, name=name, extensions={"currency": "EUR"}
    )
    daily = rule(api, "campaign.redemptions.count.daily", {"$less_than_or_equal": [2]})
    assign(api, daily, "campaign", campaign_id)
    for _ in range(2):
        created(api.post("/v1/redemptions", json=stack(code)))
    assert "/console/live" in marketer.open("/console/live").url.path
    assert name in marketer.text
    assert "2 of 3 redeemed" in marketer.text
    assert "2 of 2 redeemed today" in marketer.text
    assert "Used up. Begins anew in" in marketer.text
    until(lambda: goes_on_like_this(marketer), "when the quantity will be used up")
    assert "20.00 EUR given away" in marketer.text
    assert "things to look at" in marketer.text
    assert "/v1/engine/redemptions/rates" in marketer.text
    assert "/readiness" in marketer.text
    for path, query in (("live", {}), ("live/stop", {"campaign": campaign_id}), ("mint", {"q": "somebody"})):
        marketer.open(f"/console/{path}", **query)
        assert "Show as curl" in marketer.text
        assert "curl" in unescape(marketer.seen.text).partition("<pre")[2], path


def test_the_stream_tells_the_same_anew(marketer: Visitor, api: httpx.Client) -> None:
    """The curve by seconds, and the parts of the page."""
    name = unique("Evening")
    public_code(api, percent_off(10), name=name)
    events = told(marketer, {"curve", "rates", "campaigns"})
    seconds = json.loads(events["curve"])
    assert len(seconds) == 120
    assert set(seconds[0]) == {"at", "redemptions", "refusals"}
    assert name in events["campaigns"]
    assert "In the last minute" in events["rates"]


def test_the_stream_ends_with_the_session(server: RunningServer, project: Project) -> None:
    """A revoked key is told nothing more."""
    key = agent_of(server, project, "VIEWER")
    with visiting(server) as viewer:
        viewer.sign_in(key.id, key.secret)
        assert "curve" in told(viewer, {"curve"})
        key.revoke(server)
        assert set(told(viewer, {"ended"})) == {"ended"}
        viewer.client.cookies.clear()
        stream = viewer.client.get("/console/live/stream")
        assert stream.url.path == "/console/sign-in"


def test_nothing_is_stopped_by_another_name(marketer: Visitor, api: httpx.Client) -> None:
    """The name is typed as it is written, but for spaces; without a reason or a choice there is no stop."""
    name = unique("Two  words")
    code, campaign_id = public_code(api, percent_off(10), name=name)
    for wrong in ("", unique("Two words"), name.upper()):
        assert press_stop(marketer, campaign_id, wrong).status_code == 400
    for missing in ({"reason": ""}, {"holds": "honour"}, {"holds": ""}):
        assert press_stop(marketer, campaign_id, name, **missing).status_code == 400
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200
    assert "is stopped" in press_stop(marketer, campaign_id, name.replace("  ", " ")).text
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 400


def test_a_stop_and_its_end_are_in_the_audit_with_the_reason(marketer: Visitor, api: httpx.Client) -> None:
    """Whoever looks later finds who pressed, what for, and who resumed."""
    name = unique("Evening")
    code, campaign_id = public_code(api, percent_off(10), name=name)
    press_stop(marketer, campaign_id, name, reason="wrong price")
    assert "wrong price" in marketer.open("/console/live").text
    marketer.open("/console/live/stop", campaign=campaign_id)
    marketer.send("/console/live/resume", campaign=campaign_id)
    assert "goes on" in marketer.text
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200
    entries = api.get("/v1/engine/audit", params={"limit": 50}).json()["data"]
    found = {one["operation"]: one["actor"]["id"] for one in entries}
    assert found["stop-campaign"] == found["enable-campaign"] == marketer.key_id


def test_a_key_that_may_not_stop_is_told_so(
    server: RunningServer, project: Project, api: httpx.Client
) -> None:
    """An agent sees the page; the campaign goes on."""
    name = unique("Evening")
    code, campaign_id = public_code(api, percent_off(10), name=name)
    key = agent_of(server, project, "SUPPORT")
    with visiting(server) as agent:
        agent.sign_in(key.id, key.secret)
        assert name in agent.text
        assert press_stop(agent, campaign_id, name).status_code == 403
        assert "Your key's role does not include this" in agent.text
    assert api.post("/v1/redemptions", json=stack(code)).status_code == 200


def test_another_projects_campaign_is_not_there(marketer: Visitor, stranger: httpx.Client) -> None:
    """Neither on the page nor to be stopped by its id."""
    name = unique("Foreign")
    code, campaign_id = public_code(stranger, percent_off(10), name=name)
    assert name not in marketer.open("/console/live").text
    assert marketer.open("/console/live/stop", campaign=campaign_id).status_code == 404
    csrf = re.search(r'name="csrf" value="(\w+)"', marketer.seen.text)
    assert csrf is not None
    fields = {"campaign": campaign_id, "name": name, "holds": "keep", "reason": "x", "csrf": csrf[1]}
    assert marketer.client.post("/console/live/stop", data=fields).status_code == 404
    assert stranger.post("/v1/redemptions", json=stack(code)).status_code == 200


def test_a_worker_that_ends_does_not_wait_for_whoever_watches(
    server: RunningServer, marketer: Visitor
) -> None:
    """Streams are ended in order, not broken off when the time for it is over."""
    status = server.status()
    assert status is not None
    with marketer.client.stream("GET", "/console/live/stream") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("event")
        for worker in status["web"]:
            os.kill(worker, signal.SIGTERM)
        assert list(lines)
    until(lambda: not {*status["web"]} & {*(server.status() or status)["web"]}, "other workers are there")
    server.wait_ready()


async def test_after_a_stop_on_the_page_no_later_redemption_succeeds(
    server: RunningServer, project: Project, marketer: Visitor, api: httpx.Client
) -> None:
    """Sixteen clients redeem on both workers; whoever begins after the page has said "stopped" is refused."""
    name = unique("Evening")
    code, campaign_id = public_code(api, percent_off(10), name=name)
    answers: list[tuple[float, int]] = []
    done = asyncio.Event()

    async def buy() -> None:
        async with server.async_client(project) as own:
            while not done.is_set():
                asked = time.monotonic()
                answer = await own.post("/v1/redemptions", json=stack(code))
                answers.append((asked, answer.status_code))

    async def until(reached) -> None:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while not reached():
                await asyncio.sleep(0.02)

    buyers = [asyncio.create_task(buy()) for _ in range(CLIENTS)]
    try:
        await until(lambda: sum(status == 200 for _, status in answers) >= CLIENTS)
        page = await asyncio.to_thread(press_stop, marketer, campaign_id, name)
        stopped = time.monotonic()
        assert "is stopped" in page.text
        await until(lambda: sum(asked > stopped for asked, _ in answers) >= 4 * CLIENTS)
    finally:
        done.set()
        await asyncio.gather(*buyers)
    later = [status for asked, status in answers if asked > stopped]
    assert 200 not in later
    assert 400 in later
