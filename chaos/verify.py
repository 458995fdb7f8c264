"""The last part of a cell, on the running server: everything ledgered, compared, rebuilt, compared again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.ledger.drain import Diverged
from app.ledger.lease import LeaseLost
from app.ledger.reconcile import reconcile
from app.ledger.recovery import recover
from chaos.checker import LOST, Judgement, judge
from chaos.history import History
from chaos.ledger import read_ledger
from chaos.limits import Limits
from chaos.model import DIVERGENT, Problem

RECOVERED_SECONDS_MAX = 60.0
FREED_SECONDS_MAX = 90.0
"""A lock lives a second, and a sweeper looks every second; but its process may have been killed by the last
strike, on a machine that is busy with other things.
"""
PAUSE_SECONDS = 0.2
HELD = b"~h"
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
        met: list[Problem] = []
        held = await _freed(redis_url, project_id)
        reconciled = await _insist(lambda: reconcile(core, db, partition), met)
        before = await asyncio.to_thread(counters_of, redis_url, project_id)
        ledger = await read_ledger(db, partition)
        judgement = judge(history, ledger, limits)
        judgement.problems += [Problem(DIVERGENT, "I3", one) for one in reconciled.differences]
        judgement.problems += held
        judgement.problems += _undetected(judgement, ledger.state.epoch)
        await _insist(lambda: _rebuild(core, db, partition), met)
        after = await asyncio.to_thread(counters_of, redis_url, project_id)
        judgement.problems += [*met[:1], *_compare(before, after)]
        return judgement
    finally:
        await core.close()
        await db.close()


async def _freed(redis_url: str, project_id: str) -> list[Problem]:
    """I6: every lock of the cell has run out by now, so nothing may be held any more."""
    loop = asyncio.get_running_loop()
    end = loop.time() + FREED_SECONDS_MAX
    while True:
        counters = await asyncio.to_thread(counters_of, redis_url, project_id)
        held = [
            f"{name} {field.decode()}: {value.decode()} held"
            for name, values in counters.items()
            for field, value in values.items()
            if field.endswith(HELD)
        ]
        if not held or loop.time() > end:
            return [Problem(DIVERGENT, "I6", f"{one} long after every deadline") for one in held]
        await asyncio.sleep(PAUSE_SECONDS)


def _undetected(judgement: Judgement, epoch: int) -> list[Problem]:
    """What was lost must have been noticed: the epoch in which it happened is over."""
    if judgement.count(LOST) and epoch == 1:
        return [Problem(DIVERGENT, "I13", "events were lost, and no epoch was ended")]
    return []


async def _insist(attempt: Callable[[], Awaitable[Result]], problems: list[Problem]) -> Result:
    """The server may still be recovering from the last strike."""
    loop = asyncio.get_running_loop()
    end = loop.time() + RECOVERED_SECONDS_MAX
    while True:
        try:
            return await attempt()
        except Diverged as error:
            # The engine closes such a partition and rebuilds it; the cell is failed all the same.
            problems.append(Problem(DIVERGENT, "I4", str(error)))
            if loop.time() > end:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
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
