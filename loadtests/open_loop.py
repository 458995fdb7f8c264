"""An open-loop client: requests leave when they are due, however long the answers before them take.

A closed loop (wrk) waits for an answer before it sends again, so a server that stalls is asked less and its
queue is never seen. Here arrivals are random (Poisson), several processes share the rate, and a latency
counts from the instant at which the request was due; only what the client itself came late (its timer has
milliseconds) is taken off and told apart.
"""

import asyncio
import multiprocessing
import random
import time
from array import array
from collections import Counter, deque
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httptools
import uvloop

CONNECTIONS_MAX = 32
"""Of one process; when all wait for an answer, what is due waits too, and that counts. Two processes have as
many as the closed loop: the floor's own pool has no more.
"""
CONNECTIONS = 8
"""Of one process from the start; more are opened as they are needed."""
HEAD_START_SECONDS = 0.2
"""Between all processes being connected and the first request."""
REST_SECONDS_MAX = 10.0
"""For answers after the last request was due; what is missing then is counted as broken."""


class Target(NamedTuple):
    url: str
    path: str
    headers: dict[str, str]
    bodies: Path
    """One JSON body a line."""


class Share(NamedTuple):
    """What one process saw. Seconds."""

    latencies: "array[float]"
    late: "array[float]"
    """How long after it was due a request left though a connection was free."""
    statuses: dict[int, int]
    broken: int
    processor_seconds: float


class Lane(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, sender: "Sender") -> None:
        self.sender = sender
        self.transport: Any = None
        self.parser = httptools.HttpResponseParser(self)
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        status, keep = self.parser.get_status_code(), self.parser.should_keep_alive()
        self.parser = httptools.HttpResponseParser(self)
        due, self.due = self.due, 0.0
        self.sender.answered(self, due, status, keep=keep)

    def connection_lost(self, exc: Exception | None) -> None:
        self.sender.lost(self, broken=self.due > 0)


