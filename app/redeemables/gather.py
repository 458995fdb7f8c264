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
from app.core.ops import Equal, Record
from app.core.records import CustomerRecord, VoucherRecord, decode_customer
from app.redeemables.candidates import candidate_of, facts_of_units
from app.redeemables.catalogue import Catalogue
from app.redeemables.customers import customer_facts, identity
from app.redeemables.foresight import Look
from app.redeemables.memory import Written
from app.redeemables.order_reading import load_order
from app.redeemables.orders import StoredOrder, order_facts
from app.redeemables.programs import CampaignProgram, ProjectProgram
from app.redeemables.read_trip import Asked, ReadTrip, counter_commands
from app.redeemables.request import StackRequest
from app.redeemables.sessions import Owned, owned_of, server_moment, without_own
from app.redeemables.summaries import summary_needs, with_summary
from app.redeemables.voucher_records import voucher_records
from rules.charges import counters_of
from rules.facts import Candidate, Counter, CounterName, CustomerFacts, Facts, Moment, OrderFacts

Admit = Callable[[Sequence[Any]], Awaitable[Any]]
"""Takes the replies of the riders; raises when the edge refuses the request."""


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
    server_ms: int = 0
    """Epoch milliseconds by the server's clock, for a request with a session."""
    owned: Owned | None = None
    """What the session of the request holds, and how it was read."""
    look: Look | None = None
    """What a validation compares, fetched in the same trip."""
    expects_limit: bool = False
    """Whether the last taking of the same was refused by a limit, a moment ago."""
    spent: Mapping[CounterName, Counter] = {}
    """In a storm of such refusals: the counter that refuses everybody."""
    access: tuple[str, bytes | None] | None = None
    """Set when nothing was read and all is remembered: the access version that the script has to compare."""
    written: dict[str, Written] | None = None
    """Vouchers as redemptions say them, where they are remembered."""
    checks: tuple[Record, ...] | None = None
    """Of `records` and `customer`, where they are remembered; None: still to be made."""


async def gather(
    core: RedemptionCore, catalogue: Catalogue, asked: Asked, request: StackRequest, now: datetime
) -> Gathered:
    """Raises: LookupError for a project that is gone, KeyReused, CoreUnavailable."""
    partition = asked.partition
    project_id = partition.project_id
    project = await catalogue.project(project_id)
    keys = await core.open(partition)
    named = customer_id, source_id = identity(project.secret, request.customer, request.tracking_id)
    trip = ReadTrip(catalogue, keys, project, asked, request, named)
    trip.replies = await core.read(partition, trip.commands)

    project = await _refreshed(catalogue, project, trip.replies[0])
    records = await voucher_records(catalogue, partition, trip.wanted, trip.records, evenly=asked.hides_codes)
    customer_id, customer = await _customer(core, catalogue, keys, request, trip, named)
    order = await _order(core, catalogue, partition, request, trip)
    campaigns, tiers = await _campaigns(catalogue, project_id, request, records)
    candidates, guards = await _candidates(catalogue, project, request, trip, records, campaigns, tiers)

    seen_customer = _customer_facts(customer, customer_id, request)
    order_seen = await order_facts_of(catalogue, project_id, request, order)
    moment = Moment(now=now, zone=project.zone)
    pins: tuple[Equal, ...] = ()
    needs = _summary_needs(catalogue, trip, project_id, request, candidates)
    if needs and seen_customer is not None:
        summary = trip.summary(seen_customer.id)
        seen_customer, pins = await with_summary(
            core, catalogue, keys, seen_customer, needs, summary, moment, order_seen
        )
    facts = Facts(
        candidates=tuple(candidates),
        order=order_seen,
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
        server_ms=server_moment(request, trip.replies),
        owned=owned,
        look=trip.look,
    )


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
    trip: ReadTrip,
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
    core: RedemptionCore, catalogue: Catalogue, partition: Partition, request: StackRequest, trip: ReadTrip
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


async def _candidates(
    catalogue: Catalogue,
    project: ProjectProgram,
    request: StackRequest,
    trip: ReadTrip,
    records: Mapping[str, VoucherRecord],
    campaigns: Mapping[str, CampaignProgram],
    tiers: Mapping[str, str],
) -> tuple[list[Candidate], dict[str, int]]:
    """What the request asks for, and the guards of all that is decided on."""
    guards = _guards(project, campaigns)
    candidates: list[Candidate] = []
    for redeemable in request.redeemables:
        record = records.get(trip.lookups.get(redeemable.id, "")) if redeemable.kind == "voucher" else None
        candidate, own_guards = await candidate_of(catalogue, project, redeemable, record, campaigns, tiers)
        guards.update(own_guards)
        candidates.append(candidate)
    return candidates, guards


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
    trip: ReadTrip,
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


async def order_facts_of(
    catalogue: Catalogue, project_id: str, request: StackRequest, stored: StoredOrder | None
) -> OrderFacts | None:
    """The order as rules see it; None without one."""
    if request.order is None:
        return None
    return await order_facts(catalogue.products, project_id, request.order, stored)


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
        fetched = await core.read(partition, counter_commands(keys, missing))
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
