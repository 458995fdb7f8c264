"""One pipelined read, then the facts: records, profile, order state and counters of a request (D6).

The first trip fetches everything that the request names. A second one is made only for what the first
revealed: counters
on which an amount depends, of a code that this process has not met. SQL is asked only for what Redis does not
hold.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.ops import Equal
from app.core.records import CustomerRecord, VoucherRecord, decode_customer
from app.redeemables.candidates import candidate_of, facts_of_units
from app.redeemables.catalogue import Catalogue
from app.redeemables.charges import place_of
from app.redeemables.customers import customer_facts, identity
from app.redeemables.order_reading import decode_order, load_order, order_commands
from app.redeemables.orders import StoredOrder, order_facts
from app.redeemables.programs import CampaignProgram, ProjectProgram
from app.redeemables.replay import first_event
from app.redeemables.request import StackRequest
from app.redeemables.sessions import Owned, owned_of, session_commands, without_own
from app.redeemables.summaries import summary_command, summary_needs, with_summary
from app.redeemables.voucher_records import voucher_records
from rules.charges import counters_of
from rules.facts import Candidate, Counter, CounterName, CustomerFacts, Facts, Moment, OrderFacts

Command = tuple[str | bytes | int | float, ...]
Admit = Callable[[Sequence[Any]], Awaitable[Any]]
"""Takes the replies of the riders; raises when the edge refuses the request."""


class Asked(Struct, frozen=True, kw_only=True):
    """Who asks, and what rides along in the read trip."""

    partition: Partition
    key_id: str
    user_login: str | None = None
    accept_language: str | None = None
    scope_hash: str = ""
    """Of the idempotency key, with `fingerprint` of the request; empty without one (D1)."""
    fingerprint: str = ""
    stores_customer: bool = True
    """False: what a redemption says of its customer is decided with and not kept."""
    hides_codes: bool = False
    """True: unique codes that are unknown, over or somebody else's are one to this caller (D25)."""
    riders: tuple[Command, ...] = ()
    """Commands of the edge (rate bucket, key revocation) whose replies it wants back."""


class Gathered(Struct, kw_only=True):
    """What a decision is made from, and all that must still be so when the script runs."""

    project: ProjectProgram
    keys: Keys
    facts: Facts
    guards: dict[str, int]
    records: dict[str, VoucherRecord]
    """By folded code."""
    campaigns: Mapping[str, CampaignProgram]
    customer: CustomerRecord | None
    customer_id: str | None
    source_id: str | None
    claimed: bool
    """Whether the core already knows the customer's source_id."""
    order: StoredOrder | None
    seen: dict[CounterName, bytes | None]
    """Raw values of the counters that amounts depend on."""
    pins: tuple[Equal, ...] = ()
    """The customer's summary, where a rule looked at it."""
    first_event: str | None
    """The event that this idempotency key made before."""
    riders: list[Any]
    owned: Owned | None = None
    """What the session of the request holds, and how it was read."""


class _Trip:
    """The first read: its commands, and where each reply stands."""

    def __init__(
        self,
        catalogue: Catalogue,
        keys: Keys,
        project: ProjectProgram,
        asked: Asked,
        request: StackRequest,
        customer: tuple[str | None, str | None],
    ) -> None:
        customer_id, source_id = customer
        self.lookups = _lookups(catalogue, project, request)
        self.wanted = list(dict.fromkeys(self.lookups.values()))
        commands: list[Command] = [("HMGET", keys.versions(), "s", "prod")]
        commands += [("HGET", keys.voucher_record(folded), folded) for folded in self.wanted]
        self.customer_at = self.claim_at = -1
        if customer_id:
            self.customer_at = len(commands)
            commands.append(("HGET", keys.customer_record(customer_id), customer_id))
        if source_id:
            self.claim_at = len(commands)
            commands.append(("HGET", keys.source_claim(source_id), source_id))
        self.order_at = len(commands)
        if request.order is not None:
            commands += order_commands(keys, request.order.id, request.order.source_id)
        self.counted = [
            name for one in request.redeemables for name in catalogue.read_before(project.id, one.id)
        ]
        self.summary_of = ""
        """The customer whose summary this trip brings, if any."""
        if customer_id and any(catalogue.reads_summary(project.id, one.id) for one in request.redeemables):
            self.summary_of = customer_id
        self.summary_at = len(commands)
        if self.summary_of:
            commands.append(summary_command(keys, self.summary_of))
        self.counters_at = len(commands)
        commands += _counter_commands(keys, self.counted)
        self.riders_at = len(commands)
        commands += asked.riders
        self.replay_at = len(commands)
        if asked.scope_hash:
            commands.append(("GET", keys.idempotency(asked.scope_hash)))
        commands += session_commands(keys, request)
        self.commands = commands
        self.replies: list[Any] = []

    @property
    def records(self) -> Sequence[bytes | None]:
        return self.replies[1 : 1 + len(self.wanted)]

    @property
    def claim(self) -> bytes | None:
        return self.replies[self.claim_at] if self.claim_at >= 0 else None

    @property
    def customer(self) -> bytes | None:
        return self.replies[self.customer_at] if self.customer_at >= 0 else None

    @property
    def order(self) -> StoredOrder | None:
        return decode_order(self.replies[self.order_at : self.summary_at])

    @property
    def counters(self) -> dict[CounterName, Any]:
        return dict(zip(self.counted, self.replies[self.counters_at : self.riders_at], strict=True))

    def summary(self, customer_id: str | None) -> Sequence[bytes | None] | None:
        """The reply to `summary_command`, if this trip asked for this customer's."""
        return self.replies[self.summary_at] if self.summary_of and self.summary_of == customer_id else None

    def first_event(self, asked: Asked) -> str | None:
        """Raises: KeyReused."""
        return first_event(self.replies[self.replay_at], asked.fingerprint) if asked.scope_hash else None


