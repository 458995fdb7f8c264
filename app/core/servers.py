"""What the servers that decide tell of themselves, for whoever operates them. Nothing decides by it."""

from typing import Any

import hiredis
from msgspec import Struct

from app.core.address import CLUSTER, parse_place
from app.core.client import Client
from app.core.cluster import ClusterClient
from app.core.connection import Command
from app.core.outcome import CoreUnavailable
from app.core.sender import Sender

QUESTIONS: tuple[Command, ...] = (
    ("INFO", "server"),
    ("INFO", "memory"),
    ("INFO", "persistence"),
    ("CONFIG", "GET", "maxmemory-policy"),
    ("TIME",),
)


class ServerState(Struct, kw_only=True):
    """One master. Sizes in bytes; maxmemory_bytes 0: without limit."""

    version: str
    policy: str
    """maxmemory-policy; empty when the server does not show its settings."""
    used_bytes: int
    maxmemory_bytes: int
    machine_bytes: int
    appends: bool
    """Whether it writes an append-only file."""
    clock_seconds: float
    """What time it is there, since 1970."""


async def describe_servers(url: str) -> list[ServerState]:
    """Every master behind the address. Raises: CoreUnavailable."""
    make: type[Client | ClusterClient] = ClusterClient if parse_place(url).kind == CLUSTER else Client
    client = make(url, name="vouchsafe-doctor")
    await client.start()
    try:
        answers = await Sender(client, 0.0).everywhere(QUESTIONS)
    finally:
        await client.close()
    if not answers:
        raise CoreUnavailable("no server answers")
    return [_state(replies) for replies in answers if replies]


def _state(replies: list[Any]) -> ServerState:
    server, memory, persistence = (_lines(reply) for reply in replies[:3])
    policy, clock = replies[3:]
    readable = isinstance(policy, list) and len(policy) > 1
    return ServerState(
        version=server.get("valkey_version", server.get("redis_version", "")),
        policy=policy[1].decode() if readable else "",
        used_bytes=int(memory.get("used_memory", 0)),
        maxmemory_bytes=int(memory.get("maxmemory", 0)),
        machine_bytes=int(memory.get("total_system_memory", 0)),
        appends=persistence.get("aof_enabled") == "1",
        clock_seconds=0.0 if isinstance(clock, hiredis.ReplyError) else int(clock[0]) + int(clock[1]) / 1e6,
    )


def _lines(reply: Any) -> dict[str, str]:
    if not isinstance(reply, bytes):
        return {}
    lines = (line.partition(":") for line in reply.decode(errors="replace").splitlines() if ":" in line)
    return {name: value.strip() for name, _, value in lines}
