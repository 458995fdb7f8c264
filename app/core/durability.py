"""What a server proves about its own durability (D18): never report a level that is not proven."""

from typing import Any

import hiredis
from msgspec import Struct

from app.core.connection import Command

PROBES: tuple[Command, ...] = (
    ("CONFIG", "GET", "appendonly"),
    ("CONFIG", "GET", "appendfsync"),
    ("CONFIG", "GET", "no-appendfsync-on-rewrite"),
    ("CONFIG", "GET", "maxmemory-policy"),
    ("INFO", "replication"),
    ("INFO", "server"),
    ("INFO", "persistence"),
)


class Durability(Struct, frozen=True):
    """level: "journal" when an answer proves that the write is on this server's disk, and that no other
    server may take over, else "ledger": acknowledge only what is committed in SQL. reasons: why it is not
    journal. evicts: the server may drop counters when memory is short and must be refused. run_id: which
    server process said so.

    disk: those of the reasons that are the server's own. replicas: how many follow it. following: how many of
    them are in step. shares: it holds a part of the slots of a cluster.
    """

    level: str
    reasons: tuple[str, ...] = ()
    evicts: bool = False
    run_id: str = ""
    disk: tuple[str, ...] = ()
    replicas: int = 0
    following: int = 0
    shares: bool = False

    def lacks(self, replicas: int) -> tuple[str, ...]:
        """Why level `replica` with so many of them is not to be had here; empty when only a trial is left."""
        found = list(self.disk)
        if self.shares:
            found.append("in a cluster the level is ledger")
        if self.replicas != replicas:
            found.append(f"{self.replicas} replicas follow the server, VOUCHSAFE_REPLICAS says {replicas}")
        elif self.following != replicas:
            found.append(f"{self.following} of {replicas} replicas are in step with the server")
        return tuple(found)


def weakest(judged: list[Durability]) -> Durability:
    """Of several servers: what all of them prove."""
    if len(judged) == 1:
        return judged[0]
    reasons = tuple(dict.fromkeys(reason for one in judged for reason in one.reasons))
    return Durability(
        level="ledger" if reasons or not judged else "journal",
        reasons=reasons,
        evicts=any(one.evicts for one in judged),
        run_id=" ".join(one.run_id for one in judged),
        disk=tuple(dict.fromkeys(reason for one in judged for reason in one.disk)),
        shares=True,
    )


def _info(reply: Any) -> dict[str, str]:
    if not isinstance(reply, bytes):
        return {}
    lines = (line.partition(":") for line in reply.decode(errors="replace").splitlines() if ":" in line)
    return {name: value for name, _, value in lines}


def _setting(reply: Any) -> str | None:
    if isinstance(reply, hiredis.ReplyError) or not reply:
        return None
    return str(reply[1].decode())


def judge(replies: list[Any]) -> Durability:
    """The level that the answers to PROBES prove."""
    appendonly, appendfsync, on_rewrite, policy = (_setting(reply) for reply in replies[:4])
    replication, server, persistence = (_info(reply) for reply in replies[4:])
    disk = []
    if appendonly is None or appendfsync is None or on_rewrite is None:
        disk.append("the server does not show its settings (CONFIG GET is refused)")
    else:
        if appendonly != "yes":
            disk.append("appendonly is not yes")
        if appendfsync != "always":
            disk.append("appendfsync is not always")
        if on_rewrite != "no":
            disk.append("no-appendfsync-on-rewrite is not no")
    if persistence.get("aof_enabled") != "1" or persistence.get("aof_last_write_status", "ok") != "ok":
        disk.append("the append-only file is not being written")
    if replication.get("role") != "master":
        disk.append("the server is a replica")
    reasons = list(disk)
    replicas = int(replication.get("connected_slaves", "0"))
    if replicas:
        reasons.append("a replica may be promoted without the last writes")
    shares = server.get("redis_mode", server.get("server_mode")) != "standalone"
    if shares:
        reasons.append("the server may fail over to another")
    return Durability(
        level="ledger" if reasons else "journal",
        reasons=tuple(reasons),
        evicts=policy is not None and policy != "noeviction",
        run_id=server.get("run_id", ""),
        disk=tuple(disk),
        replicas=replicas,
        following=sum(
            name.startswith("slave") and "state=online" in value for name, value in replication.items()
        ),
        shares=shares,
    )
