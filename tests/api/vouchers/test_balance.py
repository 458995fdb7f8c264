"""Gift cards (behaviour 2.3): the balance changed by hand or by the card's amount, and every movement of
it.
"""

import threading

import httpx
import pytest
import voucherify

from tests.support.server import Project, RunningServer
from tests.support.shop import created, gift_card, percent_off, single_voucher, unique


def adjust(api: httpx.Client, code: str, amount: int, **more: object) -> dict[str, object]:
    return created(api.post(f"/v1/vouchers/{code}/balance", json={"amount": amount, **more}))


def spend(api: httpx.Client, code: str, amount: int, **more: object) -> httpx.Response:
    redeemable = {"object": "voucher", "id": code, "gift": {"credits": amount}}
    body = {"redeemables": [redeemable], "order": {"amount": 50_000}, **more}
    return api.post("/v1/redemptions", json=body)


def gift_of(api: httpx.Client, code: str) -> dict[str, int]:
    gift = created(api.get(f"/v1/vouchers/{code}"))["gift"]
    return {name: gift[name] for name in ("amount", "subtracted_amount", "balance")}


def test_credits_are_added_and_taken_off(api: httpx.Client) -> None:
    """The answer, the card and what can be spent say the same; taking off leaves what was ever credited."""
    card = gift_card(api, 1_000)
    code = card["code"]
    assert adjust(api, code, 500, source_id="t-1", reason="a present") == {
        "amount": 500,
        "total": 1_500,
        "balance": 1_500,
        "type": "gift_voucher",
        "operation_type": "MANUAL",
        "object": "balance",
        "related_object": {"type": "voucher", "id": card["id"]},
    }
    created(spend(api, code, 1_200))
    removed = adjust(api, card["id"], -100)
    assert (removed["amount"], removed["total"], removed["balance"]) == (-100, 1_500, 200)
    assert gift_of(api, code) == {"amount": 1_500, "subtracted_amount": 100, "balance": 200}
    assert spend(api, code, 201).json()["key"] == "gift_amount_exceeded"
    created(spend(api, code, 200))


def test_a_balance_never_goes_below_nothing(api: httpx.Client) -> None:
    """400 invalid_amount for what is not there, and for what a session has locked."""
    code = gift_card(api, 1_000)["code"]
    refused = api.post(f"/v1/vouchers/{code}/balance", json={"amount": -1_001})
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_amount")
    redeemable = {"object": "voucher", "id": code, "gift": {"credits": 700}}
    session = {"type": "LOCK", "key": "held"}
    body = {"redeemables": [redeemable], "order": {"amount": 5_000}, "session": session}
    assert created(api.post("/v1/validations", json=body))["valid"] is True
    assert api.post(f"/v1/vouchers/{code}/balance", json={"amount": -301}).json()["key"] == "invalid_amount"
    assert adjust(api, code, -300)["balance"] == 700
    assert gift_of(api, code)["balance"] == 700


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "invalid_add_balance_params"),
        ({"amount": 0}, "invalid_add_balance_params"),
        ({"amount": "5"}, "invalid_payload"),
        ({"amount": 10**12 + 1}, "invalid_payload"),
        ({"amount": 10**12}, "invalid_amount"),
    ],
)
def test_a_malformed_change_is_refused(api: httpx.Client, body: dict[str, object], key: str) -> None:
    """400 with a key that says which, and nothing moves."""
    code = gift_card(api, 1_000)["code"]
    refused = api.post(f"/v1/vouchers/{code}/balance", json=body)
    assert (refused.status_code, refused.json()["key"]) == (400, key)
    assert gift_of(api, code)["balance"] == 1_000


def test_only_gift_cards_have_a_balance(api: httpx.Client, stranger: httpx.Client) -> None:
    """400 for another type, 404 for a code that is not there or belongs to another project."""
    coupon = single_voucher(api, percent_off(10))["code"]
    refused = api.post(f"/v1/vouchers/{coupon}/balance", json={"amount": 5})
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_voucher")
    code = gift_card(api, 1_000)["code"]
    assert stranger.post(f"/v1/vouchers/{code}/balance", json={"amount": 5}).status_code == 404
    assert stranger.get(f"/v1/vouchers/{code}/transactions").status_code == 404


def test_the_same_key_moves_once(api: httpx.Client) -> None:
    """P3: byte for byte the first answer; another body is 422; without a key two requests move twice."""
    code = gift_card(api, 1_000)["code"]
    path, headers = f"/v1/vouchers/{code}/balance", {"Idempotency-Key": unique("key")}
    first = api.post(path, json={"amount": 250}, headers=headers)
    again = api.post(path, json={"amount": 250}, headers=headers)
    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert api.post(path, json={"amount": 251}, headers=headers).status_code == 422
    adjust(api, code, 250, source_id="same")
    adjust(api, code, 250, source_id="same")
    assert gift_of(api, code)["balance"] == 1_750


