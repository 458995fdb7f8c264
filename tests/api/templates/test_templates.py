"""The operations on /v1/templates/campaigns."""

import voucherify

from tests.support.shop import created, redeem, unique, validate

TEMPLATES = "/v1/templates/campaigns"
DISCOUNT = {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"}
RULE = {"1": {"name": "order.amount", "conditions": {"$more_than": [5_000]}}, "logic": "1"}


def rule_of(api):
    return created(api.post("/v1/validation-rules", json={"name": "Large carts", "rules": RULE}))


def campaign_of(api, **more):
    body = {
        "name": unique("autumn"),
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "STATIC",
        "vouchers_count": 2,
        "category": "Seasonal",
        "description": "Every autumn",
        "expiration_date": "2031-01-01T00:00:00.000Z",
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
        "start_date": "2020-01-01T00:00:00.000Z",
        "metadata": {"season": "autumn"},
        "extensions": {"currency": "EUR"},
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": DISCOUNT,
            "redemption": {"quantity": 3},
            "code_config": {"pattern": "AUT-####-####"},
        },
        **more,
    }
    return created(api.post("/v1/campaigns", json=body))


def template_of(api, **more):
    return created(api.post(TEMPLATES, json={"name": unique("template"), **more}))


def setup(api, template, **more):
    path = f"{TEMPLATES}/{template['id']}/campaign-setup"
    return created(api.post(path, json={"name": unique("made"), **more}))


def test_a_template_is_read_back(api):
    """Name, description and type of what was kept; the whole of it on request."""
    campaign = campaign_of(api)
    name = unique("Halloween")
    made = template_of(api, name=name, description="Every October", campaign_id=campaign["id"])
    assert made["id"].startswith("camp_tpl_")
    assert (made["name"], made["description"]) == (name, "Every October")
    assert (made["campaign_type"], made["object"]) == ("DISCOUNT_COUPONS", "campaign_template")
    path = f"{TEMPLATES}/{made['id']}"
    assert created(api.get(path)) == made
    kept = created(api.get(path, params={"expand": "json_template"}))["json_template"]["definition"]
    assert kept["voucher"]["discount"] == DISCOUNT
    assert not {"name", "category", "category_id", "vouchers_count"} & set(kept)


def test_a_campaign_made_from_a_template_is_the_campaign(api):
    """Without its name, its category and its codes; its validation rule is a copy that may be changed."""
    rule = rule_of(api)
    original = campaign_of(api, validation_rules=[rule["id"]])
    template = template_of(api, campaign_id=original["id"])
    assert api.delete(f"/v1/campaigns/{original['id']}", params={"force": True}).status_code == 202
    answer = setup(api, template)
    made, (resource,) = answer["campaign"], answer["created_resources"]
    assert answer["object"] == "campaign_setup"
    same = ("type", "description", "voucher", "metadata", "validity_timeframe", "extensions", "join_once")
    assert {name: made[name] for name in same} == {name: original[name] for name in same}
    assert (made["vouchers_count"], made.get("category")) == (0, None)
    (assignment,) = made["validation_rules_assignments"]["data"]
    assert resource == {"id": assignment["rule_id"], "object": "validation_rules"}
    assert resource["id"] != rule["id"]
    copied = created(api.get(f"/v1/validation-rules/{resource['id']}"))
    assert (copied["name"], copied["rules"]) == ("Large carts", RULE)


def test_codes_of_such_a_campaign_are_decided_as_those_of_the_original(api):
    """The discount, and the rule under which it is given."""
    original = campaign_of(api, validation_rules=[rule_of(api)["id"]], validity_timeframe=None)
    made = setup(api, template_of(api, campaign_id=original["id"]))["campaign"]
    code = created(api.post(f"/v1/campaigns/{made['id']}/vouchers", json={}))["code"]
    assert code.startswith("AUT-")
    assert validate(api, code, order={"amount": 6_000})["order"]["total_discount_amount"] == 600
    assert not validate(api, code, order={"amount": 4_000})["valid"]
    taken = redeem(api, code, order={"amount": 6_000})
    assert taken["redemptions"][0]["result"] == "SUCCESS"


