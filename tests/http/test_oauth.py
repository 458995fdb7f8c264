"""Tokens of OAuth: made with a key pair, opening less than it, for 15 minutes, and nothing once revoked."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from app.api.oauth import service
from app.api.oauth.controller import ROUTES as OAUTH
from app.db.models import ApiKey, OAuthToken
from app.http.routing import Scope
from app.http.scopes import CLIENT_SCOPES, SERVER_SCOPES, scopes_of
from app.projects import create_key, create_project, revoke_key, rotate_key
from tests.http.conftest import ROUTES, row, server_headers, worker_of

TABLE = (*ROUTES, *OAUTH, row("GET", "/v1/vouchers"), row("GET", "/v1/engine/vouchers/things"))


@pytest.fixture
async def worker(settings):
    async with worker_of(settings, routes=TABLE) as running:
        yield running


@pytest.fixture
async def workers(settings, worker):
    """Four, the first of them the one that has the shop."""
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(worker_of(settings, routes=TABLE)) for _ in range(3)]
        yield [worker, *others]


async def exchange(worker, headers, scope="api", **more):
    form = {"grant_type": "client_credentials", "scope": scope, **more}
    return await worker.client.post("/v1/oauth/token", headers=headers, data=form)


async def token_of(worker, headers, scope="api"):
    answer = await exchange(worker, headers, scope)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def status(worker, token, path="/v1/things", method="GET", **more):
    headers = {**bearer(token), **more.pop("headers", {})}
    return (await worker.client.request(method, path, headers=headers, **more)).status_code


async def test_a_key_pair_is_exchanged_for_a_token_that_opens_the_same_project(worker, shop):
    """With the contract's members, and never to be cached."""
    answer = await exchange(worker, shop.headers, "api vouchers")
    made = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (made["client_id"], made["expires_in"], made["scope"], made["token_type"]) == (
        shop.server.id,
        900,
        "api vouchers",
        "Bearer",
    )
    assert abs(made["expires_at"] - datetime.now(UTC).timestamp() - 900) < 60
    seen = await worker.client.get("/v1/things", headers=bearer(made["access_token"]))
    assert (seen.status_code, seen.json()["project"], seen.json()["role"]) == (200, shop.id, "ADMIN")


@pytest.mark.parametrize(
    ("form", "key"),
    [
        ({"grant_type": "client_credentials"}, "missing_parameters"),
        ({"scope": "api"}, "missing_parameters"),
        ({"grant_type": "password", "scope": "api"}, "invalid_grant_type"),
        ({"grant_type": "client_credentials", "scope": "vouchers,campaigns"}, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": "api everything"}, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": " "}, "invalid_scope"),
    ],
)
async def test_a_request_for_a_token_is_refused_with_the_keys_of_the_contract(worker, shop, form, key):
    """400, and no token."""
    answer = await worker.client.post("/v1/oauth/token", headers=shop.headers, data=form)
    assert (answer.status_code, answer.json()["key"]) == (400, key)


async def test_a_token_opens_what_its_scopes_name_and_nothing_else(worker, shop):
    """On the server side by the path's first segment, also behind /v1/engine; on the client side by client
    scopes alone.
    """
    vouchers = await token_of(worker, shop.headers, "vouchers")
    browser = await token_of(worker, shop.headers, "client_api")
    origin = {"headers": {"Origin": "https://shop.example"}}
    assert await status(worker, vouchers, "/v1/vouchers") == 200
    assert await status(worker, vouchers, "/v1/engine/vouchers/things") == 200
    assert await status(worker, vouchers, "/v1/things") == 403
    assert await status(worker, vouchers, "/client/v1/things", **origin) == 403
    assert await status(worker, browser, "/client/v1/things", **origin) == 200
    assert await status(worker, browser, "/client/v1/things") == 401
    assert await status(worker, browser, "/v1/vouchers") == 403
    refused = await worker.client.get("/v1/things", headers=bearer(vouchers))
    assert refused.json()["key"] == "missing_required_permission"
    assert "api" in refused.json()["details"]


