"""The last thing that is asked of a cell: requests that were acknowledged, once more under their keys (I5).

It comes after the rebuild from the ledger, so it shows that a key outlives everything that Redis knew of it.
"""

import asyncio
import random
from collections.abc import Mapping

from chaos.clients import REFUSALS
from chaos.history import History, Operation
from chaos.model import DUPLICATED, Problem
from chaos.wire import Unanswered, Unsent, Wire

ASKED_AGAIN = 20
ANSWERED_SECONDS_MAX = 60.0
PAUSE_SECONDS = 0.1


async def ask_again(
    address: tuple[str, int], headers: Mapping[str, str], history: History, randomness: random.Random
) -> list[Problem]:
    """What was answered otherwise than the first time."""
    acknowledged = {
        one.key: one
        for one in history.operations
        if one.acknowledged and one.deed.kind in ("redeem", "rollback")
    }
    chosen = randomness.sample(sorted(acknowledged), min(ASKED_AGAIN, len(acknowledged)))
    wire = Wire(*address, headers)
    try:
        asked = [await _asked(wire, acknowledged[key]) for key in chosen]
    finally:
        wire.drop()
    return [problem for problem in asked if problem is not None]


async def _asked(wire: Wire, first: Operation) -> Problem | None:
    loop = asyncio.get_running_loop()
    end = loop.time() + ANSWERED_SECONDS_MAX
    deed, status, answer = first.deed, 0, None
    while loop.time() < end:
        try:
            status, headers, answer = await wire.send(
                deed.method, deed.path, deed.body, {"Idempotency-Key": first.key}
            )
        except (Unsent, Unanswered):
            status, headers = 0, {}
        if status == 200 and answer == first.answer and headers.get("idempotent-replayed") == "true":
            return None
        if status == 200 or status in REFUSALS:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    return Problem(DUPLICATED, "I5", f"deed {first.key}, asked again after the rebuild: {status} {answer}")
