"""The official Python client drives these rooms: it parses every answer, and what it sends is understood."""

from datetime import UTC, datetime

import pytest
import voucherify
from voucherify import models

from tests.api.campaigns.test_create import wait_for_codes
from tests.support.shop import percent_off, unique

DISCOUNT = {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"}


@pytest.fixture(scope="module")
def official(server, project):
    configuration = voucherify.Configuration(
        host=server.base_url, api_key={"X-App-Id": project.app_id, "X-App-Token": project.app_token}
    )
    with voucherify.ApiClient(configuration) as client:
        yield client
        client.rest_client.pool_manager.clear()


def new_campaign(official, **changes):
    body = {"name": unique("official"), "voucher": {"discount": DISCOUNT}, "vouchers_count": 2} | changes
    return voucherify.CampaignsApi(official).create_campaign(
        models.CampaignsCreateRequestBody.from_dict({"campaign_type": "DISCOUNT_COUPONS"} | body)
    )


def test_campaigns(official, api):
    """Create, read, list, change, switch, add codes and delete."""
    campaigns = voucherify.CampaignsApi(official)
    made = new_campaign(official)
    assert made.vouchers_generation_status == "IN_PROGRESS"
    wait_for_codes(api, made.id, 2)
    assert campaigns.get_campaign(made.name).vouchers_count == 2
    end = datetime(2090, 10, 8, 12, 57, 9, 386_000, tzinfo=UTC)
    changed = campaigns.update_campaign(
        made.id, models.CampaignsUpdateRequestBody(expiration_date=end, metadata={"a": 1})
    )
    assert (changed.expiration_date, changed.metadata) == (end, {"a": 1})
    campaigns.disable_campaign(made.id)
    assert campaigns.get_campaign(made.id).active is False
    campaigns.enable_campaign(made.id)
    assert campaigns.get_campaign(made.id).active is True
    one = campaigns.add_vouchers_to_campaign(made.id)
    assert one.campaign_id == made.id
    code = unique("C d/?é#+%")
    assert campaigns.add_voucher_with_specific_code_to_campaign(made.id, code).code == code
    many = campaigns.add_vouchers_to_campaign(made.id, vouchers_count=3)
    assert many.async_action_id.startswith("aa_")
    wait_for_codes(api, made.id, 7)
    listed = campaigns.list_campaigns(limit=100, campaign_type="DISCOUNT_COUPONS", order="-created_at")
    assert made.id in [campaign.id for campaign in listed.campaigns]
    action = campaigns.delete_campaign(made.id, force=True)
    done = voucherify.AsyncActionsApi(official).get_async_action(action.async_action_id)
    assert done.status == "DONE"
    with pytest.raises(voucherify.exceptions.NotFoundException):
        campaigns.delete_campaign(made.id)


def test_vouchers(official):
    """Create both ways, read, list by ids and dates, change, switch and delete."""
    vouchers = voucherify.VouchersApi(official)
    body = {"type": "DISCOUNT_VOUCHER", "discount": DISCOUNT, "metadata": {"lot": 1}}
    code = unique("AB C/d?é#+%")
    first = vouchers.create_voucher(code, models.VouchersCreateWithSpecificCodeRequestBody.from_dict(body))
    gift = {"type": "GIFT_VOUCHER", "gift": {"amount": 1_000}, "code_config": {"length": 12}}
    second = vouchers.generate_random_code(models.VouchersCreateRequestBody.from_dict(gift))
    assert (first.code, len(second.code), second.gift.balance) == (code, 12, 1_000)
    assert vouchers.get_voucher(code).id == first.id
    listed = vouchers.list_vouchers(ids=[first.id, second.id], order="created_at")
    assert [voucher.code for voucher in listed.vouchers] == [code, second.code]
    change = models.VouchersUpdateRequestBody(additional_info="changed", metadata={"more": True})
    changed = vouchers.update_voucher(code, change)
    assert (changed.additional_info, changed.metadata) == ("changed", {"lot": 1, "more": True})
    assert vouchers.disable_voucher(code).active is False
    assert vouchers.enable_voucher(code).active is True
    vouchers.delete_voucher(code)
    with pytest.raises(voucherify.exceptions.NotFoundException):
        vouchers.get_voucher(code)


def test_promotions_and_rules(official):
    """A tier with a rule: create, read, list, change, switch, assign, delete."""
    rules = voucherify.ValidationRulesApi(official)
    promotions = voucherify.PromotionsApi(official)
    rule = rules.create_validation_rules(
        models.ValidationRulesCreateRequestBody(
            name="Order above 50",
            rules={"1": {"name": "order.amount", "conditions": {"$more_than": [5_000]}}, "logic": "1"},
        )
    )
    campaign = new_campaign(
        official, campaign_type="PROMOTION", promotion={"tiers": []}, voucher=None, vouchers_count=None
    )
    tier = promotions.add_promotion_tier_to_campaign(
        campaign.id,
        models.PromotionsTiersCreateRequestBody.from_dict(
            {"name": "Ten", "banner": "b", "action": {"discount": percent_off(10)}}
        ),
    )
    assignment = rules.create_validation_rule_assignment(
        rule.id,
        validation_rules_assignments_create_request_body=models.ValidationRulesAssignmentsCreateRequestBody(
            related_object_id=tier.id, related_object_type="promotion_tier"
        ),
    )
    read = promotions.get_promotion_tier(tier.id)
    assert read.validation_rule_assignments.data[0].id == assignment.id
    assert promotions.list_promotion_tiers_from_campaign(campaign.id).total == 1
    assert promotions.list_promotion_tiers(is_available=True).total >= 1
    changed = promotions.update_promotion_tier(tier.id, models.PromotionsTiersUpdateRequestBody(name="New"))
    assert changed.name == "New"
    assert promotions.disable_promotion_tier(tier.id).active is False
    assert promotions.enable_promotion_tier(tier.id).active is True
    assert rules.get_validation_rule(rule.id).name == "Order above 50"
    renamed = rules.update_validation_rule(rule.id, models.ValidationRulesUpdateRequestBody(name="New"))
    assert renamed.name == "New"
    assert rules.list_validation_rules().total >= 1
    assert rules.list_validation_rule_assignments(rule.id).total == 1
    assert rules.list_validation_rules_assignments(related_object_id=tier.id).total == 1
    rules.delete_validation_rule_assignment(rule.id, assignment.id)
    promotions.delete_promotion_tier(tier.id)
    rules.delete_validation_rules(rule.id)
    with pytest.raises(voucherify.exceptions.NotFoundException):
        rules.get_validation_rule(rule.id)
