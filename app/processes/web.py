"""One web worker: uvicorn on the inherited socket. Run by the parent as `python -m app.processes.web LISTEN
LIFELINE`, with READY as the last argument.
"""

import asyncio
import gc
import socket
import sys

import uvicorn
from litestar import Litestar

from app.asgi import begin_closing, create_app
from app.processes.child import EXIT_CONFIGURATION, REPLACED, tell_ready
from app.processes.lifeline import when_parent_ends
from app.processes.logs import set_up_logs
from app.processes.protocol import GatheringProtocol
from app.processes.vitals import Vitals
from app.settings import SettingsError, load_settings

DRAIN_SECONDS_MAX = 10
"""How long requests in flight may take after SIGTERM. The longest wait that a request may have is the
barrier's 2 s."""
KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s after which common load balancers give an idle connection up, so that they close
first."""


UNUSED = ("pydantic",)
"""Litestar loads it wherever something else has installed it: 8 MB of every worker for nothing."""

GENTLE_SECONDS = 5.0
"""How long idle connections are kept for one more request when this worker is replaced."""
GENTLE_LOOK_SECONDS = 0.05


class Worker(uvicorn.Server):
    """uvicorn's server, which also ends with its parent and keeps the collector away from what lives for
    ever.
    """

    def __init__(
        self, application: Litestar, config: uvicorn.Config, lifeline: int, request_seconds_max: int
    ) -> None:
        super().__init__(config)
        self._application = application
        self._lifeline = lifeline
        self._request_seconds_max = request_seconds_max
        self._gentle = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        when_parent_ends(self._lifeline, self._end)
        # Everything imported and compiled so far stays; walking it at each collection is the tail of the
        # latency.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        self._give_up_slow_clients()
        Vitals("web").start()
        asyncio.get_running_loop().add_signal_handler(REPLACED, self._end_gently)
        tell_ready(sys.argv)

    def _end_gently(self) -> None:
        """Another worker has taken over: it accepts what is new, this one says good-bye."""
        self._gentle = True
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        begin_closing(self._application)
        if self._gentle:
            for server in self.servers:
                server.close()
            for one in sockets or []:
                one.close()
            loop = asyncio.get_running_loop()
            until = loop.time() + GENTLE_SECONDS
            while self.server_state.connections and loop.time() < until:
                for connection in list(self.server_state.connections):
                    if isinstance(connection, GatheringProtocol):
                        connection.last()
                await asyncio.sleep(GENTLE_LOOK_SECONDS)
        await super().shutdown(sockets)

    def _give_up_slow_clients(self) -> None:
        """Every second; a timer per request would cost every request."""
        loop = asyncio.get_running_loop()
        for connection in list(self.server_state.connections):
            if isinstance(connection, GatheringProtocol):
                connection.give_up(loop.time() - self._request_seconds_max)
        loop.call_later(1.0, self._give_up_slow_clients)

    def _end(self) -> None:
        self.should_exit = True


def main() -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    try:
        settings = load_settings()
    except SettingsError as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(EXIT_CONFIGURATION) from None
    set_up_logs(settings.log_level)
    for name in UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None: as if it were not installed
    application = create_app(settings)
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http=GatheringProtocol,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the edge itself knows whose X-Forwarded-For to trust
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
    )
    worker = Worker(application, config, int(sys.argv[2]), settings.request_seconds_max)
    worker.run(sockets=[listener])
    if not worker.started:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
