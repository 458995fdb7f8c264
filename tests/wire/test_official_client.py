"""The official Python client, unmodified, through the whole way: campaign, codes, validation, redemption,
rollback.
"""

import time
from typing import Any

import pytest
import voucherify
from voucherify.exceptions import ApiException, BadRequestException, NotFoundException

from tests.support.shop import unique

VISIBLE_SECONDS_MAX = 180.0


def campaign_of(official: voucherify.ApiClient, **changes: Any) -> Any:
    body = {
        "name": unique("official"),
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE",
        "vouchers_count": 3,
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"},
            "redemption": {"quantity": 1},
            "code_config": {"pattern": "OFF-########"},
        },
        **changes,
    }
    model = voucherify.CampaignsCreateRequestBody.from_dict(body)
    return voucherify.CampaignsApi(official).create_campaign(model)


def codes_of(official: voucherify.ApiClient, campaign_id: str, count: int) -> list[str]:
    """The campaign's codes as soon as they are made."""
    deadline = time.monotonic() + VISIBLE_SECONDS_MAX
    while True:
        listed = voucherify.VouchersApi(official).list_vouchers(campaign_id=campaign_id, limit=100)
        if len(listed.vouchers) >= count:
            return [voucher.code for voucher in listed.vouchers]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def stack(*codes: str, customer: str | None = None, amount: int = 10_000) -> dict[str, Any]:
    body: dict[str, Any] = {
        "redeemables": [{"object": "voucher", "id": code} for code in codes],
        "order": {"amount": amount},
    }
    if customer is not None:
        body["customer"] = {"source_id": customer}
    return body


def validate(official: voucherify.ApiClient, body: dict[str, Any]) -> Any:
    model = voucherify.ValidationsValidateRequestBody.from_dict(body)
    return voucherify.ValidationsApi(official).validate_stacked_discounts(model)


def redeem(official: voucherify.ApiClient, body: dict[str, Any]) -> Any:
    model = voucherify.RedemptionsRedeemRequestBody.from_dict(body)
    return voucherify.RedemptionsApi(official).redeem_stacked_discounts(model)


def test_from_campaign_to_rollback(official: voucherify.ApiClient) -> None:
    """A code is generated, valid, redeemed, exhausted, listed, rolled back, and valid again."""
    campaign = campaign_of(official)
    assert campaign.vouchers_generation_status in ("IN_PROGRESS", "DONE")
    code, other, _ = codes_of(official, campaign.id, 3)
    customer = unique("buyer")

    valid = validate(official, stack(code, customer=customer))
    assert valid.valid is True
    assert valid.order.total_amount == 9_000
    assert valid.redeemables[0].result.discount.percent_off == 10

    redeemed = redeem(official, stack(code, customer=customer))
    redemption = redeemed.redemptions[0]
    assert redemption.result == "SUCCESS"
    assert redeemed.order.total_amount == 9_000

    exhausted = validate(official, stack(code, customer=customer))
    assert exhausted.valid is False
    assert exhausted.inapplicable_redeemables[0].result.error.key == "quantity_exceeded"
    with pytest.raises(BadRequestException):
        redeem(official, stack(code, customer=customer))

    redemptions = voucherify.RedemptionsApi(official)
    listed = redemptions.list_redemptions(limit=10, result="SUCCESS", campaign=campaign.name)
    assert [row.id for row in listed.redemptions] == [redemption.id]
    assert redemptions.get_redemption(redemption.id).voucher.code == code
    used = redemptions.get_voucher_redemptions(code)
    assert (used.quantity, used.redeemed_quantity) == (1, 1)

    rolled_back = redemptions.rollback_redemption(redemption.id, reason="payment failed")
    assert rolled_back.result == "SUCCESS"
    assert rolled_back.redemption == redemption.id
    with pytest.raises(BadRequestException):
        redemptions.rollback_redemption(redemption.id)
    assert validate(official, stack(code, other, customer=customer)).valid is True


