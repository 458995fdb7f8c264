"""One process of a race: takes and gives back until its time is over, and prints what it was told.

python -m tests.core.racer URL PROJECT NAMESPACE KEY FIELD CAP CLIENTS CALLS ROLLBACKS
"""

import asyncio
import json
import sys
import uuid

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.ops import Add, Apply
from app.core.outcome import Code


async def race(
    url: str, project: str, key: str, field: str, cap: int, clients: int, calls: int, rollbacks: bool
) -> None:
    core = RedemptionCore(url)
    await core.start()
    partition = Partition.parse(project)
    counts = {"taken": 0, "returned": 0, "refused": 0, "highest": 0}

    async def move(delta: int) -> bool:
        call = Apply(
            partition=partition,
            mode="R" if delta > 0 else "B",
            rid=uuid.uuid4().hex,
            guards={},
            ops=[Add(key, field, delta, cap=cap)],
            event=b"%d" % delta,
        )
        outcome = await core.apply(call)
        if outcome.code is Code.LIMIT:
            counts["refused"] += 1
            return False
        counts["highest"] = max(counts["highest"], outcome.afters[0])
        return True

    async def client() -> None:
        for number in range(calls):
            if not await move(1):
                continue
            counts["taken"] += 1
            if rollbacks and number % 3 == 0:
                await move(-1)
                counts["returned"] += 1

    await asyncio.gather(*(client() for _ in range(clients)))
    await core.close()
    print(json.dumps(counts))


if __name__ == "__main__":
    address, name, counter, its_field, limit, number_of_clients, number_of_calls, back = sys.argv[1:]
    asyncio.run(
        race(
            address, name, counter, its_field, int(limit), int(number_of_clients), int(number_of_calls), back
            == "1"
        )
    )  # fmt: skip
