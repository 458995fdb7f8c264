"""Formulas that look at the metadata of the publication by which a code reached its customer."""

import httpx
import pytest

from tests.support.shop import created, redeem, unique, validate

DISCOUNT = {
    "type": "AMOUNT",
    "amount_off": 100,
    "amount_off_formula": 'PUBLICATION_METADATA("worth")',
    "effect": "APPLY_TO_ORDER",
}


@pytest.mark.parametrize(("metadata", "expected"), [({"worth": 7}, 700), ({}, 100)])
def test_the_code_is_worth_what_it_was_published_with(
    api: httpx.Client, metadata: dict[str, int], expected: int
) -> None:
    """In major units, in validation and redemption; without the property the static value stands."""
    code = unique("PUB")
    created(
        api.post(f"/v1/vouchers/{code}", json={"type": "DISCOUNT_VOUCHER", "discount": DISCOUNT})
    )
    assert validate(api, code)["order"]["total_discount_amount"] == 100
    customer = {"source_id": unique("c")}
    created(
        api.post("/v1/publications", json={"voucher": code, "customer": customer, "metadata": metadata})
    )
    assert validate(api, code, customer=customer)["order"]["total_discount_amount"] == expected
    assert redeem(api, code, customer=customer)["order"]["total_discount_amount"] == expected
