"""A code for one person: minted by an agent, within a budget, for its holder alone (S12)."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.core import RedemptionCore
from app.db.database import Database
from app.projects import create_key
from tests.support.shop import CART, created, redeem, unique


def apology(api, codes=5, minting=None, **discount):
    body = {
        "name": unique("apology"),
        "type": "STATIC",
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": discount or {"type": "AMOUNT", "amount_off": 500, "effect": "APPLY_TO_ORDER"},
            "redemption": {"quantity": 1},
        },
        "extensions": {"minting": minting or {}, "mintable": True},
    }
    made = created(api.post("/v1/campaigns", json=body))
    for _ in range(codes):
        created(api.post(f"/v1/campaigns/{made['id']}/vouchers"))
    return made["name"]


def mint(api, name, email, **extensions):
    body = {
        "campaign": name,
        "customer": {"email": email},
        "extensions": {"holder_only": True, "reason": "late parcel", "agent": "kim", **extensions},
    }
    return api.post("/v1/publications", json=body)


def use(api, code, **customer):
    body = {"redeemables": [{"object": "voucher", "id": code}], "order": CART}
    return api.post("/v1/redemptions", json=body | ({"customer": customer} if customer else {}))


def test_only_the_holder_redeems_it(api):
    """By the address however it is written, or by id; somebody else, and nobody at all, are refused
    everywhere.
    """
    name, email = apology(api), f"{unique('ann')}@example.com"
    made = created(mint(api, name, email))
    assert made["extensions"] == {"reason": "late parcel", "agent": "kim", "holder_only": True}
    code = made["voucher"]["code"]
    for _ in range(2):
        assert use(api, code, email="eve@example.com").json()["key"] == "missing_customer"
        assert use(api, code, source_id="eve").json()["key"] == "customer_rules_violated"
        assert use(api, code, source_id="eve", email=email).json()["key"] == "customer_rules_violated"
        assert use(api, code).json()["key"] == "missing_customer"
    taken = created(use(api, code, email=f" {email.upper()}"))
    assert taken["redemptions"][0]["customer_id"] == made["customer_id"]
    other = created(mint(api, name, email))["voucher"]["code"]
    assert created(use(api, other, id=made["customer_id"]))["redemptions"][0]["result"] == "SUCCESS"


def test_a_code_that_is_not_for_its_holder_only_is_everybodys(api):
    """Without holder_only nothing changes for codes that have a holder."""
    made = created(mint(api, apology(api), "ann@example.com", holder_only=False))
    assert redeem(api, made["voucher"]["code"])["redemptions"][0]["result"] == "SUCCESS"


def test_a_second_code_within_days_needs_a_look(api):
    """Pointed out, or refused until it is confirmed; campaigns of one family count together."""
    family, email = unique("family"), f"{unique('bob')}@example.com"
    warned = apology(api, minting={"duplicate_days": 7, "family": family})
    strict = apology(api, minting={"duplicate_days": 7, "family": family, "duplicates": "refuse"})
    first = created(mint(api, warned, email))
    assert "warnings" not in first["extensions"]
    (warning,) = created(mint(api, warned, email))["extensions"]["warnings"]
    assert (warning["key"], warning["publication_id"]) == ("recently_published", first["id"])
    assert (warning["agent"], warning["voucher"]) == ("kim", first["voucher"]["code"])
    refused = mint(api, strict, email)
    assert (refused.status_code, refused.json()["key"]) == (400, "duplicate_needs_confirmation")
    created(mint(api, strict, email, confirmed=True))
    created(mint(api, strict, f"{unique('new')}@example.com"))


def test_what_was_handed_out_can_be_taken_back(api):
    """After the answer no worker redeems it; the publication says so; nothing happens the second time."""
    made = created(mint(api, apology(api), "ann@example.com"))
    path = f"/v1/engine/publications/{made['id']}/revoke"
    revoked = created(api.post(path, json={"reason": "wrong customer"}))
    assert revoked["extensions"]["revoked_at"]
    for _ in range(4):
        assert use(api, made["voucher"]["code"], email="ann@example.com").json()["key"] == "voucher_disabled"
    assert created(api.post(path))["extensions"] == revoked["extensions"]
    assert api.post("/v1/engine/publications/pub_nobody/revoke").status_code == 404


def key_with_budget(server, project, **budget):
    """A second key of the project, with a budget."""

    async def make():
        status = server.status()
        core, db = (
            RedemptionCore(status["redis_url"]),
            Database(f"sqlite:///{server.data_dir / 'vouchsafe.db'}"),
        )
        try:
            pair = await create_key(db, "server", project_id=project.project_id, role="SUPPORT")
        finally:
            await db.close()
        del core
        return pair

    with ThreadPoolExecutor(1) as thread:
        pair = thread.submit(asyncio.run, make()).result()
    options = [f"--{name.replace('_', '-')}={value}" for name, value in budget.items()]
    shown = server.command("keys", "budget", pair.id, *options, "--json")
    assert json.loads(shown.stdout)["mint"] == budget
    return {"X-App-Id": pair.id, "X-App-Token": pair.token}


@pytest.mark.parametrize(("budget", "fits"), [({"codes_per_day": 3}, 3), ({"value_per_day": 1_100}, 2)])
def test_a_key_mints_within_its_budget(server, project, api, budget, fits):
    """By count and by value a day, also when two agents ask at once; other keys are not concerned."""
    name = apology(api, codes=8)
    headers = key_with_budget(server, project, **budget)
    body = {"campaign": name, "customer": {"email": "ann@example.com"}}
    with ThreadPoolExecutor(6) as threads:
        asked = lambda _: api.post("/v1/publications", json=body, headers=headers)  # noqa: E731
        answers = list(threads.map(asked, range(6)))
    assert sum(answer.status_code == 200 for answer in answers) == fits
    refused = next(answer for answer in answers if answer.status_code != 200)
    assert (refused.status_code, refused.json()["key"]) == (403, "mint_budget_exceeded")
    created(mint(api, name, "ann@example.com"))
    made = api.post(f"/v1/campaigns/{name}/vouchers", headers=headers)
    assert (made.status_code, made.json()["key"]) == (403, "forbidden")


def test_two_agents_at_once_are_told_of_each_other(api):
    """The second look is asked for whoever comes second, also when both ask at the same moment."""
    name = apology(api, codes=8, minting={"duplicate_days": 7, "duplicates": "refuse"})
    email = f"{unique('kay')}@example.com"
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: mint(api, name, email), range(6)))
    assert sum(answer.status_code == 200 for answer in answers) == 1
    keys = {answer.json()["key"] for answer in answers if answer.status_code != 200}
    assert keys == {"duplicate_needs_confirmation"}
