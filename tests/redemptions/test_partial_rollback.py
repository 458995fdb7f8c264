"""Part of a redemption taken back (D9): units return, and with them their share of every discount, once."""

import random
import threading
from typing import Any

import httpx
import pytest
import redis

from tests.support.patience import PatientTransport
from tests.support.server import Project, RunningServer
from tests.support.shop import (
    amount_off,
    assign,
    created,
    gift_card,
    percent_off,
    public_code,
    redeem,
    refusal,
    rule,
    stack,
    tier,
    unique,
)


def returning(*items: tuple[str, int], **more: object) -> dict[str, Any]:
    """The body for units by source_id."""
    listed = [{"source_id": name, "quantity": quantity} for name, quantity in items]
    return {"extensions": {"items": listed, **more}}


def roll_back(
    api: httpx.Client, redemption_id: str, *items: tuple[str, int], **more: object
) -> httpx.Response:
    return api.post(f"/v1/redemptions/{redemption_id}/rollback", json=returning(*items, **more))


def roll_back_stack(api: httpx.Client, redemption_id: str, *items: tuple[str, int]) -> httpx.Response:
    return api.post(f"/v1/redemptions/{redemption_id}/rollbacks", json=returning(*items))


def used(api: httpx.Client, code: str) -> int:
    return int(created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"])


def balance(api: httpx.Client, code: str) -> int:
    return int(created(api.get(f"/v1/vouchers/{code}"))["gift"]["balance"])


def forget(server: RunningServer, project: Project) -> None:
    """What the passing of an hour does: Redis has no record of redemptions any more."""
    status = server.status()
    assert status is not None
    with redis.Redis.from_url(status["redis_url"]) as client:
        for kept in ("rd:*", "i:r_*"):
            for key in client.scan_iter(match=f"{{{project.project_id}.0}}:*:{kept}", count=1000):
                client.delete(key)


def test_units_bring_back_their_share(api: httpx.Client) -> None:
    """Of 10 % on 100.00, one mug of 20.00 brings back 2.00; the use comes back with the last unit."""
    code, _ = public_code(api, percent_off(10), quantity=1)
    redemption = redeem(api, code)["redemptions"][0]
    part = created(roll_back(api, redemption["id"], ("mug", 1), reason=None))
    extensions = part["extensions"]
    assert (extensions["partial"], extensions["discount"], extensions["amount"]) == (True, 200, 2_000)
    assert (extensions["refund"], extensions["uses_restored"]) == (1_800, False)
    assert [(item["source_id"], item["quantity"]) for item in extensions["items"]] == [("mug", 1)]
    assert (part["order"]["total_discount_amount"], part["order"]["status"]) == (800, "PAID")
    assert used(api, code) == 1
    read = created(api.get(f"/v1/redemptions/{redemption['id']}"))
    assert read["status"] == "SUCCEEDED"
    assert [one["id"] for one in read["related_redemptions"]["rollbacks"]] == [part["id"]]
    last = created(roll_back(api, redemption["id"], ("lamp", 1), ("mug", 1)))
    assert (last["extensions"]["partial"], last["extensions"]["discount"]) == (False, 800)
    assert last["order"]["status"] == "CANCELED"
    assert "total_discount_amount" not in last["order"]
    assert used(api, code) == 0
    assert created(api.get(f"/v1/redemptions/{redemption['id']}"))["status"] == "ROLLED_BACK"
    again = roll_back(api, redemption["id"], ("mug", 1))
    assert (again.status_code, again.json()["key"]) == (400, "already_rolled_back")


@pytest.mark.parametrize(
    ("restore_use", "after_part", "after_all"), [("never", 1, 1), ("when_complete", 1, 0), ("always", 0, 0)]
)
def test_when_the_use_comes_back(
    api: httpx.Client, restore_use: str, after_part: int, after_all: int
) -> None:
    """restore_use: never, when all units are back, or with the first."""
    code, _ = public_code(api, percent_off(10))
    redemption_id = redeem(api, code)["redemptions"][0]["id"]
    created(roll_back(api, redemption_id, ("mug", 2), restore_use=restore_use))
    assert used(api, code) == after_part
    created(roll_back(api, redemption_id, ("lamp", 1), restore_use=restore_use))
    assert used(api, code) == after_all


def test_credits_go_back_to_the_card(api: httpx.Client) -> None:
    """5 000 credits paid half of an order: the lamp brings 3 000 of them back, and the movement is listed."""
    card = gift_card(api, 5_000)["code"]
    redemption_id = redeem(api, card)["redemptions"][0]["id"]
    part = created(roll_back(api, redemption_id, ("lamp", 1)))
    assert (part["amount"], part["gift"]["amount"]) == (-3_000, -3_000)
    assert balance(api, card) == 3_000
    created(roll_back(api, redemption_id, ("mug", 2)))
    assert balance(api, card) == 5_000
    listed = created(api.get(f"/v1/vouchers/{card}/transactions"))["data"]
    assert [row["details"]["balance"]["amount"] for row in listed] == [2_000, 3_000, -5_000]


def test_a_budget_gets_its_share_back(api: httpx.Client) -> None:
    """A campaign's discount budget that is used up has room again for exactly what came back."""
    code, campaign_id = public_code(api, percent_off(10))
    budget = rule(api, "campaign.orders.amount_discounted", {"$less_than_or_equal": [1_000]})
    assign(api, budget, "campaign", campaign_id)
    redemption_id = redeem(api, code)["redemptions"][0]["id"]
    assert refusal(api, code, order={"amount": 10})["key"] == "redemption_rules_violated"
    created(roll_back(api, redemption_id, ("mug", 1)))
    assert refusal(api, code, order={"amount": 2_010})["key"] == "redemption_rules_violated"
    redeem(api, code, order={"amount": 2_000})
    assert refusal(api, code, order={"amount": 10})["key"] == "redemption_rules_violated"


def test_a_rollback_without_items_takes_the_rest(api: httpx.Client) -> None:
    """What a part left is what a whole rollback gives, and the end is the same as without parts."""
    code, _ = public_code(api, percent_off(33))
    other, _ = public_code(api, percent_off(33))
    redemption_id = redeem(api, code)["redemptions"][0]["id"]
    whole_id = redeem(api, other)["redemptions"][0]["id"]
    first = created(roll_back(api, redemption_id, ("mug", 1)))
    rest = created(api.post(f"/v1/redemptions/{redemption_id}/rollback"))
    whole = created(api.post(f"/v1/redemptions/{whole_id}/rollback"))
    assert first["extensions"]["discount"] + rest["extensions"]["discount"] == 3_300
    assert rest["extensions"]["partial"] is False
    same = ("amount", "total_amount", "status", "items")
    assert {name: rest["order"].get(name) for name in same} == {
        name: whole["order"].get(name) for name in same
    }


def test_a_stack_gives_back_the_share_of_each(api: httpx.Client) -> None:
    """Order, items and credits of three redeemables; the parts of all of them end at nothing."""
    order_code, _ = public_code(api, percent_off(7))
    promotion = tier(api, amount_off(333))["id"]
    card = gift_card(api, 1_111)["code"]
    taken = redeem(api, order_code, promotion, card)
    parent_id = taken["parent_redemption"]["id"]
    by_id = {one["id"]: one for one in taken["redemptions"]}
    given = dict.fromkeys(by_id, 0)
    credits_back = 0
    for items in ((("mug", 1),), (("lamp", 1),), (("mug", 1),)):
        part = created(roll_back_stack(api, parent_id, *items))
        for row in part["rollbacks"]:
            given[row["redemption"]] += row["extensions"]["discount"]
            credits_back -= (row.get("gift") or {"amount": 0})["amount"]
        shares = [row["extensions"]["discount"] for row in part["rollbacks"]]
        assert part["parent_rollback"]["extensions"]["discount"] == sum(shares)
    applied = {identity: one["order"]["total_applied_discount_amount"] for identity, one in by_id.items()}
    assert given == applied
    assert (credits_back, balance(api, card)) == (1_111, 1_111)
    assert part["order"]["status"] == "CANCELED"
    assert created(api.get(f"/v1/promotions/tiers/{promotion}"))["summary"]["redemptions"] == {
        "total_redeemed": 0
    }
    child = roll_back(api, taken["redemptions"][0]["id"], ("mug", 1))
    assert child.json()["key"] == "invalid_redemption_parent"


def test_after_an_hour_the_ledger_knows_what_is_left(
    api: httpx.Client, server: RunningServer, project: Project
) -> None:
    """With no record in Redis before any part, each gives its share once, and the third finds nothing."""
    code, _ = public_code(api, percent_off(10))
    redemption_id = redeem(api, code)["redemptions"][0]["id"]
    forget(server, project)
    assert created(roll_back(api, redemption_id, ("mug", 1)))["extensions"]["discount"] == 200
    forget(server, project)
    refused = roll_back(api, redemption_id, ("mug", 2))
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_rollback_params")
    forget(server, project)
    assert created(api.post(f"/v1/redemptions/{redemption_id}/rollback"))["extensions"]["discount"] == 800
    forget(server, project)
    assert roll_back(api, redemption_id, ("mug", 1)).json()["key"] == "already_rolled_back"
    assert used(api, code) == 0
    server.assert_ledger_agrees(project)


def test_the_same_key_takes_back_once(api: httpx.Client) -> None:
    """P3: byte for byte the first answer; without a key each request is a part of its own."""
    code, _ = public_code(api, percent_off(10))
    redemption_id = redeem(api, code)["redemptions"][0]["id"]
    path, headers = f"/v1/redemptions/{redemption_id}/rollback", {"Idempotency-Key": unique("key")}
    first = api.post(path, json=returning(("mug", 1)), headers=headers)
    again = api.post(path, json=returning(("mug", 1)), headers=headers)
    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert created(roll_back(api, redemption_id, ("mug", 1)))["order"]["total_discount_amount"] == 600


@pytest.mark.parametrize(
    ("items", "key"),
    [
        ([{"source_id": "mug", "quantity": 3}], "invalid_rollback_params"),
        (
            [{"source_id": "mug", "quantity": 1}, {"source_id": "mug", "quantity": 2}],
            "invalid_rollback_params",
        ),
        ([{"source_id": "nothing", "quantity": 1}], "invalid_rollback_params"),
        ([{"quantity": 1}], "invalid_rollback_params"),
        ([{"source_id": "mug", "quantity": 0}], "invalid_payload"),
        ([], "invalid_payload"),
    ],
)
def test_what_was_not_bought_cannot_come_back(
    api: httpx.Client, items: list[dict[str, object]], key: str
) -> None:
    """400, and nothing is taken back."""
    code, _ = public_code(api, percent_off(10))
    redemption_id = redeem(api, code)["redemptions"][0]["id"]
    refused = api.post(f"/v1/redemptions/{redemption_id}/rollback", json={"extensions": {"items": items}})
    assert (refused.status_code, refused.json()["key"]) == (400, key)
    assert "related_redemptions" not in refused.json()
    assert created(api.get(f"/v1/redemptions/{redemption_id}"))["related_redemptions"] is None


def test_an_order_without_items_has_no_parts(api: httpx.Client) -> None:
    """400 for units of an order that is only an amount."""
    code, _ = public_code(api, percent_off(10))
    redemption_id = redeem(api, code, order={"amount": 5_000})["redemptions"][0]["id"]
    assert roll_back(api, redemption_id, ("mug", 1)).json()["key"] == "invalid_rollback_params"


def together(api: httpx.Client, work: list[tuple[str, Any]]) -> list[httpx.Response]:
    """All at once, each over a connection of its own."""
    answers: list[httpx.Response] = []
    gate = threading.Barrier(len(work))

    def run(path: str, body: Any) -> None:
        with httpx.Client(
            base_url=api.base_url, headers=api.headers, timeout=60, transport=PatientTransport()
        ) as client:
            gate.wait()
            answers.append(client.post(path, json=body))

    threads = [threading.Thread(target=run, args=deed) for deed in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("forgotten", [False, True])
def test_parts_that_race_give_back_what_there_is(
    api: httpx.Client, server: RunningServer, project: Project, forgotten: bool
) -> None:
    """Six want one of three units, one wants all, within the hour and beyond: exactly the whole comes back,
    while others redeem the same card.
    """
    card = gift_card(api, 30_000)["code"]
    redemption_id = redeem(api, card)["redemptions"][0]["id"]
    if forgotten:
        forget(server, project)
    path = f"/v1/redemptions/{redemption_id}/rollback"
    work = [(path, returning(("mug", 1)))] * 4 + [(path, returning(("lamp", 1)))] * 2
    work += [(path, {}), ("/v1/redemptions", stack(card)), ("/v1/redemptions", stack(card))]
    random.Random(7).shuffle(work)
    answers = together(api, work)
    spent = sum(
        answer.json()["redemptions"][0]["amount"]
        for answer in answers
        if answer.status_code == 200 and "redemptions" in answer.json()
    )
    parts = [
        answer.json()
        for answer in answers
        if answer.status_code == 200 and "redemptions" not in answer.json()
    ]
    refused = {answer.json()["key"] for answer in answers if answer.status_code != 200}
    assert refused <= {"already_rolled_back", "invalid_rollback_params", "multiple_requests"}
    returned = -sum(part["amount"] for part in parts)
    assert returned <= 10_000
    assert balance(api, card) == 30_000 - 10_000 + returned - spent
    if not any(part.get("extensions", {}).get("partial") is not True for part in parts):
        created(api.post(f"/v1/redemptions/{redemption_id}/rollback"))
        returned = 10_000
    assert balance(api, card) == 30_000 - spent
    server.assert_ledger_agrees(project)


def test_whatever_the_parts_the_end_is_the_same(
    api: httpx.Client, server: RunningServer, project: Project
) -> None:
    """Random carts returned in random parts: the card is full, the code unused, the ledger agrees."""
    for seed in range(3):
        chance = random.Random(seed)
        code, _ = public_code(api, percent_off(chance.choice([3, 17, 33.3])))
        card = gift_card(api, chance.randint(1, 4_000))
        names = ["a", "b", "c"]
        items = [
            {"source_id": name, "quantity": chance.randint(1, 4), "price": chance.randint(1, 999)}
            for name in names
        ]
        taken = redeem(api, code, card["code"], order={"items": items})
        parent_id = taken["parent_redemption"]["id"]
        left = {str(item["source_id"]): int(str(item["quantity"])) for item in items}
        while any(left.values()):
            name = chance.choice([one for one in names if left[one]])
            count = chance.randint(1, left[name])
            left[name] -= count
            part = created(roll_back_stack(api, parent_id, (name, count)))
        assert part["order"]["status"] == "CANCELED"
        assert part["order"]["total_amount"] == part["order"]["amount"]
        assert balance(api, card["code"]) == card["gift"]["amount"]
        assert used(api, code) == 0
    server.assert_ledger_agrees(project)
