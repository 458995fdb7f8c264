"""Ids of another project on every operation that takes one: the same answer as for an id that does not exist,
for the same work (P9). Made from the route table and the schema: a new room is in here by existing.
"""

import asyncio
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest
from sqlalchemy import event, insert

from app.api.routes import ALL_ROUTES
from app.core.sender import Sender
from app.db.base import Base
from app.http import auth, tokens
from app.http.routing import Scope
from app.identifiers import new_id
from app.projects import create_key, create_project
from app.redeemables import catalogue, told_publications
from tests.http.conftest import server_headers, worker_of

PARAMETER = re.compile(r"\{(\w+)\}")
OF_TENANTS = [
    route
    for route in ALL_ROUTES
    if PARAMETER.search(route.path) and route.scope in (Scope.PROJECT, Scope.CLIENT)
]
TABLES = {
    table.name: table
    for table in Base.metadata.sorted_tables
    if {"id", "project_id"} <= {column.name for column in table.primary_key.columns}
}
PREFIXES = {
    "async_actions": "aa_",
    "campaign_templates": "camp_tpl_",
    "campaigns": "camp_",
    "categories": "cat_",
    "consents": "cnst_",
    "customers": "cust_",
    "exports": "exp_",
    "orders": "ord_",
    "products": "prod_",
    "promotion_tiers": "promo_",
    "publications": "pub_",
    "redemptions": "r_",
    "segments": "seg_",
    "skus": "sku_",
    "validation_rules": "val_",
    "vouchers": "v_",
}
FREE = {"sessionKey", "resource"}
"""Names what a caller made up, or a kind of objects: it is no object of its own."""
BODIES: dict[str, Any] = {
    "create-voucher": {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 1}},
    "update-voucher-balance": {"amount": 100},
    "create-promotion-stack": {"name": "x", "tiers": {"ids": ["promo_x"]}},
}
"""Of operations whose body has rules that its type does not say."""
ASKS = {"validate-voucher", "validate-promotion-tier", "list-customer-segments"}
"""Answered 200 for what does not exist: `valid: false`, as published, or what somebody new would be in."""
MAKES = {"create-voucher"}
"""Its path names what is to be made: a code of another project is as free as any."""


class Work(NamedTuple):
    sql: int
    redis: int
    hashes: int


class Counter:
    """What the process does while it answers."""

    def __init__(self) -> None:
        self.sql = self.redis = self.hashes = 0

    def since(self, before):
        return Work(self.sql - before.sql, self.redis - before.redis, self.hashes - before.hashes)

    def now(self):
        return Work(self.sql, self.redis, self.hashes)


@pytest.fixture
def counter(monkeypatch):
    counted = Counter()
    pipeline, script, matches = Sender.pipeline, Sender.script, tokens._matches

    async def counted_pipeline(self, commands, *more, **named):
        counted.redis += len(commands)
        return await pipeline(self, commands, *more, **named)

    async def counted_script(self, command, *more, **named):
        counted.redis += 1
        return await script(self, command, *more, **named)

    def counted_matches(token_hash, token):
        counted.hashes += 1
        return matches(token_hash, token)

    monkeypatch.setattr(Sender, "pipeline", counted_pipeline)
    monkeypatch.setattr(Sender, "script", counted_script)
    monkeypatch.setattr(tokens, "_matches", counted_matches)
    return counted


@pytest.fixture
def unhurried(monkeypatch):
    """What a process remembers for a while it remembers to the end: else what is asked later costs more."""
    monkeypatch.setattr(auth, "REREAD_SECONDS", 3_600.0)
    monkeypatch.setattr(catalogue, "UNKNOWN_SECONDS", 3_600.0)
    # What was published before is noted off beside the requests, at any moment.
    monkeypatch.setattr(told_publications, "GATHERED_SECONDS", 3_600.0)


@pytest.fixture
async def worker(settings, counter, unhurried):
    async with worker_of(settings, routes=ALL_ROUTES) as running:

        def count(*_):
            counter.sql += 1

        for engine in {running.engine.db._writer, running.engine.db._reader}:
            event.listen(engine.sync_engine, "before_cursor_execute", count)
        yield running


def value_of(column, project_id, row_id):
    """Something that the column takes."""
    if column.name == "project_id":
        return project_id
    if column.name == "id":
        return row_id
    kind = type(column.type).__name__
    if kind == "JSON":
        return {}
    if column.nullable and not column.name.endswith(("code", "source_id")):
        return None
    made = {
        str: row_id,
        bool: True,
        int: 1,
        float: 1.0,
        datetime: datetime.now(UTC),
        Decimal: Decimal(1),
        bytes: b"x",
    }
    return made[datetime if kind == "UtcDateTime" else column.type.python_type]


async def fill(worker, project_id):
    """One row in every table that has ids, and the ids by table."""
    ids = {name: new_id(PREFIXES.get(name, "x_")) for name in TABLES}
    async with worker.engine.db.writing() as session:
        for name, table in TABLES.items():
            values = {column.name: value_of(column, project_id, ids[name]) for column in table.columns}
            await session.execute(insert(table).values(values))
    return ids


