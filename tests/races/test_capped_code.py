"""P1 over HTTP: many clients, many workers, one cap; rollbacks and a lowered cap race along."""

import random
from collections.abc import Iterator

import pytest

from tests.races.clients import Answer, Crowd, Deed
from tests.support.server import Project, RunningServer
from tests.support.shop import (
    amount_off,
    assign,
    created,
    gift_card,
    percent_off,
    public_code,
    redeem,
    rule,
    stack,
    unique,
)

CAP = 50
CLIENTS = 500
PROCESSES = 4
SEEDS = range(20)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with four web workers."""
    running = RunningServer(data_dir=tmp_path_factory.mktemp("wide") / "data", workers=4)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd(PROCESSES) as crowd:
        yield crowd


@pytest.fixture
def shop(wide: RunningServer) -> Project:
    return wide.create_project(unique("race"))


def redemption_deed(name: str, *codes: str, **more: object) -> Deed:
    return Deed(name, "POST", "/v1/redemptions", stack(*codes, **more))


def ids_of(answers: list[Answer], name: str) -> list[str]:
    return [
        redemption["id"]
        for answer in answers
        if answer.name == name and answer.status == 200
        for redemption in answer.body["redemptions"]
    ]


def assert_known_refusals(answers: list[Answer], *keys: str) -> None:
    """Every answer is a success or one of the expected refusals; nothing is a 5xx or a lost connection."""
    unexpected = [
        answer for answer in answers if answer.status != 200 and (answer.body or {}).get("key") not in keys
    ]
    assert unexpected == []


def test_five_hundred_clients_never_pass_a_cap_of_fifty(wide: RunningServer, crowd: Crowd) -> None:
    """Twenty seeds; acknowledged redemptions are the ledger's rows, never more of them than the cap."""
    for seed in SEEDS:
        project = wide.create_project(unique("cap"))
        randomness = random.Random(seed)
        with wide.client(project) as api:
            code, _ = public_code(api, percent_off(10), quantity=CAP)
            early = [redeem(api, code)["redemptions"][0]["id"] for _ in range(5)]
            buyers = [[redemption_deed("redeem", code)] for _ in range(CLIENTS - 6)]
            returns = [[Deed("rollback", "POST", f"/v1/redemptions/{one}/rollback")] for one in early]
            lowered = CAP - randomness.randrange(10, 30)
            edit = [[Deed("edit", "PUT", f"/v1/vouchers/{code}", {"redemption": {"quantity": lowered}})]]
            answers = crowd.fire(wide.base_url, project.headers, buyers + returns + edit, seed)
            taken = ids_of(answers, "redeem")
            rolled_back = [answer for answer in answers if answer.name == "rollback" and answer.status == 200]
            assert_known_refusals(answers, "quantity_exceeded", "multiple_requests")
            assert len(rolled_back) == len(early)
            used = created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"]
            assert used == len(taken)
            assert used <= CAP
            listed = created(api.get("/v1/redemptions", params={"limit": 100, "result": "SUCCESS"}))
            successes = [
                row["id"]
                for row in listed["redemptions"]
                if row["object"] == "redemption"
                and row["result"] == "SUCCESS"
                and row["status"] == "SUCCEEDED"
            ]
            assert sorted(successes) == sorted(taken)
            after = api.post("/v1/redemptions", json=stack(code))
            if used >= lowered:
                assert after.json()["key"] == "quantity_exceeded"
            else:
                assert after.status_code == 200
        wide.assert_ledger_agrees(project)


def test_one_customer_gets_one_under_fifty_identical_requests(
    wide: RunningServer, crowd: Crowd, shop: Project
) -> None:
    """I8: the per-customer limit holds when the same request arrives fifty times at once."""
    with wide.client(shop) as api:
        code, campaign_id = public_code(api, percent_off(10))
        assign(
            api,
            rule(api, "redemption.count.per_customer", {"$less_than_or_equal": [1]}),
            "campaign",
            campaign_id,
        )
        deeds = [[redemption_deed("redeem", code, customer={"source_id": "only-one"})] for _ in range(50)]
        answers = crowd.fire(wide.base_url, shop.headers, deeds, 1)
        assert len(ids_of(answers, "redeem")) == 1
        assert_known_refusals(answers, "redemption_rules_violated", "multiple_requests")
    wide.assert_ledger_agrees(shop)


