"""The contract's worked rollbacks (TV26): what was taken off is gone, what was paid with is back."""

import httpx

from tests.support.shop import CART, created, gift_card, redeem, single_voucher

SHARED = {"type": "AMOUNT", "amount_off": 300, "effect": "APPLY_TO_ITEMS_PROPORTIONALLY"}
LINES = [
    {"source_id": "a", "related_object": "product", "quantity": 1, "price": 3_000, "amount": 3_300},
    {"source_id": "b", "related_object": "product", "quantity": 2, "price": 3_000, "amount": 3_400},
]


def test_tv26_the_order_is_as_before(api: httpx.Client) -> None:
    """Shares of 148 and 152 are taken off 6 000, and given back: no discount fields are left."""
    code = single_voucher(api, SHARED)["code"]
    done = redeem(api, code, order={"amount": 6_000, "items": LINES})["redemptions"][0]
    assert [item["discount_amount"] for item in done["order"]["items"]] == [148, 152]
    assert done["order"]["total_amount"] == 5_700
    rollback = created(api.post(f"/v1/redemptions/{done['id']}/rollback"))
    order = rollback["order"]
    assert (order["amount"], order["total_amount"], order["status"]) == (6_000, 6_000, "CANCELED")
    assert [name for name in order if "discount" in name] == []
    assert [name for item in order["items"] for name in item if "discount" in name] == []
    entry = order["redemptions"][done["id"]]
    assert entry["rollback_id"] == rollback["id"]


def test_tv26_credits_return_to_the_card(api: httpx.Client) -> None:
    """2 000 of 5 000 are used and returned, as a negative amount."""
    card = gift_card(api, 5_000)["code"]
    body = {"redeemables": [{"object": "voucher", "id": card, "gift": {"credits": 2_000}}], "order": CART}
    done = created(api.post("/v1/redemptions", json=body))["redemptions"][0]
    rollback = created(api.post(f"/v1/redemptions/{done['id']}/rollback"))
    assert (rollback["amount"], rollback["gift"]["amount"]) == (-2_000, -2_000)
    assert created(api.get(f"/v1/vouchers/{card}"))["gift"]["balance"] == 5_000