async def gather(
    core: RedemptionCore, catalogue: Catalogue, asked: Asked, request: StackRequest, now: datetime
) -> Gathered:
    """Raises: LookupError for a project that is gone, KeyReused, CoreUnavailable."""
    partition = asked.partition
    project_id = partition.project_id
    project = await catalogue.project(project_id)
    keys = await core.open(partition)
    customer_id, source_id = identity(project.secret, request.customer, request.tracking_id)
    trip = _Trip(catalogue, keys, project, asked, request, (customer_id, source_id))
    trip.replies = await core.read(partition, trip.commands)

    project = await _refreshed(catalogue, project, trip.replies[0])
    records = await voucher_records(catalogue, partition, trip.wanted, trip.records, evenly=asked.hides_codes)
    customer_id, customer = await _customer(core, catalogue, keys, request, trip, (customer_id, source_id))
    order = await _order(core, catalogue, partition, request, trip)
    campaigns, tiers = await _campaigns(catalogue, project_id, request, records)
    guards = _guards(project, campaigns)
    candidates: list[Candidate] = []
    for redeemable in request.redeemables:
        record = records.get(trip.lookups.get(redeemable.id, "")) if redeemable.kind == "voucher" else None
        candidate, own_guards = await candidate_of(catalogue, project, redeemable, record, campaigns, tiers)
        guards.update(own_guards)
        candidates.append(candidate)

    seen_customer = _customer_facts(customer, customer_id, request)
    pins: tuple[Equal, ...] = ()
    needs = _summary_needs(catalogue, trip, project_id, request, candidates)
    if needs and seen_customer is not None:
        summary = trip.summary(seen_customer.id)
        seen_customer, pins = await with_summary(core, catalogue.db, keys, seen_customer, needs, summary)
    facts = Facts(
        candidates=tuple(candidates),
        order=await _order_facts(catalogue, project_id, request, order),
        customer=seen_customer,
        metadata=request.metadata or {},
        stacking=project.stacking,
        categories=project.categories,
        api_key_id=asked.key_id,
        user_login=asked.user_login,
        project_id=project_id,
        currency=project.currency,
        accept_language=asked.accept_language,
        project_extensions=project.settings.get("extensions") or {},
        catalogue=await facts_of_units(catalogue.products, project_id, candidates),
    )
    moment = Moment(now=now, zone=project.zone)
    facts, seen = await _with_counters(core, keys, partition, facts, trip.counters, moment)
    owned = owned_of(request, trip.replies)
    facts = without_own(facts, keys, owned)
    for redeemable, candidate in zip(request.redeemables, candidates, strict=True):
        catalogue.remember_reads(project_id, redeemable.id, candidate, facts)
    return Gathered(
        project=project,
        keys=keys,
        facts=facts,
        guards=guards,
        records=records,
        campaigns=campaigns,
        customer=customer,
        customer_id=customer_id,
        source_id=source_id or (customer.source_id if customer else None),
        claimed=trip.claim is not None,
        order=order,
        seen=seen,
        pins=pins,
        first_event=trip.first_event(asked),
        riders=trip.replies[trip.riders_at : trip.replay_at],
        owned=owned,
    )


def _lookups(catalogue: Catalogue, project: ProjectProgram, request: StackRequest) -> dict[str, str]:
    """Requested id of each voucher to what its record is found under."""
    return {
        one.id: catalogue.lookup_of(project, one.id) for one in request.redeemables if one.kind == "voucher"
    }


async def _refreshed(
    catalogue: Catalogue, project: ProjectProgram, versions: Sequence[bytes | None]
) -> ProjectProgram:
    """Newer settings than the process holds are loaded now; so are products, which nothing guards (D4)."""
    settings_version = int(versions[0] or 0)
    if settings_version > project.version:
        catalogue.invalidate(project.id, "s")
        project = await catalogue.project(project.id)
    catalogue.products.refresh(project.id, int(versions[1] or 0))
    return project


