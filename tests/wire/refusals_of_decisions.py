"""A request for each refusal that publications, validations, redemptions, rollbacks and qualifications
declare. What is refused in the same words by several operations stands here once.
"""

from collections.abc import Callable
from typing import Any

from tests.support.shop import (
    CART,
    created,
    gift_card,
    percent_off,
    public_code,
    redeem,
    single_voucher,
    tier,
    unique,
)
from tests.wire.official_shop import a_campaign, a_promotion, a_stack_of_tiers
from tests.wire.refusals import END, NOBODY, Ask, Desk, Refusals

LATER = "2090-01-01T00:00:00Z"
NEVER = {
    "validity_timeframe": {"interval": "P1000D", "duration": "PT1M"},
    "start_date": "2020-01-01T00:00:00Z",
}
Said = dict[str, Any]

# Publications
# -----------------------------------------------------------------------------------------------------


def _customer() -> Said:
    return {"source_id": unique("buyer")}


def _to(**said: Any) -> Said:
    return {"customer": _customer()} | said


def _code(desk: Desk, **more: Any) -> str:
    return str(single_voucher(desk.api, percent_off(10), **more)["code"])


def _given(desk: Desk) -> Said:
    code = _code(desk)
    created(desk.api.post("/v1/publications", json=_to(voucher=code)))
    return _to(voucher=code)


def _named(desk: Desk) -> Said:
    source_id = unique("publication")
    created(desk.api.post("/v1/publications", json=_to(voucher=_code(desk), source_id=source_id)))
    return _to(voucher=_code(desk), source_id=source_id)


def _second(desk: Desk) -> Said:
    """A second code for somebody, where that needs a look."""
    minting = {"minting": {"duplicate_days": 7, "duplicates": "refuse"}}
    said = _to(campaign=a_campaign(desk.api, extensions=minting))
    created(desk.api.post("/v1/publications", json=said))
    return said


def strict_of(desk: Desk) -> Desk:
    assert desk.strict is not None
    return desk.strict


def _one_too_many(desk: Desk) -> Said:
    said = _to(campaign=a_campaign(strict_of(desk).api))
    created(strict_of(desk).api.post("/v1/publications", json=said))
    return said


PUBLISHING = (
    "create-publication",
    "create-publication-1",
    "publish-voucher",
    "create-publication-client-side",
)
PUBLICATIONS: dict[str, Callable[[Desk], Said]] = {
    "not_found": lambda _: _to(campaign=NOBODY),
    "invalid_customer": lambda desk: {"customer": {"name": "Ada"}, "voucher": _code(desk)},
    "invalid_campaign": lambda desk: _to(campaign=a_promotion(desk.api)),
    "missing_vouchers": lambda _: _to(),
    "voucher_already_published": _given,
    "no_voucher_suitable_for_publication": lambda desk: _to(campaign=a_campaign(desk.api, type="STATIC")),
    "duplicate_source_id": _named,
    "too_many_vouchers_requested": lambda desk: _to(
        campaign={"name": a_campaign(desk.api), "count": 2}, source_id=unique("publication")
    ),
    "duplicate_needs_confirmation": _second,
    "mint_budget_exceeded": lambda desk: _to(voucher=_code(desk)),
    "offer_limit_exceeded": _one_too_many,
    "metadata_validation_failed": lambda desk: _to(voucher=_code(strict_of(desk)), metadata={"lot": "five"}),
}


def _published(operation: str, key: str) -> Callable[[Desk], Ask]:
    def made(desk: Desk) -> Ask:
        said = PUBLICATIONS[key](desk)
        by = desk.strict if key in ("offer_limit_exceeded", "metadata_validation_failed") else None
        side = "client" if operation.endswith("client-side") else "v1"
        headers = desk.poor[side] if key == "mint_budget_exceeded" else {}
        if operation != "create-publication-1":
            return Ask(body=said, by=by, headers=headers)
        campaign = said.pop("campaign", None)
        if campaign is not None:
            named = campaign if isinstance(campaign, dict) else {"name": campaign}
            said |= {f"campaign[{member}]": value for member, value in named.items()}
        for parent in ("customer", "metadata"):
            said |= {f"{parent}[{member}]": value for member, value in said.pop(parent, {}).items()}
        return Ask(params={member: str(value) for member, value in said.items()}, by=by, headers=headers)

    return made


