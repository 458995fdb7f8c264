"""The server of one's own: found, started, kept alive, adopted, and never twice on one directory."""

import asyncio
import contextlib
import os
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.embedded.binary import EmbeddedServerError, find_binary
from app.embedded.places import SOCKET_PATH_BYTES_MAX
from app.embedded.supervisor import Supervisor
from tests.support.valkey import server_binaries

PARTITION = Partition("proj_1")
MEMORY = 64 * 1024 * 1024


@pytest.fixture(params=server_binaries(), ids=lambda path: path.rsplit("/", 1)[-1])
def binary(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    shutil.rmtree(tmp_path, ignore_errors=True)


@asynccontextmanager
async def running(data_dir: Path, binary: str) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(data_dir, binary=binary, maxmemory_bytes=MEMORY)
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def ask(url: str, *commands: tuple[str, ...]) -> list[object]:
    core = RedemptionCore(url)
    await core.start()
    try:
        return await core.read(PARTITION, commands)
    finally:
        await core.close()


async def until(condition: Callable[[], bool], seconds: float = 180) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_it_proves_journal_and_is_private(data_dir: Path, binary: str) -> None:
    """Always synced, never evicting, on a socket that nobody else can reach."""
    async with running(data_dir, binary) as supervisor:
        core = RedemptionCore(supervisor.url)
        await core.start()
        proven = await core.probe()
        await core.close()
        assert (proven.level, proven.evicts) == ("journal", False)
        socket = Path(supervisor.url.removeprefix("unix://"))
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        refused = await ask(
            supervisor.url,
            ("CONFIG", "SET", "appendfsync", "no"),
            ("REPLICAOF", "x", "1"),
            ("SHUTDOWN", "NOSAVE"),
        )
        assert [str(reply).split()[0] for reply in refused] == ["NOPERM"] * 3
    assert not socket.exists()


async def test_what_it_kept_is_there_at_the_next_start(data_dir: Path, binary: str) -> None:
    """Stopping and starting again loses nothing, on the same address."""
    async with running(data_dir, binary) as first:
        await ask(first.url, ("SET", "a", "1"))
        run_id = first.run_id
    async with running(data_dir, binary) as second:
        assert await ask(second.url, ("GET", "a")) == [b"1"]
        assert (second.url, second.adopted) == (first.url, False)
        assert second.run_id != run_id


async def test_a_killed_server_is_started_again_with_everything(data_dir: Path, binary: str) -> None:
    """kill -9: back by itself, nothing acknowledged is lost."""
    async with running(data_dir, binary) as supervisor:
        for number in range(1, 4):
            await ask(supervisor.url, ("INCR", "a"))
            os.kill(supervisor.pid, signal.SIGKILL)
            await until(lambda number=number: supervisor.restarts == number)
        assert await ask(supervisor.url, ("GET", "a")) == [b"3"]


OWNER = """
import asyncio, sys
from pathlib import Path
from app.embedded.supervisor import Supervisor
async def main():
    supervisor = Supervisor(Path(sys.argv[1]), binary=sys.argv[2], maxmemory_bytes=64 << 20)
    await supervisor.start()
    print("ready", supervisor.pid, supervisor.run_id, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@asynccontextmanager
async def orphan(data_dir: Path, binary: str) -> AsyncIterator[tuple[int, str]]:
    """A server whose supervisor was killed with -9: its process and its run id."""
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(data_dir), binary, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    words: list[bytes] = []
    while words[:1] != [b"ready"]:
        words = (await owner.stdout.readline()).split()
    owner.kill()
    await owner.communicate()
    try:
        yield int(words[1]), words[2].decode()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(words[1]), signal.SIGKILL)


async def test_the_server_of_a_killed_supervisor_is_adopted(data_dir: Path, binary: str) -> None:
    """The same process goes on serving; nothing is restarted, and it is watched and stopped as one's own."""
    async with orphan(data_dir, binary) as (pid, run_id):
        async with running(data_dir, binary) as supervisor:
            assert (supervisor.adopted, supervisor.pid, supervisor.run_id) == (True, pid, run_id)
            os.kill(pid, signal.SIGKILL)
            await until(lambda: supervisor.restarts == 1)
            assert not supervisor.adopted
            assert await ask(supervisor.url, ("PING",)) == [b"PONG"]
            started = supervisor.pid
        assert not _alive(started)


async def test_an_adopted_server_ends_with_its_new_supervisor(data_dir: Path, binary: str) -> None:
    """Stopping takes it along."""
    async with orphan(data_dir, binary) as (pid, _):
        async with running(data_dir, binary):
            pass
        await until(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    """An orphan that ended may wait for whoever reaps it."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


async def test_two_servers_never_share_a_directory(data_dir: Path, binary: str) -> None:
    """A second supervisor is refused while the first lives."""
    async with running(data_dir, binary) as supervisor:
        pid = supervisor.pid
        with pytest.raises(EmbeddedServerError, match="another process supervises"):
            await Supervisor(data_dir, binary=binary).start()
        assert supervisor.pid == pid
        assert await ask(supervisor.url, ("PING",)) == [b"PONG"]


async def test_a_live_server_that_does_not_answer_keeps_its_directory(
    data_dir: Path, binary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by a signal, and its socket gone: still nobody starts a second one beside it."""
    monkeypatch.setattr("app.embedded.process.LEFTOVER_SECONDS", 0.3)
    monkeypatch.setattr("app.embedded.process.ANSWER_SECONDS", 0.2)
    async with orphan(data_dir, binary) as (pid, _):
        os.kill(pid, signal.SIGSTOP)
        Path(Supervisor(data_dir).url.removeprefix("unix://")).unlink()
        with pytest.raises(EmbeddedServerError, match=f"process {pid}"):
            await Supervisor(data_dir, binary=binary).start()


async def test_a_long_path_gets_a_short_socket(tmp_path: Path, binary: str) -> None:
    """The address of a socket has room for about a hundred bytes; the same one is found again."""
    long = tmp_path.joinpath(*["a-rather-long-name-of-a-directory"] * 5)
    async with running(long, binary) as supervisor:
        socket = Path(supervisor.url.removeprefix("unix://"))
        assert len(os.fsencode(socket)) <= SOCKET_PATH_BYTES_MAX
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert await ask(supervisor.url, ("PING",)) == [b"PONG"]
        assert Supervisor(long).url == supervisor.url
    socket.parent.rmdir()


async def test_a_server_that_cannot_start_says_why(data_dir: Path, binary: str) -> None:
    """The end of its log is in the message, and the directory is free again."""
    data_dir.joinpath("valkey").mkdir(parents=True)
    data_dir.joinpath("valkey", "appendonlydir").write_text("in the way")
    data_dir.joinpath("valkey", "appendonly.aof").mkdir()
    with pytest.raises(EmbeddedServerError, match="the server ended"):
        await Supervisor(data_dir, binary=binary, maxmemory_bytes=MEMORY).start()
    shutil.rmtree(data_dir)
    async with running(data_dir, binary) as supervisor:
        assert await ask(supervisor.url, ("PING",)) == [b"PONG"]


def test_the_named_binary_comes_first_then_the_wheels_then_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And without any, the message says what to install or set."""
    assert find_binary(sys.executable) == sys.executable
    assert find_binary().endswith("valkey-server")
    with pytest.raises(EmbeddedServerError, match="no-such-server"):
        find_binary("no-such-server")
    monkeypatch.setattr("app.embedded.binary.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedServerError, match="VOUCHSAFE_REDIS_URL"):
        find_binary()
    on_path = tmp_path / "redis-server"
    on_path.write_text("#!/bin/sh\n")
    on_path.chmod(0o755)
    assert find_binary() == str(on_path)
