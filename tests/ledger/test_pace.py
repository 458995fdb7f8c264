"""Takings wait for projections that fall behind, a little, and for nothing else."""

import asyncio
from pathlib import Path

from app.core.keys import Partition
from app.core.outbox import Position
from app.core.watermarks import PROJECTED
from app.ledger.client import LedgerClient
from app.ledger.pace import (
    BEHIND_SECONDS,
    PAUSE_SECONDS_IN_VAIN,
    PAUSE_SECONDS_MAX,
    SAMPLE_SECONDS,
    SAMPLES_MAX,
    STANDING_SECONDS,
    Pace,
)
from tests.ledger.shop import Shop
from tests.support.server import RunningServer


async def heard(shop: Shop, projected: str) -> None:
    """The projector told, and this process knows."""
    await shop.core.watermarks.announce(shop.partition, projected=projected)
    assert await shop.core.watermarks.wait(shop.partition, PROJECTED, projected, 180)


async def test_nobody_waits_while_projections_keep_up(shop: Shop) -> None:
    """However many are taken: what was taken a moment ago may be projected in a moment."""
    pace = Pace(shop.core.watermarks)
    assert pace.pause(shop.partition, 0.0) == 0.0
    await heard(shop, "1-1")
    for number in range(2, 400):
        pace.took(shop.partition, f"1-{number}", number / 1000)
    assert pace.pause(shop.partition, 0.4) == 0.0
    await heard(shop, "1-399")
    assert pace.pause(shop.partition, 1_000.0) == 0.0


async def test_who_takes_waits_the_longer_the_further_they_are_behind(shop: Shop) -> None:
    """And never longer than a checkout can bear."""
    pace = Pace(shop.core.watermarks)
    await heard(shop, "1-1")
    pace.took(shop.partition, "1-2", 10.0)
    at = 10.0 + BEHIND_SECONDS
    pauses = [pace.pause(shop.partition, at + later) for later in (0.1, 0.3, 0.9)]
    assert 0.0 < pauses[0] < pauses[1] < pauses[2] == PAUSE_SECONDS_MAX


async def test_a_projector_that_stands_is_waited_for_less(shop: Shop) -> None:
    """What does not come is not worth it; as soon as it moves it is given its time again."""
    pace = Pace(shop.core.watermarks)
    await heard(shop, "1-1")
    pace.took(shop.partition, "1-3", 10.0)
    assert pace.pause(shop.partition, 20.0) == PAUSE_SECONDS_MAX
    later = 20.0 + STANDING_SECONDS + 0.1
    assert pace.pause(shop.partition, later) == PAUSE_SECONDS_IN_VAIN
    assert pace.pause(shop.partition, 600.0) == PAUSE_SECONDS_IN_VAIN
    await heard(shop, "1-2")
    assert pace.pause(shop.partition, 600.1) == PAUSE_SECONDS_MAX


async def test_a_projector_that_is_gone_is_remembered_for_a_minute_and_no_longer(shop: Shop) -> None:
    """What is kept of it stays small, and the wait stays what it was."""
    pace = Pace(shop.core.watermarks)
    await heard(shop, "1-1")
    for number in range(2, 4_000):
        pace.took(shop.partition, f"1-{number}", number * SAMPLE_SECONDS)
    assert len(pace._taken[shop.partition]) == SAMPLES_MAX
    assert pace.pause(shop.partition, 4_000 * SAMPLE_SECONDS) >= PAUSE_SECONDS_IN_VAIN


async def test_what_is_projected_is_not_waited_for(shop: Shop) -> None:
    """The oldest that is not projected tells how far behind they are."""
    pace = Pace(shop.core.watermarks)
    await heard(shop, "1-1")
    pace.took(shop.partition, "1-2", 10.0)
    pace.took(shop.partition, "1-3", 12.0)
    assert pace.pause(shop.partition, 12.1) > 0.0
    await heard(shop, "1-2")
    assert pace.pause(shop.partition, 12.1) == 0.0
    assert pace.pause(shop.partition, 13.0) > 0.0


async def test_other_projects_do_not_wait(shop: Shop) -> None:
    """Each has projections of its own."""
    pace = Pace(shop.core.watermarks)
    await heard(shop, "1-1")
    pace.took(shop.partition, "1-2", 10.0)
    assert pace.pause(Partition("proj_another"), 20.0) == 0.0


async def test_a_taking_goes_on_without_the_projector(shop: Shop) -> None:
    """Acknowledged as ever; the next one is held back and taken all the same."""
    client = LedgerClient(shop.core, shop.db)
    await client.start()
    event_id = (await shop.redeem()).event_id
    position = Position.parse(event_id)
    await heard(shop, f"{position.epoch}-{position.sequence - 1}")
    await client.acknowledged(shop.partition, event_id)
    await asyncio.sleep(BEHIND_SECONDS)
    assert client.pause(shop.partition) > 0.0
    second = (await shop.redeem()).event_id
    await client.acknowledged(shop.partition, second)
    assert Position.parse(second) == Position(position.epoch, position.sequence + 1)
    await client.close()


def test_the_background_process_lets_others_finish(server: RunningServer) -> None:
    """It is scheduled as a batch, all its threads with it, and web workers are not."""
    status = server.status()
    assert status is not None
    assert {policy_of(task) for task in tasks_of(int(status["background"]))} == {BATCH}
    assert {policy_of(task) for pid in status["web"] for task in tasks_of(pid)} == {OTHER}


OTHER, BATCH = 0, 3
"""As Linux numbers them (sched(7))."""


def tasks_of(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def policy_of(task: Path) -> int:
    """The 41st field of stat. The second is a name, may hold anything, and ends with the last bracket."""
    return int((task / "stat").read_text().rpartition(")")[2].split()[41 - 3])
