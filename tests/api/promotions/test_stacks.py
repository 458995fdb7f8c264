"""Promotion stacks: /v1/promotions/{campaign}/stacks."""

import pytest
import voucherify
from voucherify import models

from tests.support.shop import amount_off, created, percent_off, unique


def promotion(api, *discounts):
    """A promotion with a tier for each discount: (campaign id, tier ids)."""
    campaign = created(
        api.post("/v1/campaigns", json={"name": unique("promotion"), "campaign_type": "PROMOTION"})
    )
    tiers = [
        created(
            api.post(
                f"/v1/promotions/{campaign['id']}/tiers",
                json={"name": unique("tier"), "action": {"discount": discount}},
            )
        )["id"]
        for discount in discounts
    ]
    return campaign["id"], tiers


def stack_of(api, campaign_id, tier_ids, **more):
    body = {"name": unique("stack"), "tiers": {"ids": tier_ids, "hierarchy_mode": "MANUAL"}, **more}
    return created(api.post(f"/v1/promotions/{campaign_id}/stacks", json=body))


def use(api, path, stack_id, amount=10_000):
    body = {"redeemables": [{"object": "promotion_stack", "id": stack_id}], "order": {"amount": amount}}
    return api.post(path, json=body)


def test_what_is_sent_is_read_back_changed_and_listed(api, stranger):
    """On any worker, in the lists of the campaign and of the project, and in no other project."""
    campaign_id, tiers = promotion(api, percent_off(10), amount_off(500))
    made = stack_of(api, campaign_id, tiers, category="Stacks")
    path = f"/v1/promotions/{campaign_id}/stacks"
    for _ in range(4):
        assert created(api.get(f"{path}/{made['id']}")) == made
    assert made["tiers"] == {"ids": tiers, "hierarchy_mode": "MANUAL"}
    assert made["categories"][0]["name"] == "Stacks"
    other = stack_of(api, campaign_id, tiers[:1])
    assert [row["id"] for row in created(api.get(path))["data"]] == [other["id"], made["id"]]
    assert created(api.get(path, params={"order": "created_at", "limit": 1}))["data"] == [made]
    listed = created(api.get("/v1/promotions/stacks", params={"limit": 100}))
    assert {made["id"], other["id"]} <= {row["id"] for row in listed["data"]}
    nothing = {"created_at[after]": made["created_at"], "created_at[before]": made["created_at"]}
    assert created(api.get("/v1/promotions/stacks", params=nothing))["total"] == 0
    changed = created(
        api.put(
            f"{path}/{made['id']}", json={"name": "New", "tiers": {"ids": tiers[::-1]}, "category_id": None}
        )
    )
    assert (changed["name"], changed["tiers"]["ids"], changed["categories"]) == ("New", tiers[::-1], [])
    assert stranger.get(f"{path}/{made['id']}").status_code == 404
    assert api.delete(f"{path}/{made['id']}").status_code == 204
    assert api.get(f"{path}/{made['id']}").status_code == 404


def test_a_stack_gives_its_tiers_in_its_order(api):
    """10 % then 5.00, and after the order was changed, 5.00 then 10 %: on every worker at once."""
    campaign_id, tiers = promotion(api, percent_off(10), amount_off(500))
    made = stack_of(api, campaign_id, tiers)
    for _ in range(4):
        answer = created(use(api, "/v1/validations", made["id"]))
        assert [entry["id"] for entry in answer["redeemables"]] == tiers
        assert answer["order"]["total_amount"] == 8_500
    path = f"/v1/promotions/{campaign_id}/stacks/{made['id']}"
    created(api.put(path, json={"tiers": {"ids": tiers[::-1]}}))
    for _ in range(4):
        answer = created(use(api, "/v1/redemptions", made["id"]))
        assert answer["order"]["total_amount"] == 8_550
        assert [one["promotion_tier"]["id"] for one in answer["redemptions"]] == tiers[::-1]
    tier = created(api.get(f"/v1/promotions/tiers/{tiers[0]}"))
    assert tier["summary"]["redemptions"]["total_redeemed"] == 4
    assert api.delete(path).status_code == 204
    for _ in range(4):
        gone = use(api, "/v1/redemptions", made["id"])
        assert (gone.status_code, gone.json()["key"]) == (404, "not_found")


def test_a_tier_that_is_deleted_leaves_its_stacks(api):
    """The stack goes on with the others; the last one takes it along."""
    campaign_id, tiers = promotion(api, percent_off(10), amount_off(500))
    made = stack_of(api, campaign_id, tiers)
    path = f"/v1/promotions/{campaign_id}/stacks/{made['id']}"
    assert api.delete(f"/v1/promotions/tiers/{tiers[0]}").status_code == 204
    assert created(api.get(path))["tiers"]["ids"] == tiers[1:]
    assert created(use(api, "/v1/validations", made["id"]))["order"]["total_amount"] == 9_500
    assert api.delete(f"/v1/promotions/tiers/{tiers[1]}").status_code == 204
    assert api.get(path).status_code == 404


def test_a_stack_of_what_is_not_there_is_refused(api):
    """Tiers of another campaign, none at all, or one twice; and stacks of a campaign with codes."""
    campaign_id, tiers = promotion(api, percent_off(10))
    _, foreign = promotion(api, percent_off(10))
    path = f"/v1/promotions/{campaign_id}/stacks"
    for ids, status in ((foreign, 404), ([], 400), (tiers * 2, 400), (tiers * 31, 400)):
        assert api.post(path, json={"name": "x", "tiers": {"ids": ids}}).status_code == status
    assert api.post(path, json={"tiers": {"ids": tiers}}).status_code == 400
    assert created(api.get(path))["total"] == 0
    beside = {
        "redeemables": [{"object": "promotion_stack", "id": "stack_1"}, {"object": "voucher", "id": "X"}]
    }
    refused = api.post("/v1/validations", json=beside)
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_redeemables")


def test_the_official_client(official):
    """Create, read, list, change and delete parse."""
    promotions = voucherify.PromotionsApi(official)
    campaign = voucherify.CampaignsApi(official).create_campaign(
        models.CampaignsCreateRequestBody.from_dict(
            {"name": unique("p"), "campaign_type": "PROMOTION", "promotion": {"tiers": []}}
        )
    )
    tier = promotions.add_promotion_tier_to_campaign(
        campaign.id,
        models.PromotionsTiersCreateRequestBody.from_dict(
            {"name": "Ten", "action": {"discount": percent_off(10)}}
        ),
    )
    made = promotions.create_promotion_stack(
        campaign.id,
        models.PromotionsStacksCreateRequestBody.from_dict({"name": "s", "tiers": {"ids": [tier.id]}}),
    )
    assert promotions.get_promotion_stack(campaign.id, made.id).tiers.ids == [tier.id]
    assert promotions.list_promotion_stacks_in_campaign(campaign.id).total == 1
    assert made.id in [row.id for row in promotions.list_all_promotion_stacks().data]
    body = models.PromotionsStacksUpdateRequestBody.from_dict({"name": "t"})
    assert promotions.update_promotion_stack(campaign.id, made.id, body).name == "t"
    promotions.delete_promotion_stack(campaign.id, made.id)
    with pytest.raises(voucherify.exceptions.NotFoundException):
        promotions.get_promotion_stack(campaign.id, made.id)
