"""What is counted of every request: how many per operation and status, how long they took, which errors.

A request costs a look into a dictionary and two additions; once a second the sums go to the registry that
/metrics is answered from. Labels are templates of paths and keys of errors, never what a caller sent.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Histogram

from app.http.routing import Route

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds. A warm redemption takes a few milliseconds; the longest wait that a request may have is 2 s."""
NO_ROUTE: Final = "(none)"
"""The label of requests to paths that do not exist."""
KEYS_MAX: Final = 500
"""Of distinct errors of one process; there are a few hundred. Beyond that they count as OTHER."""
OTHER: Final = "(other)"

REQUESTS: Final = Counter(
    "vouchsafe_http_requests", "Answers, by operation and status.", ["method", "route", "status"]
)
SECONDS: Final = Histogram(
    "vouchsafe_http_request_seconds",
    "From the head of a request to its answer, by operation.",
    ["method", "route"],
    buckets=BOUNDS,
)
ERRORS: Final = Counter(
    "vouchsafe_errors", "Answers that are errors, by their key and status.", ["key", "status"]
)


class _Row:
    """One operation since the last flush."""

    __slots__ = ("buckets", "method", "path", "seconds", "statuses")

    def __init__(self, route: Route | None) -> None:
        self.method = NO_ROUTE if route is None else route.method
        self.path = NO_ROUTE if route is None else route.path
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.statuses: dict[int, int] = {}


class Measures:
    """The sums of one process since the last flush."""

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {}
        self._errors: dict[tuple[str, int], int] = {}
        self._known: set[str] = set()

    def note(self, route: Route | None, status: int, seconds: float) -> None:
        """An answer. route None: there is no such path."""
        operation_id = NO_ROUTE if route is None else route.operation_id
        try:
            row = self._rows[operation_id]
        except KeyError:
            row = self._rows[operation_id] = _Row(route)
        row.buckets[bisect_left(BOUNDS, seconds)] += 1
        row.seconds += seconds
        try:
            row.statuses[status] += 1
        except KeyError:
            row.statuses[status] = 1

    def note_error(self, key: str, status: int) -> None:
        """An answer that is an error. key: "" where the contract has none."""
        if key not in self._known:
            if len(self._known) >= KEYS_MAX:
                key = OTHER
            self._known.add(key)
        self._errors[key, status] = self._errors.get((key, status), 0) + 1

    def flush(self) -> None:
        """Hand the sums over to the registry."""
        rows, self._rows = self._rows, {}
        errors, self._errors = self._errors, {}
        for row in rows.values():
            for status, count in row.statuses.items():
                REQUESTS.labels(row.method, row.path, str(status)).inc(count)
            _add(SECONDS.labels(row.method, row.path), row.buckets, row.seconds)
        for (key, status), count in errors.items():
            ERRORS.labels(key or "(none)", str(status)).inc(count)


def _add(histogram: Histogram, buckets: Iterable[int], seconds: float) -> None:
    """Many observations at once; `observe` takes one, and its time is what this module saves. The parts are
    those that `observe` itself adds to; a test compares what comes out.
    """
    histogram._sum.inc(seconds)  # noqa: SLF001 there is no public way to add many
    for bucket, count in zip(histogram._buckets, buckets, strict=True):  # noqa: SLF001 the same
        if count:
            bucket.inc(count)