def _joined(desk: Desk) -> Ask:
    campaign = a_campaign(desk.api, join_once=True)
    customer = _customer()
    created(desk.api.post("/v1/publications", json={"customer": customer, "campaign": campaign}))
    return Ask(params={"campaign[name]": campaign, "customer[source_id]": customer["source_id"]})


# Stacks
# -----------------------------------------------------------------------------------------------------------


def _voucher(code: str, **more: Any) -> Said:
    return {"object": "voucher", "id": code, **more}


def _stack(*redeemables: Said, **more: Any) -> Said:
    return {"redeemables": list(redeemables), "order": CART, "customer": _customer()} | more


def _of(code: str, **more: Any) -> Said:
    return _stack(_voucher(code), **more)


def _canceled(desk: Desk) -> Said:
    made = created(desk.api.post("/v1/orders", json={"amount": 500, "status": "CANCELED"}))
    return {"id": made["id"]}


def a_ruled_code(desk: Desk, name: str, conditions: Said, **member: str) -> str:
    """A public code under a rule. member: `property`, where the rule has one."""
    rules = {"1": {"name": name, "conditions": conditions} | member, "logic": "1"}
    made = created(desk.api.post("/v1/validation-rules", json={"name": unique("rule"), "rules": rules}))
    return public_code(desk.api, percent_off(10), validation_rules=[made["id"]])[0]


def _used_up(desk: Desk) -> str:
    code = _code(desk, quantity=1)
    redeem(desk.api, code)
    return code


def _off(desk: Desk) -> str:
    code = _code(desk)
    created(desk.api.post(f"/v1/vouchers/{code}/disable"))
    return code


def _tier(desk: Desk, **more: Any) -> Said:
    return {"object": "promotion_tier", "id": tier(desk.api, percent_off(10), **more)["id"]}


def _tier_off(desk: Desk) -> Said:
    made = _tier(desk)
    created(desk.api.post(f"/v1/promotions/tiers/{made['id']}/disable"))
    return made


def _two_stacks(desk: Desk) -> Said:
    stack = {"object": "promotion_stack", "id": a_stack_of_tiers(desk.api)[1]}
    return _stack(stack, _voucher(_code(desk)))


MALFORMED: dict[str, Callable[[Desk], Said]] = {
    "invalid_payload": lambda desk: _stack(_voucher(_code(desk)), {"object": "voucher"}),
    "duplicated_redeemables": lambda desk: _stack(*[_voucher(_code(desk))] * 2),
    "invalid_redeemables": _two_stacks,
    "invalid_order": lambda desk: _of(_code(desk), order=_canceled(desk)),
}
REFUSED: dict[str, Callable[[Desk], Said]] = {
    **{key: made for key, made in MALFORMED.items() if key != "invalid_payload"},
    "not_found": lambda _: _of("NO-SUCH-CODE"),
    "quantity_exceeded": lambda desk: _of(_used_up(desk)),
    "voucher_expired": lambda desk: _of(_code(desk, expiration_date=END)),
    "voucher_disabled": lambda desk: _of(_off(desk)),
    "voucher_not_active": lambda desk: _of(_code(desk, start_date=LATER)),
    "voucher_not_active_now": lambda desk: _of(_code(desk, **NEVER)),
    "promotion_inactive": lambda desk: _stack(_tier_off(desk)),
    "promotion_not_active_now": lambda desk: _stack(_tier(desk, **NEVER)),
    "customer_rules_violated": lambda desk: _of(
        a_ruled_code(desk, "customer.metadata", {"$is": ["gold"]}, property="level")
    ),
    "order_rules_violated": lambda desk: _of(a_ruled_code(desk, "order.amount", {"$more_than": [10**9]})),
    "redemption_rules_violated": lambda desk: _of(
        a_ruled_code(desk, "redemption.metadata", {"$is": ["web"]}, property="channel")
    ),
    "missing_customer": lambda desk: _of(
        a_ruled_code(desk, "redemption.count.per_customer", {"$less_than_or_equal": [1]}), customer=None
    ),
    "missing_order": lambda desk: _of(gift_card(desk.api, 500)["code"], order=None),
    "missing_amount": lambda desk: _of(gift_card(desk.api, 500)["code"], order={"metadata": {}}),
    "missing_order_items": lambda desk: _of(_unit_off(desk), order={"amount": 500}),
    "gift_amount_exceeded": lambda desk: _stack(
        _voucher(gift_card(desk.api, 500)["code"], gift={"credits": 501})
    ),
}


def _unit_off(desk: Desk) -> str:
    return public_code(desk.api, {"type": "FIXED", "fixed_amount": 5, "effect": "APPLY_TO_ITEMS"})[0]


