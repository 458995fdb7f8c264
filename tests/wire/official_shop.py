"""What the official Python client needs in the shop before it calls an operation, made through the API."""

from typing import Any

import httpx

from tests.support.shop import (
    assign,
    created,
    gift_card,
    percent_off,
    public_code,
    redeem,
    rule,
    single_voucher,
    stack,
    tier,
    unique,
    validate,
)

Sent = dict[str, Any]
ORIGIN = "https://shop.example"
END = "2090-10-08T12:57:09.386Z"
CSV = "Code,Voucher Type,Value,Discount Type\n{},DISCOUNT_VOUCHER,10,PERCENT"
"""Without a newline at its end, as the clients' own examples."""
TIER = {
    "name": "Ten",
    "banner": "Ten off",
    "action": {"discount": percent_off(10)},
    "metadata": {"lot": 1},
    "start_date": "2020-01-01T00:00:00Z",
    "expiration_date": END,
    "validity_timeframe": {"interval": "P1D", "duration": "PT24H"},
    "category": None,
}
RULES = {"1": {"name": "order.amount", "conditions": {"$more_than": [5_000]}}, "logic": "1"}
LIST_FILTER = {"junction": "and", "customer_id": {"conditions": {"$is_not": "cust_nobody"}}}


def a_campaign(api: httpx.Client, **changes: Any) -> str:
    """A pool whose codes are made one by one; its id."""
    voucher = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10), "redemption": {"quantity": 1}}
    return str(
        created(api.post("/v1/campaigns", json={"name": unique("c"), "voucher": voucher} | changes))["id"]
    )


def a_promotion(api: httpx.Client) -> str:
    return str(tier(api, percent_off(10))["campaign"]["id"])


def a_new_stack(api: httpx.Client) -> Sent:
    made = tier(api, percent_off(10))
    body = {"name": unique("stack"), "tiers": {"ids": [made["id"]]}}
    return {"campaign_id": made["campaign"]["id"], "body": body}


def a_stack_of_tiers(api: httpx.Client) -> tuple[str, str]:
    """Campaign id, stack id."""
    made = tier(api, percent_off(10))
    campaign_id = made["campaign"]["id"]
    body = {"name": unique("stack"), "tiers": {"ids": [made["id"]]}, "metadata": {"lot": 1}}
    return campaign_id, created(api.post(f"/v1/promotions/{campaign_id}/stacks", json=body))["id"]


def a_used_card(api: httpx.Client) -> str:
    """A gift card that paid something and got something back."""
    code = str(gift_card(api, 5_000)["code"])
    taken = redeem(api, code, order={"amount": 1_000})["redemptions"][0]
    created(api.post(f"/v1/redemptions/{taken['id']}/rollback"))
    created(api.post(f"/v1/vouchers/{code}/balance", json={"amount": 100}))
    return code


def used_cards(api: httpx.Client) -> str:
    """A campaign of gift cards one of which was used."""
    campaign_id = a_campaign(api, voucher={"type": "GIFT_VOUCHER", "gift": {"amount": 5_000}})
    code = created(api.post(f"/v1/campaigns/{campaign_id}/vouchers"))["code"]
    redeem(api, code, order={"amount": 1_000})
    return campaign_id


def customer() -> Sent:
    return {
        "source_id": unique("buyer"),
        "name": "Ada",
        "email": f"{unique('ada')}@example.com",
        "address": {"city": "Bonn", "country": "Germany"},
        "birthdate": "1990-02-28",
        "metadata": {"lot": 1},
    }


def full_stack(api: httpx.Client, **more: Any) -> Sent:
    """A code, a card and a tier; a customer; an order with items; locked where the body may say so."""
    body = stack(public_code(api, percent_off(10))[0], tier(api, percent_off(5))["id"], **more)
    body["redeemables"].append(
        {"object": "voucher", "id": gift_card(api, 900)["code"], "gift": {"credits": 300}}
    )
    return body | {"customer": customer(), "metadata": {"channel": "web"}}


def a_redemption(api: httpx.Client) -> Sent:
    return redeem(api, public_code(api, percent_off(10))[0], gift_card(api, 500)["code"], customer=customer())


def a_rule(api: httpx.Client) -> str:
    return rule(api, "order.amount", {"$more_than": [5_000]})


def an_assignment(api: httpx.Client) -> tuple[str, str, str]:
    """Rule id, assignment id, campaign id."""
    rule_id, campaign_id = a_rule(api), a_campaign(api)
    return rule_id, assign(api, rule_id, "campaign", campaign_id)["id"], campaign_id


def a_category(api: httpx.Client) -> str:
    return str(created(api.post("/v1/categories", json={"name": unique("category"), "hierarchy": 1}))["id"])


def an_export(api: httpx.Client) -> Sent:
    return created(
        api.post("/v1/exports", json={"exported_object": "voucher", "parameters": {"order": "code"}})
    )


def a_publication(api: httpx.Client) -> Sent:
    campaign_id = a_campaign(api)
    body = {"campaign": {"name": campaign_id}, "customer": customer(), "metadata": {"lot": 1}}
    return created(api.post("/v1/publications", json=body))


def a_lock(api: httpx.Client) -> Sent:
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    key = unique("session")
    validate(api, code, session={"type": "LOCK", "key": key, "ttl": 1, "ttl_unit": "HOURS"})
    return {"code": code, "session_key": key}


def an_action(api: httpx.Client) -> str:
    rows = [{"code": unique("IMPORTED"), "type": "DISCOUNT_VOUCHER", "discount": percent_off(10)}]
    return str(created(api.post("/v1/vouchers/import", json=rows))["async_action_id"])


def file() -> bytes:
    return CSV.format(unique("CSV")).encode()


def a_voucher(api: httpx.Client) -> str:
    body = {"metadata": {"lot": 1}, "expiration_date": END, "category": "first", "additional_info": "one"}
    return str(single_voucher(api, percent_off(10), quantity=2, **body)["code"])
