"""The role SUPPORT: it looks up, and hands out codes of campaigns that are marked for it; nothing else."""

import asyncio

import httpx
import pytest

from app.db.database import Database
from app.projects import create_key
from tests.support.answers import LOOKED_AT
from tests.support.shop import amount_off, created, percent_off, public_code, redeem, unique


@pytest.fixture(scope="module")
def agent(server, project):
    async def make():
        database = Database(f"sqlite:///{server.data_dir / 'vouchsafe.db'}")
        pair = await create_key(database, "server", project_id=project.project_id, role="SUPPORT")
        await database.close()
        return pair

    pair = asyncio.run(make())
    headers = {"X-App-Id": pair.id, "X-App-Token": pair.token}
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=30, event_hooks=LOOKED_AT) as client:
        yield client


def campaign(api, **more):
    voucher = {"type": "DISCOUNT_VOUCHER", "discount": amount_off(1000), "redemption": {"quantity": 1}}
    sent = {"name": unique("sorry"), "type": "AUTO_UPDATE", "voucher": voucher, **more}
    return created(api.post("/v1/campaigns", json=sent))["id"]


def test_an_agent_makes_a_code_of_a_marked_campaign_on_its_terms(api, agent):
    """It can be redeemed once, like every other of the campaign, and the audit says who made it."""
    marked = campaign(api, extensions={"mintable": True})
    made = created(agent.post(f"/v1/campaigns/{marked}/vouchers", json={"metadata": {"ticket": "T-1"}}))
    assert (made["redemption"]["quantity"], made["metadata"]) == (1, {"ticket": "T-1"})
    assert redeem(api, made["code"])["redemptions"][0]["result"] == "SUCCESS"
    entry = created(api.get("/v1/engine/audit", params={"related_object_id": made["id"]}))["data"][-1]
    assert (entry["action"], entry["actor"]["id"]) == ("created", agent.headers["X-App-Id"])


@pytest.mark.parametrize("extensions", [{}, {"mintable": False}, {"currency": "EUR"}], ids=str)
def test_an_agent_makes_no_code_of_a_campaign_that_is_not_marked(api, agent, extensions):
    """403, and no code more."""
    plain = campaign(api, extensions=extensions)
    answer = agent.post(f"/v1/campaigns/{plain}/vouchers", json={})
    assert (answer.status_code, answer.json()["key"]) == (403, "forbidden")
    assert created(api.get(f"/v1/campaigns/{plain}"))["vouchers_count"] == 0


def test_a_marketer_takes_the_mark_away_and_the_next_code_is_refused(api, agent):
    """The mark is read with each code."""
    marked = campaign(api, extensions={"mintable": True})
    created(agent.post(f"/v1/campaigns/{marked}/vouchers"))
    created(api.put(f"/v1/campaigns/{marked}", json={"extensions": {"mintable": False}}))
    assert agent.post(f"/v1/campaigns/{marked}/vouchers").status_code == 403


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?vouchers_count=2", {}),
        ("", {"redemption": {"quantity": None}}),
        ("", {"redemption": {"quantity": 100}}),
        ("", {"expiration_date": "2099-01-01"}),
        ("", {"expiration_date": None, "active": True}),
        ("", {"code_config": {"length": 3}}),
        ("", {"extensions": {"margin": {}}}),
    ],
    ids=str,
)
def test_an_agent_changes_none_of_the_terms(api, agent, query, body):
    """Neither how often a code is good nor until when nor what it looks like, nor how many."""
    marked = campaign(api, extensions={"mintable": True})
    answer = agent.post(f"/v1/campaigns/{marked}/vouchers{query}", json=body)
    assert (answer.status_code, answer.json()["key"]) == (403, "forbidden")


def test_an_agent_looks_up_and_does_nothing_else(api, agent):
    """Vouchers, customers, campaigns, orders and redemptions are shown; nothing is set up, redeemed or
    deleted.
    """
    code, campaign_id = public_code(api, percent_off(10))
    for path in (f"vouchers/{code}", f"campaigns/{campaign_id}", "customers", "redemptions", "orders"):
        assert agent.get(f"/v1/{path}").status_code == 200
    refused = [
        agent.post("/v1/campaigns", json={"name": "x"}),
        agent.post(f"/v1/vouchers/{unique('C')}", json={}),
        agent.post(f"/v1/campaigns/{campaign_id}/vouchers/{unique('C')}", json={}),
        agent.post(f"/v1/campaigns/{campaign_id}/disable"),
        agent.delete(f"/v1/vouchers/{code}"),
        agent.post("/v1/redemptions", json={"redeemables": [{"object": "voucher", "id": code}]}),
        agent.get("/v1/engine/audit"),
    ]
    assert {answer.status_code for answer in refused} == {403}
    assert {answer.json()["key"] for answer in refused} == {"missing_required_permission"}


def test_an_agent_publishes_one_code_of_a_marked_campaign_to_one_customer(api, agent):
    """Neither more of it, nor of another campaign, nor a chosen code of none."""
    marked, plain = campaign(api, extensions={"mintable": True}), campaign(api)
    customer = {"customer": {"source_id": unique("customer")}}
    given = created(agent.post("/v1/publications", json={**customer, "campaign": {"name": marked}}))
    assert given["voucher"]["code"]
    code, _ = public_code(api, percent_off(10))
    for refused in (
        {"campaign": {"name": marked, "count": 2}},
        {"campaign": {"name": plain}},
        {"voucher": code},
    ):
        answer = agent.post("/v1/publications", json={**customer, **refused})
        assert (answer.status_code, answer.json()["key"]) == (403, "forbidden")


def test_the_mark_is_true_or_false(api):
    """Anything else is refused, so that "no" in quotes opens nothing."""
    voucher = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(1)}
    sent = {"name": unique("x"), "voucher": voucher, "extensions": {"mintable": "no"}}
    answer = api.post("/v1/campaigns", json=sent)
    assert (answer.status_code, "mintable" in answer.json()["details"]) == (400, True)
