"""As many calls of the core for a code that is used up, empty or held as for one that does not exist (D25).

What a decision asks for depends on what it finds: a cap that is reached may cost a call more than a code
that is not there, and so does a card whose balance this process never read. Where codes are hidden, what is
missing to the dearest of these ways is asked for nothing.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, cast

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.redeemables.catalogue import Catalogue
from app.redeemables.gather import Gathered
from app.redeemables.read_trip import Asked
from app.redeemables.request import StackRequest
from app.redeemables.settle import Compose, Settled, settle

CALLS: Final = 6
"""The read of the request, of the counters of a card and of its holder; an attempt that finds a limit, a look
for holds that are overdue, and the attempt or the comparison after it. Under an idempotency key one more, for
what it made before.
"""


class EvenedCore:
    """The core as one request sees it, which counts what the request asks for."""

    def __init__(self, core: RedemptionCore) -> None:
        self._core = core
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    async def read(self, *arguments: Any, **options: Any) -> Any:
        self._calls += 1
        return await self._core.read(*arguments, **options)

    async def apply(self, *arguments: Any, **options: Any) -> Any:
        self._calls += 1
        return await self._core.apply(*arguments, **options)

    async def fill_up(self, partition: Partition, calls: int) -> None:
        """Raises: CoreUnavailable."""
        keys = await self._core.open(partition)
        while self._calls < calls:
            await self.read(partition, [("HMGET", keys.versions, "s", "prod")])


async def settle_evenly(
    core: RedemptionCore,
    catalogue: Catalogue,
    asked: Asked,
    request: StackRequest,
    now: datetime,
    compose: Compose,
    check: Callable[[Gathered], Awaitable[None]],
    *,
    explain: bool = False,
) -> Settled:
    """As `settle`, whatever is the matter with the codes at the same number of calls. Raises: as `settle`."""
    counting = EvenedCore(core)
    seen = cast("RedemptionCore", counting)
    settled = await settle(seen, catalogue, asked, request, now, compose, check, explain=explain)
    await counting.fill_up(asked.partition, CALLS + bool(asked.scope_hash))
    return settled
