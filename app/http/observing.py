"""What is noted of every answer: sums for /metrics, and a line in the log where the settings ask for one."""

import asyncio
from time import perf_counter
from typing import Final

import structlog

from app.http.errors import ApiError
from app.http.measures import Measures
from app.http.principal import Principal
from app.http.routing import Route

FLUSH_SECONDS: Final = 1.0
_LOGGED_FROM: Final = {"none": 1000, "failed": 400, "all": 0}
"""Status from which on an answer leaves a line."""

log = structlog.get_logger("vouchsafe.requests")


class Observer:
    """One per process. `start` inside the event loop."""

    def __init__(self, request_log: str) -> None:
        self.measures = Measures()
        self._logged_from = _LOGGED_FROM[request_log]
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.measures.flush()
        self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.start)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.measures.flush()

    def answered(
        self,
        method: str,
        route: Route | None,
        status: int,
        began: float,
        error: ApiError | None,
        principal: Principal,
    ) -> None:
        """After the answer was handed over. began: perf_counter() when the request's head had come."""
        seconds = perf_counter() - began
        self.measures.note(route, status, seconds)
        if error is not None:
            self.measures.note_error(error.key, status)
        if status >= self._logged_from:
            log.info(
                "answered",
                method=method,
                route=route.path if route is not None else None,
                status=status,
                milliseconds=round(seconds * 1000, 2),
                project=principal.project_id,
                key_id=principal.key_id,
                error=error.key if error is not None else None,
            )