def test_what_is_sent_takes_the_place_of_what_the_template_says(api):
    """Each property of the request; what is not sent stays."""
    template = template_of(api, campaign_id=campaign_of(api)["id"])
    day = {"start_time": "09:00", "expiration_time": "17:00", "days_of_week": [1]}
    sent = {
        "description": "This winter",
        "type": "AUTO_UPDATE",
        "join_once": True,
        "auto_join": True,
        "use_voucher_metadata_schema": False,
        "start_date": "2021-01-01T00:00:00.000Z",
        "expiration_date": "2032-01-01T00:00:00.000Z",
        "validity_hours": {"daily": [day]},
        "activity_duration_after_publishing": "P24D",
        "category": "Winter",
        "metadata": {"season": "winter"},
    }
    voucher = {"code_config": {"pattern": "WIN-######"}, "redemption": {"quantity": 7}}
    made = setup(api, template, **sent, voucher=voucher)["campaign"]
    assert {name: made[name] for name in sent} == sent
    assert "validity_timeframe" not in made
    assert made["voucher"]["redemption"]["quantity"] == 7
    assert made["voucher"]["code_config"]["pattern"] == "WIN-######"
    assert made["voucher"]["discount"] == DISCOUNT
    endless = setup(api, template, expiration_date=None, category_id=made["category_id"])["campaign"]
    assert "expiration_date" not in endless
    assert endless["category_id"] == made["category_id"]
    week = setup(api, template, validity_day_of_week=[1, 2], vouchers_count=5)["campaign"]
    assert week["validity_day_of_week"] == [1, 2]
    assert week["vouchers_generation_status"] in {"IN_PROGRESS", "DONE"}


def test_gift_cards_and_generic_codes_have_templates_too(api):
    """A generic code is drawn, or chosen."""
    card = {"type": "GIFT_VOUCHER", "gift": {"amount": 5_000, "effect": "APPLY_TO_ITEMS"}}
    gifts = campaign_of(api, campaign_type="GIFT_VOUCHERS", voucher=card)
    made = setup(api, template_of(api, campaign_id=gifts["id"]))["campaign"]
    assert (made["campaign_type"], made["voucher"]["gift"]) == ("GIFT_VOUCHERS", card["gift"])
    generic = {"type": "DISCOUNT_VOUCHER", "discount": DISCOUNT, "code": unique("ONE")}
    public = campaign_of(api, type="STANDALONE", voucher=generic, validity_timeframe=None)
    template = template_of(api, campaign_id=public["id"])
    drawn = setup(api, template)["campaign"]
    assert (drawn["type"], drawn["vouchers_count"]) == ("STANDALONE", 1)
    code = unique("TWO")
    setup(api, template, voucher={"code": code})
    assert validate(api, code, order={"amount": 1_000})["valid"]


def test_a_tier_is_kept_and_made_again(api):
    """As a campaign of discount codes and as a tier, with its rule."""
    promotion = {"name": unique("promotion"), "campaign_type": "PROMOTION"}
    campaign = created(api.post("/v1/campaigns", json=promotion))
    tier = {
        "name": "Ten off",
        "banner": "10 % off",
        "action": {"discount": DISCOUNT},
        "metadata": {"a": 1},
        "validity_day_of_week": [0, 1, 2, 3, 4, 5, 6],
        "validation_rules": [rule_of(api)["id"]],
    }
    original = created(api.post(f"/v1/promotions/{campaign['id']}/tiers", json=tier))
    template = template_of(api, promotion_tier_id=original["id"])
    assert template["campaign_type"] == "DISCOUNT_COUPONS"
    assert setup(api, template)["campaign"]["voucher"]["discount"] == DISCOUNT
    path = f"{TEMPLATES}/{template['id']}/tier-setup"
    answer = created(api.post(path, json={"campaign_id": campaign["id"], "name": "Again"}))
    made = answer["promotion_tier"]
    same = ("banner", "action", "metadata", "validity_day_of_week")
    assert {name: made[name] for name in same} == {name: original[name] for name in same}
    assert (answer["object"], made["campaign_id"], made["name"]) == (
        "promotion_tier_setup",
        campaign["id"],
        "Again",
    )
    assert len(answer["created_resources"]) == 1
    order = {"redeemables": [{"object": "promotion_tier", "id": made["id"]}], "order": {"amount": 6_000}}
    assert created(api.post("/v1/validations", json=order))["order"]["total_discount_amount"] == 600
    sent = {
        "banner": "Now",
        "metadata": {"b": 2},
        "hierarchy": 9,
        "active": False,
        "start_date": "2021-01-01T00:00:00.000Z",
        "expiration_date": "2032-01-01T00:00:00.000Z",
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
        "category": "Other",
    }
    other = created(api.post(path, json={"campaign_id": campaign["id"], "name": "Other", **sent}))
    assert {name: other["promotion_tier"][name] for name in sent} == sent
    hours = {"daily": [{"start_time": "09:00", "expiration_time": "17:00", "days_of_week": [1]}]}
    more = {"validity_hours": hours, "category_id": other["promotion_tier"]["category_id"]}
    third = created(api.post(path, json={"campaign_id": campaign["id"], "name": "Third", **more}))
    assert {name: third["promotion_tier"][name] for name in more} == more