def nobodys_ids():
    """One of each table, for all requests of a test: what a worker remembers for a second of one id, it then
    remembers of the other.
    """
    return {name: new_id(PREFIXES.get(name, "x_")) for name in TABLES}


def table_of(parameter):
    """campaignId → campaigns, parentRedemptionId → redemptions, stackId → promotion_stacks."""
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", parameter.removesuffix("Id")).lower().split("_")
    if words == ["code"]:
        return "vouchers"
    for start in range(len(words)):
        single = "_".join(words[start:])
        plural = single[:-1] + "ies" if single.endswith("y") else single + "s"
        found = [name for name in TABLES if name == plural] or [
            name for name in TABLES if name.endswith("_" + plural)
        ]
        if found:
            return found[0]
    raise AssertionError(f"which table has the rows that {parameter} names? Or is it FREE?")


def minimal(kind):
    """The smallest value of a request's type."""
    described = msgspec.inspect.type_info(kind)
    return _minimal(described)


def _minimal(described):
    name = type(described).__name__
    if name == "StructType":
        return {field.encode_name: _minimal(field.type) for field in described.fields if field.required}
    if name == "UnionType":
        return _minimal(described.types[0])
    if name == "LiteralType":
        return described.values[0]
    if name == "Metadata":
        return _minimal(described.type)
    simple = {"StrType": "xy", "IntType": 1, "BoolType": True, "ListType": [], "DictType": {}, "AnyType": {}}
    return simple[name]


def body_of(route):
    if route.body is None:
        return None
    return BODIES.get(route.operation_id, minimal(route.body))


async def answered(worker, counter, route, headers, ids):
    """Status, body without the ids that were asked for, and the work it took."""
    path = PARAMETER.sub(lambda match: ids[match[1]], route.path)
    before = counter.now()
    sent = {"json": body_of(route)} if route.body is not None else {}
    if "multipart/form-data" in route.consumes:
        sent = {"files": {"file": ("codes.csv", b"Code\nXYZ\n", "text/csv")}}
    answer = await worker.client.request(route.method, path, headers=headers, **sent)
    work = counter.since(before)
    body = re.sub(r'"request_id":"[^"]+"', "", answer.text)
    for value in ids.values():
        body = body.replace(value, "ID")
    return answer.status_code, body, work


async def test_another_projects_ids_are_answered_like_ids_that_do_not_exist(worker, counter):
    """On every operation with an id in its path: 404, the same body, as many statements, commands and
    hashes.
    """
    engine = worker.engine
    theirs = await create_project(engine.core, engine.db, "theirs")
    opened = {"client_trusted_domains": ["https://shop.example"], "client_create_customer_enabled": True}
    mine = await create_project(engine.core, engine.db, "mine", settings=opened)
    server = server_headers(await create_key(engine.db, "server", project_id=mine.id))
    pair = await create_key(engine.db, "client", project_id=mine.id)
    client = {
        "X-Client-Application-Id": pair.id,
        "X-Client-Token": pair.token,
        "Origin": "https://shop.example",
    }
    rows = await fill(worker, theirs.id)
    for path, headers in (("/v1/vouchers", server), ("/client/v1/promotions/tiers", client)):
        assert (await worker.client.get(path, headers=headers)).status_code == 200
    await asyncio.gather(*worker.edge.authenticator._noting)
    warm, nobodys = (nobodys_ids() for _ in range(2))
    different = {}
    for route in sorted(OF_TENANTS, key=lambda route: route.operation_id in MAKES):
        headers = client if route.scope is Scope.CLIENT else server
        parameters = PARAMETER.findall(route.path)
        tables = {name: table_of(name) for name in parameters if name not in FREE}
        made_up = {name: new_id("made-up-") for name in parameters}
        answers = []
        for ids in (warm, nobodys, rows):
            named = {name: ids[table] for name, table in tables.items()}
            answers.append(await answered(worker, counter, route, headers, {**made_up, **named}))
        del answers[0]
        if route.operation_id in MAKES:
            answers = [(status, "", work) for status, _, work in answers]
        expected = 200 if route.operation_id in MAKES | ASKS else 404
        if answers[0] != answers[1] or answers[0][0] != expected:
            different[f"{route.method} {route.path}"] = answers
    assert different == {}


