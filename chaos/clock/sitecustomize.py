"""Moves the clock of every Python process that starts with this folder on its path (F9).

CHAOS_CLOCK_FILE names a file of clocks, separated by blanks; a process takes the one at the remainder of its
pid. A clock is `<offset>:<drift>`: seconds it is ahead since the file was written, and seconds that it gains
in each second from then on. Monotonic clocks go on as they are, as they do when somebody sets a machine's.
"""

import datetime as dt
import os
import time
from typing import Any

READ_SECONDS = 0.2
_true_time, _true_time_ns, _true = time.time, time.time_ns, dt.datetime
_state: dict[str, Any] = {"read": -READ_SECONDS, "told": "", "since": 0.0, "offset": 0.0, "drift": 0.0}


def _offset() -> float:
    now = time.monotonic()
    if now - _state["read"] >= READ_SECONDS:
        _state["read"] = now
        try:
            with open(os.environ["CHAOS_CLOCK_FILE"]) as file:  # noqa: PTH123  imported by every start
                told = file.read()
        except (OSError, KeyError):
            told = ""
        if told != _state["told"]:
            _state.update(told=told, since=now)
            clocks = told.split() or ["0:0"]
            offset, _, drift = clocks[os.getpid() % len(clocks)].partition(":")
            _state.update(offset=float(offset), drift=float(drift or 0))
    return float(_state["offset"] + (now - _state["since"]) * _state["drift"])


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