def test_the_amount_of_a_card_is_its_total(api: httpx.Client) -> None:
    """PUT gift.amount moves the balance by the difference, once however often it is sent, and never below
    what was spent.
    """
    code = gift_card(api, 1_000)["code"]
    created(spend(api, code, 400))
    for _ in range(2):
        raised = created(api.put(f"/v1/vouchers/{code}", json={"gift": {"amount": 1_500}}))
        assert (raised["gift"]["amount"], raised["gift"]["balance"]) == (1_500, 1_100)
    refused = api.put(f"/v1/vouchers/{code}", json={"gift": {"amount": 399}, "metadata": {"changed": True}})
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_amount")
    read = created(api.get(f"/v1/vouchers/{code}"))
    assert (read["gift"]["balance"], read["metadata"]) == (1_100, {})
    created(api.put(f"/v1/vouchers/{code}", json={"gift": {"amount": 400}}))
    assert gift_of(api, code) == {"amount": 400, "subtracted_amount": 0, "balance": 0}


def test_movements_are_listed_by_cursor(api: httpx.Client) -> None:
    """Newest first, with the balance after each; `id` turns them round, pages follow one another."""
    card = gift_card(api, 1_000)
    code = card["code"]
    adjust(api, code, 500, source_id="t-1", reason="a present")
    redemption = created(spend(api, code, 300))
    redemption_id = redemption["redemptions"][0]["id"]
    created(api.post(f"/v1/redemptions/{redemption_id}/rollback"))
    adjust(api, code, -200)
    listed = created(api.get(f"/v1/vouchers/{code}/transactions"))
    assert (listed["object"], listed["data_ref"], listed["has_more"]) == ("list", "data", False)
    found = [
        (one["type"], one["details"]["balance"]["amount"], one["details"]["balance"]["balance"])
        for one in listed["data"]
    ]
    assert found == [
        ("CREDITS_REMOVAL", -200, 1_300),
        ("CREDITS_REFUND", 300, 1_500),
        ("CREDITS_REDEMPTION", -300, 1_200),
        ("CREDITS_ADDITION", 500, 1_500),
    ]
    assert {one["details"]["balance"]["total"] for one in listed["data"]} == {1_500}
    added, redeemed = listed["data"][3], listed["data"][2]
    assert (added["source_id"], added["source"], added["reason"]) == ("t-1", "API", "a present")
    assert redeemed["details"]["redemption"]["id"] == redemption_id
    assert redeemed["details"]["order"]["id"] == redemption["order"]["id"]
    pages: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = created(
            api.get(f"/v1/vouchers/{code}/transactions", params={"limit": 3, "order": "id", **after})
        )
        pages += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        after = {"starting_after_id": page["more_starting_after"]}
    assert pages == [one["id"] for one in reversed(listed["data"])]


def test_a_campaign_lists_the_movements_of_its_cards(api: httpx.Client) -> None:
    """All cards of the campaign, filtered by voucher; a campaign without credits has none."""
    campaign = created(
        api.post(
            "/v1/campaigns",
            json={
                "name": unique("cards"),
                "campaign_type": "GIFT_VOUCHERS",
                "type": "STATIC",
                "vouchers_count": 0,
                "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 1_000}},
            },
        )
    )
    path = f"/v1/campaigns/{campaign['id']}"
    one = created(api.post(f"{path}/vouchers/{unique('ONE')}", json={}))
    two = created(api.post(f"{path}/vouchers/{unique('TWO')}", json={}))
    adjust(api, one["code"], 5)
    adjust(api, two["code"], 7)
    adjust(api, gift_card(api, 100)["code"], 9)
    listed = created(api.get(f"{path}/transactions"))["data"]
    assert [row["details"]["balance"]["amount"] for row in listed] == [7, 5]
    assert {row["campaign_id"] for row in listed} == {campaign["id"]}
    only = {"filters[voucher_id][conditions][$is]": one["id"]}
    assert [row["voucher_id"] for row in created(api.get(f"{path}/transactions", params=only))["data"]] == [
        one["id"]
    ]


def test_changes_and_redemptions_at_once_lose_nothing(
    api: httpx.Client, server: RunningServer, project: Project
) -> None:
    """Eight threads credit, take off and spend one card: the balance is what the answers say, and so says
    the ledger.
    """
    code = gift_card(api, 100_000)["code"]
    moved: list[int] = []

    def work(number: int) -> None:
        with httpx.Client(base_url=api.base_url, headers=api.headers, timeout=30) as client:
            for turn in range(6):
                amount = (number + 1) * 10 + turn
                if number % 2:
                    response = spend(client, code, amount)
                    amount = -amount
                else:
                    amount = amount if turn % 2 else -amount
                    response = client.post(f"/v1/vouchers/{code}/balance", json={"amount": amount})
                if response.status_code == 200:
                    moved.append(amount)
                else:
                    assert response.json()["key"] == "multiple_requests"

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gift_of(api, code)["balance"] == 100_000 + sum(moved)
    server.assert_ledger_agrees(project)


def test_the_official_client_reads_balances_and_movements(
    api: httpx.Client, official: voucherify.ApiClient
) -> None:
    """P11: both answers are what the published client expects."""
    code = gift_card(api, 1_000)["code"]
    vouchers = voucherify.VouchersApi(official)
    balance = vouchers.update_voucher_balance(
        code=code,
        vouchers_balance_update_request_body=voucherify.VouchersBalanceUpdateRequestBody(amount=100),
    )
    assert (balance.balance, balance.total) == (1_100, 1_100)
    listed = vouchers.list_voucher_transactions(code=code)
    assert [one.type for one in listed.data or []] == ["CREDITS_ADDITION"]