def test_a_stack_is_redeemed_and_rolled_back_under_one_parent(official: voucherify.ApiClient) -> None:
    """Two codes, one parent, one rollback for both."""
    first = codes_of(official, campaign_of(official).id, 3)[0]
    category_of_its_own = campaign_of(official, category="second")
    second = codes_of(official, category_of_its_own.id, 3)[0]
    redeemed = redeem(official, stack(first, second, customer=unique("buyer")))
    taken = [row.voucher.code for row in redeemed.redemptions]
    if len(taken) == 2:
        rolled_back = voucherify.RedemptionsApi(official).rollback_stacked_redemptions(
            redeemed.parent_redemption.id
        )
        assert len(rolled_back.rollbacks) == 2
    assert taken == [first, second]


def test_codes_are_added_one_by_one_and_by_choice(official: voucherify.ApiClient) -> None:
    """Adding to a campaign gives the voucher; a chosen code is that code."""
    campaigns = voucherify.CampaignsApi(official)
    campaign = campaign_of(official, vouchers_count=1)
    added = campaigns.add_vouchers_to_campaign(campaign.id)
    assert added.code.startswith("OFF-")
    chosen = unique("CHOSEN").upper()
    assert campaigns.add_voucher_with_specific_code_to_campaign(campaign.id, chosen).code == chosen
    assert chosen in codes_of(official, campaign.id, 3)


def test_a_stopped_campaign_is_inapplicable(official: voucherify.ApiClient) -> None:
    """Disable and enable take effect with their answer."""
    campaigns = voucherify.CampaignsApi(official)
    campaign = campaign_of(official)
    code = codes_of(official, campaign.id, 3)[0]
    campaigns.disable_campaign(campaign.id)
    assert validate(official, stack(code)).valid is False
    campaigns.enable_campaign(campaign.id)
    assert validate(official, stack(code)).valid is True


def test_products_customers_and_orders(official: voucherify.ApiClient) -> None:
    """What the shop has and who buys it, written and read back."""
    products, customers, orders = (
        voucherify.ProductsApi(official),
        voucherify.CustomersApi(official),
        voucherify.OrdersApi(official),
    )
    mug = products.create_product(
        voucherify.ProductsCreateRequestBody.from_dict(
            {"source_id": unique("mug"), "name": "Mug", "price": 1_200}
        )
    )
    red = products.create_sku(
        mug.id,
        voucherify.ProductsSkusCreateRequestBody.from_dict({"sku": "Red", "price": 1_300, "currency": "EUR"}),
    )
    assert products.get_product(mug.id).skus.data[0].id == red.id
    buyer = customers.create_customer(
        voucherify.CustomersCreateRequestBody.from_dict({"source_id": unique("buyer"), "name": "Ada"})
    )
    assert customers.get_customer(buyer.source_id).id == buyer.id
    order = orders.create_order(
        voucherify.OrdersCreateRequestBody.from_dict(
            {"customer": {"id": buyer.id}, "items": [{"sku_id": red.id, "product_id": mug.id, "quantity": 2}]}
        )
    )
    assert order.status == "CREATED"
    paid = orders.update_order(order.id, voucherify.OrdersUpdateRequestBody.from_dict({"status": "PAID"}))
    assert paid.status == "PAID"
    assert orders.get_order(order.id).amount == 2_600


def test_what_is_not_there_is_a_not_found_exception(official: voucherify.ApiClient) -> None:
    """The client's own class for a 404, with our body in it."""
    with pytest.raises(NotFoundException) as refused:
        voucherify.VouchersApi(official).get_voucher("NO-SUCH-CODE")
    assert '"key":"not_found"' in str(refused.value.body)


def test_a_wrong_key_is_an_exception(official: voucherify.ApiClient) -> None:
    """401, and nothing else is told."""
    configuration = voucherify.Configuration(
        host=official.configuration.host, api_key={"X-App-Id": "app_wrong", "X-App-Token": "wrong"}
    )
    with voucherify.ApiClient(configuration) as wrong:
        with pytest.raises(ApiException) as refused:
            voucherify.CampaignsApi(wrong).list_campaigns()
        wrong.rest_client.pool_manager.clear()
    assert refused.value.status == 401
