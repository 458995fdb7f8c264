"""Many clients at once: processes of coroutines that fire requests over kept connections and write down every
answer.
"""

import asyncio
import multiprocessing
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

REQUEST_SECONDS_MAX = 120.0
VOLLEY_SECONDS_MAX = 300.0
SENDINGS_MAX = 60
PAUSE_SECONDS = 0.5


@dataclass
class Deed:
    """One request to send. `name` groups answers."""

    name: str
    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    name: str
    status: int
    """0: no answer came."""
    body: Any


class Crowd:
    """Client processes that live as long as the context; each volley starts in all of them together."""

    def __init__(self, processes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._barrier: Any = context.Barrier(processes)
        self._pipes: list[Any] = []
        self._processes: list[Any] = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, self._barrier), daemon=True)
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self) -> Self:
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_: object) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            process.join(VOLLEY_SECONDS_MAX)
            process.close()
            pipe.close()

    def fire(
        self, base_url: str, headers: Mapping[str, str], clients: Sequence[Sequence[Deed]], seed: int
    ) -> list[Answer]:
        """`clients[n]` sends its deeds one after another; clients are shuffled by the seed and dealt out."""
        shuffled = list(clients)
        random.Random(seed).shuffle(shuffled)
        count = len(self._pipes)
        for number, pipe in enumerate(self._pipes):
            pipe.send((base_url, dict(headers), shuffled[number::count]))
        answers: list[Answer] = []
        for pipe in self._pipes:
            assert pipe.poll(VOLLEY_SECONDS_MAX), "a client process gave no report"
            answers.extend(pipe.recv())
        return answers


def _serve(pipe: Any, barrier: Any) -> None:
    while (volley := pipe.recv()) is not None:
        pipe.send(asyncio.run(_clients(*volley, barrier)))


async def _clients(
    base_url: str, headers: dict[str, str], share: Sequence[Sequence[Deed]], barrier: Any
) -> list[Answer]:
    limits = httpx.Limits(max_connections=len(share), max_keepalive_connections=len(share))
    answers: list[Answer] = []
    async with httpx.AsyncClient(
        base_url=base_url, headers=headers, limits=limits, timeout=REQUEST_SECONDS_MAX
    ) as client:
        await asyncio.to_thread(barrier.wait, VOLLEY_SECONDS_MAX)
        await asyncio.gather(*(_client(client, deeds, answers) for deeds in share))
    return answers


async def _definite(client: httpx.AsyncClient, deed: Deed) -> httpx.Response:
    """Sent again under its key while the answer is 503, as clients are asked to: a machine may be too busy
    for some of hundreds.
    """
    headers = {"Idempotency-Key": uuid.uuid4().hex, **deed.headers}
    for _ in range(SENDINGS_MAX):
        response = await client.request(deed.method, deed.path, json=deed.body, headers=headers)
        if response.status_code != 503:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    return response


async def _client(client: httpx.AsyncClient, deeds: Sequence[Deed], answers: list[Answer]) -> None:
    for deed in deeds:
        try:
            response = await _definite(client, deed)
        except httpx.HTTPError as error:
            answers.append(Answer(deed.name, 0, {"key": repr(error)}))
            continue
        answers.append(Answer(deed.name, response.status_code, response.json() if response.content else None))
