"""A validation that is answered in one round trip says what the script would say, also when things change."""

import httpx
import redis

from tests.support.server import RunningServer
from tests.support.shop import (
    assign,
    created,
    percent_off,
    public_code,
    redeem,
    rule,
    single_voucher,
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
