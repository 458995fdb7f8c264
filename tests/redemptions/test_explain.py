"""Why a decision came out as it did: over HTTP and on the command line, and nothing of it unasked."""

import httpx

from tests.support.shop import amount_off, assign, created, public_code, rule, stack, validate


def _guarded_code(api: httpx.Client, least: int) -> str:
    """A code whose campaign asks for an order of more than `least`."""
    code, campaign_id = public_code(api, amount_off(700), quantity=3)
    assign(api, rule(api, "order.amount", {"$more_than": [least]}), "campaign", campaign_id)
    return code


def test_the_trace_says_what_was_looked_at(api: httpx.Client) -> None:
    """Asked for by parameter or header: rules with what was expected and found, and what is missing."""
    code = _guarded_code(api, 12_000)
    asked = (
        api.post("/v1/validations", params={"explain": "true"}, json=stack(code)),
        api.post("/v1/validations", headers={"X-Explain": "1"}, json=stack(code)),
    )
    for response in asked:
        (entry,) = created(response)["trace"]["redeemables"]
        assert (entry["id"], entry["status"]) == (code, "INAPPLICABLE")
        assert entry["refused_by"]["key"] == "order_rules_violated"
        (node,) = entry["rules"][0]["rules"] if "rules" in entry["rules"][0] else entry["rules"]
        assert (node["name"], node["actual"], node["result"]) == ("order.amount", 10_000, False)
        assert entry["nearest"] == {"name": "order.amount", "more": 2_001, "by": 2_001}


def test_an_explained_decision_is_the_same_decision(api: httpx.Client) -> None:
    """The trace is one more member; without it nothing of the answer changes."""
    code = _guarded_code(api, 5_000)
    explained = created(api.post("/v1/validations", params={"explain": "true"}, json=stack(code)))
    plain = validate(api, code)
    trace = explained.pop("trace")
    del explained["id"], plain["id"]
    assert explained["redeemables"] == plain["redeemables"]
    assert explained == plain
    assert trace["redeemables"][0]["counters"][0]["cap"] == 3
    for answer in (
        api.post("/v1/validations", params={"explain": "false"}, json=stack(code)),
        api.post("/v1/redemptions", headers={"X-Explain": "1"}, json=stack(code)),
    ):
        assert "trace" not in created(answer)
