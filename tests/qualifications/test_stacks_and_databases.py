"""Promotion stacks in qualifications, and the same answers from both databases."""

from pathlib import Path

import httpx

from tests.qualifications.test_qualifications import qualify, shown
from tests.support.postgres import Postgres
from tests.support.server import RunningServer
from tests.support.shop import amount_off, assign, created, gift_card, public_code, rule, tier, unique


def stack_of(api: httpx.Client, *amounts: int) -> tuple[str, list[str], str]:
    """(stack id, tier ids, campaign id) of a promotion whose tiers take these amounts off."""
    body = {"name": unique("promotion"), "campaign_type": "PROMOTION", "type": "STATIC"}
    campaign = created(api.post("/v1/campaigns", json=body))["id"]
    ids = []
    for amount in amounts:
        made = {"name": unique("tier"), "action": {"discount": amount_off(amount)}}
        ids.append(created(api.post(f"/v1/promotions/{campaign}/tiers", json=made))["id"])
    stack = {"name": unique("stack"), "tiers": {"ids": ids}}
    return created(api.post(f"/v1/promotions/{campaign}/stacks", json=stack))["id"], ids, campaign


def test_a_stack_is_shown_with_its_tiers(api: httpx.Client) -> None:
    """As they would apply together; PROMOTION_STACKS shows nothing else."""
    stack_id, ids, campaign = stack_of(api, 300, 200)
    assert set(shown(api)) == {stack_id, *ids}
    answer = qualify(api, scenario="PROMOTION_STACKS", options={"expand": ["redeemable"]})
    (entry,) = answer["redeemables"]["data"]
    assert (entry["id"], entry["object"], entry["campaign_id"]) == (stack_id, "promotion_stack", campaign)
    assert [part["id"] for part in entry["redeemables"]] == ids
    assert entry["order"]["total_discount_amount"] == 500
    only = {"filters": {"resource_type": {"conditions": {"$is": ["promotion_stack"]}}}}
    assert shown(api, options=only) == [stack_id]


def test_a_stack_goes_with_its_campaign(api: httpx.Client) -> None:
    """A stopped campaign shows neither its tiers nor its stacks, at once."""
    _, _, campaign = stack_of(api, 300, 200)
    created(api.post(f"/v1/campaigns/{campaign}/disable"))
    for _ in range(4):
        assert shown(api) == []


def test_postgresql_gives_the_same(postgres: Postgres, tmp_path: Path) -> None:
    """Every source, filter and order, once on the other database."""
    environment = {"VOUCHSAFE_DATABASE_URL": postgres.create_empty_database()}
    server = RunningServer(data_dir=tmp_path / "data", workers=1, environment=environment)
    server.command("migrate")
    server.start()
    try:
        with server.client(server.create_project("qualified")) as api:
            stack_id, ids, _ = stack_of(api, 300, 200)
            code, campaign = public_code(api, amount_off(900))
            card = gift_card(api, 100)["code"]
            promotion = tier(api, amount_off(50))["id"]
            assign(api, rule(api, "order.amount", {"$more_than": [1]}), "campaign", campaign)
            everything = {code, card, promotion, stack_id, *ids}
            assert set(shown(api, customer={"source_id": "ann"})) == everything
            assert shown(api, options={"sorting_rule": "BEST_DEAL", "limit": 1}) == [code]
            for field, operator, value, found in (
                ("resource_type", "$in", ["voucher"], {code, card}),
                ("code", "$is_unknown", [True], {promotion, stack_id, *ids}),
                ("voucher_type", "$is", ["GIFT_VOUCHER"], {card}),
                ("holder_role", "$not_in", ["OWNER"], everything),
                ("campaign_id", "$is", [campaign], {code}),
                ("category_id", "$has_value", [True], set()),
            ):
                filters = {"filters": {field: {"conditions": {operator: value}}}}
                assert set(shown(api, options=filters)) == found, field
            page = qualify(api, options={"limit": 2})["redeemables"]
            after = {"limit": 50, "starting_after": page["more_starting_after"]}
            assert len(page["data"]) + len(shown(api, options=after)) == len(everything)
    finally:
        server.stop()
