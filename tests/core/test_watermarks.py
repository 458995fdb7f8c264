"""Waiting for the ledger: acknowledgements of durability `ledger`, and the read barrier."""

import asyncio

from app.core.core import RedemptionCore
from app.core.outbox import Position
from app.core.watermarks import LEDGERED, PROJECTED
from tests.core.conftest import Bench


async def test_waiters_go_on_when_the_drain_has_passed_them(bench: Bench) -> None:
    """Each at its own event, none at another stage."""
    marks = bench.core.watermarks
    waits = [asyncio.create_task(marks.wait(bench.partition, LEDGERED, f"1-{n}", 120)) for n in (1, 2, 3)]
    projected = asyncio.create_task(marks.wait(bench.partition, PROJECTED, "1-1", 0.3))
    drain = RedemptionCore(bench.valkey.url)
    await drain.start()
    await drain.watermarks.announce(bench.partition, ledgered="1-2")
    assert await asyncio.gather(*waits[:2]) == [True, True]
    assert not waits[2].done()
    await drain.watermarks.announce(bench.partition, ledgered="1-3")
    assert (await waits[2], await projected) == (True, False)
    await drain.close()


async def test_a_watermark_of_the_past_is_found(bench: Bench) -> None:
    """What was announced before anybody listened is read."""
    await bench.core.watermarks.announce(bench.partition, ledgered="1-5", projected="1-4")
    late = RedemptionCore(bench.valkey.url)
    await late.start()
    assert await late.watermarks.wait(bench.partition, LEDGERED, "1-5", 120)
    assert await late.watermarks.wait(bench.partition, PROJECTED, "1-4", 120)
    assert late.watermarks.known(bench.partition, LEDGERED) == Position(1, 5)
    await late.close()


async def test_a_message_lost_with_its_connection_is_made_up(own_bench: Bench) -> None:
    """The subscriber comes back by itself and reads what it missed."""
    marks = own_bench.core.watermarks
    await marks.announce(own_bench.partition, ledgered="1-1")
    assert await marks.wait(own_bench.partition, LEDGERED, "1-1", 120)
    waiting = asyncio.create_task(marks.wait(own_bench.partition, LEDGERED, "1-2", 120))
    await asyncio.sleep(0)
    own_bench.valkey.kill()
    own_bench.valkey.start()
    await marks.announce(own_bench.partition, ledgered="1-2")
    assert await waiting


async def test_later_epochs_are_further(bench: Bench) -> None:
    """Positions order by epoch first."""
    assert Position.parse("2-1") > Position.parse(b"1-999") > Position.parse("1-10") > Position.parse("1-9")
    await bench.core.watermarks.announce(bench.partition, ledgered="2-1")
    assert await bench.core.watermarks.wait(bench.partition, LEDGERED, "1-7", 120)
