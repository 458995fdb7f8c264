"""Which request a line of the log belongs to. Setting it costs a request next to nothing: what a line needs
is worked out when there is a line.
"""

import re
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

_TRACE: Final = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")
"""W3C traceparent: version, trace, parent, flags."""


REQUEST: Final[ContextVar[tuple[str, Mapping[str, str]] | None]] = ContextVar("request", default=None)
"""The id and the headers (lower-case names) of the request that this task answers."""


def trace_of(headers: Mapping[str, str]) -> dict[str, str]:
    """trace_id and span_id of a caller that sends a traceparent; empty for none, or for a wrong one."""
    found = _TRACE.fullmatch(headers.get("traceparent", ""))
    if found is None or found["trace"] == "0" * 32 or found["span"] == "0" * 16:
        return {}
    return {"trace_id": found["trace"], "span_id": found["span"]}


def add_request(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog's processor: the request's id and trace, unless the line names others."""
    current = REQUEST.get()
    if current is not None:
        request_id, headers = current
        line.setdefault("request_id", request_id)
        for name, value in trace_of(headers).items():
            line.setdefault(name, value)
    return line
