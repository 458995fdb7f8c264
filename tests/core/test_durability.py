"""A level is reported only when the server proves it (D18)."""

import pytest

from app.core.core import RedemptionCore
from app.core.durability import judge
from tests.core.conftest import Bench
from tests.support.valkey import Valkey


async def test_a_lone_server_that_syncs_always_proves_journal(bench: Bench) -> None:
    """appendonly, appendfsync always, no exception while rewriting, no replica."""
    proven = await bench.core.probe()
    assert (proven.level, proven.reasons, proven.evicts) == ("journal", (), False)
    assert len(proven.run_id) == 40


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("appendfsync", "everysec", "appendfsync is not always"),
        ("no-appendfsync-on-rewrite", "yes", "no-appendfsync-on-rewrite is not no"),
        ("appendonly", "no", "appendonly is not yes"),
    ],
)
async def test_a_lost_proof_is_named(own_bench: Bench, setting: str, value: str, reason: str) -> None:
    """Changed while it runs: the next probe says ledger, and why."""
    await own_bench.command("CONFIG", "SET", setting, value)
    proven = await own_bench.core.probe()
    assert proven.level == "ledger"
    assert reason in proven.reasons


async def test_a_server_that_evicts_is_marked(own_bench: Bench) -> None:
    """Counters that may be dropped are not counters: such a server is to be refused."""
    await own_bench.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert (await own_bench.core.probe()).evicts


async def test_a_replica_ends_the_proof(own_bench: Bench) -> None:
    """It may be promoted without the last writes."""
    replica = Valkey(
        binary=own_bench.valkey.binary,
        options=("--replicaof", "127.0.0.1", "1", "--replica-read-only", "yes"),
    )
    with replica:
        core = RedemptionCore(replica.url)
        await core.start()
        proven = await core.probe()
        await core.close()
    assert proven.level == "ledger"
    assert "the server is a replica" in proven.reasons


def test_a_server_that_shows_nothing_proves_nothing() -> None:
    """CONFIG is blocked on managed services."""
    replies = [Exception("NOPERM")] * 4 + [
        b"role:master\r\nconnected_slaves:1\r\n",
        b"redis_mode:cluster\r\n",
        b"",
    ]
    proven = judge([*map(_error, replies[:4]), *replies[4:]])
    assert proven.level == "ledger"
    assert len(proven.reasons) == 4


def _error(reply: object) -> object:
    import hiredis

    return hiredis.ReplyError(str(reply))
