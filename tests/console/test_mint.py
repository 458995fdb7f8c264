"""Mint: what an agent does at the desk, through the pages; the API's own rules hold."""

import json
import re
import shlex
from html import unescape

import httpx
import pytest

from tests.console.visitor import Visitor, agent_of, may_give, mintable, visiting
from tests.support.server import Project, RunningServer
from tests.support.shop import unique


@pytest.fixture
def agent(server: RunningServer, project: Project):
    """A visitor with a key of the role SUPPORT."""
    key = agent_of(server, project, "SUPPORT")
    with visiting(server) as visitor:
        visitor.sign_in(key.id, key.secret)
        yield visitor


def address() -> str:
    return unique("ann") + "@example.net"


def redeemed(api: httpx.Client, code: str, email: str | None) -> httpx.Response:
    customer = {"id": api.get("/v1/customers", params={"email": email}).json()["customers"][0]["id"]}
    body = {"redeemables": [{"object": "voucher", "id": code}], "order": {"amount": 5000}}
    return api.post("/v1/redemptions", json={**body, "customer": customer} if email else body)


def test_an_address_alone_is_enough_for_a_code(agent: Visitor, api: httpx.Client) -> None:
    """S12 at the desk: nobody has the address yet; the code is theirs alone, and says who gave it and why."""
    campaign, email = mintable(api), address()
    agent.open("/console/mint", q=email)
    assert "Nobody has this address yet" in agent.text, agent.text
    agent.mint(campaign["id"], email=email, ticket="T-17", agent="kim")
    code = agent.code
    assert "10.00 EUR off" in agent.text
    publication = api.get("/v1/publications", params={"voucher": code}).json()["publications"][0]
    assert publication["extensions"] == {"reason": "arrived broken", "agent": "kim", "holder_only": True}
    assert publication["metadata"] == {"ticket": "T-17"}
    other = address()
    api.post("/v1/customers", json={"email": other, "source_id": other})
    assert redeemed(api, code, other).status_code == 400
    assert redeemed(api, code, email).status_code == 200


def test_what_was_done_is_in_the_audit_under_the_agents_key(agent: Visitor, api: httpx.Client) -> None:
    """A page is no way around: the entry is that of the public operation."""
    campaign, email = mintable(api), address()
    agent.open("/console/mint", q=email)
    agent.mint(campaign["id"], email=email)
    entries = api.get("/v1/engine/audit", params={"limit": 20}).json()["data"]
    newest = next(one for one in entries if one["operation"] == "create-publication")
    assert newest["actor"]["id"] == agent.key_id


def test_the_picture_of_the_code_is_of_this_server(agent: Visitor, api: httpx.Client) -> None:
    """QR, as SVG, by a path without a host."""
    campaign, email = mintable(api), address()
    agent.open("/console/mint", q=email)
    agent.mint(campaign["id"], email=email)
    (source,) = re.findall(r'<img src="([^"]+)"', agent.seen.text)
    picture = agent.client.get(unescape(source))
    assert source.startswith("/v1/assets/qr/")
    assert picture.headers["content-type"] == "image/svg+xml"


def test_a_form_sent_twice_gives_one_code(agent: Visitor, api: httpx.Client) -> None:
    """A double click, or a page loaded again."""
    campaign, email = mintable(api), address()
    agent.open("/console/mint", q=email)
    once = agent.hidden("once")
    agent.mint(campaign["id"], email=email, once=once)
    first = agent.code
    agent.mint(campaign["id"], email=email, once=once)
    assert agent.code == first
    customer = api.get("/v1/customers", params={"email": email}).json()["customers"][0]["id"]
    assert api.get("/v1/publications", params={"customer": customer}).json()["total"] == 1


def test_a_second_code_needs_a_look_and_a_confirmation(agent: Visitor, api: httpx.Client) -> None:
    """The refusal is explained beside what the customer was given; confirmed, the code is made."""
    campaign, email = mintable(api, minting={"duplicate_days": 7, "duplicates": "refuse"}), address()
    agent.open("/console/mint", q=email)
    agent.mint(campaign["id"], email=email)
    first = agent.code
    agent.open("/console/mint", q=email)
    assert first in agent.text
    customer = agent.hidden("customer")
    assert agent.mint(campaign["id"], customer=customer, reason="again").status_code == 400
    assert "if a second one is meant, confirm it" in agent.text
    assert 'href="/docs/errors/duplicate_needs_confirmation"' in agent.seen.text
    agent.mint(campaign["id"], customer=customer, reason="again", confirmed="1")
    assert agent.code != first
    assert f"the customer was given {first}" in agent.text


def test_a_budget_holds_at_the_desk(server: RunningServer, agent: Visitor, api: httpx.Client) -> None:
    """The refusal says so in words, with the numbers."""
    campaign = mintable(api)
    may_give(server, agent.key_id, codes_per_day=1)
    for email, status in ((address(), 200), (address(), 403)):
        agent.open("/console/mint", q=email)
        assert agent.mint(campaign["id"], email=email).status_code == status
    assert "Ask for a higher budget" in agent.text
    assert "codes_per_day is 1" in agent.text


