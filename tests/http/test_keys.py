"""Who is let in, and how soon a revoked key is not."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.core.outcome import CoreUnavailable
from app.http.permissions import ROLES, allows
from app.http.principal import origin_trusted
from app.projects import announce_access_change, create_key, create_project, revoke_key
from tests.http.conftest import server_headers, worker_of


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-App-Id": "app_nobody", "X-App-Token": "x"},
        {"X-App-Id": "x" * 100, "X-App-Token": "y"},
        {"X-App-Token": "y"},
    ],
)
async def test_401_without_a_valid_key(worker, shop, headers):
    """One body for all of them."""
    response = await worker.client.get("/v1/things", headers=headers)
    assert response.status_code == 401
    assert response.json()["key"] == "unauthorized"
    assert response.json()["message"] == "Unauthorized"


async def test_401_for_a_wrong_token_of_a_known_key_also_when_the_right_one_is_known(worker, shop):
    """The cache of verified keys never opens for another token."""
    assert (await worker.client.get("/v1/things", headers=shop.headers)).status_code == 200
    wrong = {**shop.headers, "X-App-Token": shop.server.token + "x"}
    for _ in range(3):
        assert (await worker.client.get("/v1/things", headers=wrong)).status_code == 401
    assert (await worker.client.get("/v1/things", headers=shop.headers)).status_code == 200


async def test_keys_of_one_side_do_not_open_another(worker, shop):
    """Server, client and management keys are not interchangeable."""
    as_server = {"X-App-Id": shop.client.id, "X-App-Token": shop.client.token}
    as_management = {"X-Management-Id": shop.server.id, "X-Management-Token": shop.server.token}
    assert (await worker.client.get("/v1/things", headers=as_server)).status_code == 401
    assert (await worker.client.get("/management/v1/things", headers=as_management)).status_code == 401
    assert (await worker.client.get("/management/v1/things", headers=shop.headers)).status_code == 401


async def test_a_management_key_opens_the_management_side(worker, shop):
    """It belongs to no project."""
    headers = {"X-Management-Id": shop.management.id, "X-Management-Token": shop.management.token}
    response = await worker.client.get("/management/v1/things", headers=headers)
    assert (response.status_code, response.json()["project"]) == (200, "")


@pytest.mark.parametrize("path", ["/v1/things", "/v1/hot"])
async def test_a_revoked_key_is_refused_by_every_worker_in_its_next_request(settings, worker, shop, path):
    """Also on hot routes, where the check rides in the handler's read trip."""

    async def ask(of):
        if path == "/v1/hot":
            return (await of.client.post(path, headers=shop.headers)).status_code
        return (await of.client.get(path, headers=shop.headers)).status_code

    async with worker_of(settings) as second, worker_of(settings) as third, worker_of(settings) as fourth:
        workers = (worker, second, third, fourth)
        assert [await ask(of) for of in workers] == [200] * 4
        await revoke_key(worker.engine.core, worker.engine.db, shop.server.id)
        assert [await ask(of) for of in workers] == [401] * 4


async def test_a_revoked_key_gets_401_and_not_what_is_wrong_with_its_body(worker, shop):
    """A hot handler that refuses before its trip does not answer for a key that was revoked."""
    assert (await worker.client.post("/v1/hot", headers=shop.headers)).status_code == 200
    await revoke_key(worker.engine.core, worker.engine.db, shop.server.id)
    response = await worker.client.post("/v1/hot", headers=shop.headers, content=b"{")
    assert response.status_code == 401


async def test_revoking_one_key_leaves_the_others_of_the_project(worker, shop):
    """They are read again, and go on."""
    other = await create_key(worker.engine.db, "server", project_id=shop.id)
    for pair in (shop.server, other):
        assert (await worker.client.get("/v1/things", headers=server_headers(pair))).status_code == 200
    await revoke_key(worker.engine.core, worker.engine.db, shop.server.id)
    assert (await worker.client.post("/v1/hot", headers=server_headers(other))).status_code == 200
    assert (await worker.client.get("/v1/things", headers=shop.headers)).status_code == 401


async def test_a_revocation_that_could_not_be_announced_says_so(settings, worker, shop):
    """It is in SQL, and revoking again announces it."""
    async with worker_of(settings, redis_url=f"unix://{settings.data_dir}/nobody") as alone:
        with pytest.raises(CoreUnavailable):
            await revoke_key(alone.engine.core, alone.engine.db, shop.server.id)
        assert (await alone.client.get("/v1/things", headers=shop.headers)).status_code == 401
    assert await revoke_key(worker.engine.core, worker.engine.db, shop.server.id) is not None


async def test_an_expired_key_is_refused(worker, shop):
    """At its expiry, without anybody revoking it."""
    past = await create_key(
        worker.engine.db, "server", project_id=shop.id, expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )
    assert (await worker.client.get("/v1/things", headers=server_headers(past))).status_code == 401


async def test_a_new_key_is_verified_once_for_many_requests_at_once(worker, shop):
    """A cold start does not pay one Argon2 run per request."""
    responses = await asyncio.gather(
        *(worker.client.get("/v1/things", headers=shop.headers) for _ in range(20))
    )
    assert {response.status_code for response in responses} == {200}


async def test_the_projects_of_two_keys_are_not_mixed(worker, shop):
    """A key opens its own project."""
    engine = worker.engine
    other = await create_project(engine.core, engine.db, "other")
    pair = await create_key(engine.db, "server", project_id=other.id)
    for pair_, project_id in ((pair, other.id), (shop.server, shop.id), (pair, other.id)):
        response = await worker.client.get("/v1/things", headers=server_headers(pair_))
        assert response.json()["project"] == project_id


