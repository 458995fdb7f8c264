"""Slots that move: a master's MOVED and ASK are followed, and nobody above notices."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from app.core.address import parse_place
from app.core.cluster import slot_of
from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.ops import Add, Apply
from app.core.outcome import Code
from tests.core.conftest import opened
from tests.support.topologies import Cluster, Listening


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest.fixture
async def core(cluster: Cluster) -> AsyncIterator[RedemptionCore]:
    core = RedemptionCore(cluster.url)
    await core.start()
    yield core
    await core.close()


def somewhere() -> Partition:
    return Partition(f"p{uuid.uuid4().hex[:8]}")


def addition(keys: Keys) -> Apply:
    add = Add(key=keys.counter("campaign", "c"), field="used", delta=1, cap=10)
    return Apply(partition=keys.partition, mode="R", rid=uuid.uuid4().hex, guards={}, ops=[add], event=b"e")


def identity(server: Listening) -> str:
    with server.client() as client:
        return str(client.execute_command("CLUSTER", "MYID").decode())


def test_slots_are_those_of_the_specification() -> None:
    """CRC16 of the tag alone: the published example, and a tag within a longer key."""
    assert slot_of("123456789") == 0x31C3
    assert slot_of("{user1000}") == slot_of("user1000") == 3443


async def test_every_partition_is_served_wherever_it_lives(core: RedemptionCore) -> None:
    """Thirty projects over three masters: each is opened, moved and read from its own."""
    partitions = [somewhere() for _ in range(30)]
    for partition in partitions:
        outcome = await core.apply(addition(await opened(core, partition)))
        assert (outcome.code, outcome.event_id) == (Code.OK, "1-1")
    found = await core.wait_outbox(dict.fromkeys(partitions, "0-0"), 10, 1000)
    assert {partition: [entry.event_id for entry in entries] for partition, entries in found.items()} == {
        partition: ["1-1"] for partition in partitions
    }
    assert len({meta.server for meta in await core.metas(partitions)}) == 3
    assert len(await core.servers()) == 3


async def test_a_slot_that_has_moved_is_found(cluster: Cluster, core: RedemptionCore) -> None:
    """MOVED: the command is sent again to the master that owns the slot now."""
    partition = somewhere()
    slot = slot_of(partition.tag)
    old = cluster.owner(slot)
    new = next(master for master in cluster.masters if master is not old)
    await core.meta(partition)
    with new.client() as client:
        # Only who imports takes a newer epoch with the slot: else the old owner's gossip may win it back.
        client.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", identity(old))
    for master in (new, *(other for other in cluster.masters if other is not new)):
        with master.client() as client:
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", identity(new))
    outcome = await core.apply(addition(await opened(core, partition)))
    assert outcome.code is Code.OK
    with new.client() as client:
        assert client.hget(f"{partition.tag}:m", "seq") == b"1"


async def test_a_slot_on_its_way_is_asked_for(cluster: Cluster, core: RedemptionCore) -> None:
    """ASK: what the old master no longer has is asked of the new one, for this command alone."""
    partition = somewhere()
    slot = slot_of(partition.tag)
    old = cluster.owner(slot)
    new = next(master for master in cluster.masters if master is not old)
    with old.client() as leaving, new.client() as coming:
        coming.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", identity(old))
        leaving.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", identity(new))
        key = f"{partition.tag}:x"
        written = await core.read(partition, [("HSET", key, "a", "1"), ("HGET", key, "a")])
        assert written == [1, b"1"]
        coming.execute_command("ASKING")
        assert coming.hget(key, "a") == b"1"
        coming.execute_command("ASKING")
        coming.delete(key)
        for client in (leaving, coming):
            client.execute_command("CLUSTER", "SETSLOT", slot, "STABLE")


@pytest.mark.parametrize(
    ("url", "kind", "nodes", "name"),
    [
        ("redis://one:1/2", "single", [("one", 1)], ""),
        ("unix:///run/s", "single", [("", 0)], ""),
        ("redis+sentinel://a,b:2/main", "sentinel", [("a", 26379), ("b", 2)], "main"),
        ("redis+cluster://:secret@a:1,b:2", "cluster", [("a", 1), ("b", 2)], ""),
    ],
)
def test_addresses_of_topologies(url: str, kind: str, nodes: list[tuple[str, int]], name: str) -> None:
    """Each form names its servers, and a port that is left out is the usual one."""
    place = parse_place(url)
    assert (place.kind, [(node.host, node.port) for node in place.nodes], place.name) == (kind, nodes, name)


def test_the_primary_has_its_own_password_and_database() -> None:
    """What Sentinels are asked with is not what the primary is asked with."""
    place = parse_place("redis+sentinel://user:secret@a:1/main/3?sentinel_password=other")
    assert place.primary is not None
    assert (place.primary.username, place.primary.password, place.primary.database) == ("user", "secret", 3)
    assert [(node.username, node.password, node.database) for node in place.nodes] == [("", "other", 0)]


@pytest.mark.parametrize(
    "url", ["redis+sentinel://a:1", "redis+cluster://", "redis+cluster://a:1/3", "redis+other://a", "http://a"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """With a sentence, when the program starts."""
    with pytest.raises(ValueError, match="address"):
        parse_place(url)
