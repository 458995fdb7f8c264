"""The real server as a subprocess: `vouchsafe serve` on a free port with a data directory of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.ledger.reconcile import Reconciled, reconcile
from app.ledger.verify import verify
from app.projects import create_key, create_project
from tests.support.answers import checked, checked_async
from tests.support.patience import PatientTransport

START_SECONDS_MAX = 180.0
"""Two test workers on two cores, each importing everything: far more than one start takes, so that it is
never timed."""
STOP_SECONDS_MAX = 120.0
VOUCHSAFE = (sys.executable, "-m", "app.cli")
ROOT = Path(__file__).resolve().parents[2]

T = TypeVar("T")


@dataclass(frozen=True)
class Project:
    """A project with its three key pairs, as `vouchsafe keys create --json` prints them."""

    name: str
    project_id: str
    app_id: str
    app_token: str
    client_id: str
    client_token: str
    management_id: str
    management_token: str

    @property
    def headers(self) -> dict[str, str]:
        """Server-side authentication."""
        return {"X-App-Id": self.app_id, "X-App-Token": self.app_token}


@dataclass
class RunningServer:
    """One `vouchsafe serve` (or `demo`) with everything that it starts."""

    data_dir: Path
    workers: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    """0 until started for the first time; a restart takes the same port again."""
    verb: str = "serve"
    code: Path = ROOT
    """Where the program lies: this repository, or an older version of it."""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data_dir / "serve.log"

    def variables(self) -> dict[str, str]:
        """The environment of the server and of commands beside it: nothing of the caller's own
        configuration.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VOUCHSAFE_")}
        return {**inherited, "VOUCHSAFE_DATA_DIR": str(self.data_dir), **self.environment}

    def start(self) -> "RunningServer":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *VOUCHSAFE,
                    self.verb,
                    "--host",
                    "127.0.0.1",
                    "--port",
                    str(self.port),
                    "--workers",
                    str(self.workers),
                    "--data-dir",
                    str(self.data_dir),
                ],
                cwd=self.code,
                env=self.variables(),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        try:
            self.wait_ready()
        except AssertionError:
            self.stop()
            raise
        return self

    def wait_ready(self) -> None:
        """Until /readyz says so.

        Raises: AssertionError with the end of the log when the server stops or takes longer than
        START_SECONDS_MAX.
        """
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.log_tail()}")
            status = self.status()
            if status is not None and self.process is not None and status["pid"] == self.process.pid:
                self.port = status["port"]
                try:
                    if httpx.get(f"{self.base_url}/readyz", timeout=30).status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
            time.sleep(0.05)
        raise AssertionError(f"not ready after {START_SECONDS_MAX} s:\n{self.log_tail()}")

    def status(self) -> dict[str, Any] | None:
        """What serve writes about its processes: pid, host, port, web (pids), background (pid)."""
        try:
            return dict(json.loads((self.data_dir / "serve.json").read_text()))
        except (FileNotFoundError, ValueError):
            return None

    def log_tail(self, characters: int = 6000) -> str:
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else "(no log)"

    def command(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """`vouchsafe <arguments>` beside the running server."""
        finished = subprocess.run(
            [*VOUCHSAFE, *arguments],
            cwd=self.code,
            env=self.variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or finished.returncode == 0, f"{arguments}: {finished.stdout}\n{finished.stderr}"
        return finished

    def create_project(self, name: str, **options: Any) -> Project:
        """What `vouchsafe keys create` does, without the second that a process takes to start.

        options: those of app.projects.create_project.
        """
        return self._beside(lambda core, db: _create_project(core, db, name, options))

    def assert_ledger_agrees(self, *projects: Project) -> None:
        """P5: Redis, counters and postings say the same, and the ledger agrees with itself. What `vouchsafe
        ledger reconcile` and `verify` find, for these projects alone, as soon as the core can be asked.
        """
        problems = self._beside(lambda core, db: _problems(core, db, projects))
        assert problems == [], problems

    def _beside(self, work: Callable[[RedemptionCore, Database], Awaitable[T]]) -> T:
        """Work on the server's own core and database, from another process than its own."""
        status = self.status()
        assert status is not None, "the server must run"
        database = f"sqlite:///{self.data_dir / 'vouchsafe.db'}"
        urls = status["redis_url"], self.variables().get("VOUCHSAFE_DATABASE_URL", database)
        # A loop in a thread of its own: the caller may be inside one.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, _with_core(*urls, work)).result()

    def client(self, project: Project, *, patient: bool = True, **options: Any) -> httpx.Client:
        """Server-side requests of that project; the caller closes it. A patient one reads again on 503.
        Every answer is held to the OpenAPI document.
        """
        if patient:
            options.setdefault("transport", PatientTransport())
        if self.code == ROOT:
            options.setdefault("event_hooks", {"response": [checked]})
        return httpx.Client(base_url=self.base_url, headers=project.headers, timeout=60, **options)

    def async_client(self, project: Project, **options: Any) -> httpx.AsyncClient:
        """The same from a loop."""
        if self.code == ROOT:
            options.setdefault("event_hooks", {"response": [checked_async]})
        return httpx.AsyncClient(base_url=self.base_url, headers=project.headers, timeout=60, **options)

    def stop(self) -> None:
        """SIGTERM, and wait for everything to end in order."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"serve did not stop:\n{self.log_tail()}") from None
        self.process = None

    def kill(self) -> None:
        """kill -9 of the parent alone, as an out-of-memory killer does it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None


async def _with_core(
    redis_url: str, database_url: str, work: Callable[[RedemptionCore, Database], Awaitable[T]]
) -> T:
    core, db = RedemptionCore(redis_url), Database(database_url)
    await core.start()
    try:
        return await work(core, db)
    finally:
        await core.close()
        await db.close()


async def _problems(core: RedemptionCore, db: Database, projects: Sequence[Project]) -> list[str]:
    found: list[str] = []
    for project in projects:
        partition = Partition(project.project_id)
        found += (await _reconciled(core, db, partition)).differences
        verified = await verify(db, partition)
        assert verified is not None
        found += verified.problems
    return found


async def _reconciled(core: RedemptionCore, db: Database, partition: Partition) -> Reconciled:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            return await reconcile(core, db, partition)
        except CoreUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


async def _create_project(
    core: RedemptionCore, db: Database, name: str, options: dict[str, Any]
) -> Project:
    project = await create_project(core, db, name, **options)
    server = await create_key(db, "server", project_id=project.id)
    client = await create_key(db, "client", project_id=project.id)
    management = await create_key(db, "management", project_id=None, name=name)
    return Project(
        name, project.id, server.id, server.token, client.id, client.token, management.id, management.token
    )


def run(arguments: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    """A command in the root of the repository, its output captured."""
    return subprocess.run(list(arguments), cwd=ROOT, capture_output=True, text=True, check=False, **options)
