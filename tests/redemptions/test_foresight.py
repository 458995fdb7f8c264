"""A validation that is answered in one round trip says what the script would say, also when things change."""

import httpx
import redis

from tests.support.server import Project, RunningServer
from tests.support.shop import (
    CART,
    assign,
    created,
    percent_off,
    public_code,
    redeem,
    rule,
    single_voucher,
    stack,
    unique,
    validate,
)

TIMES = 3
"""The first validation teaches the worker what to fetch; the later ones are answered by what they fetched."""


def test_a_code_that_was_validated_before_is_refused_when_its_last_use_is_gone(api: httpx.Client) -> None:
    """Counters are compared anew by every validation, in whichever way it is answered."""
    code = single_voucher(api, percent_off(10), quantity=2)["code"]
    for _ in range(TIMES):
        assert validate(api, code)["valid"] is True
    redeem(api, code)
    for _ in range(TIMES):
        assert validate(api, code)["valid"] is True
    redeem(api, code)
    for _ in range(TIMES):
        (refused,) = validate(api, code)["inapplicable_redeemables"]
        assert refused["result"]["error"]["key"] == "quantity_exceeded"


def test_what_was_validated_before_needs_no_script(api: httpx.Client, server: RunningServer) -> None:
    """Once every worker has met the code, a validation is one read."""
    code, _ = public_code(api, percent_off(10), quantity=5)
    status = server.status()
    assert status is not None
    with redis.Redis(unix_socket_path=status["redis_url"].removeprefix("unix://")) as valkey:
        for _ in range(40):
            assert validate(api, code)["valid"] is True
        before = valkey.info("commandstats")["cmdstat_evalsha"]["calls"]
        for _ in range(40):
            assert validate(api, code)["valid"] is True
        # The background process has scripts of its own.
        assert valkey.info("commandstats")["cmdstat_evalsha"]["calls"] - before < 40


def test_each_customer_is_compared_with_their_own_counter(api: httpx.Client) -> None:
    """What is fetched for one customer says nothing of another."""
    code, campaign_id = public_code(api, percent_off(10))
    once = rule(api, "redemption.count.per_customer", {"$less_than_or_equal": [1]})
    assign(api, once, "campaign", campaign_id)
    first, second = {"source_id": unique("first")}, {"source_id": unique("second")}
    for _ in range(TIMES):
        assert validate(api, code, customer=first)["valid"] is True
    redeem(api, code, customer=first)
    for _ in range(TIMES):
        assert validate(api, code, customer=first)["valid"] is False
        assert validate(api, code, customer=second)["valid"] is True


def test_a_stopped_campaign_is_seen_by_the_next_validation(api: httpx.Client) -> None:
    """The catalogue's versions are fetched with the counters (P6)."""
    code, campaign_id = public_code(api, percent_off(10))
    for _ in range(TIMES):
        assert validate(api, code)["valid"] is True
    created(api.post(f"/v1/campaigns/{campaign_id}/disable"))
    for _ in range(TIMES):
        assert validate(api, code)["valid"] is False
    created(api.post(f"/v1/campaigns/{campaign_id}/enable"))
    for _ in range(TIMES):
        assert validate(api, code)["valid"] is True


def test_units_that_a_session_holds_are_not_free(api: httpx.Client) -> None:
    """What is held counts as used, for whoever is not the session's own."""
    code = single_voucher(api, percent_off(10), quantity=1)["code"]
    for _ in range(TIMES):
        assert validate(api, code)["valid"] is True
    session = {"type": "LOCK", "key": unique("session"), "ttl": 1, "ttl_unit": "HOURS"}
    assert validate(api, code, session=session)["valid"] is True
    for _ in range(TIMES):
        assert validate(api, code)["valid"] is False
        assert validate(api, code, session=session)["valid"] is True


