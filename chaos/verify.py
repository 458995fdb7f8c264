"""The last part of a cell, on the running server: everything ledgered, compared, rebuilt, compared again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.ledger.lease import LeaseLost
from app.ledger.reconcile import reconcile
from app.ledger.recovery import recover
from chaos.checker import LOST, Judgement, judge
from chaos.history import History
from chaos.ledger import read_ledger
from chaos.limits import Limits
from chaos.model import DIVERGENT, Problem

RECOVERED_SECONDS_MAX = 60.0
PAUSE_SECONDS = 0.2
COUNTER_FAMILIES = ("v", "g", "n")

Result = TypeVar("Result")
Counters = dict[str, dict[bytes, bytes]]


async def verify(
    redis_url: str, database_url: str, project_id: str, history: History, limits: Limits
) -> Judgement:
    """Everything that can be said about a cell once its clients are done."""
    partition = Partition(project_id)
    core, db = RedemptionCore(redis_url), Database(database_url)
    await core.start()
    try:
        reconciled = await _insist(lambda: reconcile(core, db, partition))
        before = await asyncio.to_thread(counters_of, redis_url, project_id)
        ledger = await read_ledger(db, partition)
        judgement = judge(history, ledger, limits)
        judgement.problems += [Problem(DIVERGENT, "I3", one) for one in reconciled.differences]
        judgement.problems += _undetected(judgement, ledger.state.epoch)
        await _insist(lambda: _rebuild(core, db, partition))
        after = await asyncio.to_thread(counters_of, redis_url, project_id)
        judgement.problems += _compare(before, after)
        return judgement
    finally:
        await core.close()
        await db.close()


def _undetected(judgement: Judgement, epoch: int) -> list[Problem]:
    """What was lost must have been noticed: the epoch in which it happened is over."""
    if judgement.count(LOST) and epoch == 1:
        return [Problem(DIVERGENT, "I13", "events were lost, and no epoch was ended")]
    return []


async def _insist(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """The server may still be recovering from the last strike."""
    loop = asyncio.get_running_loop()
    end = loop.time() + RECOVERED_SECONDS_MAX
    while True:
        try:
            return await attempt()
        except (CoreUnavailable, LeaseLost):
            if loop.time() > end:
                raise
            await asyncio.sleep(PAUSE_SECONDS)


async def _rebuild(core: RedemptionCore, db: Database, partition: Partition) -> None:
    done = await recover(core, db, partition, rebuild=True, from_genesis=True)
    if done.action != "rebuilt":
        raise CoreUnavailable(f"not rebuilt but {done.action}")


def counters_of(redis_url: str, project_id: str) -> Counters:
    """Every counter by its key without tag and namespace; what is zero counts as absent."""
    found: Counters = {}
    with redis.Redis.from_url(redis_url) as client:
        tag = f"{{{project_id}.0}}"
        namespace = client.hget(f"{tag}:m", "ns")
        assert isinstance(namespace, bytes)
        base = f"{tag}:{namespace.decode()}:"
        for key in client.scan_iter(match=f"{base}*", count=1000):
            name = key.decode().removeprefix(base)
            if name.split(":")[0] in COUNTER_FAMILIES:
                values = client.hgetall(key)
                assert isinstance(values, dict)
                found[name] = {field: value for field, value in values.items() if value != b"0"}
    return {name: values for name, values in found.items() if values}


def _compare(before: Counters, after: Counters) -> list[Problem]:
    """I10: what the ledger makes is bit by bit what was there."""
    return [
        Problem(DIVERGENT, "I10", f"{name} was {before.get(name)}, rebuilt {after.get(name)}")
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