@pytest.mark.parametrize("seconds", ["59", "43201", "9" * 5000, "-60", "1e3", "ten"])
async def test_a_token_for_longer_than_a_shift_is_not_made(worker, shop, seconds):
    """`expires_in` is an extension: from a minute to twelve hours."""
    answer = await exchange(worker, shop.headers, expires_in=seconds)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")
    made = (await exchange(worker, shop.headers, expires_in="43200")).json()
    assert made["expires_in"] == 43_200


async def test_a_token_may_end_itself(worker, shop):
    """Whoever has nothing else than the token can sign out; another project's token is not found by it."""
    token = await token_of(worker, shop.headers, "vouchers")
    form = {"token": token}
    answer = await worker.client.post("/v1/oauth/token/revoke", headers=bearer(token), data=form)
    assert answer.status_code == 204
    assert await status(worker, token, "/v1/vouchers") == 401


async def test_a_token_opens_neither_management_nor_the_making_of_tokens(worker, shop):
    """What only keys may do stays with keys."""
    token = await token_of(worker, shop.headers, "api client_api")
    assert await status(worker, token, "/management/v1/things") == 401
    form = {"grant_type": "client_credentials", "scope": "api"}
    assert await status(worker, token, "/v1/oauth/token", "POST", data=form) == 403


async def test_a_token_can_do_no_more_than_its_key(worker, shop):
    """The role of the key holds within every scope."""
    viewer = await create_key(worker.engine.db, "server", project_id=shop.id, role="VIEWER")
    token = await token_of(worker, server_headers(viewer))
    assert await status(worker, token) == 200
    assert await status(worker, token, "/v1/things", "POST", json={"name": "x"}) == 403


async def test_a_token_holds_to_its_keys_addresses(worker, shop):
    """The list of networks is inherited."""
    pair = await create_key(worker.engine.db, "server", project_id=shop.id)
    token = await token_of(worker, server_headers(pair))
    assert await status(worker, token) == 200
    async with worker.engine.db.writing() as session:
        (await session.get(ApiKey, pair.id)).allowed_addresses = ["192.0.2.0/24"]
    await service.announce_access_change(worker.engine.core, shop.id)
    assert await status(worker, token) == 403


