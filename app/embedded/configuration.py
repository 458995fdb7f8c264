"""How the embedded server is set: nothing is acknowledged before it is synced, nothing is ever evicted."""

import os
from pathlib import Path

from app.embedded.places import Places

MEMORY_SHARE = 2
"""By default the server may use one part in so many of the machine's memory."""

ACCESS = (
    "user default on nopass ~* &* +@all -@dangerous"
    " +info +config|get +client +role +latency +slowlog +bgrewriteaof +keys +flushall +flushdb\n"
)
"""Whoever reaches the socket could read the files too; this keeps a slip of the hand from turning the server
into a replica, changing its settings or stopping it.
"""


def configuration(places: Places, maxmemory_bytes: int) -> str:
    """The text of the configuration file. Records of codes are longer than the 64 bytes up to which a hash is
    packed by default; packed, each takes a third less memory (`make bench-memory`).
    """
    return f"""\
port 0
unixsocket {_quoted(places.socket)}
unixsocketperm 700
dir {_quoted(places.directory)}
logfile {_quoted(places.log)}
aclfile {_quoted(places.access)}
daemonize no
save ""
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
aof-load-truncated yes
auto-aof-rewrite-min-size 256mb
maxmemory {maxmemory_bytes}
maxmemory-policy noeviction
io-threads 1
hash-max-listpack-value 512
latency-monitor-threshold 20
"""


def default_memory_bytes() -> int:
    """Half of what this machine, or the container around this process, has."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists():
        text = limit.read_text().strip()
        if text.isdecimal():
            memory = min(memory, int(text))
    return memory // MEMORY_SHARE


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
