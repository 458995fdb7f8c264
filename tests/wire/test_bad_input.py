"""Bad input gets a 4xx in the documented shape and changes nothing: no key of the core, no row of the ledger
or catalogue.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, public_code, unique

CODE = "BAD-INPUT"
CART = {"items": [{"source_id": "mug", "related_object": "product", "quantity": 1, "price": 1000}]}
SECONDS_MAX = 180.0
STILL_SECONDS = 0.5
UNWATCHED_TABLES = {"leases"}
"""Renewed all the time by the background process."""


def stack(**changes: Any) -> dict[str, Any]:
    return {"redeemables": [{"object": "voucher", "id": CODE}], "order": CART, **changes}


def line(**changes: Any) -> dict[str, Any]:
    return stack(order={"items": [{**CART["items"][0], **changes}]})


def campaign(**changes: Any) -> dict[str, Any]:
    voucher = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10)}
    return {"name": "bad", "campaign_type": "DISCOUNT_COUPONS", "voucher": voucher, **changes}


def discount(**members: Any) -> dict[str, Any]:
    return campaign(voucher={"type": "DISCOUNT_VOUCHER", "discount": members})


def many(count: int) -> list[dict[str, str]]:
    return [{"object": "voucher", "id": f"X{number}"} for number in range(count)]


def rule_of(conditions: dict[str, Any]) -> dict[str, Any]:
    return {"1": {"name": "order.amount", "conditions": conditions}, "logic": "1"}


def nested(levels: int) -> bytes:
    return b'{"redeemables":' + b"[" * levels + b"]" * levels + b"}"


REDEEM, VALIDATE, CAMPAIGNS, CUSTOMERS, RULES, ORDERS = (
    f"/v1/{room}"
    for room in ("redemptions", "validations", "campaigns", "customers", "validation-rules", "orders")
)

BAD: list[tuple[str, str, Any]] = [
    ("not JSON", REDEEM, b"redeem this"),
    ("half of a JSON document", REDEEM, b'{"redeemables": ['),
    ("nothing", REDEEM, b""),
    ("null", REDEEM, b"null"),
    ("a list", REDEEM, b"[]"),
    ("a string", REDEEM, b'"redeemables"'),
    ("not UTF-8", REDEEM, b'{"redeemables": [{"object": "voucher", "id": "\xff\xfe"}]}'),
    ("NaN", REDEEM, b'{"redeemables": [{"object": "voucher", "id": "X"}], "order": {"amount": NaN}}'),
    ("nested a thousand deep", REDEEM, nested(1_000)),
    ("nested a hundred thousand deep", REDEEM, nested(100_000)),
    ("eleven megabytes", REDEEM, b'{"pad": "' + b"x" * 11_000_000 + b'"}'),
    ("no redeemables", REDEEM, {"order": CART}),
    ("an empty stack", REDEEM, stack(redeemables=[])),
    ("redeemables as an object", REDEEM, stack(redeemables={"object": "voucher", "id": CODE})),
    ("a redeemable as a string", REDEEM, stack(redeemables=[CODE])),
    ("a redeemable without an id", REDEEM, stack(redeemables=[{"object": "voucher"}])),
    ("a numeric id", REDEEM, stack(redeemables=[{"object": "voucher", "id": 5}])),
    ("an unknown kind of redeemable", REDEEM, stack(redeemables=[{"object": "spell", "id": CODE}])),
    ("thirty-one redeemables", REDEEM, stack(redeemables=many(31))),
    ("the same redeemable twice", REDEEM, stack(redeemables=[{"object": "voucher", "id": CODE}] * 2)),
    ("an order as a list", REDEEM, stack(order=[])),
    ("an amount as text", REDEEM, stack(order={"amount": "1000"})),
    ("a negative amount", REDEEM, stack(order={"amount": -1})),
    ("an amount with a fraction", REDEEM, stack(order={"amount": 10.5})),
    ("a huge amount", REDEEM, stack(order={"amount": 10**18})),
    ("an amount beyond 64 bits", VALIDATE, json.dumps(stack(order={"amount": 10**40})).encode()),
    ("a negative quantity", REDEEM, line(quantity=-1)),
    ("a huge quantity", REDEEM, line(quantity=10**9)),
    ("a negative price", REDEEM, line(price=-5)),
    ("a price as an object", VALIDATE, line(price={"amount": 5})),
    ("five hundred and one lines", VALIDATE, stack(order={"items": [CART["items"][0]] * 501})),
    ("a customer as a number", VALIDATE, stack(customer=7)),
    ("a session without a type", VALIDATE, stack(session={"ttl": "long"})),
    ("metadata as a list", REDEEM, stack(metadata=[1, 2])),
    ("a campaign without a name", CAMPAIGNS, {"campaign_type": "DISCOUNT_COUPONS"}),
    ("a campaign of an unknown type", CAMPAIGNS, campaign(campaign_type="MAGIC")),
    ("an unknown discount", CAMPAIGNS, discount(type="HALF")),
    ("a percentage as text", CAMPAIGNS, discount(type="PERCENT", percent_off="ten")),
    ("a negative percentage", CAMPAIGNS, discount(type="PERCENT", percent_off=-10)),
    ("a huge percentage", CAMPAIGNS, discount(type="PERCENT", percent_off=10**9)),
    (
        "a negative cap",
        CAMPAIGNS,
        campaign(
            voucher={"type": "DISCOUNT_VOUCHER", "discount": percent_off(10), "redemption": {"quantity": -1}}
        ),
    ),
    ("a date that is none", CAMPAIGNS, campaign(start_date="the day after")),
    ("too many codes", CAMPAIGNS, campaign(vouchers_count=10**9)),
    ("an e-mail as a number", CUSTOMERS, {"source_id": "c", "email": 5}),
    ("an address as text", CUSTOMERS, {"source_id": "c", "address": "Main Street"}),
    ("a rule with an unknown operator", RULES, {"name": "r", "rules": rule_of({"$huh": [1]})}),
    ("a rule whose operand is text", RULES, {"name": "r", "rules": rule_of({"$more_than": ["ten"]})}),
    ("a logic that names no rule", RULES, {"name": "r", "rules": {"logic": "1 and ("}}),
    ("an order status that is none", ORDERS, {"status": "LOST"}),
]
"""What is wrong with it, where it is posted, and the body as bytes or as what json makes of it."""


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that nobody else uses, so that whatever changes was changed by the test."""
    running = RunningServer(data_dir=tmp_path_factory.mktemp("quiet") / "data", workers=1)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shop(quiet: RunningServer) -> Project:
    """A project with a code that was validated before, so that what a worker loads is loaded."""
    made = quiet.create_project(unique("bad"))
    with quiet.client(made) as api:
        body = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10), "redemption": {"quantity": 3}}
        created(api.post(f"/v1/vouchers/{CODE}", json=body))
        created(api.post(VALIDATE, json=stack()))
        created(api.post(REDEEM, json=stack()))
        assert created(api.get(f"/v1/vouchers/{CODE}"))["redemption"]["redeemed_quantity"] == 1
    quieted(quiet)
    return made


