"""Where the embedded server's files are, and a private place for its socket whose path is short enough."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from app.embedded.binary import EmbeddedServerError

SOCKET_PATH_BYTES_MAX = 103
"""sun_path has 108 bytes on Linux and 104 on macOS, one of them for the end."""


class Places:
    """Paths under one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.directory = data_dir.expanduser().resolve() / "valkey"
        self.lock = self.directory / "supervisor.lock"
        self.server_lock = self.directory / "server.lock"
        self.configuration = self.directory / "valkey.conf"
        self.access = self.directory / "users.acl"
        self.log = self.directory / "valkey.log"
        self.state = self.directory / "server.json"
        own = self.directory / "run" / "valkey.sock"
        self.socket = own if len(os.fsencode(own)) <= SOCKET_PATH_BYTES_MAX else self._short()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def prepare(self) -> None:
        """Make the directories, readable by this user alone."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        run = self.socket.parent
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = run.lstat()
        # In a shared temporary directory somebody else may have made it first, to listen in our place.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise EmbeddedServerError(
                f"{run} belongs to somebody else; remove it or choose a shorter data directory"
            )
        run.chmod(0o700)

    def _short(self) -> Path:
        """The same for every process that serves this data directory, so a live server is found again."""
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        base = Path(runtime) if runtime and os.access(runtime, os.W_OK) else Path(tempfile.gettempdir())
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        socket = base / f"vouchsafe-{os.getuid()}-{digest}" / "valkey.sock"
        if len(os.fsencode(socket)) > SOCKET_PATH_BYTES_MAX:
            socket = Path("/tmp") / socket.parent.name / socket.name  # noqa: S108 - owner and mode are checked
        return socket