NOTHING = [{"object": "voucher", "id": "no-such-code"}]
PRODUCTS = [{"object": "product", "id": "ID"}]
NAMED_IN_BODIES = (
    ("POST", "/v1/validations", "vouchers", {"redeemables": [{"object": "voucher", "id": "ID"}]}),
    (
        "POST",
        "/v1/validations",
        "promotion_tiers",
        {"redeemables": [{"object": "promotion_tier", "id": "ID"}]},
    ),
    ("POST", "/v1/redemptions", "vouchers", {"redeemables": [{"object": "voucher", "id": "ID"}]}),
    ("POST", "/v1/vouchers", "campaigns", {"type": "DISCOUNT_VOUCHER", "campaign_id": "ID"}),
    ("POST", "/v1/vouchers", "categories", {"type": "DISCOUNT_VOUCHER", "category_id": "ID"}),
    ("POST", "/v1/publications", "campaigns", {"customer": {"source_id": "a"}, "campaign": {"name": "ID"}}),
    ("POST", "/v1/publications", "vouchers", {"customer": {"source_id": "a"}, "voucher": "ID"}),
    ("POST", "/v1/segments", "customers", {"name": "s", "type": "static", "customers": ["ID"]}),
    ("POST", "/v1/redemptions", "customers", {"redeemables": NOTHING, "customer": {"id": "ID"}}),
    ("POST", "/v1/redemptions", "orders", {"redeemables": NOTHING, "order": {"id": "ID"}}),
    ("POST", "/v1/validations", "customers", {"redeemables": NOTHING, "customer": {"id": "ID"}}),
    ("POST", "/v1/qualifications", "customers", {"scenario": "ALL", "customer": {"id": "ID"}}),
    ("POST", "/v1/events", "customers", {"event": "looked", "customer": {"id": "ID"}}),
    ("POST", "/v1/publications", "customers", {"customer": {"id": "ID"}, "voucher": "nothing"}),
    ("POST", "/v1/product-collections", "products", {"type": "STATIC", "name": "c", "products": PRODUCTS}),
    ("POST", "/v1/templates/campaigns", "campaigns", {"name": "t", "campaign_id": "ID"}),
    ("POST", "/v1/templates/campaigns", "promotion_tiers", {"name": "t", "promotion_tier_id": "ID"}),
    ("GET", "/v1/vouchers?campaign_id=ID", "campaigns", None),
    ("GET", "/v1/vouchers?customer=ID", "customers", None),
    ("GET", "/v1/publications?customer=ID", "customers", None),
    ("GET", "/v1/orders?customer=ID", "customers", None),
    ("GET", "/v1/redemptions?customer=ID", "customers", None),
    ("GET", "/v1/products?ids=ID", "products", None),
    ("GET", "/v1/skus/ID", "skus", None),
)
"""Where requests name objects of others in bodies and queries."""


async def test_another_projects_ids_in_bodies_are_answered_like_ids_that_do_not_exist(worker, counter):
    """Redeemables, campaigns, categories, customers and products that are somebody else's."""
    engine = worker.engine
    theirs = await create_project(engine.core, engine.db, "theirs")
    mine = await create_project(engine.core, engine.db, "mine")
    headers = server_headers(await create_key(engine.db, "server", project_id=mine.id))
    rows = await fill(worker, theirs.id)
    warm, nobodys = (nobodys_ids() for _ in range(2))
    different = {}
    for method, path, table, body in NAMED_IN_BODIES:
        answers = []
        for named in (warm[table], nobodys[table], rows[table]):
            sent = msgspec.json.encode(body).replace(b'"ID"', msgspec.json.encode(named))
            before = counter.now()
            answer = await worker.client.request(
                method,
                path.replace("ID", named),
                headers=headers,
                content=sent if body is not None else None,
            )
            await asyncio.gather(*worker.edge.authenticator._noting)
            work = counter.since(before)
            text = re.sub(
                r'"(request_id|id|tracking_id|created_at|resource_id|date)":"[^"]+"', "", answer.text
            )
            answers.append((answer.status_code, text.replace(named, "ID"), work))
        if answers[1] != answers[2]:
            different[f"{method} {path} {table}"] = answers[1:]
    assert different == {}


async def test_a_key_id_that_exists_is_refused_like_one_that_does_not(worker, counter):
    """With a wrong token: the same bytes, as many statements, and no Argon2 run for either."""
    engine = worker.engine
    project = await create_project(engine.core, engine.db, "mine")
    pair = await create_key(engine.db, "server", project_id=project.id)
    wrong = pair.token[::-1]
    seen = []
    for key_id in (new_id("app_"), pair.id):
        before = counter.now()
        answer = await worker.client.get("/v1/vouchers", headers={"X-App-Id": key_id, "X-App-Token": wrong})
        body = re.sub(r'"request_id":"[^"]+"', "", answer.text)
        seen.append((answer.status_code, body, counter.since(before)))
    assert seen[0] == seen[1]
    assert seen[0][0] == 401


def test_every_table_of_a_tenant_is_found_only_through_its_project():
    """An id alone is no key anywhere: whoever forgets the project finds nothing by primary key."""
    alone = [
        table.name
        for table in Base.metadata.sorted_tables
        if "project_id" in table.c and [column.name for column in table.primary_key.columns] == ["id"]
    ]
    assert sorted(alone) == ["api_keys", "oauth_tokens", "snapshots_due"]
