"""The parts of the parent, each by itself."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.processes import listening
from app.processes.child import EXIT_CONFIGURATION, Child
from app.processes.lifeline import Lifeline, when_parent_ends
from app.processes.status import FILE_NAME, ServeStatus, write_status
from tests.support.server import ROOT


class TestListening:
    def test_port_0_picks_a_free_one_that_children_inherit(self) -> None:
        """The socket is inheritable and listens."""
        with listening.bind("127.0.0.1", 0) as listener:
            assert listener.get_inheritable()
            with socket.create_connection(listener.getsockname()):
                pass

    def test_a_port_of_another_program_is_refused_by_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After the time in which earlier workers may still hold it."""
        monkeypatch.setattr(listening, "PORT_WAIT_SECONDS_MAX", 0.0)
        with listening.bind("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(listening.PortTaken) as refused:
                listening.bind("127.0.0.1", port)
        assert str(port) in str(refused.value)


async def test_a_child_hears_of_its_parents_end() -> None:
    """Closing the parent's end, as the kernel does for a killed process, reaches the child's callback."""
    lifeline = Lifeline()
    heard = asyncio.Event()
    end = os.dup(lifeline.child_end)
    try:
        when_parent_ends(end, heard.set)
        await asyncio.sleep(0)
        assert not heard.is_set()
        lifeline.close()
        async with asyncio.timeout(120):
            await heard.wait()
    finally:
        os.close(end)


class TestChild:
    async def test_a_child_that_refuses_its_configuration_is_not_started_again(self, tmp_path: Path) -> None:
        """Exit code 78 ends the child's life and is handed on."""
        (tmp_path / "refuses.py").write_text(f"raise SystemExit({EXIT_CONFIGURATION})")
        starts: list[int | None] = []
        child = self.child(tmp_path, "refuses", starts)
        assert await child.run() == EXIT_CONFIGURATION
        assert [pid is not None for pid in starts] == [True, False]

    async def test_a_child_that_dies_is_started_again_until_it_is_stopped(self, tmp_path: Path) -> None:
        """Three lives, then a stop, then none."""
        (tmp_path / "dies.py").write_text("raise SystemExit(1)")
        starts: list[int | None] = []
        child = self.child(tmp_path, "dies", starts)
        life = asyncio.create_task(child.run())
        async with asyncio.timeout(180):
            while len([pid for pid in starts if pid is not None]) < 3:
                await asyncio.sleep(0.02)
        await child.stop(60)
        assert await life == 0
        assert child.pid is None

    def child(self, folder: Path, module: str, starts: list[int | None]) -> Child:
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        made = Child(
            module,
            (module,),
            environment=environment,
            descriptors=(),
            changed=lambda: starts.append(made.pid),
        )
        return made


def test_the_status_file_is_private_and_whole(tmp_path: Path) -> None:
    """It names addresses of servers, so only the owner reads it."""
    status = ServeStatus(
        pid=1,
        host="127.0.0.1",
        port=8000,
        web=[2, 3],
        background=4,
        redis_url="unix:///r",
        database_url="sqlite:///d",
    )
    write_status(tmp_path, status)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """A full disk refuses the line; the work that it tells of goes on."""
    program = (
        "import os, resource, structlog; from app.processes.logs import set_up_logs; set_up_logs('info')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
        "for _ in range(3000): structlog.get_logger('full').warning('no room for this')\n"
        "os._exit(7)"
    )
    with (tmp_path / "log").open("wb") as log:
        done = subprocess.run([sys.executable, "-c", program], stderr=log, check=False, cwd=ROOT)
    assert done.returncode == 7
