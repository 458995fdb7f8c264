"""What a process remembers of redeemables and customers that it has met, to decide on them before it reads.

Nothing here expires: the script compares the versions of all that is remembered, so an old memory costs a
trip and never a wrong taking.
"""

import time
from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from app.core.keys import Keys
from app.core.ops import Record
from app.core.records import CustomerRecord, VoucherRecord, decode_voucher, encode_record
from app.redeemables.bounded import Bounded, Recent
from app.redeemables.programs import CampaignProgram, ProjectProgram
from rules.facts import Counter, CounterName, CustomerFacts, Facts

VOUCHERS_MAX: Final = 20_000
"""As their records, packed: most are codes that are used once."""
OPEN_MAX: Final = 500
"""Single redeemables ready to be decided on, about 4 kB each: codes that are used again and again."""
STACKS_MAX: Final = 1_000
"""Several redeemables together, as ready; a voucher more takes about 2 kB more."""
CUSTOMERS_MAX: Final = 10_000
"""About 2 kB each."""

SHORT_SECONDS: Final = 0.2
"""How long a limit that the script found reached is expected to be so still (D4)."""
SHORT_MAX: Final = 1_000
STORM_REFUSALS: Final = 16
"""As many within SHORT_SECONDS, in this process alone: then the next ones are refused without the script.
Who tries again after a rollback, when there is no such storm, is asked for.
"""

Together = tuple[tuple[str | None, str], ...]
"""Kind as sent and id of the redeemables of a request, in their order."""
Identity = tuple[str | None, str | None]
"""The id and the source_id by which a request names a customer."""


class Written(Struct, frozen=True):
    """A voucher within a redemption: as it is answered, and as the ledger keeps it."""

    answered: Raw
    kept: Raw


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
    checks: tuple[Record, ...]
    """That `records` still stand."""
    written: dict[str, Written] = {}
    """By voucher id, added by the first redemption: each one says the same of it, at length."""


class Acquaintance(Struct, frozen=True, kw_only=True):
    """A customer whose record is known. facts: as stored, without what a request says."""

    generation: int
    customer_id: str
    source_id: str | None
    claimed: bool
    """Whether the core knows whose the source_id is; the first taking claims it."""
    record: CustomerRecord
    check: Record
    """That it still stands."""
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


def voucher_checks(
    keys: Keys, project: ProjectProgram, records: Mapping[str, VoucherRecord]
) -> tuple[Record, ...]:
    """What the script compares of the vouchers that a decision looked at (D4)."""
    checks = []
    for record in records.values():
        folded = project.fold(record.code)
        checks.append(Record(key=keys.voucher_record(folded), field=folded, version=record.version))
    return tuple(checks)


def customer_check(keys: Keys, record: CustomerRecord) -> Record:
    """The same of a customer."""
    return Record(key=keys.customer_record(record.id), field=record.id, version=record.version)


NOTHING_SPENT: Final[Mapping[CounterName, Counter]] = {}


class Memory:
    """Bounded, and forgotten per project at once. But packed vouchers stay: their own version is compared,
    and the rest of what they are decided on is the catalogue of that moment.
    """

    def __init__(self) -> None:
        self._generations: dict[str, int] = {}
        self._packed: Recent[str, bytes] = Recent(VOUCHERS_MAX)
        self._open: Bounded[tuple[str, Together], Remembered] = Bounded(OPEN_MAX)
        self._stacks: Bounded[tuple[str, Together], Remembered] = Bounded(STACKS_MAX)
        self._customers: Bounded[tuple[str, Identity], Acquaintance] = Bounded(CUSTOMERS_MAX)
        self._short: Bounded[tuple[str, Together], Short] = Bounded(SHORT_MAX)

    def generation(self, project_id: str) -> int:
        return self._generations.get(project_id, 0)

    def forget_project(self, project_id: str) -> None:
        """Something of the project's catalogue or of its customers has changed."""
        self._generations[project_id] = self.generation(project_id) + 1

    def redeemables(self, project_id: str, together: Together) -> Remembered | None:
        found = self._of(together).get((project_id, together))
        return found if found is not None and found.generation == self.generation(project_id) else None

    def remember(self, together: Together, remembered: Remembered) -> None:
        self._of(together).put((remembered.project.id, together), remembered)

    def _of(self, together: Together) -> Bounded[tuple[str, Together], Remembered]:
        """Apart, so that a thousand codes that are used once do not drive out the stacks."""
        return self._open if len(together) == 1 else self._stacks

    def packed(self, project_id: str, requested_id: str) -> VoucherRecord | None:
        """The voucher's record as it was when it was last asked for by this code or id."""
        packed = self._packed.get(f"{project_id} {requested_id}")
        return None if packed is None else decode_voucher(packed)

    def pack(self, project_id: str, requested_id: str, record: VoucherRecord) -> None:
        """One text and its bytes: a tenth of what is ready to be decided on."""
        self._packed.put(f"{project_id} {requested_id}", encode_record(record))

    def leave(self, project_id: str, requested_id: str) -> None:
        """Read it each time from now on, until it is packed again."""
        self._packed.pop(f"{project_id} {requested_id}")

    def customer(self, project_id: str, identity: Identity) -> Acquaintance | None:
        found = self._customers.get((project_id, identity))
        return found if found is not None and found.generation == self.generation(project_id) else None

    def meet(self, project_id: str, identity: Identity, acquaintance: Acquaintance) -> None:
        self._customers.put((project_id, identity), acquaintance)

    def forget(self, project_id: str, together: Together, identity: Identity) -> None:
        """A version was not what is remembered here."""
        self._of(together).entries.pop((project_id, together), None)
        if len(together) == 1:
            self.leave(project_id, together[0][1])
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