def client_headers(shop, origin):
    headers = {"X-Client-Application-Id": shop.client.id, "X-Client-Token": shop.client.token}
    return headers | ({"Origin": origin} if origin else {})


async def test_the_client_side_needs_a_trusted_origin(worker, shop):
    """401 without one, 403 with one that is not in the project's list."""
    answers = {
        origin: await worker.client.get("/client/v1/things", headers=client_headers(shop, origin))
        for origin in ("", "https://evil.example", "https://shop.example")
    }
    assert [answer.status_code for answer in answers.values()] == [401, 403, 200]
    assert answers["https://shop.example"].headers["access-control-allow-origin"] == "https://shop.example"


async def test_a_change_of_trusted_domains_is_seen_once_it_is_announced(worker, shop):
    """Whoever changes the project's settings announces it as a revocation is."""
    from app.db.models import Project

    headers = client_headers(shop, "https://new.example")
    assert (await worker.client.get("/client/v1/things", headers=headers)).status_code == 403
    trusted = client_headers(shop, "https://shop.example")
    assert (await worker.client.get("/client/v1/things", headers=trusted)).status_code == 200
    async with worker.engine.db.writing() as session:
        project = await session.get(Project, shop.id)
        project.settings = {**project.settings, "client_trusted_domains": ["https://new.example"]}
    await announce_access_change(worker.engine.core, shop.id)
    assert (await worker.client.get("/client/v1/things", headers=trusted)).status_code == 403
    assert (await worker.client.get("/client/v1/things", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("origin", "entry", "trusted"),
    [
        ("https://shop.example", "*", True),
        ("https://shop.example", "https://shop.example/", True),
        ("https://SHOP.example", "shop.example", True),
        ("https://shop.example:8443", "shop.example", True),
        ("https://a.shop.example", "*.shop.example", True),
        ("http://a.shop.example", "https://*.shop.example", False),
        ("https://evilshop.example", "*.shop.example", False),
        ("https://evilshop.example", "shop.example", False),
        ("https://shop.example.evil", "shop.example", False),
        ("null", "shop.example", False),
    ],
)
def test_an_origin_is_trusted_by_origin_host_or_subdomain(origin, entry, trusted):
    """No entry trusts more than it says."""
    assert origin_trusted(origin, (entry,)) is trusted


async def test_403_when_the_role_lacks_the_permission(worker, shop):
    """A viewer reads and does not write."""
    viewer = await create_key(worker.engine.db, "server", project_id=shop.id, role="VIEWER")
    headers = server_headers(viewer)
    assert (await worker.client.get("/v1/things", headers=headers)).status_code == 200
    response = await worker.client.post("/v1/things", headers=headers, json={"name": "x"})
    assert response.status_code == 403
    assert response.json()["key"] == "missing_required_permission"


async def test_a_changed_role_holds_once_it_is_announced(worker, shop):
    """For more and for less."""
    from app.db.models import ApiKey

    async def status():
        return (await worker.client.post("/v1/things", headers=shop.headers, json={"name": "x"})).status_code

    async def become(role):
        async with worker.engine.db.writing() as session:
            (await session.get(ApiKey, shop.server.id)).role = role
        await announce_access_change(worker.engine.core, shop.id)
        return await status()

    assert [await status(), await become("VIEWER"), await become("USER")] == [200, 403, 200]


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        ("ADMIN", "keys.write", True),
        ("USER", "keys.write", False),
        ("USER", "campaigns.delete", True),
        ("USER_RESTRICTED", "campaigns.delete", False),
        ("MERCHANT", "redemptions.write", False),
        ("MERCHANT", "validations.use", False),
        ("MERCHANT", "vouchers.read", True),
        ("VIEWER", "vouchers.write", False),
        ("SUPPORT", "publications.write", True),
        ("SUPPORT", "campaigns.write", False),
        ("NOBODY", "vouchers.read", False),
    ],
)
def test_a_role_does_what_its_row_says(role, permission, allowed):
    """A role that is not in the table may nothing."""
    assert allows(role, permission) is allowed
    assert "CLIENT" not in ROLES


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(settings, worker, shop):
    """429 in the contract's shape, with both families of headers; the bucket is shared by all workers."""
    limited = {"rate_limit_per_minute": 3}
    async with worker_of(settings, **limited) as first, worker_of(settings, **limited) as second:
        for of in (first, second):
            await of.engine.core.open(_partition(shop))
        answers = [await of.client.get("/v1/things", headers=shop.headers) for of in (first, second) * 2]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["x-rate-limit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert answers[-1].headers["x-rate-limit-type"] == "api_calls"
        assert answers[-1].json()["message"] == "Too many requests hit the API too quickly."
        assert (await first.client.post("/v1/hot", headers=shop.headers)).status_code == 429


def _partition(shop):
    from app.core.keys import Partition

    return Partition(shop.id)


async def test_a_key_is_read_again_behind_the_answer_when_it_was_read_long_ago(worker, shop):
    """A failover may lose an access version; the row in SQL is never older than half a minute in a worker's
    eyes.
    """
    from app.db.models import ApiKey
    from app.http.auth import REREAD_SECONDS

    assert (await worker.client.get("/v1/things", headers=shop.headers)).status_code == 200
    async with worker.engine.db.writing() as session:
        (await session.get(ApiKey, shop.server.id)).revoked_at = datetime.now(UTC)
    known = next(iter(worker.edge.authenticator._keys.values()))
    known.read_at -= REREAD_SECONDS + 1
    await worker.client.get("/v1/things", headers=shop.headers)
    for task in list(worker.edge.authenticator._rereading.values()):
        await task
    assert (await worker.client.get("/v1/things", headers=shop.headers)).status_code == 401