async def test_a_revoked_token_is_refused_by_every_worker_in_its_next_request(workers, shop):
    """Four workers that all know it, also on hot routes; the others of the key go on."""
    token, other = [await token_of(workers[0], shop.headers) for _ in range(2)]
    for of in workers:
        assert await status(of, token) == 200
        assert await status(of, token, "/v1/hot", "POST") == 200
    answer = await workers[1].client.post(
        "/v1/oauth/token/revoke", headers=shop.headers, data={"access_token": token}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert [await status(of, token, "/v1/hot", "POST") for of in workers[:2]] == [401, 401]
    assert [await status(of, token) for of in workers[2:]] == [401, 401]
    assert [await status(of, other) for of in workers] == [200] * 4


async def test_a_revoked_key_takes_its_tokens_along_and_a_rotated_one_does_not(workers, shop):
    """On every worker, with the first request after the revocation."""
    engine = workers[0].engine
    token = await token_of(workers[0], shop.headers)
    assert [await status(of, token) for of in workers] == [200] * 4
    await rotate_key(engine.core, engine.db, shop.server.id, overlap_seconds=0)
    assert [await status(of, token) for of in workers] == [200] * 4
    await revoke_key(engine.core, engine.db, shop.server.id)
    assert [await status(of, token) for of in workers] == [401] * 4


async def test_an_expired_token_is_refused_also_where_it_is_known(worker, shop):
    """By its own time, and by its key's."""
    engine = worker.engine
    soon = datetime.now(UTC) + timedelta(seconds=300)
    pair = await create_key(engine.db, "server", project_id=shop.id, expires_at=soon)
    made = (await exchange(worker, server_headers(pair))).json()
    assert 200 < made["expires_in"] <= 300
    assert await status(worker, made["access_token"]) == 200
    known = next(
        key for key in worker.edge.authenticator._keys.values() if key.scopes == frozenset({"api"})
    )
    known.expires_at = datetime.now(UTC)
    assert await status(worker, made["access_token"]) == 401


async def test_introspection_tells_facts_to_the_owner_and_nothing_to_others(worker, shop):
    """A key of the project that is no ADMIN, and another project's, learn only that it opens nothing."""
    engine = worker.engine
    token = await token_of(worker, shop.headers, "vouchers")
    viewer = await create_key(engine.db, "server", project_id=shop.id, role="VIEWER")
    stranger = await create_key(
        engine.db, "server", project_id=(await create_project(engine.core, engine.db, "x")).id
    )

    async def asked(headers, name="access_token", value=token):
        answer = await worker.client.post("/v1/oauth/introspect", headers=headers, data={name: value})
        return answer.json()

    facts = await asked(shop.headers)
    assert (facts["active"], facts["scope"], facts["access_token"]) == (True, "vouchers", token)
    assert 0 < facts["expires_in"] <= 900
    assert (await asked(shop.headers, "token"))["active"] is True
    assert await asked(server_headers(viewer)) == {"active": False}
    assert await asked(server_headers(stranger)) == {"active": False}
    assert await asked(shop.headers, value="nothing") == {"active": False}
    assert (await asked(shop.headers, "other"))["key"] == "missing_parameters"


async def test_nobody_else_revokes_a_token(worker, shop):
    """404 for another project, for what never was, and the second time."""
    engine = worker.engine
    token = await token_of(worker, shop.headers)
    other = await create_project(engine.core, engine.db, "other")
    stranger = server_headers(await create_key(engine.db, "server", project_id=other.id))

    async def revoked(headers, value=token):
        form = {"access_token": value}
        return (await worker.client.post("/v1/oauth/token/revoke", headers=headers, data=form)).status_code

    assert [await revoked(stranger), await revoked(shop.headers, "x"), await status(worker, token)] == [
        404,
        404,
        200,
    ]
    assert [await revoked(shop.headers), await revoked(shop.headers)] == [204, 404]


async def test_a_project_has_a_bounded_number_of_tokens(worker, shop, monkeypatch):
    """Expired ones make room; they are not counted."""
    monkeypatch.setattr(service, "LIVE_TOKENS_MAX", 2)
    await token_of(worker, shop.headers)
    await token_of(worker, shop.headers)
    refused = await exchange(worker, shop.headers)
    assert (refused.status_code, refused.json()["key"]) == (400, "too_many_tokens")
    async with worker.engine.db.writing() as session:
        for row_ in (await session.scalars(OAuthToken.__table__.select())).all():
            (await session.get(OAuthToken, row_)).expires_at = datetime.now(UTC) - timedelta(days=2)
    await token_of(worker, shop.headers)


async def test_the_key_pair_wins_where_both_are_sent(worker, shop):
    """Some clients send both once both are configured."""
    assert await status(worker, "nonsense", headers=shop.headers) == 200
    assert await status(worker, "nonsense") == 401
    assert (await worker.client.get("/v1/things", headers={"Authorization": "Basic eDp5"})).status_code == 401


async def test_the_token_itself_is_nowhere_in_the_database(worker, shop):
    """Only its digest is."""
    token = await token_of(worker, shop.headers)
    path = worker.engine.db.url.database
    for suffix in ("", "-wal"):
        with open(path + suffix, "rb") as file:  # noqa: PTH123
            assert token.encode() not in file.read()


def test_every_scope_of_the_contract_is_named_once():
    """30 of the server side, 12 of the client side, and management has none."""
    assert (len(set(SERVER_SCOPES)), len(set(CLIENT_SCOPES))) == (30, 12)
    management = row("GET", "/management/v1/projects", scope=Scope.MANAGEMENT)
    assert scopes_of(management) == frozenset()
    assert scopes_of(row("GET", "/v1/validation-rules-assignments")) == {
        "api",
        "validation-rules-assignments",
    }
