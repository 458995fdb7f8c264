"""What a process remembers of redeemables and customers that it has met, to decide on them before it reads.

Nothing here expires: the script compares the versions of all that is remembered, so an old memory costs a
trip and never a wrong taking.
"""

import time
from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from app.core.keys import Keys
from app.core.records import CustomerRecord, VoucherRecord
from app.redeemables.bounded import Bounded
from app.redeemables.programs import CampaignProgram, ProjectProgram
from rules.facts import Counter, CounterName, CustomerFacts, Facts

REDEEMABLES_MAX: Final = 5_000
"""Sets of redeemables, 5 kB each: most are one public code."""
CUSTOMERS_MAX: Final = 10_000
"""About 2 kB each."""
ALIKE_MAX: Final = 1_000
"""Campaigns whose codes share."""

SHORT_SECONDS: Final = 0.2
"""How long a limit that the script found reached is expected to be so still (D4)."""
SHORT_MAX: Final = 1_000
STORM_REFUSALS: Final = 16
"""As many within SHORT_SECONDS, in this process alone: then the next ones are refused without the script.
Who tries again after a rollback, when there is no such storm, is asked for.
"""

Alike = tuple[dict[str, int], Mapping[str, CampaignProgram]]
"""Guards and campaigns of a set."""
Together = tuple[tuple[str | None, str], ...]
"""Kind as sent and id of the redeemables of a request, in their order."""
Identity = tuple[str | None, str | None]
"""The id and the source_id by which a request names a customer."""


class Remembered(Struct, frozen=True, kw_only=True):
    """A set of redeemables as it was decided on the last time. generation: of the project's memory."""

    generation: int
    project: ProjectProgram
    keys: Keys
    facts: Facts
    """Those of the redeemables and of the project; nothing of a request."""
    guards: dict[str, int]
    """With that of the products."""
    records: dict[str, VoucherRecord]
    campaigns: Mapping[str, CampaignProgram]
    products_version: int
    """As of which the products in `facts` are."""


class Acquaintance(Struct, frozen=True, kw_only=True):
    """A customer whose record is known. facts: as stored, without what a request says."""

    generation: int
    customer_id: str
    source_id: str | None
    claimed: bool
    """Whether the core knows whose the source_id is; the first taking claims it."""
    record: CustomerRecord
    facts: CustomerFacts


class Short(Struct, frozen=True):
    """Redeemables that the script refused by a limit."""

    since: float
    until: float
    """Both time.monotonic()."""
    refusals: int
    """From `since` on."""
    spent: Mapping[CounterName, Counter]
    """The counters of which nothing is left for anybody, as the script last saw them."""


NOTHING_SPENT: Final[Mapping[CounterName, Counter]] = {}


class Memory:
    """Bounded, and forgotten per project at once."""

    def __init__(self) -> None:
        self._generations: dict[str, int] = {}
        self._sets: Bounded[tuple[str, Together], Remembered] = Bounded(REDEEMABLES_MAX)
        self._customers: Bounded[tuple[str, Identity], Acquaintance] = Bounded(CUSTOMERS_MAX)
        self._alike: Bounded[tuple[tuple[str, int], ...], Alike] = Bounded(ALIKE_MAX)
        self._short: Bounded[tuple[str, Together], Short] = Bounded(SHORT_MAX)

    def generation(self, project_id: str) -> int:
        return self._generations.get(project_id, 0)

    def forget_project(self, project_id: str) -> None:
        """Something of the project's catalogue or of its customers has changed."""
        self._generations[project_id] = self.generation(project_id) + 1

    def redeemables(self, project_id: str, together: Together) -> Remembered | None:
        found = self._sets.get((project_id, together))
        return found if found is not None and found.generation == self.generation(project_id) else None

    def remember(self, together: Together, remembered: Remembered) -> None:
        """Codes of one campaign share what is the same of them all: most of what they take is that."""
        versions = tuple(remembered.guards.items())
        guards, campaigns = self._alike.get(versions) or (remembered.guards, remembered.campaigns)
        if campaigns != remembered.campaigns:
            guards, campaigns = remembered.guards, remembered.campaigns
        self._alike.put(versions, (guards, campaigns))
        remembered = replace(remembered, guards=guards, campaigns=campaigns)
        self._sets.put((remembered.project.id, together), remembered)

    def customer(self, project_id: str, identity: Identity) -> Acquaintance | None:
        found = self._customers.get((project_id, identity))
        return found if found is not None and found.generation == self.generation(project_id) else None

    def meet(self, project_id: str, identity: Identity, acquaintance: Acquaintance) -> None:
        self._customers.put((project_id, identity), acquaintance)

    def forget(self, project_id: str, together: Together, identity: Identity) -> None:
        """A version was not what is remembered here."""
        self._sets.entries.pop((project_id, together), None)
        self._customers.entries.pop((project_id, identity), None)

    def fell_short(self, project_id: str, together: Together, spent: Mapping[CounterName, Counter]) -> None:
        """The script refused these redeemables by a limit. spent: see Short."""
        now = time.monotonic()
        before = self._short.get((project_id, together))
        since, refusals = now, 1
        if before is not None and now - before.since <= SHORT_SECONDS:
            since, refusals = before.since, before.refusals + 1
        self._short.put((project_id, together), Short(since, now + SHORT_SECONDS, refusals, spent))

    def came_back(self, project_id: str, together: Together) -> None:
        """The script took what was expected to be refused."""
        self._short.entries.pop((project_id, together), None)

    def is_short(self, project_id: str, together: Together) -> bool:
        """Whether a limit was reached a moment ago, so that the next taking is likely to fail, too."""
        short = self._short.get((project_id, together))
        return short is not None and short.until > time.monotonic()

    def spent(self, project_id: str, together: Together) -> Mapping[CounterName, Counter]:
        """What is certain to refuse them, in a storm of requests that were refused by it a moment ago."""
        short = self._short.get((project_id, together))
        if short is None or short.refusals < STORM_REFUSALS or short.until <= time.monotonic():
            return NOTHING_SPENT
        return short.spent