def quieted(server: RunningServer) -> dict[str, str]:
    """Everything, once what was done before is ledgered, projected and trimmed, however long that takes."""
    deadline = time.monotonic() + SECONDS_MAX
    before = digest(server)
    while True:
        time.sleep(STILL_SECONDS)
        after = digest(server)
        if before == after and not waiting(server):
            return after
        assert time.monotonic() < deadline, changed(before, after)
        before = after


def waiting(server: RunningServer) -> int:
    """Events and refusals that the background process has still to take."""
    status = server.status()
    assert status is not None
    with redis.Redis(unix_socket_path=status["redis_url"].removeprefix("unix://")) as client:
        return sum(int(client.xlen(key)) for key in client.scan_iter(count=1000, _type="stream"))


def digest(server: RunningServer) -> dict[str, str]:
    """Key or table → digest of everything in it."""
    status = server.status()
    assert status is not None
    found: dict[str, str] = {}
    with redis.Redis(unix_socket_path=status["redis_url"].removeprefix("unix://")) as client:
        for key in client.scan_iter(count=1000):
            dumped = client.dump(key)
            if dumped is not None:
                found[f"key {key.decode()}"] = hashlib.sha256(dumped).hexdigest()
    with sqlite3.connect(server.data_dir / "vouchsafe.db") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in sorted(set(tables) - UNWATCHED_TABLES):
            # A refused request is a use of its key all the same.
            columns = ", ".join(
                f'"{name}"'
                for _, name, *_ in database.execute(f'PRAGMA table_info("{table}")')
                if name != "last_used_at"
            )
            rows = sorted(map(repr, database.execute(f'SELECT {columns} FROM "{table}"')))
            found[f"table {table}"] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    database.close()
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def assert_documented_error(answer: Any, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, answer.text[:300]
    body = answer.json()
    assert body["code"] == answer.status_code
    # The contract's 413 has no key.
    assert isinstance(body.get("key"), str) or answer.status_code == 413
    assert isinstance(body["message"], str)
    assert body["request_id"]
    return dict(body)


def test_there_are_at_least_forty_ways_to_be_wrong() -> None:
    """The list below does not shrink."""
    assert len(BAD) >= 40
    assert len({name for name, _, _ in BAD}) == len(BAD)


@pytest.mark.parametrize(("path", "body"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_malformed_body_is_refused_and_changes_nothing(
    quiet: RunningServer, shop: Project, path: str, body: Any
) -> None:
    """4xx with code, key, message and request id; every key and every table as before."""
    before = digest(quiet)
    with quiet.client(shop) as api:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = api.post(path, content=content, headers={"Content-Type": "application/json"})
        assert_documented_error(answer, 400, 413)
    assert changed(before, digest(quiet)) == set()


class TestStrangers:
    def test_an_unknown_code_is_not_found(self, quiet: RunningServer, shop: Project) -> None:
        """404 for a redemption; the attempt is noted among failures, nothing is counted."""
        before = digest(quiet)
        with quiet.client(shop) as api:
            answer = api.post(REDEEM, json=stack(redeemables=[{"object": "voucher", "id": "NO-SUCH-CODE"}]))
            assert assert_documented_error(answer, 404)["key"] == "not_found"
        # The attempt itself may be looked up afterwards: a best-effort record, outside ledger and counters.
        after = quieted(quiet)
        assert {name for name in changed(before, after) if not is_failure_record(name)} == set()

    def test_another_projects_key_finds_nothing_and_changes_nothing(
        self, quiet: RunningServer, shop: Project
    ) -> None:
        """Codes and ids of one project do not exist for another (P9)."""
        other = quiet.create_project(unique("other"))
        with quiet.client(shop) as api:
            code, campaign_id = public_code(api, percent_off(10), quantity=5)
            created(api.post(VALIDATE, json=stack(redeemables=[{"object": "voucher", "id": code}])))
            (redemption,) = created(api.post(REDEEM, json=stack()))["redemptions"]
            created(api.get(f"/v1/redemptions/{redemption['id']}"))
        before = quieted(quiet)
        with quiet.client(other) as stranger:
            assert_documented_error(stranger.get(f"/v1/campaigns/{campaign_id}"), 404)
            assert_documented_error(
                stranger.put(f"/v1/campaigns/{campaign_id}", json={"description": "mine"}), 404
            )
            assert_documented_error(stranger.post(f"/v1/campaigns/{campaign_id}/disable"), 404)
            assert_documented_error(stranger.delete(f"/v1/campaigns/{campaign_id}"), 404)
            assert_documented_error(stranger.get(f"/v1/vouchers/{code}"), 404)
            assert_documented_error(stranger.delete(f"/v1/vouchers/{code}"), 404)
            assert_documented_error(stranger.get(f"/v1/redemptions/{redemption['id']}"), 404)
            assert_documented_error(stranger.post(f"/v1/redemptions/{redemption['id']}/rollback"), 404)
            assert created(stranger.get("/v1/redemptions"))["total"] == 0
        assert changed(before, digest(quiet)) == set()

    def test_a_wrong_token_is_unauthorized(self, quiet: RunningServer, shop: Project) -> None:
        """Whatever it asks for."""
        before = digest(quiet)
        with quiet.client(shop) as api:
            for headers in (
                {"X-App-Token": "wrong"},
                {"X-App-Id": "app_none"},
                {"X-App-Id": "", "X-App-Token": ""},
            ):
                assert_documented_error(api.post(REDEEM, json=stack(), headers=headers), 401)
        assert changed(before, digest(quiet)) == set()


def is_failure_record(name: str) -> bool:
    """The stream of refusals, and the tables into which it is drained."""
    return name.endswith(":f") or name in ("table redemptions", "table failure_traces")
