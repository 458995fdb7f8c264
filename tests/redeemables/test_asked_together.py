"""Codes that several requests look for at once (app.redeemables.asked_together)."""

import asyncio
from collections.abc import Sequence

import pytest

from app.core.keys import Partition
from app.redeemables.asked_together import NAMES_MAX, UNDER_WAY_MAX, AskedTogether

HERE, ELSEWHERE = Partition("proj_here"), Partition("proj_elsewhere")


class Store:
    """What is there, as of when the question is asked; questions wait for `opened`."""

    def __init__(self) -> None:
        self.there = {HERE: {"known": 1}, ELSEWHERE: {"known": 2}}
        self.questions: list[tuple[Partition, list[str]]] = []
        self.opened = asyncio.Event()
        self.broken = False

    async def ask(self, partition: Partition, names: Sequence[str]) -> dict[str, int]:
        self.questions.append((partition, list(names)))
        found = {name: self.there[partition][name] for name in names if name in self.there[partition]}
        await self.opened.wait()
        if self.broken:
            raise ConnectionError
        return found


async def _all_busy(asked: AskedTogether[str, int], store: Store) -> list["asyncio.Task[dict[str, int]]"]:
    """As many questions under way as may be."""
    busy = []
    for number in range(UNDER_WAY_MAX):
        busy.append(asyncio.create_task(asked.find(HERE, [f"busy-{number}"])))
        while len(store.questions) <= number:
            await asyncio.sleep(0)
    return busy


async def test_requests_that_come_meanwhile_share_one_question_and_each_gets_its_own() -> None:
    """Forty codes, one of which is there, cost one statement."""
    store = Store()
    asked = AskedTogether(store.ask)
    busy = await _all_busy(asked, store)
    names = [f"missing-{number}" for number in range(39)] + ["known"]
    waiting = [asyncio.create_task(asked.find(HERE, [name])) for name in names]
    await asyncio.sleep(0)
    store.opened.set()
    answers = await asyncio.gather(*waiting)
    assert [answer.get(name) for name, answer in zip(names, answers, strict=True)] == [None] * 39 + [1]
    assert [len(asked_for) for _, asked_for in store.questions[UNDER_WAY_MAX:]] == [40]
    await asyncio.gather(*busy)


async def test_what_was_made_before_the_question_is_found_though_others_asked_earlier() -> None:
    """An answer that is on its way is never given to who asks afterwards."""
    store = Store()
    asked = AskedTogether(store.ask)
    early = asyncio.create_task(asked.find(HERE, ["new"]))
    while not store.questions:
        await asyncio.sleep(0)
    store.there[HERE]["new"] = 3
    late = asyncio.create_task(asked.find(HERE, ["new"]))
    store.opened.set()
    assert await early == {}
    assert await late == {"new": 3}


async def test_projects_are_never_asked_for_together() -> None:
    """The same code in two projects is two questions, however many wait."""
    store = Store()
    asked = AskedTogether(store.ask)
    busy = await _all_busy(asked, store)
    waiting = [asyncio.create_task(asked.find(one, ["known"])) for one in (HERE, ELSEWHERE)]
    await asyncio.sleep(0)
    store.opened.set()
    assert await asyncio.gather(*waiting) == [{"known": 1}, {"known": 2}]
    await asyncio.gather(*busy)


async def test_a_question_is_bounded() -> None:
    """Ten times as many codes as fit are several questions, none longer than it may be."""
    store = Store()
    asked = AskedTogether(store.ask)
    busy = await _all_busy(asked, store)
    waiting = [asyncio.create_task(asked.find(HERE, [f"code-{number}"])) for number in range(10 * NAMES_MAX)]
    await asyncio.sleep(0)
    store.opened.set()
    await asyncio.gather(*waiting, *busy)
    assert [len(names) for _, names in store.questions[UNDER_WAY_MAX:]] == [NAMES_MAX] * 10


async def test_a_client_that_goes_away_takes_no_answer_from_the_others() -> None:
    """Both asked with one question; the first is cancelled."""
    store = Store()
    asked = AskedTogether(store.ask)
    gone, stays = (asyncio.create_task(asked.find(HERE, ["known"])) for _ in range(2))
    while not store.questions:
        await asyncio.sleep(0)
    gone.cancel()
    store.opened.set()
    assert await stays == {"known": 1}
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_a_database_that_is_away_is_told_to_everybody_and_the_next_question_is_asked_anew() -> None:
    """A failure is not kept."""
    store = Store()
    store.broken = True
    store.opened.set()
    asked = AskedTogether(store.ask)
    both = await asyncio.gather(*(asked.find(HERE, ["known"]) for _ in range(2)), return_exceptions=True)
    assert [type(one) for one in both] == [ConnectionError, ConnectionError]
    store.broken = False
    assert await asked.find(HERE, ["known"]) == {"known": 1}