# One redeemable in the older way, rollbacks, and what else asks for a decision
# -----------------------------------------------------------------------------------------------------------


def _single(code: str, **body: Any) -> Ask:
    """For every operation that names one code, in its path or in its query."""
    return Ask({"code": code}, body={"order": CART, "customer": _customer()} | body, params={"code": code})


def _never(desk: Desk) -> Ask:
    return _single(_code(desk, **NEVER))


def _one_tier(desk: Desk, body: Said, **more: Any) -> Ask:
    made = _tier(desk, **more)["id"]
    return Ask({"promotionTierId": made, "tierId": made}, body=body)


def _off_tier(desk: Desk) -> Ask:
    return Ask({"promotionTierId": _tier_off(desk)["id"]}, body={"order": CART})


def _taken(desk: Desk, *codes: str) -> Ask:
    """A redemption of one code, or of several under their parent."""
    made = redeem(desk.api, *(codes or (_code(desk),)), customer=_customer())
    parent = made.get("parent_redemption") or {}
    one = made["redemptions"][0]["id"]
    return Ask({"redemptionId": one, "parentRedemptionId": parent.get("id", one)}, body={})


def _stacked(desk: Desk) -> Ask:
    return _taken(desk, _code(desk), gift_card(desk.api, 500)["code"])


def _returned(desk: Desk, ask: Ask) -> Ask:
    verb = "rollbacks" if ask.path["redemptionId"] != ask.path["parentRedemptionId"] else "rollback"
    created(desk.api.post(f"/v1/redemptions/{ask.path['parentRedemptionId']}/{verb}"))
    return ask


def _saying(ask: Ask, **body: Any) -> Ask:
    return Ask(ask.path, body=body)


def _somebody_else(desk: Desk) -> Said:
    return {"id": created(desk.api.post("/v1/customers", json=_customer()))["id"]}


def _other_order(desk: Desk) -> Said:
    return {"id": created(desk.api.post("/v1/orders", json={"amount": 5}))["id"]}


TOO_MANY = {"items": [{"product_id": "prod_nobody", "quantity": 1}]}


def _rollbacks(operation: str, taken: Callable[[Desk], Ask]) -> Refusals:
    return {
        (operation, "already_rolled_back"): lambda desk: _returned(desk, taken(desk)),
        (operation, "invalid_customer"): lambda desk: _saying(taken(desk), customer=_somebody_else(desk)),
        (operation, "invalid_order"): lambda desk: _saying(taken(desk), order=_other_order(desk)),
        (operation, "invalid_rollback_params"): lambda desk: _saying(taken(desk), extensions=TOO_MANY),
    }


def _child(desk: Desk) -> Ask:
    """One of a stack, rolled back as if it stood alone."""
    one = _stacked(desk).path["redemptionId"]
    return Ask({"redemptionId": one, "parentRedemptionId": one}, body={})


def _years_ago(desk: Desk) -> Ask:
    """A stack of a time from which nothing comes back any more."""
    api = strict_of(desk).api
    codes = [str(single_voucher(api, percent_off(10))["code"]), str(gift_card(api, 500)["code"])]
    body = {"redeemables": [_voucher(code) for code in codes], "order": CART}
    answer = api.post("/v1/redemptions", json=body, headers={"Vouchsafe-Now": "2026-01-01T00:00:00Z"})
    return Ask({"parentRedemptionId": created(answer)["parent_redemption"]["id"]}, body={}, by=desk.strict)


def _parent(desk: Desk) -> Ask:
    parent = _stacked(desk).path["parentRedemptionId"]
    return Ask({"redemptionId": parent}, body={})


def _canceled_order(desk: Desk) -> Ask:
    return Ask(body={"customer": _customer(), "order": _canceled(desk)})


def _held(desk: Desk) -> Ask:
    """The wallet of somebody who has a code, looked at with an order that is off."""
    said = _to(voucher=_code(desk))
    created(desk.api.post("/v1/publications", json=said))
    return Ask(body={"customer": said["customer"], "order": _canceled(desk)})


QUALIFYING = (
    "check-eligibility",
    "check-eligibility-client-side",
    "examine-vouchers-qualification",
    "examine-campaign-qualification",
    "validate-promotions",
)
SINGLE = ("redeem-voucher", "redeem-voucher-client-side")

