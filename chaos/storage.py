"""Faults of what Redis keeps: its disk, its file, its memory, and the servers that take its place."""

import asyncio
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chaos.rig import Rig, new_valkey, signal_process
from tests.support.topologies import free_port
from tests.support.valkey import Valkey

FULL_SECONDS: Final = (0.5, 1.5)
ROOM_BYTES: Final = 20_000
"""What is left when the disk or the memory is nearly full: some more events fit."""
SECTOR_BYTES: Final = 4096
LINK_SECONDS_MAX: Final = 120.0


async def disk_full(rig: Rig, randomness: random.Random) -> str:
    """RLIMIT_FSIZE on the running process, as a disk without room looks to it."""
    seconds = randomness.uniform(*FULL_SECONDS)
    if randomness.random() < 0.5:
        pid = rig.background_pid()
        if pid is None:
            return "nothing: the writer was away"
        _limit(pid, SECTOR_BYTES)
        await asyncio.sleep(seconds)
        _limit(pid, None)
        return f"no room for SQL for {seconds:.1f} s"
    valkey = _valkey(rig)
    assert valkey.process is not None
    _limit(valkey.process.pid, max(path.stat().st_size for path in _files(valkey)) + ROOM_BYTES)
    await asyncio.sleep(seconds)
    if valkey.process.poll() is None:
        _limit(valkey.process.pid, None)
        return f"no room for Redis for {seconds:.1f} s"
    # With appendfsync always it ends rather than answer what it could not write.
    await asyncio.to_thread(valkey.kill)
    await asyncio.to_thread(valkey.start)
    return "no room for Redis: it ended, and was started with room again"


def _limit(pid: int, size: int | None) -> None:
    try:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
    except ProcessLookupError:
        return


async def memory_full(rig: Rig, randomness: random.Random) -> str:
    valkey = _valkey(rig)
    seconds = randomness.uniform(*FULL_SECONDS)

    def command(*words: str) -> bytes:
        return valkey.command(*words)

    facts = (await asyncio.to_thread(command, "INFO", "memory")).decode()
    used = next(int(line.split(":")[1]) for line in facts.splitlines() if line.startswith("used_memory:"))
    await asyncio.to_thread(command, "CONFIG", "SET", "maxmemory", str(used + ROOM_BYTES))
    await asyncio.sleep(seconds)
    await asyncio.to_thread(command, "CONFIG", "SET", "maxmemory", "0")
    return f"memory full for {seconds:.1f} s"


async def damage_file(rig: Rig, randomness: random.Random) -> str:
    """kill -9, something happens to the file, start."""
    how = randomness.choice(("torn", "bad sector", "deleted", "restored"))
    if how == "restored":
        return await stale_copy(rig, randomness)
    valkey = _valkey(rig)
    await asyncio.to_thread(valkey.kill)
    newest = max(_files(valkey), key=lambda path: path.stat().st_mtime_ns)
    if how == "torn":
        with newest.open("r+b") as file:
            file.truncate(max(0, newest.stat().st_size - randomness.randrange(1, 400)))
    elif how == "bad sector":
        with newest.open("r+b") as file:
            file.seek(max(0, newest.stat().st_size // 2 - SECTOR_BYTES))
            file.write(bytes(SECTOR_BYTES))
    else:
        shutil.rmtree(newest.parent)
    try:
        await asyncio.to_thread(valkey.start)
    except (RuntimeError, TimeoutError):
        # What an operator does with a file that the server refuses: away with it, the ledger knows.
        await asyncio.to_thread(valkey.kill)
        shutil.rmtree(newest.parent)
        await asyncio.to_thread(valkey.start)
        how += ", refused by the server, thrown away"
    return f"file of Redis {how}"


async def stale_copy(rig: Rig, randomness: random.Random) -> str:
    """The server is replaced by one that starts from a copy of its file that is some seconds old.

    The writer stands still meanwhile, so that what the copy lacks is in no ledger either: the worst case of
    a level that rests on one disk.
    """
    old = _valkey(rig)
    new = new_valkey(rig.level)
    writer = rig.background_pid()
    if writer is not None:
        signal_process(writer, signal.SIGSTOP)
    source = _files(old)[0].parent
    await asyncio.to_thread(shutil.copytree, source, Path(new.directory, source.name))
    await asyncio.sleep(randomness.uniform(0.2, 0.8))
    await asyncio.to_thread(old.kill)
    await asyncio.to_thread(new.start)
    await _route(rig, new)
    if writer is not None:
        signal_process(writer, signal.SIGCONT)
    await asyncio.to_thread(old.stop)
    return "Redis restored from a copy"


async def fail_over(rig: Rig, randomness: random.Random) -> str:
    """Promote the replica by hand. At level journal, which refuses to serve beside a replica, an old copy
    takes its place.
    """
    if rig.level == "journal":
        return await stale_copy(rig, randomness)
    if rig.replica is None:
        await _follow(rig)
    old, new = _valkey(rig), rig.replica
    assert new is not None
    how = randomness.choice(("killed", "cut off", "came back"))
    if how == "cut off":
        # Both accept writes for a moment: whatever the old one takes can never be acknowledged.
        await asyncio.to_thread(new.command, "REPLICAOF", "NO", "ONE")
        await asyncio.sleep(randomness.uniform(0.05, 0.3))
        await asyncio.to_thread(old.kill)
    else:
        await asyncio.to_thread(old.kill)
        await asyncio.to_thread(new.command, "REPLICAOF", "NO", "ONE")
    await _route(rig, new)
    if how == "came back":
        await asyncio.sleep(randomness.uniform(0.1, 0.5))
        await asyncio.to_thread(old.start)
        await _route(rig, old)
        await asyncio.sleep(randomness.uniform(0.3, 1.0))
        await _route(rig, new)
    await asyncio.to_thread(old.stop)
    rig.replica = None
    await _follow(rig)
    return f"failover: the old primary was {how}" if how != "came back" else "failover and back, twice"


async def _route(rig: Rig, valkey: Valkey) -> None:
    assert rig.proxy is not None
    rig.valkey = valkey
    rig.proxy.target = valkey.socket
    rig.proxy.reset()


async def _follow(rig: Rig) -> None:
    """Give the current server a replica, and wait until it follows."""
    primary = _valkey(rig)
    port = free_port()
    await asyncio.to_thread(primary.command, "CONFIG", "SET", "bind", "127.0.0.1")
    await asyncio.to_thread(primary.command, "CONFIG", "SET", "port", str(port))
    await asyncio.to_thread(primary.command, "CONFIG", "SET", "repl-diskless-sync-delay", "0")
    replica = new_valkey(rig.level)
    await asyncio.to_thread(replica.start)
    await asyncio.to_thread(replica.command, "REPLICAOF", "127.0.0.1", str(port))
    await asyncio.to_thread(
        _wait, lambda: b"master_link_status:up" in replica.command("INFO", "replication")
    )
    rig.replica = replica


def _wait(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + LINK_SECONDS_MAX
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError("the replica does not follow")
        time.sleep(0.02)


def _valkey(rig: Rig) -> Valkey:
    assert rig.valkey is not None
    return rig.valkey


def _files(valkey: Valkey) -> list[Path]:
    return sorted(Path(valkey.directory, "appendonlydir").glob("*.aof"))
