"""A real server per test session and binary, a partition of its own per test."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.ops import Apply, Op
from app.core.outcome import Outcome
from tests.support.valkey import Valkey, server_binaries


@pytest.fixture(scope="session", params=server_binaries(), ids=lambda path: path.rsplit("/", 1)[-1])
def valkey(request: pytest.FixtureRequest) -> Iterator[Valkey]:
    """One server for all tests of the process that neither stop nor damage it."""
    with Valkey(binary=request.param) as server:
        yield server


@pytest.fixture
def own_valkey(valkey: Valkey) -> Iterator[Valkey]:
    """A server of the same kind that the test may kill, pause and empty."""
    with Valkey(binary=valkey.binary) as server:
        yield server


async def opened(core: RedemptionCore, partition: Partition, namespace: str = "n1") -> Keys:
    """Certify an empty partition, as recovery does."""
    meta = await core.meta(partition)
    await core.certify(
        partition, expected_epoch=0, server=meta.server, epoch=1, sequence=0, namespace=namespace
    )
    return await core.open(partition)


class Bench:
    """A core with one open partition, and short ways to call it."""

    def __init__(self, core: RedemptionCore, keys: Keys, valkey: Valkey) -> None:
        self.core = core
        self.keys = keys
        self.partition = keys.partition
        self.valkey = valkey

    def call(self, *ops: Op, mode: str = "R", rid: str = "", **more: Any) -> Apply:
        more.setdefault("guards", {})
        more.setdefault("event", b"event")
        return Apply(partition=self.partition, mode=mode, rid=rid or uuid.uuid4().hex, ops=list(ops), **more)

    async def apply(self, *ops: Op, **more: Any) -> Outcome:
        return await self.core.apply(self.call(*ops, **more))

    async def command(self, *words: Any) -> Any:
        (reply,) = await self.core.read(self.partition, [words])
        return reply

    async def counter(self, key: str, field: str) -> tuple[bytes | None, bytes | None]:
        """What is stored: value and held."""
        value, held = await self.command("HMGET", key, field, f"{field}~h")
        return value, held

    async def fingerprint(self) -> list[Any]:
        """Everything that is stored for this partition, but for what reading changes."""
        found = sorted(await self.command("KEYS", f"{self.partition.tag}:*"))
        return [(key, await self.command("DUMP", key)) for key in found]


@pytest.fixture
async def bench(valkey: Valkey) -> AsyncIterator[Bench]:
    core = RedemptionCore(valkey.url)
    await core.start()
    yield Bench(core, await opened(core, Partition(f"proj_{uuid.uuid4().hex[:16]}")), valkey)
    await core.close()


@pytest.fixture
async def own_bench(own_valkey: Valkey) -> AsyncIterator[Bench]:
    core = RedemptionCore(own_valkey.url)
    await core.start()
    yield Bench(core, await opened(core, Partition("proj_own")), own_valkey)
    await core.close()


async def together(number: int, call: Callable[[int], Awaitable[Outcome]]) -> Sequence[Outcome]:
    """So many calls at once."""
    return await asyncio.gather(*(call(index) for index in range(number)))