DECISIONS: Refusals = {
    **{(one, key): _published(one, key) for one in PUBLISHING for key in PUBLICATIONS},
    ("create-publication-1", "voucher_cannot_be_published"): _joined,
    ("create-publication-1", "invalid_query_params"): lambda _: Ask(params={"voucher": "ANY"}),
    ("list-publications", "page_over_limit"): lambda _: Ask(params={"page": "1001"}),
    **{
        (f"{verb}-stacked-discounts{side}", key): lambda desk, made=made: Ask(body=made(desk))
        for side in ("", "-client-side")
        for verb, table in (("validate", MALFORMED), ("redeem", REFUSED))
        for key, made in table.items()
    },
    **{(one, "not_found"): lambda _: _single("NO-SUCH-CODE") for one in SINGLE},
    **{(one, "invalid_order"): lambda desk: _single(_code(desk), order=_canceled(desk)) for one in SINGLE},
    **{(one, "quantity_exceeded"): lambda desk: _single(_used_up(desk)) for one in SINGLE},
    **{(one, "voucher_disabled"): lambda desk: _single(_off(desk)) for one in SINGLE},
    **{(one, "voucher_not_active_now"): _never for one in SINGLE},
    ("validate-voucher", "invalid_order"): lambda desk: _single(_code(desk), order=_canceled(desk)),
    ("validate-voucher", "metadata_validation_failed"): lambda desk: Ask(
        {"code": _code(strict_of(desk))}, body={"metadata": {"lot": "five"}}, by=desk.strict
    ),
    ("validate-promotion-tier", "metadata_validation_failed"): lambda desk: Ask(
        {"tierId": _tier(strict_of(desk))["id"]}, body={"metadata": {"lot": "five"}}, by=desk.strict
    ),
    ("validate-voucher-client-side", "metadata_validation_failed"): lambda desk: Ask(
        params={"code": _code(strict_of(desk)), "metadata[lot]": "five"}, by=desk.strict
    ),
    ("validate-voucher-client-side", "invalid_order"): lambda desk: Ask(
        params={"code": _code(desk), "order[id]": _canceled(desk)["id"]}
    ),
    ("validate-voucher-client-side", "invalid_query_params"): lambda _: Ask(params={"amount": "5"}),
    ("validate-promotion-tier", "invalid_order"): lambda desk: _one_tier(desk, {"order": _canceled(desk)}),
    ("redeem-promotion", "invalid_order"): lambda desk: _one_tier(desk, {"order": _canceled(desk)}),
    ("redeem-promotion", "promotion_inactive"): _off_tier,
    **_rollbacks("rollback-redemption", _taken),
    **_rollbacks("rollback-stacked-redemptions", _stacked),
    ("rollback-redemption", "invalid_redemption"): _parent,
    ("rollback-stacked-redemptions", "invalid_redemption"): _years_ago,
    ("rollback-redemption", "invalid_redemption_parent"): _child,
    ("rollback-stacked-redemptions", "invalid_redemption_parent"): _child,
    ("list-redemptions", "invalid_query_params"): lambda _: Ask(params={"created_at[before]": "yesterday"}),
    **{(one, "invalid_order"): _canceled_order for one in QUALIFYING},
    **{(one, "invalid_order"): _held for one in ("get-wallet", "get-wallet-client-side")},
    **{(one, "missing_customer"): lambda _: Ask(body={}) for one in ("get-wallet", "get-wallet-client-side")},
    **{
        (one, "invalid_payload"): lambda _: Ask(body={"scenario": "WEATHER", "order": 5})
        for one in QUALIFYING
    },
    **{
        (one, "invalid_query_params"): lambda _: Ask(params={"limit": "0", "filters": "none"})
        for one in QUALIFYING[2:]
    },
    ("redeem-stacked-discounts-client-side", "forbidden"): lambda desk: Ask(body=_of("ANY"), by=desk.strict),
    ("track-custom-event-client-side", "forbidden"): lambda _: Ask(
        body={"event": "looked", "customer": _customer(), "loyalty": {"code": "CARD"}}
    ),
    ("track-custom-event-client-side", "not_found"): lambda _: Ask(
        body={"event": "looked", "customer": {"id": "cust_nobody"}}
    ),
    ("track-custom-event-client-side", "invalid_payload"): lambda _: Ask(
        body={"event": "looked", "customer": _customer(), "referral": {}}
    ),
    ("track-custom-event-client-side", "metadata_validation_failed"): lambda desk: Ask(
        body={"event": "counted", "customer": _customer(), "metadata": {"lot": "five"}}, by=desk.strict
    ),
}
