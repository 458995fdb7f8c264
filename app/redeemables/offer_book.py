"""The offers of the projects that this process is asked about: how many at most, which are given up, and who
reads them.
"""

import asyncio
import time
from collections import OrderedDict
from typing import Final

import structlog
from msgspec import Struct, field

from app.db.database import Database
from app.ledger.versions import changes_of
from app.redeemables.offer_rows import count_offers
from app.redeemables.offers import ProjectOffers

OFFERS_MAX: Final = 50_000
AT_ONCE_MAX: Final = 1_000
"""Offers that a request waits for; more are read beside it."""
REST_SECONDS: Final = 30.0
"""After a project was given up, or found too large, it is not read again for so long."""
AGE_SECONDS_MAX: Final = 900.0
"""Then all is read anew, beside the requests: rows that were changed past this program, or by an older
version of it that counts no changes, are not overlooked for longer.
"""

log = structlog.get_logger("vouchsafe.offers")


class _Reading(Struct):
    """Of one project. `sized` is set when it is known whether it is worth waiting for."""

    task: "asyncio.Task[None] | None" = None
    sized: asyncio.Event = field(default_factory=asyncio.Event)
    is_long: bool = False


class _Kept(Struct):
    offers: ProjectOffers
    until: float


class OfferBook:
    """The most recently used projects, `offers_max` offers together."""

    def __init__(self, db: Database, offers_max: int = OFFERS_MAX) -> None:
        self._db = db
        self._offers_max = offers_max
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._reading: dict[str, _Reading] = {}
        self._resting: dict[str, float] = {}

    def __len__(self) -> int:
        """How many offers it holds, of all projects."""
        return sum(len(kept.offers) for kept in self._kept.values())

    async def current(self, project_id: str, changes: int) -> ProjectOffers | None:
        """The project's offers, not older than its change number `changes`. None: not to be had now; then
        tables have to be looked through.
        """
        if not self._offers_max:
            return None
        kept = self._kept.get(project_id)
        if kept is None:
            await self._begun(project_id)
            kept = self._kept.get(project_id)
            if kept is None:
                return None
        elif kept.until < time.monotonic():
            self._begin(project_id)
        self._kept.move_to_end(project_id)
        offers = kept.offers
        if offers.version < changes:
            await self._catch_up(project_id, offers, changes)
        return offers if offers.version >= changes else None

    async def close(self) -> None:
        """Nothing is read any more when this returns."""
        tasks = [reading.task for reading in self._reading.values() if reading.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _catch_up(self, project_id: str, offers: ProjectOffers, changes: int) -> None:
        async with offers.lock:
            if offers.version >= changes:
                return
            async with self._db.reading() as session:
                if await offers.catch_up(session, project_id):
                    self._make_room(project_id)
                    return
        kept = self._kept.get(project_id)
        if kept is not None and kept.offers is offers:
            del self._kept[project_id]
        await self._begun(project_id)

    async def _begun(self, project_id: str) -> None:
        """Have it read; returns when it is there, or at once when that takes long."""
        reading = self._begin(project_id)
        if reading is None:
            return
        await reading.sized.wait()
        if reading.task is not None and not reading.is_long:
            await asyncio.wait([reading.task])

    def _begin(self, project_id: str) -> _Reading | None:
        reading = self._reading.get(project_id)
        if reading is None:
            if self._resting.get(project_id, 0.0) > time.monotonic():
                return None
            reading = self._reading[project_id] = _Reading()
            reading.task = asyncio.create_task(self._read(project_id, reading))
        return reading

    async def _read(self, project_id: str, reading: _Reading) -> None:
        try:
            async with self._db.reading() as session:
                count = await count_offers(session, project_id)
            if count > self._offers_max:
                self._rest(project_id)
                return
            reading.is_long = count > AT_ONCE_MAX
            reading.sized.set()
            async with self._db.reading() as session:
                # The number first: what is read after it may be newer, and is then read again.
                offers = ProjectOffers(await changes_of(session, project_id))
                await offers.fill(session, project_id)
            self._kept[project_id] = _Kept(offers, time.monotonic() + AGE_SECONDS_MAX)
            self._make_room(project_id)
        except Exception:
            # Whoever asks looks through the tables, and is told there what is wrong.
            log.exception("offers were not read", project=project_id)
            self._rest(project_id)
        finally:
            del self._reading[project_id]
            reading.sized.set()

    def _rest(self, project_id: str) -> None:
        now = time.monotonic()
        self._resting = {name: until for name, until in self._resting.items() if until > now}
        self._resting[project_id] = now + REST_SECONDS

    def _make_room(self, project_id: str) -> None:
        """Give up what was not asked for longest. project_id: last of all."""
        self._kept.move_to_end(project_id)
        held = len(self)
        while held > self._offers_max:
            name, kept = self._kept.popitem(last=False)
            held -= len(kept.offers)
            self._rest(name)
