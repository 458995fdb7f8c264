"""Named places at which a test may kill the process (issue C: each line of core 3.3 and 3.4). Without the variable: nothing."""

import os
import signal
from typing import Final

_ARMED: Final = os.environ.get("VOUCHSAFE_CRASH_POINT", "")
"""`<name>` dies at the first pass, `<name>:<n>` at the n-th."""

_name, _, _pass = _ARMED.partition(":")
_remaining = int(_pass or 1)


def crash_point(name: str) -> None:
    """Die here by SIGKILL, as a machine that lost its power would, when VOUCHSAFE_CRASH_POINT names this place."""
    global _remaining
    if name != _name:
        return
    _remaining -= 1
    if _remaining <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
