"""What the core holds of a forgotten customer, and how long its server's file remembers it."""

import asyncio
from typing import TYPE_CHECKING, Final

from app.core import keys as names
from app.core.keys import Keys, Partition
from app.core.outbox import Position
from app.core.outcome import CoreUnavailable
from app.engine import Engine
from app.redeemables.customers import tracking_id

if TYPE_CHECKING:
    from app.jobs.erasure import Person

CHUNK: Final = 500
TRIM_LOOKS_MAX: Final = 100
TRIM_LOOK_SECONDS: Final = 0.1
REWRITE_LOOKS_MAX: Final = 50

Command = tuple[str | bytes | int | float, ...]


async def forget_in_core(engine: Engine, person: "Person") -> None:
    """Orders, names, redemptions of the last hour, budgets by name; then wait until no event of before waits
    in the outbox.

    Raises: CoreUnavailable.
    """
    partition = Partition(person.project_id)
    keys = await engine.core.open(partition)
    secret = (await engine.catalogue.project(person.project_id)).secret
    commands = _commands(keys, person, secret)
    for start in range(0, len(commands), CHUNK):
        for reply in await engine.core.read(partition, commands[start : start + CHUNK]):
            if isinstance(reply, Exception):
                raise CoreUnavailable(str(reply))
    await engine.catalogue.publish(partition, {}, [("customer", person.customer_id)])
    await _trimmed(engine, partition)


def _commands(keys: Keys, person: "Person", secret: bytes) -> list[Command]:
    commands: list[Command] = [("HDEL", keys.source_claim(name), name) for name in person.names]
    commands += [("UNLINK", keys.order(order_id)) for order_id in person.order_ids]
    commands += [("HDEL", keys.order_source(name), name) for name in person.order_names]
    commands += [("UNLINK", keys.redemption(one)) for one in person.redemption_ids]
    tracked = [tracking_id(secret, name) for name in person.names]
    for name in (*person.all_names, *tracked):
        commands += [
            ("UNLINK", key)
            for key in (
                keys.rate("customer", name),
                keys.guess_budget("customer", name),
                keys.guess_block("customer", name),
            )
        ]
    return commands


async def _trimmed(engine: Engine, partition: Partition) -> None:
    """Return when every event that was there is gone from the stream."""
    epoch, sequence = await engine.core.sequence(partition)
    last = Position(epoch, sequence)
    for _ in range(TRIM_LOOKS_MAX):
        (first,) = await engine.core.read(
            partition, [("XRANGE", names.outbox(partition), "-", "+", "COUNT", 1)]
        )
        if isinstance(first, Exception):
            raise CoreUnavailable(str(first))
        if not first or Position.parse(first[0][0]) > last:
            return
        await asyncio.sleep(TRIM_LOOK_SECONDS)
    raise CoreUnavailable("the outbox is not trimmed yet", retry_after_seconds=2)


async def rewrite_file(engine: Engine, partition: Partition) -> None:
    """The server's file is written anew, from what is there now. A server that does not let anybody ask for
    it rewrites by itself when its file has grown.
    """
    for _ in range(REWRITE_LOOKS_MAX):
        (reply,) = await engine.core.read(partition, [("BGREWRITEAOF",)])
        if not isinstance(reply, Exception) or "in progress" not in str(reply):
            return
        await asyncio.sleep(TRIM_LOOK_SECONDS)
