"""Where a key may be used from, how its token is changed without an outage, when it was last used."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.db.models import ApiKey
from app.http.addresses import address_allowed, networks_of
from app.projects import create_key, revoke_key, rotate_key
from tests.http.conftest import server_headers, worker_of


def from_address(worker, address):
    """A client of the worker that comes from another address."""
    transport = httpx.ASGITransport(app=worker.application, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://edge")


async def test_a_key_with_a_list_of_networks_opens_from_them_alone(worker, shop):
    """403, for cold and warm workers and for hot routes."""
    pair = await create_key(
        worker.engine.db, "server", project_id=shop.id, allowed_addresses=["192.0.2.0/24", "2001:db8::1"]
    )
    seen = {}
    for address in ("192.0.2.7", "198.51.100.1", "2001:db8::1", "2001:db8::2", "::ffff:192.0.2.9"):
        async with from_address(worker, address) as client:
            plain = await client.get("/v1/things", headers=server_headers(pair))
            hot = await client.post("/v1/hot", headers=server_headers(pair))
            assert plain.status_code == hot.status_code
            seen[address] = plain.status_code
    assert seen == {
        "192.0.2.7": 200,
        "198.51.100.1": 403,
        "2001:db8::1": 200,
        "2001:db8::2": 403,
        "::ffff:192.0.2.9": 200,
    }


@pytest.mark.parametrize("entry", ["shop.example", "192.0.2.0/33", "", "192.0.2"])
async def test_what_is_no_network_is_refused_when_the_key_is_made(worker, shop, entry):
    """A list that no address can match would lock everybody out unnoticed."""
    with pytest.raises(ValueError, match="neither an address nor a network"):
        await create_key(worker.engine.db, "server", project_id=shop.id, allowed_addresses=[entry])


def test_an_unknown_address_is_in_no_network():
    """A unix socket has none."""
    assert address_allowed("", networks_of(["0.0.0.0/0", "::/0"])) is False
    assert address_allowed("203.0.113.9", networks_of(["0.0.0.0/0"])) is True


async def test_while_a_rotation_overlaps_both_tokens_open_and_then_the_new_one_alone(settings, worker, shop):
    """On workers that knew the key before, and on those that did not."""
    engine = worker.engine
    old = shop.headers
    async with worker_of(settings) as second:
        assert (await second.client.get("/v1/things", headers=old)).status_code == 200
        pair = await rotate_key(engine.core, engine.db, shop.server.id, overlap_seconds=3600)
        new = server_headers(pair)
        assert pair.id == shop.server.id
        assert pair.token != shop.server.token
        for of in (worker, second, worker, second):
            for headers in (old, new):
                assert (await of.client.get("/v1/things", headers=headers)).status_code == 200
        async with engine.db.writing() as session:
            (await session.get(ApiKey, pair.id)).previous_until = datetime.now(UTC)
        for of in (worker, second):
            await of.edge.authenticator.close()
            of.edge.authenticator._keys.clear()
            of.edge.authenticator._failures.clear()
            assert (await of.client.get("/v1/things", headers=old)).status_code == 401
            assert (await of.client.get("/v1/things", headers=new)).status_code == 200


async def test_the_old_token_ends_by_itself_where_it_is_known(worker, shop):
    """A worker that knows it looks at the clock, not at the database."""
    engine = worker.engine
    await rotate_key(engine.core, engine.db, shop.server.id, overlap_seconds=3600)
    assert (await worker.client.get("/v1/things", headers=shop.headers)).status_code == 200
    known = next(iter(worker.edge.authenticator._keys.values()))
    assert timedelta(0) < known.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    known.expires_at = datetime.now(UTC)
    assert (await worker.client.get("/v1/things", headers=shop.headers)).status_code == 401


async def test_a_rotation_without_overlap_ends_the_old_token_on_every_worker_at_once(settings, worker, shop):
    """The first request after the rotation is refused."""
    engine = worker.engine
    async with worker_of(settings) as second:
        workers = (worker, second)
        for of in workers:
            assert (await of.client.post("/v1/hot", headers=shop.headers)).status_code == 200
        pair = await rotate_key(engine.core, engine.db, shop.server.id, overlap_seconds=0)
        for of in workers:
            assert (await of.client.post("/v1/hot", headers=shop.headers)).status_code == 401
            assert (await of.client.post("/v1/hot", headers=server_headers(pair))).status_code == 200


async def test_a_second_rotation_ends_the_token_before_the_last(worker, shop):
    """Two tokens at most."""
    engine = worker.engine
    first = server_headers(await rotate_key(engine.core, engine.db, shop.server.id))
    second = server_headers(await rotate_key(engine.core, engine.db, shop.server.id))
    answers = [
        (await worker.client.get("/v1/things", headers=headers)).status_code
        for headers in (shop.headers, first, second)
    ]
    assert answers == [401, 200, 200]


async def test_a_revocation_ends_both_tokens_of_a_rotated_key(worker, shop):
    """Neither overlap nor age saves one; and what is revoked is not rotated."""
    engine = worker.engine
    pair = await rotate_key(engine.core, engine.db, shop.server.id)
    await revoke_key(engine.core, engine.db, shop.server.id)
    for headers in (shop.headers, server_headers(pair)):
        assert (await worker.client.get("/v1/things", headers=headers)).status_code == 401
    assert await rotate_key(engine.core, engine.db, shop.server.id) is None
    assert await rotate_key(engine.core, engine.db, "app_nobody") is None


async def test_the_last_use_of_a_key_is_kept_to_the_minute(worker, shop):
    """Behind the answer; a key that nobody used has none, and a wrong token is no use."""
    engine = worker.engine
    authenticator = worker.edge.authenticator

    async def last_used():
        await asyncio.gather(*authenticator._noting)
        async with engine.db.reading() as session:
            return (await session.get(ApiKey, shop.server.id)).last_used_at

    wrong = {**shop.headers, "X-App-Token": "wrong"}
    assert (await worker.client.get("/v1/things", headers=wrong)).status_code == 401
    assert await last_used() is None
    assert (await worker.client.get("/v1/things", headers=shop.headers)).status_code == 200
    first = await last_used()
    assert abs(datetime.now(UTC) - first) < timedelta(minutes=1)
    authenticator._note_use(shop.server.id)
    assert await last_used() == first
