"""Named places at which a test may kill the process (core 3.3 and 3.4). Without the variable: nothing."""

import os
import signal
from typing import Final

_ARMED: Final = os.environ.get("VOUCHSAFE_CRASH_POINT", "")
"""`<name>` dies at the first pass, `<name>:<n>` at the n-th."""

_name, _, _pass = _ARMED.partition(":")
_remaining = [int(_pass or 1)]


def crash_point(name: str) -> None:
    """Die here by SIGKILL, as by a loss of power, when VOUCHSAFE_CRASH_POINT names this place."""
    if name != _name:
        return
    _remaining[0] -= 1
    if _remaining[0] <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
