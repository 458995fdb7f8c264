"""One server process: started here, or found alive after this program was killed.

The server inherits an open, locked file. The kernel keeps that lock exactly as long as the server (or a
child that rewrites its file) lives, whatever becomes of the supervisor: a lock that is free proves that no
server is left on the directory, and one that is taken that there is one, even if it does not answer.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.embedded.binary import EmbeddedServerError
from app.embedded.places import Places

POLL_SECONDS = 0.02
ANSWER_SECONDS = 2.0
LEFTOVER_SECONDS = 10.0
LOG_TAIL_BYTES = 2000


class ServerState(msgspec.Struct):
    """What is remembered of the running server: which process it is, to others and to itself."""

    pid: int
    run_id: str


class ServerProcess:
    """The server on one data directory. `own` is None for one that was adopted."""

    def __init__(self, places: Places, own: subprocess.Popen[bytes] | None) -> None:
        self._places = places
        self._own = own
        self.state = ServerState(pid=own.pid if own else 0, run_id="")

    @property
    def adopted(self) -> bool:
        return self._own is None

    @classmethod
    def adopt(cls, places: Places, ready_seconds: float) -> "ServerProcess | None":
        """The live server of this directory, or None when there is none.

        Raises: EmbeddedServerError for one that is alive and does not answer.
        """
        if not _free(places.server_lock):
            process = cls(places, None)
            try:
                process.wait_ready(ready_seconds, LEFTOVER_SECONDS)
            except EmbeddedServerError as error:
                if _free(places.server_lock):
                    return None
                raise EmbeddedServerError(
                    f"a server (process {_remembered_pid(places)}) is alive on {places.directory} and does"
                    " not answer; end it first, for two servers would destroy each other's file"
                ) from error
            return process
        return None

    @classmethod
    def launch(cls, places: Places, binary: str) -> "ServerProcess":
        """Start the server; the caller waits until it is ready."""
        places.socket.unlink(missing_ok=True)
        with places.server_lock.open("w") as lock, places.log.open("ab") as log:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A session of its own: an interrupt typed into the terminal is for the parent, which ends the
            # server last.
            own = subprocess.Popen(
                [binary, str(places.configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock.fileno(),),
                start_new_session=True,
            )
        return cls(places, own)

    def alive(self) -> bool:
        """A server of one's own that ended takes what it forked along, so the directory is free again."""
        if self._own is None:
            return not _free(self._places.server_lock)
        if self._own.returncode is not None:
            return False
        if os.waitid(os.P_PID, self._own.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return True
        # Not yet reaped, so its number is still its own and that of its group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._own.pid, signal.SIGKILL)
        self._own.wait()
        return False

    def wait_ready(self, seconds: float, silent_seconds: float) -> None:
        """Until the server answers and has loaded its file; remembers which process answered.

        seconds: for loading. silent_seconds: without any answer, not even that it is loading.
        Raises: EmbeddedServerError when it ended, or is not ready in time.
        """
        started = heard = time.monotonic()
        with _client(self._places) as client:
            while True:
                if not self.alive():
                    raise EmbeddedServerError(f"the server ended:\n{log_tail(self._places.log)}")
                try:
                    client.ping()
                    self._remember(client)
                    return
                except redis.BusyLoadingError:
                    heard = time.monotonic()
                except (redis.ConnectionError, redis.TimeoutError) as error:
                    if time.monotonic() - heard > silent_seconds:
                        raise EmbeddedServerError(f"the server does not answer: {error}") from error
                if time.monotonic() - started > seconds:
                    raise EmbeddedServerError("the server is still loading its file")
                time.sleep(POLL_SECONDS)

    def end(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL when it takes too long. Everything acknowledged is on disk either way."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.alive():
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.state.pid, number)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                if not self.alive():
                    return
                time.sleep(POLL_SECONDS)

    def _remember(self, client: redis.Redis) -> None:
        server = client.info("server")
        directory = client.config_get("dir")["dir"]
        if Path(str(directory)).resolve() != self._places.directory:
            raise EmbeddedServerError(f"the server on {self._places.socket} keeps its data in {directory}")
        self.state = ServerState(pid=int(server["process_id"]), run_id=str(server["run_id"]))
        written = self._places.state.with_suffix(".new")
        written.write_bytes(msgspec.json.encode(self.state))
        written.replace(self._places.state)


def _client(places: Places) -> redis.Redis:
    return redis.Redis(
        unix_socket_path=str(places.socket), socket_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0)
    )


def _free(lock: Path) -> bool:
    """Whether nobody holds the lock. It is given back at once."""
    try:
        with lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remembered_pid(places: Places) -> int:
    try:
        return msgspec.json.decode(places.state.read_bytes(), type=ServerState).pid
    except (OSError, msgspec.MsgspecError):
        return 0


def log_tail(log: Path) -> str:
    """The end of the server's log, for the message that says why it is not there."""
    try:
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
    except OSError:
        return "(no log)"
