"""The multiplexing client by itself: order, cancelling, bounds, addresses."""

import asyncio

import pytest

from app.core.address import parse_address
from app.core.client import Client, ReplyError, Saturated
from app.core.connection import Connection, Unanswered, Unsent
from tests.support.topologies import free_port
from tests.support.valkey import Valkey


async def connected(valkey: Valkey, **more: int) -> Client:
    client = Client(valkey.url, **more)
    await client.start()
    return client


async def test_a_thousand_callers_get_their_own_replies(valkey: Valkey) -> None:
    """One connection, replies in order, whole pipelines among single commands."""
    client = await connected(valkey, in_flight_max=5000)

    async def echo(number: int) -> bool:
        if number % 3:
            return bool(await client.call(("ECHO", number)) == b"%d" % number)
        return bool(
            await client.pipeline([("ECHO", number), ("ECHO", -number)]) == [b"%d" % number, b"%d" % -number]
        )

    assert all(await asyncio.gather(*(echo(number) for number in range(1000))))
    assert client.connects == 1
    await client.close()


async def test_a_cancelled_caller_leaves_its_place(valkey: Valkey) -> None:
    """Else every later reply would go to the wrong caller."""
    client = await connected(valkey)
    calls = [asyncio.ensure_future(client.call(("ECHO", number))) for number in range(30)]
    pipelines = [asyncio.ensure_future(client.pipeline([("ECHO", "a"), ("ECHO", "b")])) for _ in range(3)]
    for call in [*calls[::2], pipelines[1]]:
        call.cancel()
    assert await asyncio.gather(*calls[1::2]) == [b"%d" % number for number in range(1, 30, 2)]
    assert await pipelines[2] == [b"a", b"b"]
    await client.close()


async def test_an_error_reply_is_a_result_in_its_place(valkey: Valkey) -> None:
    """The others of the pipeline are not disturbed."""
    client = await connected(valkey)
    first, wrong, last = await client.pipeline([("ECHO", "a"), ("NOSUCHCOMMAND",), ("ECHO", "b")])
    assert (first, last) == (b"a", b"b")
    assert isinstance(wrong, ReplyError)
    await client.close()


async def test_a_connection_cut_before_it_is_greeted_counts_as_one_that_was_not_made(valkey: Valkey) -> None:
    """Whoever keeps the connection catches ConnectionError and tries again; anything else would end it."""
    client = Client(valkey.url)
    loop = asyncio.get_running_loop()
    _, cut = await loop.create_unix_connection(lambda: Connection(loop, lambda _: None), valkey.socket)
    cut.kill("reset")
    with pytest.raises(ConnectionError):
        await client._greet(cut, client.address, True)


async def test_too_much_in_flight_is_refused_at_once(valkey: Valkey) -> None:
    """Bounded: the caller answers 503 rather than queue."""
    client = await connected(valkey, in_flight_max=10)
    calls = [client.call(("ECHO", number)) for number in range(10)]
    with pytest.raises(Saturated):
        client.call(("PING",))
    assert len(await asyncio.gather(*calls)) == 10
    assert await client.call(("PING",)) == b"PONG"
    await client.close()


async def test_a_lost_connection_comes_back_and_says_what_is_unknown(own_valkey: Valkey) -> None:
    """In flight: Unanswered. Before it is back: Unsent. Then: as ever."""
    client = await connected(own_valkey)
    own_valkey.pause()
    in_flight = client.call(("PING",))
    await asyncio.sleep(0.01)
    own_valkey.kill()
    with pytest.raises(Unanswered):
        await in_flight
    with pytest.raises(Unsent):
        client.call(("PING",))
    own_valkey.start()
    assert await client.ready(60)
    assert await client.call(("PING",)) == b"PONG"
    assert client.connects == 2
    await client.close()


async def test_an_answer_that_does_not_come_ends_the_connection(own_valkey: Valkey) -> None:
    """The deadline of a call: whatever is in flight then is unknown."""
    client = await connected(own_valkey)
    own_valkey.pause()
    with pytest.raises(Unanswered, match="in time"):
        await client.call(("PING",), seconds=0.1)
    own_valkey.resume()
    assert await client.ready(60)
    await client.close()


async def test_passwords_and_databases_are_greeted(own_valkey: Valkey) -> None:
    """AUTH and SELECT are part of every connection; a wrong password never connects."""
    own_valkey.command("CONFIG", "SET", "requirepass", "s3cret%")
    right = Client(f"{own_valkey.url}?db=3&password=s3cret%25")
    await right.start()
    await right.call(("SET", "where", "three"))
    own_valkey_reply = own_valkey.command("PING")
    wrong = Client(f"{own_valkey.url}?password=guess")
    await wrong.start(0.3)
    while "refused the greeting" not in wrong.last_error:
        assert not wrong.connected
        await asyncio.sleep(0.02)
    assert (await right.call(("GET", "where")), wrong.connected) == (b"three", False)
    assert b"NOAUTH" in own_valkey_reply
    assert "guess" not in wrong.last_error
    await right.close()
    await wrong.close()


async def test_tcp_addresses_work_like_sockets(own_valkey: Valkey) -> None:
    """redis://host:port/db."""
    port = free_port()
    with Valkey(binary=own_valkey.binary, options=("--port", str(port), "--bind", "127.0.0.1")):
        client = Client(f"redis://127.0.0.1:{port}/2")
        await client.start()
        assert await client.call(("PING",)) == b"PONG"
        await client.close()


def test_addresses_are_read_as_every_client_writes_them() -> None:
    """Host, port, path, user, password, database; and what is none is refused without repeating a secret."""
    tcp = parse_address("redis://me:p%40ss@example.com:7000/5")
    assert (tcp.host, tcp.port, tcp.username, tcp.password, tcp.database) == (
        "example.com",
        7000,
        "me",
        "p@ss",
        5,
    )
    assert str(tcp) == "redis://example.com:7000"
    unix = parse_address("unix://:word@/run/valkey.sock?db=1")
    assert (unix.path, unix.password, unix.database) == ("/run/valkey.sock", "word", 1)
    assert parse_address("redis://").host == "127.0.0.1"
    tls = parse_address("rediss://example.com")
    assert tls.tls is not None
    assert tls.tls.check_hostname
    for wrong in ("http://secret@x", "unix://", "redis://secret@h:port", "redis://secret@h/x"):
        with pytest.raises(ValueError, match="not the address") as refused:
            parse_address(wrong)
        assert "secret" not in str(refused.value)