async def _customer(
    core: RedemptionCore,
    catalogue: Catalogue,
    keys: Keys,
    request: StackRequest,
    trip: _Trip,
    customer: tuple[str | None, str | None],
) -> tuple[str | None, CustomerRecord | None]:
    """The customer's id and record. A claim says who owns a source_id; an id in the request wins over it."""
    customer_id, source_id = customer
    if customer_id is None:
        return None, None
    raw = trip.customer
    owner = trip.claim.decode() if trip.claim is not None else customer_id
    if owner != customer_id and not (request.customer and request.customer.id):
        customer_id = owner
        raw = (await core.read(keys.partition, [("HGET", keys.customer_record(owner), owner)]))[0]
    if raw is None:
        lookup = source_id or customer_id
        if catalogue.is_unknown(keys.partition.project_id, "customer:" + lookup):
            return customer_id, None
        record = await catalogue.hydrate_customer(keys.partition, lookup)
    else:
        record = decode_customer(raw)
    if record is None or record.deleted:
        return customer_id, None
    return record.id, record


async def _order(
    core: RedemptionCore, catalogue: Catalogue, partition: Partition, request: StackRequest, trip: _Trip
) -> StoredOrder | None:
    order = request.order
    if order is None or not (order.id or order.source_id):
        return None
    return trip.order or await load_order(core, catalogue.db, partition, order.id, order.source_id)


async def _campaigns(
    catalogue: Catalogue, project_id: str, request: StackRequest, records: Mapping[str, VoucherRecord]
) -> tuple[dict[str, CampaignProgram], dict[str, str]]:
    tier_ids = [redeemable.id for redeemable in request.redeemables if redeemable.kind == "promotion_tier"]
    tiers = await catalogue.campaigns_of_tiers(project_id, tier_ids) if tier_ids else {}
    campaign_ids = dict.fromkeys(record.campaign_id for record in records.values() if record.campaign_id)
    campaign_ids.update(dict.fromkeys(tiers.values()))
    if not campaign_ids:
        return {}, tiers
    return await catalogue.campaigns(project_id, campaign_ids), tiers


def _guards(project: ProjectProgram, campaigns: Mapping[str, CampaignProgram]) -> dict[str, int]:
    guards = {"s": project.version}
    for campaign in campaigns.values():
        guards.update(campaign.guards)
    return guards


def _customer_facts(
    customer: CustomerRecord | None, customer_id: str | None, request: StackRequest
) -> CustomerFacts | None:
    if customer is None and customer_id is None and request.customer is None:
        return None
    facts = customer_facts(customer, request.customer)
    return facts if facts.id is not None else replace(facts, id=customer_id)


def _summary_needs(
    catalogue: Catalogue,
    trip: _Trip,
    project_id: str,
    request: StackRequest,
    candidates: Sequence[Candidate],
) -> frozenset[str]:
    """What the rules of this request want of the customer's summary; remembered for the next read trip."""
    needs = summary_needs(candidates)
    if needs or trip.summary_of:
        for redeemable, candidate in zip(request.redeemables, candidates, strict=True):
            catalogue.remember_summary(project_id, redeemable.id, bool(summary_needs((candidate,))))
    return needs


async def _order_facts(
    catalogue: Catalogue, project_id: str, request: StackRequest, stored: StoredOrder | None
) -> OrderFacts | None:
    if request.order is None:
        return None
    return await order_facts(catalogue.products, project_id, request.order, stored)


def _counter_commands(keys: Keys, names: Sequence[CounterName]) -> list[Command]:
    commands: list[Command] = []
    for name in names:
        key, field = place_of(keys, name)
        commands.append(("HMGET", key, field, field + "~h"))
    return commands


async def _with_counters(
    core: RedemptionCore,
    keys: Keys,
    partition: Partition,
    facts: Facts,
    seen: Mapping[CounterName, Any],
    moment: Moment,
) -> tuple[Facts, dict[CounterName, bytes | None]]:
    """Counters on which amounts depend, as facts; a third trip only for those the first did not bring."""
    needed = counters_of(facts, moment)
    if not needed:
        return facts, {}
    replies = dict(seen)
    missing = [name for name in needed if name not in replies]
    if missing:
        fetched = await core.read(partition, _counter_commands(keys, missing))
        replies.update(zip(missing, fetched, strict=True))
    bases = {
        ("gift", candidate.id): candidate.gift.opening
        for candidate in facts.candidates
        if candidate.gift is not None
    }
    bases.update({("voucher", candidate.id): candidate.redeemed_base for candidate in facts.candidates})
    counters: dict[CounterName, Counter] = {}
    raw: dict[CounterName, bytes | None] = {}
    for name in needed:
        value, held = replies[name]
        base = 0
        if not (name.customer or name.product or name.window):
            base = bases.get((name.scope, name.id), 0)
        counters[name] = Counter(value=base if value is None else int(value), held=int(held or 0))
        raw[name] = value
    return replace(facts, counters=counters), raw
