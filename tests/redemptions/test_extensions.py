"""Extensions of campaigns, tiers and vouchers: refused when malformed, merged key by key otherwise."""

from typing import Any

import httpx
import pytest

from tests.support.shop import (
    CART,
    amount_off,
    created,
    percent_off,
    public_code,
    single_voucher,
    tier,
    unique,
    validate,
)

MALFORMED = {"currency": "euros"}
DETAILS = "Property .extensions.currency must be a currency code of three letters"


def _refused(response: httpx.Response) -> None:
    assert response.status_code == 400, response.text
    error = response.json()
    assert (error["key"], error["details"]) == ("invalid_payload", DETAILS)


def test_malformed_extensions_of_a_campaign_are_refused(api: httpx.Client) -> None:
    """On creation and on change, so that what is stored can be decided by."""
    body = {"name": unique("campaign"), "campaign_type": "PROMOTION", "type": "STATIC"}
    _refused(api.post("/v1/campaigns", json={**body, "extensions": MALFORMED}))
    campaign = created(api.post("/v1/campaigns", json=body))
    _refused(api.put(f"/v1/campaigns/{campaign['id']}", json={"extensions": MALFORMED}))
    created(api.put(f"/v1/campaigns/{campaign['id']}", json={"extensions": {"of_the_shop": [1]}}))


def test_malformed_extensions_of_a_voucher_are_refused(api: httpx.Client) -> None:
    """On creation and on change."""
    body: dict[str, Any] = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10)}
    _refused(api.post(f"/v1/vouchers/{unique('X')}", json={**body, "extensions": MALFORMED}))
    voucher = single_voucher(api, percent_off(10))
    _refused(api.put(f"/v1/vouchers/{voucher['code']}", json={"extensions": MALFORMED}))


def test_malformed_extensions_of_a_tier_are_refused(api: httpx.Client) -> None:
    """On creation and on change."""
    promotion = tier(api, percent_off(10))
    campaign_id = promotion["campaign"]["id"]
    body = {"name": "again", "action": {"discount": percent_off(10)}}
    path = f"/v1/promotions/{campaign_id}/tiers"
    _refused(api.post(path, json={**body, "extensions": MALFORMED}))
    _refused(api.put(f"/v1/promotions/tiers/{promotion['id']}", json={"extensions": MALFORMED}))


@pytest.mark.parametrize(("own", "total"), [({}, None), ({"currency": "USD"}, 9_300), ({"note": 1}, None)])
def test_a_voucher_has_its_campaigns_extensions_but_for_those_of_its_own(
    api: httpx.Client, own: dict[str, Any], total: int | None
) -> None:
    """Key by key: one that it sets replaces the campaign's, others stay."""
    code, _ = public_code(api, amount_off(700), extensions={"currency": "EUR"})
    created(api.put(f"/v1/vouchers/{code}", json={"extensions": own}))
    answer = validate(api, code, order={**CART, "currency": "USD"})
    assert answer.get("order", {}).get("total_amount") == total
    if total is None:
        assert answer["inapplicable_redeemables"][0]["result"]["error"]["key"] == "currency_mismatch"


@pytest.mark.parametrize(("own", "valid"), [({}, False), ({"currency": "USD"}, True), ({"note": 1}, False)])
def test_a_tier_has_its_campaigns_extensions_but_for_those_of_its_own(
    api: httpx.Client, own: dict[str, Any], valid: bool
) -> None:
    """As vouchers do."""
    promotion = tier(api, amount_off(700), extensions=own)
    campaign_id = promotion["campaign"]["id"]
    created(api.put(f"/v1/campaigns/{campaign_id}", json={"extensions": {"currency": "EUR"}}))
    assert validate(api, promotion["id"], order={**CART, "currency": "USD"})["valid"] is valid
