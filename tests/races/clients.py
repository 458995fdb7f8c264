"""Many clients at once: processes of coroutines that fire requests over kept connections and write down every
answer.
"""

import asyncio
import json
import multiprocessing
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

REQUEST_SECONDS_MAX = 60.0


@dataclass
class Deed:
    """One request to send. `name` groups answers; times are seconds of one machine's clock."""

    name: str
    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    name: str
    status: int
    body: Any


def fire(
    base_url: str, headers: Mapping[str, str], shares: Sequence[Sequence[Sequence[Deed]]]
) -> list[Answer]:
    """shares[process][client] is a list of deeds sent one after another. All clients start together."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(shares))
    queue: Any = context.Queue()
    processes = [
        context.Process(target=_run, args=(base_url, dict(headers), share, barrier, queue))
        for share in shares
    ]
    for process in processes:
        process.start()
    answers: list[Answer] = []
    for _ in processes:
        answers.extend(Answer(**entry) for entry in json.loads(queue.get(timeout=300)))
    for process in processes:
        process.join()
    return answers


def _run(
    base_url: str, headers: dict[str, str], share: Sequence[Sequence[Deed]], barrier: Any, queue: Any
) -> None:
    queue.put(json.dumps(asyncio.run(_clients(base_url, headers, share, barrier))))


async def _clients(
    base_url: str, headers: dict[str, str], share: Sequence[Sequence[Deed]], barrier: Any
) -> list[dict[str, Any]]:
    limits = httpx.Limits(max_connections=len(share), max_keepalive_connections=len(share))
    answers: list[dict[str, Any]] = []
    async with httpx.AsyncClient(
        base_url=base_url, headers=headers, limits=limits, timeout=REQUEST_SECONDS_MAX
    ) as client:
        await asyncio.to_thread(barrier.wait)
        await asyncio.gather(*(_client(client, deeds, answers) for deeds in share))
    return answers


async def _client(client: httpx.AsyncClient, deeds: Sequence[Deed], answers: list[dict[str, Any]]) -> None:
    for deed in deeds:
        try:
            response = await client.request(
                deed.method, deed.path, json=deed.body, headers=dict(deed.headers)
            )
        except httpx.HTTPError as error:
            answers.append({"name": deed.name, "status": 0, "body": repr(error)})
            continue
        body = response.json() if response.content else None
        answers.append({"name": deed.name, "status": response.status_code, "body": body})


def spread(clients: Sequence[Sequence[Deed]], processes: int, seed: int) -> list[list[Sequence[Deed]]]:
    """Clients shuffled by the seed and dealt to processes."""
    shuffled = list(clients)
    random.Random(seed).shuffle(shuffled)
    return [shuffled[number::processes] for number in range(processes)]