def test_templates_are_listed_by_cursor_and_filter(api):
    """Oldest first; the total when asked for."""
    campaign = campaign_of(api)
    made = [template_of(api, campaign_id=campaign["id"]) for _ in range(3)]
    first = created(api.get(TEMPLATES, params={"limit": 1, "include_total": True}))
    assert (first["data_ref"], first["has_more"], len(first["data"])) == ("data", True, 1)
    assert first["total"] >= 3
    newest = created(api.get(TEMPLATES, params={"order": "-id", "limit": 2}))
    assert [one["id"] for one in newest["data"]] == [made[2]["id"], made[1]["id"]]
    rest = created(api.get(TEMPLATES, params={"starting_after_id": made[0]["id"]}))
    assert [one["id"] for one in rest["data"]] == [made[1]["id"], made[2]["id"]]
    named = created(api.get(TEMPLATES, params={"filters[name][conditions][$is][0]": made[1]["name"]}))
    assert [one["id"] for one in named["data"]] == [made[1]["id"]]
    of_cards = {"filters[campaign_type][conditions][$is][0]": "GIFT_VOUCHERS"}
    assert made[0]["id"] not in [one["id"] for one in created(api.get(TEMPLATES, params=of_cards))["data"]]
    assert "total" not in named


def test_a_template_is_renamed_and_deleted(api):
    """A name is another template's, or free; what was made stays."""
    campaign = campaign_of(api)
    one, other = (template_of(api, campaign_id=campaign["id"], description="x") for _ in range(2))
    path = f"{TEMPLATES}/{one['id']}"
    taken = api.put(path, json={"name": other["name"]})
    assert (taken.status_code, taken.json()["key"]) == (409, "duplicate_found")
    name = unique("renamed")
    changed = created(api.put(path, json={"name": name, "description": None}))
    assert (changed["name"], "description" in changed) == (name, False)
    assert changed["updated_at"]
    made = setup(api, one)["campaign"]
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.get(f"/v1/campaigns/{made['id']}").status_code == 200


def test_what_cannot_be_kept_or_made_is_refused(api, stranger):
    """By the contract's keys; nothing is left behind of what was refused."""
    campaign = campaign_of(api, validation_rules=[rule_of(api)["id"]])
    promotion = created(api.post("/v1/campaigns", json={"name": unique("p"), "campaign_type": "PROMOTION"}))
    template = template_of(api, campaign_id=campaign["id"])

    def refused(client, path, body):
        answer = client.post(TEMPLATES + path, json=body)
        return answer.status_code, answer.json()["key"]

    unsupported = "campaign_type_is_not_supported_by_campaign_template"
    assert refused(api, "", {"campaign_id": campaign["id"]}) == (400, "invalid_payload")
    assert refused(api, "", {"name": "x"}) == (400, "invalid_payload")
    both = {"name": "x", "campaign_id": campaign["id"], "promotion_tier_id": "promo_x"}
    assert refused(api, "", both) == (400, "invalid_payload")
    assert refused(api, "", {"name": "x", "campaign_id": promotion["id"]}) == (400, unsupported)
    assert refused(api, "", {"name": "x", "campaign_id": "camp_nothing"}) == (404, "not_found")
    again = {"name": template["name"], "campaign_id": campaign["id"]}
    assert refused(api, "", again) == (409, "duplicate_found")
    one = f"/{template['id']}/campaign-setup"
    rules = created(api.get("/v1/validation-rules"))["total"]
    assert refused(api, one, {"name": campaign["name"]}) == (409, "duplicate_found")
    chosen = {"name": unique("x"), "voucher": {"code": "CHOSEN"}}
    assert refused(api, one, chosen) == (400, "invalid_payload")
    tier = {"name": "t", "campaign_id": campaign["id"]}
    assert refused(api, f"/{template['id']}/tier-setup", tier) == (400, "invalid_campaign")
    assert created(api.get("/v1/validation-rules"))["total"] == rules
    assert refused(stranger, "", {"name": "x", "campaign_id": campaign["id"]}) == (404, "not_found")
    assert refused(stranger, one, {"name": unique("x")}) == (404, "not_found")


def test_a_setup_under_an_idempotency_key_is_done_once(api):
    """Asked again it answers the same campaign."""
    template = template_of(api, campaign_id=campaign_of(api)["id"])
    path, headers = f"{TEMPLATES}/{template['id']}/campaign-setup", {"Idempotency-Key": unique("key")}
    body = {"name": unique("made")}
    answers = [api.post(path, json=body, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json()["campaign"]["id"] == answers[1].json()["campaign"]["id"]


def test_the_official_client_reads_what_is_answered(api, official):
    """Templates, and what is made from them."""
    template = template_of(api, campaign_id=campaign_of(api)["id"])
    client = voucherify.TemplatesApi(official)
    assert client.get_campaign_template(template["id"]).name == template["name"]
    listed = client.list_campaign_templates(order="-id", limit=1)
    assert listed.data[0].id == template["id"]
    body = voucherify.TemplatesCampaignsCampaignSetupCreateRequestBody(name=unique("official"))
    made = client.create_campaign_from_template(template["id"], body)
    assert made.campaign.campaign_type == "DISCOUNT_COUPONS"