def test_stacks_that_share_a_budget_never_pass_it(wide: RunningServer, crowd: Crowd, shop: Project) -> None:
    """Stacks of two codes race for one campaign's count; each is taken whole or not at all."""
    with wide.client(shop) as api:
        code, campaign_id = public_code(api, amount_off(100))
        other, _ = public_code(api, amount_off(50))
        budget = rule(api, "campaign.redemptions.count", {"$less_than_or_equal": [20]})
        assign(api, budget, "campaign", campaign_id)
        deeds = [[redemption_deed("redeem", code, other)] for _ in range(80)]
        answers = crowd.fire(wide.base_url, shop.headers, deeds, 2)
        assert_known_refusals(answers)
        with_both = [answer for answer in answers if len(answer.body["redemptions"]) == 2]
        alone = [answer for answer in answers if len(answer.body["redemptions"]) == 1]
        assert len(with_both) == 20
        assert len(alone) == 60
        assert {one.body["inapplicable_redeemables"][0]["id"] for one in alone} == {code}
    wide.assert_ledger_agrees(shop)


def test_two_workers_meeting_one_new_customer_make_one(
    wide: RunningServer, crowd: Crowd, shop: Project
) -> None:
    """D15: the id of a new source_id is the same wherever it is met first."""
    with wide.client(shop) as api:
        code, _ = public_code(api, percent_off(10))
        deeds = [
            [
                redemption_deed(
                    "redeem", code, customer={"source_id": f"new-{number // 8}", "name": f"n{number}"}
                )
            ]
            for number in range(64)
        ]
        answers = crowd.fire(wide.base_url, shop.headers, deeds, 3)
        assert len(ids_of(answers, "redeem")) == 64
        listed = created(api.get("/v1/customers", params={"limit": 100}))
        assert sorted(one["source_id"] for one in listed["customers"]) == sorted(f"new-{n}" for n in range(8))
    wide.assert_ledger_agrees(shop)


def test_a_gift_card_is_never_overdrawn(wide: RunningServer, crowd: Crowd, shop: Project) -> None:
    """Forty clients spend 300 each from 5 000: what was taken is what is missing."""
    with wide.client(shop) as api:
        card = gift_card(api, 5_000)
        body = {
            "redeemables": [{"object": "voucher", "id": card["code"], "gift": {"credits": 300}}],
            "order": {"amount": 10_000},
        }
        deeds = [[Deed("redeem", "POST", "/v1/redemptions", body)] for _ in range(40)]
        answers = crowd.fire(wide.base_url, shop.headers, deeds, 4)
        assert len(ids_of(answers, "redeem")) == 16
        assert_known_refusals(answers, "gift_amount_exceeded")
        assert created(api.get(f"/v1/vouchers/{card['code']}"))["gift"]["balance"] == 200
    wide.assert_ledger_agrees(shop)


def test_a_rollback_among_many_happens_once(wide: RunningServer, crowd: Crowd, shop: Project) -> None:
    """Thirty rollbacks of one redemption: one gives back, the others are told so."""
    with wide.client(shop) as api:
        code, _ = public_code(api, percent_off(10), quantity=5)
        redemption = redeem(api, code)["redemptions"][0]["id"]
        deeds = [[Deed("rollback", "POST", f"/v1/redemptions/{redemption}/rollback")] for _ in range(30)]
        answers = crowd.fire(wide.base_url, shop.headers, deeds, 5)
        assert [answer.status for answer in answers].count(200) == 1
        assert_known_refusals(answers, "already_rolled_back")
        assert created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"] == 0
    wide.assert_ledger_agrees(shop)


def test_a_stop_is_seen_by_every_worker(wide: RunningServer, crowd: Crowd, shop: Project) -> None:
    """P6: once disable is answered, none of 64 redemptions on four workers succeeds."""
    with wide.client(shop) as api:
        code, campaign_id = public_code(api, percent_off(10))
        deeds = [[redemption_deed("redeem", code)] for _ in range(64)]
        warm = crowd.fire(wide.base_url, shop.headers, deeds, 6)
        assert len(ids_of(warm, "redeem")) == 64
        assert api.post(f"/v1/campaigns/{campaign_id}/disable").status_code == 200
        answers = crowd.fire(wide.base_url, shop.headers, deeds, 7)
        assert ids_of(answers, "redeem") == []
        assert {answer.status for answer in answers} == {400}
