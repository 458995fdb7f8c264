"""The compiled catalogue of this process: programs by id, loaded from SQL when missing or when a STALE names
them (D4, D5).

Nothing expires by time here: the script compares the versions that a decision was made from, so an old
program can
cost a reload but never a wrong taking.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.outcome import CoreUnavailable
from app.core.records import CustomerRecord, VoucherRecord, encode_record
from app.db.database import Database
from app.ledger.versions import CATALOGUE_GUARD
from app.redeemables import loading
from app.redeemables.asked_together import AskedTogether
from app.redeemables.bounded import Bounded
from app.redeemables.compiling import compile_voucher
from app.redeemables.foresight import Foresights
from app.redeemables.loading_customers import load_customers, load_customers_named
from app.redeemables.loading_vouchers import load_vouchers, load_vouchers_by_id
from app.redeemables.memory import Memory
from app.redeemables.offer_book import OFFERS_MAX, OfferBook
from app.redeemables.order_history import OrderHistory
from app.redeemables.products import ProductCache
from app.redeemables.programs import CampaignProgram, ProjectProgram, VoucherProgram
from app.redeemables.told_publications import ToldPublications
from rules.facts import Candidate, CounterName, Facts

PROGRAMS_MAX = 20_000
"""Campaign programs kept per process: about 10 kB each, so 200 MB at the very most."""
VOUCHER_PROGRAMS_MAX = 50_000
UNKNOWN_SECONDS = 1.0
"""How long an unknown code is remembered as unknown (D5). Creation publishes the record, and a record is read
before this.
"""
UNKNOWN_MAX = 100_000
READS_MAX = 50_000
HISTORIES_MAX = 20_000
PUBLISH_ATTEMPTS_MAX = 3

class Catalogue:
    """Programs of every project that this process has served, and the publication of catalogue writes."""

    def __init__(self, core: RedemptionCore, db: Database, *, offers_max: int = OFFERS_MAX) -> None:
        self.core = core
        self.db = db
        self._projects: dict[str, ProjectProgram] = {}
        self._campaigns: Bounded[tuple[str, str], CampaignProgram] = Bounded(PROGRAMS_MAX)
        self._vouchers: Bounded[tuple[str, str, int, int], VoucherProgram] = Bounded(VOUCHER_PROGRAMS_MAX)
        self._tier_campaign: Bounded[tuple[str, str], str] = Bounded(PROGRAMS_MAX * 4)
        self._unknown: Bounded[tuple[str, str], float] = Bounded(UNKNOWN_MAX)
        self._reads: Bounded[tuple[str, str], tuple[CounterName, ...]] = Bounded(READS_MAX)
        self._summaries: Bounded[tuple[str, str], bool] = Bounded(READS_MAX)
        self._codes: Bounded[tuple[str, str], str] = Bounded(READS_MAX)
        self.histories: Bounded[tuple[str, str], tuple[tuple[bytes | None, ...], OrderHistory]] = Bounded(
            HISTORIES_MAX
        )
        """By project and customer: orders as of these counters of his."""
        self.products = ProductCache(db)
        self.memory = Memory()
        self.foresights = Foresights()
        self.offers = OfferBook(db, offers_max)
        self._codes_asked = AskedTogether(self._hydrate_vouchers)
        self._people = AskedTogether(self._hydrate_customers)
        self.publications = ToldPublications(db)

    async def close(self) -> None:
        """Before the database is closed."""
        await self.publications.close()
        await self.offers.close()

    # Reading
    # -------------------------------------------------------------------------------------------------------

    def known_project(self, project_id: str) -> ProjectProgram | None:
        return self._projects.get(project_id)

    async def project(self, project_id: str) -> ProjectProgram:
        """Raises: LookupError when there is no such project."""
        program = self._projects.get(project_id)
        if program is None:
            async with self.db.reading() as session:
                program = await loading.load_project(session, project_id)
            self._projects[project_id] = program
        return program

    def known_campaign(self, project_id: str, campaign_id: str) -> CampaignProgram | None:
        return self._campaigns.get((project_id, campaign_id))

    async def campaigns(self, project_id: str, campaign_ids: Iterable[str]) -> dict[str, CampaignProgram]:
        """Programs by id; an id that does not exist is left out. One SQL read for all that are missing."""
        found: dict[str, CampaignProgram] = {}
        missing: list[str] = []
        for campaign_id in campaign_ids:
            program = self._campaigns.get((project_id, campaign_id))
            if program is None:
                missing.append(campaign_id)
            else:
                found[campaign_id] = program
        if missing:
            async with self.db.reading() as session:
                loaded = await loading.load_campaigns(session, project_id, missing)
            for program in loaded:
                self._campaigns.put((project_id, program.id), program)
                for tier_id in (*program.tiers, *program.stacks):
                    self._tier_campaign.put((project_id, tier_id), program.id)
                found[program.id] = program
        return found

    def known_campaign_of_tier(self, project_id: str, tier_id: str) -> str | None:
        return self._tier_campaign.get((project_id, tier_id))

    async def campaigns_of_tiers(self, project_id: str, tier_ids: Iterable[str]) -> dict[str, str]:
        """Tier (or stack) id to campaign id; unknown ones are left out and remembered for a second."""
        found: dict[str, str] = {}
        missing: list[str] = []
        for tier_id in tier_ids:
            campaign_id = self._tier_campaign.get((project_id, tier_id))
            if campaign_id is not None:
                found[tier_id] = campaign_id
            elif not self.is_unknown(project_id, tier_id):
                missing.append(tier_id)
        if missing:
            async with self.db.reading() as session:
                loaded = await loading.load_tier_campaigns(session, project_id, missing)
            for tier_id in missing:
                campaign_id = loaded.get(tier_id)
                if campaign_id is None:
                    self.mark_unknown(project_id, tier_id)
                else:
                    self._tier_campaign.put((project_id, tier_id), campaign_id)
                    found[tier_id] = campaign_id
        return found

    async def voucher_program(
        self, project_id: str, record: VoucherRecord, campaign: CampaignProgram | None
    ) -> VoucherProgram:
        """A voucher with parts of its own. SQL only when it has rules of its own, or its discount names
        collections, that are not in the process.
        """
        campaign_version = campaign.guards["c:" + campaign.id] if campaign else 0
        key = (project_id, record.id, record.version, campaign_version)
        program = self._vouchers.get(key)
        if program is None:
            rules = None
            if loading.needs_loading(record):
                async with self.db.reading() as session:
                    rules = await loading.load_voucher_parts(session, project_id, record)
            program = compile_voucher(record, rules, campaign)
            self._vouchers.put(key, program)
        return program

    async def publication_metadata(self, project_id: str, voucher_id: str) -> Mapping[str, Any]:
        """Of the voucher's last publication, for formulas that look at it. Publishing makes a new version of
        the record, so what was read before cannot be redeemed on.
        """
        async with self.db.reading() as session:
            return await loading.load_publication_metadata(session, project_id, voucher_id)

    def read_before(self, project_id: str, requested_id: str) -> tuple[CounterName, ...]:
        """Counters that an amount of this redeemable depended on when it was last met: fetched in the first
        trip (D6).
        """
        return self._reads.get((project_id, requested_id)) or ()

    def remember_reads(self, project_id: str, requested_id: str, candidate: Candidate, facts: Facts) -> None:
        names = tuple(name for name in facts.counters if name.id == candidate.id and not name.customer)
        if names:
            self._reads.put((project_id, requested_id), names)

    def reads_summary(self, project_id: str, requested_id: str) -> bool:
        """Whether a rule of this redeemable looked at the customer's summary when it was last met."""
        return self._summaries.get((project_id, requested_id)) is True

    def remember_summary(self, project_id: str, requested_id: str, reads: bool) -> None:
        if reads or self.reads_summary(project_id, requested_id):
            self._summaries.put((project_id, requested_id), reads)

    # Hydration
    # -----------------------------------------------------------------------------------------------------

    def is_unknown(self, project_id: str, identity: str) -> bool:
        until = self._unknown.get((project_id, identity))
        return until is not None and until > time.monotonic()

    def mark_unknown(self, project_id: str, identity: str) -> None:
        self._unknown.put((project_id, identity), time.monotonic() + UNKNOWN_SECONDS)

    def lookup_of(self, project: ProjectProgram, requested: str) -> str:
        """The folded code under which a voucher's record is kept; an unmet v_ id stands for itself."""
        if requested.startswith("v_"):
            return self._codes.get((project.id, requested)) or requested
        return project.fold(requested)

    async def hydrate_vouchers(
        self,
        partition: Partition,
        folded_codes: Sequence[str],
        *,
        evenly: bool = False,
        stored: Collection[str] = (),
    ) -> dict[str, VoucherRecord]:
        """Read vouchers from SQL and publish their records, but for those that the core has `stored`. Keys:
        folded code, and v_ id where that was asked for; there may be more than was asked for. evenly: at the
        same cost for codes that do not exist, so never together with what others ask for.
        """
        if evenly or stored:
            return await self._hydrate_vouchers(partition, folded_codes, evenly=evenly, stored=stored)
        return await self._codes_asked.find(partition, folded_codes)

    async def _hydrate_vouchers(
        self,
        partition: Partition,
        folded_codes: Sequence[str],
        *,
        evenly: bool = False,
        stored: Collection[str] = (),
    ) -> dict[str, VoucherRecord]:
        async with self.db.reading() as session:
            loaded = await load_vouchers(session, partition.project_id, folded_codes, evenly=evenly)
        found: dict[str, VoucherRecord] = {}
        for folded_code, record in loaded:
            found[folded_code] = record
            found[record.id] = record
            if record.id in folded_codes:
                self._codes.put((partition.project_id, record.id), folded_code)
        fresh = [entry for entry in loaded if entry[0] not in stored] if stored else loaded
        if fresh:
            await self._publish_records(partition, {}, fresh, [], [])
        for wanted in folded_codes:
            if wanted not in found:
                self.mark_unknown(partition.project_id, wanted)
        return found

    async def hydrate_customer(self, partition: Partition, identity: str) -> CustomerRecord | None:
        """By id or source_id."""
        return (await self._people.find(partition, (identity,))).get(identity)

    async def _hydrate_customers(
        self, partition: Partition, identities: Sequence[str]
    ) -> dict[str, CustomerRecord]:
        async with self.db.reading() as session:
            found = await load_customers_named(session, partition.project_id, identities)
        for identity in identities:
            if identity not in found:
                self.mark_unknown(partition.project_id, "customer:" + identity)
        records = {record.id: record for record in found.values()}
        if records:
            await self._publish_records(partition, {}, [], list(records.values()), [])
        return found

    # Publication
    # ---------------------------------------------------------------------------------------------------

    async def publish(
        self, partition: Partition, guards: Mapping[str, int], records: Sequence[Sequence[Any]]
    ) -> None:
        """Publish what a committed catalogue write changed; repeating it is harmless.

        records: ("voucher", id), ("customer", id), or ("deleted", voucher id, folded code, version).
        """
        vouchers: list[tuple[str, VoucherRecord]] = []
        customers: list[CustomerRecord] = []
        deleted = [
            (str(entry[1]), str(entry[2]), int(entry[3])) for entry in records if entry[0] == "deleted"
        ]
        voucher_ids = [str(entry[1]) for entry in records if entry[0] == "voucher"]
        customer_ids = [str(entry[1]) for entry in records if entry[0] == "customer"]
        if voucher_ids or customer_ids:
            async with self.db.reading() as session:
                if voucher_ids:
                    vouchers = await load_vouchers_by_id(session, partition.project_id, voucher_ids)
                if customer_ids:
                    customers = await load_customers(session, partition.project_id, customer_ids)
        await self._publish_records(partition, guards, vouchers, customers, deleted)
        for name in guards:
            self.invalidate(partition.project_id, name)

    async def _publish_records(
        self,
        partition: Partition,
        guards: Mapping[str, int],
        vouchers: Sequence[tuple[str, VoucherRecord]],
        customers: Sequence[CustomerRecord],
        deleted: Sequence[tuple[str, str, int]],
    ) -> None:
        for _ in range(PUBLISH_ATTEMPTS_MAX):
            keys = await self.core.open(partition)
            entries = _entries(keys, vouchers, customers, deleted)
            try:
                await self.core.publish(partition, dict(guards), entries)
            except CoreUnavailable:
                current = self.core.keys(partition)
                if current is None or current.namespace == keys.namespace:
                    raise
                # Rebuilt under a new namespace since the keys were made: the same records go there.
                continue
            return
        raise CoreUnavailable(f"partition {partition.name} keeps being rebuilt")

    def invalidate(self, project_id: str, name: str) -> None:
        """Forget what was compiled from the guard `name`; it is loaded again when next needed."""
        if name == CATALOGUE_GUARD:
            return  # Nothing is compiled from it.
        self.memory.forget_project(project_id)
        if name == "s":
            self._projects.pop(project_id, None)
            return
        if name.startswith("c:"):
            self._campaigns.entries.pop((project_id, name[2:]), None)
            return
        self._campaigns.drop(lambda key, program: key[0] == project_id and name in program.guards)
        self._vouchers.drop(lambda key, program: key[0] == project_id and name in program.guards)


def _entries(
    keys: Keys,
    vouchers: Sequence[tuple[str, VoucherRecord]],
    customers: Sequence[CustomerRecord],
    deleted: Sequence[tuple[str, str, int]],
) -> list[tuple[str, str, int, bytes]]:
    """(key, field, version, record) of everything to publish."""
    entries: list[tuple[str, str, int, bytes]] = []
    for folded_code, record in vouchers:
        entries.append((keys.voucher_record(folded_code), folded_code, record.version, encode_record(record)))
    for customer in customers:
        entries.append(
            (keys.customer_record(customer.id), customer.id, customer.version, encode_record(customer))
        )
    for voucher_id, folded_code, version in deleted:
        tombstone = VoucherRecord(
            version=version, id=voucher_id, code=folded_code, type="", active=False, deleted=True
        )
        entries.append((keys.voucher_record(folded_code), folded_code, version, encode_record(tombstone)))
    return entries
