"""serve.json in the data directory: which processes serve it now. For commands, tests and people; never for
decisions.
"""

import json
import os
from pathlib import Path

from msgspec import Struct, ValidationError, convert, structs

FILE_NAME = "serve.json"


class ServeStatus(Struct, kw_only=True):
    pid: int
    """The parent."""
    host: str
    port: int
    web: list[int]
    """Process ids of the web workers that run now."""
    background: int | None
    redis_url: str
    database_url: str
    """Without a password."""
    restarts: int = -1
    """How often all children were replaced; -1: this parent cannot do it."""


def write_status(data_dir: Path, status: ServeStatus) -> None:
    """Atomically: a reader sees the old file or the new one."""
    target = data_dir / FILE_NAME
    beside = target.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(structs.asdict(status), file)
    beside.replace(target)


def remove_status(data_dir: Path) -> None:
    (data_dir / FILE_NAME).unlink(missing_ok=True)


def read_status(data_dir: Path) -> ServeStatus | None:
    """What serves the data directory; None when nothing does, or when its parent is gone."""
    try:
        status = convert(json.loads((data_dir / FILE_NAME).read_text()), ServeStatus)
        os.kill(status.pid, 0)
    except (OSError, ValueError, ValidationError):
        return None
    return status
