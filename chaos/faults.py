"""F1 to F12: each strikes, heals what would not heal by itself, and says what it did."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import redis

from chaos.database import disturb_sql
from chaos.rig import Rig, signal_process
from chaos.storage import damage_file, disk_full, fail_over, memory_full

CLOCKS: Final = 3
"""Coprime to how pids follow one another: workers that are started together do not share one."""

Strike = Callable[[Rig, random.Random], Awaitable[str]]


async def kill_worker(rig: Rig, randomness: random.Random) -> str:
    workers = rig.web_pids()
    if not workers:
        return "nothing: no worker was there"
    pid = randomness.choice(workers)
    signal_process(pid, signal.SIGKILL)
    return f"kill -9 of worker {pid}"


async def kill_redis(rig: Rig, randomness: random.Random) -> str:
    await rig.kill_valkey()
    return "kill -9 of Redis"


async def kill_writer(rig: Rig, randomness: random.Random) -> str:
    """Beside this, the process dies by itself at the crash point that the cell's environment names."""
    pid = rig.background_pid()
    if pid is not None:
        signal_process(pid, signal.SIGKILL)
    return f"kill -9 of the ledger's writer {pid}"


async def stop_a_while(rig: Rig, randomness: random.Random) -> str:
    """SIGSTOP, then SIGCONT: whoever comes back believes that no time has passed."""
    who = randomness.choice(("Redis", "writer", "worker"))
    if who == "Redis":
        pid = await asyncio.to_thread(rig.valkey_pid)
    elif who == "writer":
        pid = rig.background_pid()
    else:
        workers = rig.web_pids()
        pid = randomness.choice(workers) if workers else None
    seconds = min(8.0, 0.2 * 1.6 ** randomness.randrange(8))
    if pid is None or not signal_process(pid, signal.SIGSTOP):
        return f"nothing: {who} was away"
    await asyncio.sleep(seconds)
    signal_process(pid, signal.SIGCONT)
    return f"{who} stood still for {seconds:.1f} s"


async def hurt_network(rig: Rig, randomness: random.Random) -> str:
    proxy = rig.proxy
    assert proxy is not None
    how = randomness.choice(("delay", "cut", "half-open", "reset", "partition", "hang up"))
    seconds = randomness.uniform(0.2, 1.0)
    if how == "delay":
        proxy.delay_seconds = randomness.uniform(0.02, 0.3)
        await asyncio.sleep(seconds)
        proxy.delay_seconds = 0.0
    elif how == "cut":
        for link in proxy.some(randomness):
            link.cut_after = randomness.randrange(400)
    elif how == "half-open":
        for link in proxy.some(randomness):
            link.silent = True
    elif how == "reset":
        proxy.reset()
    elif how == "hang up" and rig.hang_up is not None:
        rig.hang_up(randomness)
    else:
        proxy.refuses = True
        proxy.reset()
        await asyncio.sleep(seconds)
        proxy.refuses = False
    return f"network: {how}"


async def move_clocks(rig: Rig, randomness: random.Random) -> str:
    """Each process of the server has one of three clocks, the background process too, and reads of it at most
    0.2 s late. They jump, and until the next strike they run too fast or too slow.
    """
    clocks = [
        f"{randomness.choice((-3600, -61, -1, 0, 1, 61, 3600))}:{randomness.choice((-0.5, 0, 0, 0.5, 2))}"
        for _ in range(CLOCKS)
    ]
    told, fresh = rig.directory / "clock", rig.directory / "clock.new"
    await asyncio.to_thread(fresh.write_text, " ".join(clocks))
    await asyncio.to_thread(fresh.replace, told)
    return f"clocks of the processes by {', '.join(clocks)} s"


async def forget_scripts(rig: Rig, randomness: random.Random) -> str:
    how = randomness.choice(("SCRIPT FLUSH", "CLIENT KILL", "both"))
    await asyncio.to_thread(_forget, rig.redis_url, how)
    return how


def _forget(url: str, how: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            if how != "CLIENT KILL":
                client.script_flush()
            if how != "SCRIPT FLUSH":
                client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    except redis.RedisError:
        return


def _nothing_more(rig: Rig, randomness: random.Random) -> dict[str, str]:
    return {}


class Fault:
    """pause: seconds between two strikes, from and to. external: needs a Redis of the programme's own.

    survived_by: levels that promise to lose nothing under it.
    """

    def __init__(
        self,
        name: str,
        story: str,
        strike: Strike,
        *,
        pause: tuple[float, float] = (0.5, 2.0),
        external: bool = False,
        survived_by: tuple[str, ...] = ("journal", "ledger"),
        environment: Callable[[Rig, random.Random], dict[str, str]] = _nothing_more,
    ) -> None:
        self.name = name
        self.story = story
        self.strike = strike
        self.pause = pause
        self.external = external
        self.survived_by = survived_by
        self.environment = environment


CRASH_POINTS: Final = ("drain-before-commit", "drain-after-commit", "drain-before-announce", "trim")


def _crash_point(rig: Rig, randomness: random.Random) -> dict[str, str]:
    return {"VOUCHSAFE_CRASH_POINT": f"{randomness.choice(CRASH_POINTS)}:{randomness.randrange(15, 40)}"}


def _clock(rig: Rig, randomness: random.Random) -> dict[str, str]:
    place = Path(__file__).parent / "clock"
    return {"PYTHONPATH": str(place), "CHAOS_CLOCK_FILE": str(rig.directory / "clock")}


_LEDGER_ONLY: Final = ("ledger",)

FAULTS: Final = {
    fault.name: fault
    for fault in (
        Fault("F1", "kill -9 of workers", kill_worker),
        Fault("F2", "kill -9 of Redis", kill_redis, pause=(1.0, 3.0)),
        Fault("F3", "kill -9 of the ledger's writer, at crash points too", kill_writer,
              environment=_crash_point),
        Fault("F4", "SIGSTOP, SIGCONT", stop_a_while, pause=(0.3, 1.0)),
        Fault("F5", "network", hurt_network, pause=(0.3, 1.2), external=True),
        Fault("F6", "failover to a replica, old primaries coming back", fail_over, pause=(1.5, 3.0),
              external=True, survived_by=_LEDGER_ONLY),
        Fault("F7", "disk full, of Redis and of SQL", disk_full, pause=(1.0, 2.0), external=True),
        Fault("F8", "file of Redis torn, damaged, deleted, restored from a copy", damage_file,
              pause=(1.0, 2.5), external=True, survived_by=_LEDGER_ONLY),
        Fault("F9", "clocks that jump, run fast and slow", move_clocks, environment=_clock),
        Fault("F10", "SQL locked, its sessions ended, its server killed", disturb_sql, pause=(0.5, 1.5)),
        Fault("F11", "memory full", memory_full, external=True),
        Fault("F12", "scripts forgotten, connections killed", forget_scripts, pause=(0.2, 1.0),
              external=True),
    )
}  # fmt: skip
