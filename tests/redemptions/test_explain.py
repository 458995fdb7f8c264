"""Why a decision came out as it did: over HTTP and on the command line, and nothing of it unasked."""

import json
from pathlib import Path

import httpx

from tests.support.server import Project, RunningServer
from tests.support.shop import (
    CART,
    amount_off,
    assign,
    created,
    public_code,
    redeem,
    refusal,
    rule,
    stack,
    unique,
    validate,
)


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
    not_asked = api.post("/v1/validations", params={"explain": "false"}, json=stack(code))
    assert "trace" not in created(not_asked)


def test_redemptions_explain_themselves_as_well(api: httpx.Client) -> None:
    """The one that takes, beside its answer; the one that is refused, in its error; neither unasked."""
    code = _guarded_code(api, 5_000)
    poor = {"amount": 4_000}
    done = created(api.post("/v1/redemptions", params={"explain": "true"}, json=stack(code)))
    assert done["trace"]["redeemables"][0]["status"] == "APPLICABLE"
    error = api.post("/v1/redemptions", headers={"X-Explain": "1"}, json=stack(code, order=poor)).json()
    assert error["key"] == "order_rules_violated"
    assert error["trace"]["redeemables"][0]["nearest"]["more"] == 1_001
    assert "trace" not in redeem(api, code)
    assert "trace" not in refusal(api, code, order=poor)


def test_a_kept_answer_has_no_trace(api: httpx.Client) -> None:
    """An idempotency key keeps the answer as it is without the trace."""
    code = _guarded_code(api, 5_000)
    once = {"Idempotency-Key": unique("key")}
    first, again = (
        created(api.post("/v1/redemptions", params={"explain": "true"}, headers=once, json=stack(code)))
        for _ in range(2)
    )
    assert first.pop("trace")
    assert again == first


def test_the_command_says_the_same(
    server: RunningServer, project: Project, api: httpx.Client, tmp_path: Path
) -> None:
    """`vouchsafe explain` beside the running server: as JSON what the API answers, else a tree to read."""
    code = _guarded_code(api, 12_000)
    order = tmp_path / "order.json"
    order.write_text(json.dumps(CART))
    words = ("explain", code, "--project", project.name, "--customer", "nobody-yet", "--order", str(order))
    told = json.loads(server.command(*words, "--json").stdout)
    asked = stack(code, customer={"source_id": "nobody-yet"})
    answered = created(api.post("/v1/validations", params={"explain": "true"}, json=asked))
    assert told["valid"] is False
    assert told["redeemables"] == answered["trace"]["redeemables"]
    tree = server.command(*words).stdout
    assert f"{code} (voucher): INAPPLICABLE" in tree
    assert "refused by order_rules_violated" in tree
    assert "order.amount $more_than [12000], found 10000: fails" in tree
    assert "nearest to hold: name order.amount, more 2001" in tree


def test_the_command_says_what_it_cannot_explain(
    server: RunningServer, project: Project, tmp_path: Path
) -> None:
    """Exit codes: 0 for a code that does not exist, 1 for no such project, 2 for an order that is none."""
    unknown = server.command("explain", "NO-SUCH-CODE", "--project", project.project_id)
    assert "not_found" in unknown.stdout
    nowhere = server.command("explain", "X", "--project", "no-such-project", check=False)
    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    order = tmp_path / "order.json"
    order.write_text('{"items": 7}')
    wrong = server.command("explain", "X", "--project", project.name, "--order", str(order), check=False)
    assert wrong.returncode == 2
    assert ".items" in wrong.stderr
