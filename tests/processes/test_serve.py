"""`vouchsafe serve` as a family of processes: who dies is replaced, who ends takes everything along."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import ROOT, VOUCHSAFE, RunningServer

WAIT_SECONDS_MAX = 180.0
"""Far more than anything here takes; nothing is judged by how fast it was."""


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server that the test may kill."""
    running = RunningServer(data_dir=tmp_path / "data", workers=2)
    running.start()
    yield running
    running.stop()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def is_live(server: RunningServer) -> bool:
    """A connection that the dying worker has just taken is cut, and says nothing of the others."""
    try:
        return httpx.get(f"{server.base_url}/livez", timeout=60).status_code == 200
    except httpx.TransportError:
        return False


def family(server: RunningServer) -> tuple[set[int], int]:
    """(web workers, background process) of this moment."""
    status = server.status()
    assert status is not None
    return set(status["web"]), status["background"]


@pytest.mark.slow
class TestDeaths:
    def test_a_killed_web_worker_is_replaced_while_the_other_answers(self, own_server: RunningServer) -> None:
        """kill -9 of one of two workers: requests go on, and two workers serve again."""
        before, _ = family(own_server)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        until(lambda: is_live(own_server))
        until(lambda: len(family(own_server)[0] - {victim}) == 2)
        own_server.wait_ready()

    def test_a_killed_background_process_is_replaced(self, own_server: RunningServer) -> None:
        """Nobody but the parent has to notice."""
        _, before = family(own_server)
        os.kill(before, signal.SIGKILL)
        until(lambda: family(own_server)[1] not in (None, before))

    def test_kill_9_of_the_parent_leaves_nothing_that_a_restart_cannot_adopt(
        self, own_server: RunningServer
    ) -> None:
        """Same port, same data directory, same keys: children end by themselves, Valkey is adopted."""
        project = own_server.create_project("before")
        web, background = family(own_server)
        own_server.kill()
        own_server.start()
        until(lambda: not any(alive(pid) for pid in (*web, background)))
        with own_server.client(project) as client:
            assert client.get("/v1/campaigns").status_code == 200
        adopted = own_server.log.read_text()
        assert "adopted the running server" in adopted

    def test_sigterm_ends_everything_in_order(self, own_server: RunningServer) -> None:
        """No process of the family is left, and the exit code is 0."""
        web, background = family(own_server)
        process = own_server.process
        assert process is not None
        own_server.stop()
        assert process.returncode == 0
        assert not any(alive(pid) for pid in (*web, background))
        assert own_server.status() is None


class TestRefusals:
    def test_a_second_server_on_one_data_directory_is_refused(self, server: RunningServer) -> None:
        """It says which directory, and the first one goes on."""
        refused = server.command("serve", "--port", "0", check=False)
        assert refused.returncode == 1
        assert str(server.data_dir) in refused.stderr
        assert is_live(server)

    def test_a_database_of_the_operator_is_never_migrated(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        """An empty database that was named in the settings is refused with the command that mends it."""
        target = tmp_path / "theirs.db"
        status = server.status()
        assert status is not None
        environment = {
            **server.variables(),
            "VOUCHSAFE_DATA_DIR": str(tmp_path / "data"),
            "VOUCHSAFE_DATABASE_URL": f"sqlite:///{target}",
            "VOUCHSAFE_REDIS_URL": status["redis_url"],
        }
        refused = subprocess.run(
            [*VOUCHSAFE, "serve", "--port", "0"],
            env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert refused.returncode == 1
        assert "vouchsafe migrate" in refused.stderr

    def test_an_unknown_setting_stops_the_start_and_names_its_neighbour(self, tmp_path: Path) -> None:
        """A typing error in a variable is not silently a default."""
        environment = {**os.environ, "VOUCHSAFE_WORKER": "2", "VOUCHSAFE_DATA_DIR": str(tmp_path)}
        refused = subprocess.run(
            [*VOUCHSAFE, "serve"], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 2
        assert "VOUCHSAFE_WORKERS" in refused.stderr