class Sender:
    """The requests of one process, `rate` a second for `seconds`."""

    def __init__(self, target: Target, rate: float, seconds: float, seed: int) -> None:
        parts = urlsplit(target.url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        head = [f"POST {target.path} HTTP/1.1", f"Host: {self.host}", "Content-Type: application/json"]
        head += [f"{name}: {value}" for name, value in target.headers.items()]
        self.requests = []
        for body in target.bodies.read_bytes().splitlines():
            lines = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""])
            self.requests.append(lines.encode() + body)
        chance = random.Random(seed)
        self.next_one = chance.randrange(len(self.requests))
        self.due: list[float] = []
        at = chance.expovariate(rate)
        while at < seconds:
            self.due.append(at)
            at += chance.expovariate(rate)
        self.position = 0
        self.idle: deque[Lane] = deque()
        self.lanes = 0
        self.waiting: deque[float] = deque()
        self.latencies, self.late = array("d"), array("d")
        self.statuses: Counter[int] = Counter()
        self.broken = 0
        self.finished = asyncio.Event()
        self.opening: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        """Before anything is due. Raises: OSError when nobody listens."""
        await asyncio.gather(*(self._open() for _ in range(CONNECTIONS)))
        if not self.idle:
            raise ConnectionRefusedError(f"{self.host}:{self.port}")

    async def run(self, begin: float) -> Share:
        """begin: monotonic seconds, which all processes of a machine share."""
        began = time.process_time()
        loop = asyncio.get_running_loop()
        self.due = [begin + after for after in self.due]
        loop.call_at(self.due[0] if self.due else loop.time(), self._send_due)
        last = self.due[-1] if self.due else loop.time()
        try:
            await asyncio.wait_for(self.finished.wait(), max(0.0, last - loop.time()) + REST_SECONDS_MAX)
        except TimeoutError:
            self.broken = len(self.due) - len(self.latencies)
        for lane in self.idle:
            lane.transport.close()
        spent = time.process_time() - began
        return Share(self.latencies, self.late, dict(self.statuses), self.broken, spent)

    def _send_due(self) -> None:
        loop = asyncio.get_running_loop()
        now = time.monotonic()  # The loop's own clock stands still within a turn.
        while self.position < len(self.due) and self.due[self.position] <= now:
            due = self.due[self.position]
            self.position += 1
            if self.idle:
                self.late.append(now - due)
                self._give(self.idle.popleft(), now)
            else:
                self.waiting.append(due)
                if self.lanes < CONNECTIONS_MAX:
                    self.lanes += 1  # Counted before it is open, so that no more are opened than allowed.
                    task = asyncio.ensure_future(self._open(counted=True))
                    self.opening.add(task)
                    task.add_done_callback(self.opening.discard)
        if self.position < len(self.due):
            loop.call_at(self.due[self.position], self._send_due)
        self._look_whether_done()

    def _give(self, lane: Lane, due: float) -> None:
        self.next_one = (self.next_one + 1) % len(self.requests)
        lane.send(self.requests[self.next_one], due)

    def answered(self, lane: Lane, due: float, status: int, *, keep: bool) -> None:
        self.latencies.append(time.monotonic() - due)
        self.statuses[status] += 1
        if not keep:
            lane.transport.close()
        elif self.waiting:
            self._give(lane, self.waiting.popleft())
        else:
            self.idle.append(lane)
        self._look_whether_done()

    def lost(self, lane: Lane, *, broken: bool) -> None:
        self.lanes -= 1
        self.broken += broken
        if lane in self.idle:
            self.idle.remove(lane)
        self._look_whether_done()

    async def _open(self, *, counted: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.lanes += not counted
        try:
            _, lane = await loop.create_connection(lambda: Lane(self), self.host, self.port)
        except OSError:
            self.lanes -= 1
            return
        if self.waiting:
            self._give(lane, self.waiting.popleft())
        else:
            self.idle.append(lane)

    def _look_whether_done(self) -> None:
        if self.position == len(self.due) and len(self.latencies) + self.broken >= len(self.due):
            self.finished.set()


def _serve_share(pipe: Connection, target: Target, rate: float, seconds: float, seed: int) -> None:
    """Of one process: connect, say so, be told when to begin, give back what was seen."""

    async def work() -> Share:
        sender = Sender(target, rate, seconds, seed)
        await sender.connect()
        pipe.send(None)
        return await sender.run(pipe.recv())

    pipe.send(uvloop.run(work()))


def open_loop(target: Target, rate: float, seconds: float, processes: int = 2) -> dict[str, Any]:
    """Send `rate` requests a second for so long. Gives requests, statuses, broken, and milliseconds: p50_ms,
    p95_ms, p99_ms, max_ms from the instant a request was due, client_late_p99_ms of the client itself.
    """
    context = multiprocessing.get_context("spawn")
    pipes, children = [], []
    for seed in range(processes):
        ours, theirs = context.Pipe()
        arguments = (theirs, target, rate / processes, seconds, seed)
        children.append(context.Process(target=_serve_share, args=arguments, daemon=True))
        pipes.append(ours)
        children[-1].start()
        theirs.close()
    for pipe in pipes:
        pipe.recv()
    begin = time.monotonic() + HEAD_START_SECONDS
    for pipe in pipes:
        pipe.send(begin)
    shares: list[Share] = [pipe.recv() for pipe in pipes]
    for child in children:
        child.join()
    latencies = sorted(value for share in shares for value in share.latencies)
    late = sorted(value for share in shares for value in share.late)
    statuses: Counter[int] = Counter()
    for share in shares:
        statuses.update(share.statuses)
    spent = sum(share.processor_seconds for share in shares)
    return {
        "rate": round(rate, 1),
        "requests": len(latencies),
        "p50_ms": quantile_ms(latencies, 0.50),
        "p95_ms": quantile_ms(latencies, 0.95),
        "p99_ms": quantile_ms(latencies, 0.99),
        "max_ms": quantile_ms(latencies, 1.0),
        "client_late_p99_ms": quantile_ms(late, 0.99),
        "client_cpu_us": round(spent / max(1, len(latencies)) * 1e6, 1),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "broken": sum(share.broken for share in shares),
    }


def quantile_ms(ordered: list[float], share: float) -> float:
    """Of ordered seconds, in milliseconds; 0 without any."""
    if not ordered:
        return 0.0
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 3)
