"""All offers of one project that are switched on, by what they require of a cart: what a qualification looks
through instead of reading tables.

Says only which offers may apply. Whether they do, and that none of them was stopped meanwhile, is decided
from programs whose versions the script compares (D4); a request uses what is here only when it is as new as
the number of changes that the core holds.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from app.ledger.versions import changed_since, changes_of
from app.redeemables.offer_rows import (
    KINDS,
    OMISSIONS,
    Entry,
    chunks,
    entries_of,
    load_requirements,
)
from app.redeemables.options import Option, Position
from app.redeemables.referred import COLLECTION, LOCATION, SEGMENT, Referred, ids_of, load_referred
from rules.collections import ALL_PRODUCTS
from rules.facts import Facts, Moment
from rules.index import FREE, Postings, Requirement, narrowest
from rules.qualification import Scenario

CHANGES_MAX: Final = 500
"""Names that one catching up looks at; after more, everything is read anew."""


_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class _Change(Struct, frozen=True):
    """What was read of a change. `referred`: segments and collections that are to be replaced, by guard
    name.
    """

    version: int
    campaign_ids: Sequence[str]
    entries: Sequence[Entry]
    requirements: Mapping[str, tuple[Requirement, ...]]
    referred: set[str]
    found: Referred


class ProjectOffers:
    """Changed in one go between two awaits, so that whoever looks sees one state."""

    def __init__(self, version: int) -> None:
        self.version = version
        """The number of the last change that is in here for certain."""
        self.lock = asyncio.Lock()
        """Of whoever brings it up to date."""
        self._entries: list[Entry | None] = []
        self._slots: dict[str, int] = {}
        self._of_campaign: dict[str, list[int]] = {}
        self._automatic: set[int] = set()
        self._requirements: dict[str, tuple[Requirement, ...]] = {}
        self._segments: dict[str, Any] = {}
        self._collections: dict[str, Any] = {}
        self._below: dict[str, frozenset[str]] = {}
        """Locations that a segment or a collection looks at, by its guard name."""
        self._postings: dict[frozenset[str], Postings] = {}
        self._names: dict[str, str] = {}
        self._count = 0
        self._last: Position | None = None
        self._is_sorted = True
        """Whether slots are in ascending order of created_at and id, as they are when all was read at
        once.
        """
        self._postings_of(OMISSIONS[0])

    def __len__(self) -> int:
        """How many offers it holds."""
        return self._count

    # Looking
    # -------------------------------------------------------------------------------------------------------

    def possible(self, facts: Facts, moment: Moment, scenario: Scenario) -> list[Option]:
        """What may apply to the order and customer of `facts` and is live now, the newest first."""
        found = self._postings_of(scenario.omitted).possible(facts, moment, self._segments)
        return list(self._live(found, moment.now, scenario))

    def newest(self, count: int, now: datetime, scenario: Scenario) -> list[Position]:
        """Where the newest that are live stand, whether they may apply or not; the oldest of them first."""
        live = islice(self._live(range(len(self._entries)), now, scenario), count)
        return [option.position for option in live][::-1]

    def _live(self, slots: Iterable[int], now: datetime, scenario: Scenario) -> Iterator[Option]:
        """The newest first."""
        for slot in sorted(slots, reverse=True, key=None if self._is_sorted else self._place):
            entry = self._entries[slot]
            if entry is None or not entry.is_live(now):
                continue
            if scenario.stacks_only and entry.option.kind != "promotion_stack":
                continue
            yield entry.option

    def automatic(self, count: int) -> list[str]:
        """Ids of the newest tiers that apply without being asked for."""
        newest = sorted(self._automatic, key=self._place, reverse=True)[:count]
        return [entry.option.id for slot in newest if (entry := self._entries[slot]) is not None]

    def _place(self, slot: int) -> Position:
        entry = self._entries[slot]
        return (_NEVER, "") if entry is None else entry.option.position

    def _postings_of(self, omitted: frozenset[str]) -> Postings:
        """Made when a scenario is first asked for: most are never."""
        postings = self._postings.get(omitted)
        if postings is None:
            postings = self._postings[omitted] = Postings()
            for slot, entry in enumerate(self._entries):
                if entry is not None:
                    postings.add(slot, self._requirement(entry, omitted))
            postings.fill_collections(self._collections)
        return postings

    def _requirement(self, entry: Entry, omitted: frozenset[str]) -> Requirement:
        place = OMISSIONS.index(omitted)
        found = [
            requirements[place]
            for rule_id in entry.rules
            if (requirements := self._requirements.get(rule_id))
        ]
        return narrowest(found) if found else FREE

    # Filling and bringing up to date
    # -------------------------------------------------------------------------------------------------------

    async def fill(self, session: AsyncSession, project_id: str) -> None:
        """Everything, piece by piece; nobody looks at it before it is all there."""
        everything: list[Entry] = []
        for kind in KINDS:
            async for entries in chunks(session, project_id, kind):
                everything += map(self._shared, entries)
                named = {rule_id for entry in entries for rule_id in entry.rules}
                new = named - self._requirements.keys()
                self._requirements.update(await load_requirements(session, project_id, new))
        everything.sort(key=lambda entry: entry.option.position)
        for count, entry in enumerate(everything, 1):
            self._add(entry)
            if count % 500 == 0:
                await asyncio.sleep(0)
        names = self._referred(everything)
        self._refer(names, await load_referred(session, project_id, names))

    async def catch_up(self, session: AsyncSession, project_id: str) -> bool:
        """Everything that was changed since; False: too much for that."""
        change = await self._changed(session, project_id)
        if change is not None:
            self._apply(change)
        return change is not None

    async def _changed(self, session: AsyncSession, project_id: str) -> _Change | None:
        version = await changes_of(session, project_id)
        names = await changed_since(session, project_id, self.version, CHANGES_MAX + 1)
        if len(names) > CHANGES_MAX or len(self._entries) > 2 * len(self) + CHANGES_MAX:
            return None
        campaign_ids = list(ids_of(names, "c:"))
        entries = await entries_of(session, project_id, campaign_ids)
        rule_ids = ids_of(names, "rule:") & self._requirements.keys()
        rule_ids |= {one for entry in entries for one in entry.rules} - self._requirements.keys()
        requirements = await load_requirements(session, project_id, rule_ids)
        moved = set(names)
        referred = {
            name
            for name, below in self._below.items()
            if name in moved or not moved.isdisjoint(below)
        }
        for one in requirements.values():
            referred |= _named_by(one)
        found = await load_referred(session, project_id, referred)
        return _Change(version, campaign_ids, entries, requirements, referred, found)

    def _apply(self, change: _Change) -> None:
        """Without an await, and the same when it is done twice."""
        for campaign_id in change.campaign_ids:
            for slot in self._of_campaign.pop(campaign_id, ()):
                self._remove(slot)
        changed = self._requirements.keys() & change.requirements.keys()
        bound = []
        if changed:
            bound = [
                slot
                for slot, entry in enumerate(self._entries)
                if entry is not None and not changed.isdisjoint(entry.rules)
            ]
        for slot in bound:
            self._post(slot, add=False)
        self._requirements.update(change.requirements)
        for slot in bound:
            self._post(slot, add=True)
        for entry in sorted(change.entries, key=lambda entry: entry.option.position):
            self._add(self._shared(entry))
        self._refer(change.referred, change.found)
        self.version = max(self.version, change.version)

    def _add(self, entry: Entry) -> None:
        identifier = entry.option.id
        slot = self._slots.get(identifier)
        if slot is None:
            slot = len(self._entries)
            position = entry.option.position
            if self._last is None or position > self._last:
                self._last = position
            else:
                self._is_sorted = False
            self._entries.append(None)
            self._slots[identifier] = slot
        elif self._entries[slot] is not None:
            return
        self._entries[slot] = entry
        self._count += 1
        if entry.automatic:
            self._automatic.add(slot)
        self._of_campaign.setdefault(entry.campaign_id, []).append(slot)
        self._post(slot, add=True)

    def _remove(self, slot: int) -> None:
        self._post(slot, add=False)
        self._entries[slot] = None
        self._count -= 1
        self._automatic.discard(slot)

    def _post(self, slot: int, *, add: bool) -> None:
        entry = self._entries[slot]
        if entry is None:
            return
        for omitted, postings in self._postings.items():
            requirement = self._requirement(entry, omitted)
            if add:
                postings.add(slot, requirement)
            else:
                postings.remove(slot, requirement)

    def _shared(self, entry: Entry) -> Entry:
        """Ids that many of them name are kept once."""
        names = self._names
        return Entry(
            entry.option,
            names.setdefault(entry.campaign_id, entry.campaign_id),
            entry.start,
            entry.end,
            tuple(names.setdefault(rule_id, rule_id) for rule_id in entry.rules),
            entry.automatic,
        )

    def _referred(self, entries: Iterable[Entry]) -> set[str]:
        """Guard names of segments and collections that offers are posted under, in any scenario."""
        rules = {rule_id for entry in entries for rule_id in entry.rules}
        return _named_by(one for rule_id in rules for one in self._requirements.get(rule_id, ()))

    def _refer(self, names: set[str], found: Referred) -> None:
        """What segments and collections are from now on; those that were not found have nobody in them."""
        for name in names:
            self._below[name] = frozenset(
                guard for guard in found.guards.get(name, ()) if guard.startswith(LOCATION)
            )
        for segment_id in ids_of(names, SEGMENT):
            segment = found.segments.get(segment_id)
            if segment is None:
                self._segments.pop(segment_id, None)
            else:
                self._segments[segment_id] = segment.program
        for collection_id in ids_of(names, COLLECTION):
            collection = found.collections.get(collection_id)
            self._collections[collection_id] = None if collection is None else collection.program
        for postings in self._postings.values():
            postings.fill_collections(self._collections)


def _named_by(requirements: Iterable[Requirement]) -> set[str]:
    """Guard names of the segments and collections."""
    found: set[str] = set()
    for requirement in requirements:
        found.update(SEGMENT + segment_id for segment_id in requirement.segments or ())
        found.update(
            COLLECTION + entity.id
            for entity in requirement.entities
            if entity.kind == "products_collection" and entity.id != ALL_PRODUCTS
        )
    return found
