"""When the drain and the projector wait for more to come, and when they must not."""

from typing import Any

import pytest

from app.core.keys import Partition
from app.core.outbox import Entry, Position
from app.jobs import outbox
from app.jobs.outbox import GATHER_MANY_SECONDS, GATHER_SECONDS, OutboxWork

HERE = Partition("proj_gathering")


class Core:
    """Has as many events as asked for, and tells nobody."""

    def __init__(self, events: int) -> None:
        self.events = events
        self.watermarks = self

    async def wait_outbox(self, *_: Any) -> dict[Partition, list[Entry]]:
        return {HERE: [Entry(f"1-{number + 1}", b"", b"", ()) for number in range(self.events)]}

    async def announce(self, *_: Any, **__: Any) -> None:
        return None


class Projector:
    def __init__(self, events: int) -> None:
        self.events = events
        self.caught_up = False
        self.recent = self

    def keep(self, *_: Any) -> None:
        return None

    async def project(self, _: Partition) -> int:
        return self.events


@pytest.mark.parametrize("acknowledges", [True, False])
@pytest.mark.parametrize(
    ("events", "waits"), [(1, []), (4, [GATHER_SECONDS]), (16, [GATHER_MANY_SECONDS]), (200, [])]
)
async def test_only_what_nobody_waits_for_is_gathered(
    monkeypatch: pytest.MonkeyPatch, acknowledges: bool, events: int, waits: list[float]
) -> None:
    """At level `ledger` the acknowledgement waits for the ledger's commit, but not for projections."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def ledger_entries(*_: Any) -> Position:
        return Position(1, events)

    monkeypatch.setattr(outbox.asyncio, "sleep", sleep)
    monkeypatch.setattr(outbox, "ledger_entries", ledger_entries)
    nobody: Any = None
    core: Any = Core(events)
    projector: Any = Projector(events)
    work = OutboxWork(core, nobody, projector, lambda: acknowledges)
    work.cursors[HERE] = Position(1, 0)
    await work.drain()
    assert slept == ([] if acknowledges else waits)
    slept.clear()
    await work.project()
    assert slept == waits


@pytest.mark.parametrize(
    ("projected", "caught_up", "looks_again"), [(0, False, False), (9, True, False), (9, False, True)]
)
async def test_the_projector_looks_again_until_it_caught_up(
    projected: int, caught_up: bool, looks_again: bool
) -> None:
    """What is ledgered meanwhile says so itself."""
    nobody: Any = None
    projector: Any = Projector(projected)
    projector.caught_up = caught_up
    work = OutboxWork(nobody, nobody, projector)
    work._fell_behind(HERE)
    await work.project()
    assert (HERE in work._behind) is looks_again