def test_what_was_given_is_taken_back(agent: Visitor, api: httpx.Client) -> None:
    """After the page has said so nobody redeems the code."""
    campaign, email = mintable(api), address()
    agent.open("/console/mint", q=email)
    agent.mint(campaign["id"], email=email)
    code = agent.code
    agent.send(
        "/console/mint/revoke", publication=agent.hidden("publication"), customer=agent.hidden("customer")
    )
    assert "The code is switched off" in agent.text
    assert "taken back" in agent.text
    assert redeemed(api, code, email).json()["key"] == "voucher_disabled"


def test_only_campaigns_that_are_marked_and_run_are_offered(agent: Visitor, api: httpx.Client) -> None:
    """What a marketer has not marked, and what is switched off, is not on the list."""
    marked, stopped, plain = mintable(api), mintable(api), mintable(api, mintable=False)
    api.post(f"/v1/campaigns/{stopped['id']}/disable")
    agent.open("/console/mint", email=address())
    offered = set(re.findall(r'<option value="(camp_[^"]+)"', agent.seen.text))
    assert marked["id"] in offered
    assert offered.isdisjoint({stopped["id"], plain["id"]})
    assert agent.mint(plain["id"], email=address()).status_code == 403
    assert "that a marketer has marked" in agent.text


def test_a_key_that_only_looks_is_told_so(server: RunningServer, project: Project, api: httpx.Client) -> None:
    """A viewer sees the page; making a code is refused and nothing is made."""
    campaign = mintable(api)
    key = agent_of(server, project, "VIEWER")
    with visiting(server) as viewer:
        viewer.sign_in(key.id, key.secret)
        email = address()
        viewer.open("/console/mint", email=email)
        assert viewer.mint(campaign["id"], email=email).status_code == 403
        assert "Your key's role does not include this" in viewer.text
    assert api.get("/v1/publications", params={"campaign": campaign["name"]}).json()["total"] == 0


def test_a_customer_is_found_by_address_name_or_the_shops_id(agent: Visitor, api: httpx.Client) -> None:
    """Two of one name are both offered; another project's customers are nobody."""
    email, name, ours = address(), unique("Ann"), unique("shop")
    api.post("/v1/customers", json={"email": email, "source_id": ours, "name": name})
    for text in (email, name, ours):
        agent.open("/console/mint", q=text)
        assert "Holds now" in agent.text
    api.post("/v1/customers", json={"source_id": unique("shop"), "name": name})
    agent.open("/console/mint", q=name)
    assert "2 customers are called that" in agent.text
    agent.open("/console/mint", q=unique("nobody"))
    assert "Nobody is called" in agent.text


def test_another_projects_people_are_nobody(agent: Visitor, stranger: httpx.Client) -> None:
    """Neither found nor opened by their id."""
    name = unique("Foreign")
    theirs = stranger.post("/v1/customers", json={"source_id": name, "name": name}).json()["id"]
    agent.open("/console/mint", q=name)
    assert "Nobody is called" in agent.text
    agent.open("/console/mint", customer=theirs)
    assert "Holds now" not in agent.text
    assert "could not be read" in agent.text


def test_names_are_words_and_never_marks(agent: Visitor, api: httpx.Client) -> None:
    """A customer, a campaign and a reason of marks are shown as they are written."""
    attack = "<img src=x onerror=alert(1)>\"'`"
    campaign = mintable(api)
    api.put(f"/v1/campaigns/{campaign['id']}", json={"description": attack})
    source = unique("shop")
    api.post("/v1/customers", json={"source_id": source, "name": attack})
    agent.open("/console/mint", q=attack)
    agent.mint(campaign["id"], customer=agent.hidden("customer"), reason=attack, ticket=attack)
    assert attack in agent.text or "&lt;img src=x" in agent.seen.text
    assert "<img src=x" not in agent.seen.text


def test_each_request_of_the_page_can_be_pasted_into_a_shell(agent: Visitor, api: httpx.Client) -> None:
    """Words of the form stay words of the shell; the key is a placeholder."""
    campaign, email = mintable(api), address()
    agent.open("/console/mint", q=email)
    reason = "it's $(reboot) `broken`; \"really\" \\"
    agent.mint(campaign["id"], email=email, reason=reason)
    found = re.search(r"<pre[^>]*>(.*?)</pre>", agent.seen.text, re.DOTALL)
    assert found is not None
    lines = unescape(found[1]).strip()
    first = shlex.split(lines.split("\ncurl")[0])
    assert first[:3] == ["curl", "-X", "POST"]
    assert json.loads(first[first.index("-d") + 1])["extensions"]["reason"] == reason
    assert "X-App-Id: $APP_ID" in first
    assert agent.key_id not in lines
