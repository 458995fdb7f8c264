"""P7: what a validation promises is what the redemption of the same input takes."""

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.shop import amount_off, created, gift_card, percent_off, public_code, stack, tier

AMOUNTS = (
    "amount",
    "initial_amount",
    "discount_amount",
    "items_discount_amount",
    "total_discount_amount",
    "total_applied_discount_amount",
    "total_amount",
)
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "source_id": st.sampled_from(["mug", "lamp", "rug"]),
            "related_object": st.just("product"),
            "quantity": st.integers(1, 4),
            "price": st.integers(0, 9_999),
        }
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture
def shop(api: httpx.Client) -> list[str]:
    """Redeemables of every kind of arithmetic that has rests to share out."""
    return [
        public_code(api, percent_off(12.5))[0],
        public_code(api, amount_off(333))[0],
        public_code(api, {"type": "PERCENT", "percent_off": 33.33, "effect": "APPLY_TO_ITEMS"})[0],
        public_code(
            api, {"type": "AMOUNT", "amount_off": 1_000, "effect": "APPLY_TO_ITEMS_PROPORTIONALLY"}
        )[0],
        public_code(api, {"type": "FIXED", "fixed_amount": 2_500, "effect": "APPLY_TO_ORDER"})[0],
        tier(api, {"type": "AMOUNT", "amount_off": 50, "effect": "APPLY_TO_ITEMS_BY_QUANTITY"})["id"],
        gift_card(api, 700)["code"],
    ]


def amounts(order: dict[str, Any]) -> tuple[Any, ...]:
    lines = [(item.get("quantity"), item.get("discount_amount", 0)) for item in order.get("items", ())]
    return (*(order.get(name) for name in AMOUNTS), lines)


def given_by(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        entry["id"]: amounts(entry["order"])
        for entry in answer["redeemables"]
        if entry["status"] == "APPLICABLE"
    }


def taken_by(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        one["voucher"]["code"] if "voucher" in one else one["promotion_tier"]["id"]: amounts(one["order"])
        for one in answer["redemptions"]
    }


def test_a_redemption_takes_what_its_validation_promised(api: httpx.Client, shop: list[str]) -> None:
    """Random carts and stacks: the same redeemables apply, with the same amounts on order and lines."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(lines=LINES, picked=st.lists(st.sampled_from(shop), min_size=1, max_size=4, unique=True))
    def same(lines: list[dict[str, Any]], picked: list[str]) -> None:
        body = stack(*picked, order={"items": lines})
        promised = created(api.post("/v1/validations", json=body))
        if not promised["valid"]:
            # The gift card is empty by now.
            assert api.post("/v1/redemptions", json=body).status_code == 400
            return
        done = created(api.post("/v1/redemptions", json=body))
        assert amounts(done["order"]) == amounts(promised["order"])
        assert taken_by(done) == given_by(promised)

    same()
