"""Moves the clock of every Python process that starts with this folder on its path (F9).

The offset in seconds stands in the file that CHAOS_CLOCK_FILE names; processes with an odd pid take it the
other way round. Monotonic clocks go on as they are, as they do when somebody sets a machine's clock.
"""

import datetime as dt
import os
import time
from typing import Any

READ_SECONDS = 0.2
_true_time, _true_time_ns, _true = time.time, time.time_ns, dt.datetime
_state = {"read": -READ_SECONDS, "offset": 0.0}


def _offset() -> float:
    now = time.monotonic()
    if now - _state["read"] >= READ_SECONDS:
        _state["read"] = now
        try:
            with open(os.environ["CHAOS_CLOCK_FILE"]) as file:  # noqa: PTH123  imported by every start
                told = float(file.read() or 0)
        except (OSError, KeyError, ValueError):
            told = 0.0
        _state["offset"] = -told if os.getpid() % 2 else told
    return _state["offset"]


class _Meta(type):
    """Instances made anywhere are instances of the moved class too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _true)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, _true)


class _Moved(_true, metaclass=_Meta):
    """Makes plain datetimes only, so that nothing downstream meets a type it does not know."""

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        return _true(*arguments, **named)

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _true.now(tz) + dt.timedelta(seconds=_offset())

    @classmethod
    def utcnow(cls) -> Any:
        return _true.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(seconds=_offset())


_MAKERS = (
    "fromisoformat", "fromtimestamp", "utcfromtimestamp", "strptime", "combine", "fromordinal", "today",
)  # fmt: skip
for _name in _MAKERS:
    setattr(_Moved, _name, getattr(_true, _name))
if "CHAOS_CLOCK_FILE" in os.environ:
    dt.datetime = _Moved
    time.time = lambda: _true_time() + _offset()
    time.time_ns = lambda: _true_time_ns() + int(_offset() * 1e9)
