"""Servers that fail over and servers that share the slots, under load at level `ledger`: nothing acknowledged
is lost, whichever of them dies.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.core.cluster import slot_of
from app.core.keys import Partition
from tests.durability.load import Load, assert_nothing_lost, taken_once
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, public_code, unique
from tests.support.topologies import Cluster, Sentinels, wait

BEFORE = 200
"""Redemptions acknowledged before the blow, and again after it."""


@pytest.fixture(scope="module")
def sentinels() -> Iterator[Sentinels]:
    with Sentinels() as running:
        yield running


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


def served(url: str, folder: Path, level: str = "auto") -> RunningServer:
    return RunningServer(
        data_dir=folder / "data",
        workers=2,
        environment={"VOUCHSAFE_REDIS_URL": url, "VOUCHSAFE_DURABILITY": level},
    )


def until_served_again(load: Load) -> float:
    """Seconds until the next redemption is acknowledged."""
    began = time.monotonic()
    load.progress(1)
    return time.monotonic() - began


def test_a_failover_of_sentinels_loses_nothing(sentinels: Sentinels, tmp_path: Path) -> None:
    """kill -9 of the primary: the Sentinels promote the replica, and all that was acknowledged is there."""
    server = served(sentinels.url, tmp_path).start()
    try:
        assert httpx.get(f"{server.base_url}/readyz", timeout=60).json()["durability"] == "ledger"
        shop = server.create_project(unique("sentinel"))
        with server.client(shop) as api:
            code, _ = public_code(api, percent_off(10))
        with Load(server, shop, code) as load:
            load.progress(BEFORE)
            before = sentinels.primary()
            before.kill()
            seconds = until_served_again(load)
            load.progress(BEFORE)
        assert sentinels.primary() is not before
        print(f"failover: {len(load.acknowledged)} acknowledged, served again after {seconds:.1f} s")
        assert_nothing_lost(server, shop, load)
    finally:
        server.stop()


def test_a_failover_at_level_replica_loses_nothing(sentinels: Sentinels, tmp_path: Path) -> None:
    """Every event was on the replica's disk before its answer. Alone, the promoted one acknowledges nothing;
    with the old primary as its replica it goes on.
    """
    sentinels.complete()
    server = served(sentinels.url, tmp_path, "replica").start()
    try:
        assert httpx.get(f"{server.base_url}/readyz", timeout=60).json()["durability"] == "replica"
        shop = server.create_project(unique("replica"))
        with server.client(shop) as api:
            code, _ = public_code(api, percent_off(10))
        with Load(server, shop, code) as load:
            load.progress(BEFORE)
            before = sentinels.primary()
            before.kill()
            wait(lambda: sentinels.primary() is not before, "no failover")
            alone = len(load.acknowledged)
            sentinels.complete()
            seconds = until_served_again(load)
            load.progress(BEFORE)
        print(f"replica: {alone} acknowledged before; served again {seconds:.1f} s after it was complete")
        assert_nothing_lost(server, shop, load)
    finally:
        server.stop()


def test_a_killed_master_of_a_cluster_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """Projects of other masters are served meanwhile; its own come back with it, and nothing is missing."""
    server = served(cluster.url, tmp_path).start()
    try:
        shops = projects_of_every_master(server, cluster)
        codes = []
        for shop in shops:
            with server.client(shop) as api:
                codes.append(public_code(api, percent_off(10))[0])
        victim = cluster.owner(slot_of(Partition(shops[0].project_id).tag))
        with Load(server, shops[0], codes[0]) as load:
            load.progress(BEFORE)
            victim.kill()
            for shop, code in zip(shops[1:], codes[1:], strict=True):
                with server.client(shop) as api:
                    taken_once(api, code)
            victim.start()
            seconds = until_served_again(load)
            load.progress(BEFORE)
        print(f"cluster: {len(load.acknowledged)} acknowledged, served again {seconds:.1f} s after its start")
        assert_nothing_lost(server, shops[0], load)
        for shop, code in zip(shops[1:], codes[1:], strict=True):
            with server.client(shop) as api:
                used = created(api.get(f"/v1/vouchers/{code}"))["redemption"]["redeemed_quantity"]
                assert used == 1
    finally:
        server.stop()


def projects_of_every_master(server: RunningServer, cluster: Cluster) -> list[Project]:
    """One project for each master; their tags decide where they live."""
    found: dict[int, Project] = {}
    while len(found) < len(cluster.masters):
        project = server.create_project(unique("cluster"))
        found.setdefault(cluster.owner(slot_of(Partition(project.project_id).tag)).port, project)
    return list(found.values())


@pytest.mark.parametrize("level", ["journal", "replica"])
def test_a_level_that_cannot_be_proven_is_refused_at_the_start(
    cluster: Cluster, tmp_path: Path, level: str
) -> None:
    """D18: in a cluster nobody can promise either, so a server that is told to does not begin."""
    server = served(cluster.url, tmp_path, level)
    with pytest.raises(AssertionError, match="durability"):
        server.start()