def test_what_is_remembered_is_not_decoded_anew(api: httpx.Client, server: RunningServer) -> None:
    """A customer and a code that every worker has met: versions are compared, nothing is looked up."""
    code, _ = public_code(api, percent_off(10))
    customer = {"source_id": unique("regular")}
    created(api.post("/v1/customers", json=customer))
    for _ in range(4 * TIMES):
        assert validate(api, code, customer=customer)["valid"] is True
    status = server.status()
    assert status is not None
    with redis.Redis(unix_socket_path=status["redis_url"].removeprefix("unix://")) as valkey:

        def settings_read() -> int:
            return int(valkey.info("commandstats")["cmdstat_hmget"]["calls"])

        for _ in range(5):  # The background process reads meanwhile, the more the longer it takes.
            start = settings_read()
            for _ in range(20):
                assert validate(api, code, customer=customer)["valid"] is True
            remembered = settings_read() - start
            for _ in range(20):
                order = {**CART, "source_id": unique("order")}
                assert validate(api, code, customer=customer, order=order)["valid"] is True
            read = settings_read() - start - remembered
            if read > remembered:
                break
        # An order that could be stored is looked for, so that way is taken in full.
        assert read > remembered


def test_a_changed_customer_is_seen_by_the_next_validation(api: httpx.Client) -> None:
    """The version of the customer's record is compared."""
    code, campaign_id = public_code(api, percent_off(10))
    rules = {"1": {"name": "customer.metadata", "property": "level", "conditions": {"$is": ["gold"]}}}
    document = {"name": unique("gold"), "rules": {**rules, "logic": "1"}}
    assign(api, created(api.post("/v1/validation-rules", json=document))["id"], "campaign", campaign_id)
    customer = {"source_id": unique("regular")}
    person = created(api.post("/v1/customers", json={**customer, "metadata": {"level": "gold"}}))
    for level in ("gold", "tin", "gold", "tin"):
        created(api.put(f"/v1/customers/{person['id']}", json={"metadata": {"level": level}}))
        for _ in range(2 * TIMES):
            assert validate(api, code, customer=customer)["valid"] is (level == "gold")


def test_a_changed_voucher_and_a_changed_price_are_seen_by_the_next_validation(api: httpx.Client) -> None:
    """The versions of the voucher's record and of the project's products are compared."""
    code, _ = public_code(api, percent_off(10))
    product = created(api.post("/v1/products", json={"name": "Kettle", "price": 1_000}))
    order = {"items": [{"product_id": product["id"], "quantity": 1}]}
    for price in (1_000, 3_000, 2_000):
        created(api.put(f"/v1/products/{product['id']}", json={"price": price}))
        for _ in range(2 * TIMES):
            assert validate(api, code, order=order)["order"]["amount"] == price
    created(api.post(f"/v1/vouchers/{code}/disable"))
    for _ in range(2 * TIMES):
        assert validate(api, code, order=order)["valid"] is False


def test_a_customer_who_was_validated_before_is_claimed_by_the_first_redemption(api: httpx.Client) -> None:
    """What a validation remembers of a customer does not stand for a claim that no taking made yet."""
    code, _ = public_code(api, percent_off(10))
    customer = {"source_id": unique("new")}
    person = created(api.post("/v1/customers", json=customer))
    for _ in range(2 * TIMES):
        assert validate(api, code, customer=customer)["valid"] is True
    for _ in range(2 * TIMES):
        assert redeem(api, code, customer=customer)["redemptions"][0]["customer_id"] == person["id"]
        assert validate(api, code, customer=customer)["valid"] is True
    summary = created(api.get(f"/v1/customers/{person['id']}"))["summary"]
    assert summary["redemptions"]["total_redeemed"] == 2 * TIMES


def test_a_revoked_key_validates_no_more(server: RunningServer) -> None:
    """The access version rides with what is compared, on each worker."""
    shop: Project = server.create_project(unique("revoked"))
    with server.client(shop) as api:
        code, _ = public_code(api, percent_off(10))
        for _ in range(2 * TIMES):
            assert validate(api, code)["valid"] is True
        server.command("keys", "revoke", shop.app_id)
        for _ in range(2 * TIMES):
            assert api.post("/v1/validations", json=stack(code)).status_code == 401
