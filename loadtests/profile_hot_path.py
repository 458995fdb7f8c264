"""`make profile`: where the microseconds of a validation or a redemption go.

The application runs in this process and is called as the HTTP server calls it, by 64 clients at once, on a
real Valkey that syncs before it answers; the background process runs beside it as always. A timer of
processor time (SIGPROF) samples the stack. Printed are microseconds of this process for each request: of a
function itself, and with all that it calls; and Valkey's commands for each request with what they take
there.

Clients of this process cost some microseconds too (`profile_hot_path.py` in the tables); HTTP parsing and
sockets are not in it. Every sample costs time: compare shares, take sums from `make bench`.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import redis
import uvloop

from app.asgi import create_app
from app.settings import load_settings
from loadtests.bench_cases import CASES, Load
from loadtests.machine import cpu_seconds
from loadtests.stage import Setting, Stage, engine

CLIENTS = 64
SAMPLE_SECONDS = 0.001
WARM_SECONDS = 3.0
SHUTDOWN_SECONDS_MAX = 20.0
SHOWN_MICROSECONDS_MIN = 0.01


class Samples:
    """Stacks at the ticks of processor time."""

    def __init__(self) -> None:
        self.total = 0
        self.own: Counter[str] = Counter()
        self.inclusive: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()

    def take(self, _: int, frame: FrameType | None) -> None:
        self.total += 1
        if frame is None:
            return
        self.own[_name(frame)] += 1
        self.lines[f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"] += 1
        names = set()
        at: FrameType | None = frame
        while at is not None:
            names.add(_name(at))
            at = at.f_back
        self.inclusive.update(names)

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self.take)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)


def _name(frame: FrameType) -> str:
    code = frame.f_code
    return f"{Path(code.co_filename).name}:{code.co_qualname}"


class Clients:
    """Some at once, each asks again when it is answered."""

    def __init__(self, app: Any, load: Load) -> None:
        self.app = app
        self.bodies = [json.dumps(body, separators=(",", ":")).encode() for body in load.bodies]
        headers = {"host": "profile", "content-type": "application/json", **load.project.headers}
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self.path = load.path
        self.refused = load.refused
        self.answered = 0
        self.wrong = 0
        self.stopping = False

    async def run(self, first: int) -> None:
        position = first
        while not self.stopping:
            await self._ask(self.bodies[position % len(self.bodies)])
            position += CLIENTS
            self.answered += 1

    async def _ask(self, body: bytes) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.wrong += (message["status"] < 400) == self.refused

        await self.app(self._scope(body), receive, send)

    def _scope(self, body: bytes) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "headers": [*self.headers, (b"content-length", str(len(body)).encode())],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "scheme": "http",
            "root_path": "",
            "state": {},
        }


@asynccontextmanager
async def started(app: Any) -> AsyncIterator[None]:
    """The application's lifespan."""
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    begun = asyncio.Event()

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "lifespan.startup.failed":
            raise SystemExit(message.get("message"))
        begun.set()

    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    life = asyncio.create_task(app(scope, inbox.get, send))
    await inbox.put({"type": "lifespan.startup"})
    await begun.wait()
    try:
        yield
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(life, SHUTDOWN_SECONDS_MAX)


async def profiled(stage: Stage, load: Load, options: argparse.Namespace) -> None:
    places = {
        "VOUCHSAFE_REDIS_URL": f"unix://{stage.socket}",
        "VOUCHSAFE_DATABASE_URL": stage.database_url,
    }
    app = create_app(load_settings({**stage.server.variables(), **places}))
    samples = Samples()
    async with started(app):
        clients = Clients(app, load)
        tasks = [asyncio.create_task(clients.run(number)) for number in range(CLIENTS)]
        await asyncio.sleep(options.warm_seconds)
        gc.freeze()
        with redis.Redis(unix_socket_path=stage.socket) as valkey:
            stats = commands_of(valkey)
            answered, clock = clients.answered, time.monotonic()
            own, at_valkey = time.process_time(), cpu_seconds([stage.valkey_pid])
            samples.start()
            await asyncio.sleep(options.seconds)
            samples.stop()
            answered, clock = clients.answered - answered, time.monotonic() - clock
            own, at_valkey = time.process_time() - own, cpu_seconds([stage.valkey_pid]) - at_valkey
            commands = {
                name: (calls - stats.get(name, (0, 0))[0], spent - stats.get(name, (0, 0))[1])
                for name, (calls, spent) in commands_of(valkey).items()
            }
        clients.stopping = True
        await asyncio.gather(*tasks)
        gc.unfreeze()
    if not answered:
        raise SystemExit("nothing was answered within the time")
    print(
        f"{load.path}: {answered} answers, {answered / clock:.0f} a second, {clients.wrong} wrong;"
        f" this process {own / answered * 1e6:.1f} us each, Valkey {at_valkey / answered * 1e6:.1f} us"
    )
    _print_commands(commands, answered)
    _print_samples(samples, own / answered * 1e6, options.top)
    if clients.wrong:
        raise SystemExit("void: answers of another kind were measured")


def commands_of(valkey: redis.Redis) -> dict[str, tuple[int, int]]:
    """Since the server was started: calls, and microseconds within Valkey."""
    told: dict[str, Any] = valkey.info("commandstats")  # type: ignore[assignment]
    prefix = "cmdstat_"
    return {name.removeprefix(prefix): (one["calls"], one["usec"]) for name, one in told.items()}


def _print_commands(commands: dict[str, tuple[int, int]], answered: int) -> None:
    print("Valkey: commands for each request (those of the background process are among them)")
    for name, (calls, spent) in sorted(commands.items(), key=lambda pair: -pair[1][1]):
        if calls and spent / answered >= SHOWN_MICROSECONDS_MIN:
            each = f"{calls / answered:7.2f} calls of {spent / calls:.2f} us"
            print(f"{spent / answered:9.2f} us  {each}  {name}")


def _print_samples(samples: Samples, microseconds: float, top: int) -> None:
    tables = (
        ("with what it calls", samples.inclusive),
        ("itself", samples.own),
        ("lines", samples.lines),
    )
    for title, found in tables:
        print(f"microseconds for each request: {title}")
        for name, count in found.most_common(top):
            print(f"{count / max(1, samples.total) * microseconds:9.1f} us  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make profile", description=__doc__)
    parser.add_argument("row", nargs="?", default="redeem", choices=CASES)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warm-seconds", type=float, default=WARM_SECONDS)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--top", type=int, default=40, help="lines of each table")
    parser.add_argument("--setting", type=Setting.parse, default=Setting(), help="such as postgres-1-ledger")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vb-") as folder, engine(options.setting, Path(folder)) as stage:
        load = CASES[options.row].prepare(stage, options.customers)
        uvloop.run(profiled(stage, load, options))


if __name__ == "__main__":
    sys.exit(main())
