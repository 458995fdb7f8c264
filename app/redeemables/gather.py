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
from app.core.records import CustomerRecord, VoucherRecord, decode_customer, decode_voucher
from app.redeemables.candidates import candidate_of
from app.redeemables.catalogue import Catalogue
from app.redeemables.charges import place_of
from app.redeemables.customers import customer_facts, identity
from app.redeemables.orders import StoredOrder, decode_order, load_order, order_commands, order_facts
from app.redeemables.programs import CampaignProgram, ProjectProgram
from app.redeemables.replay import first_event
from app.redeemables.request import StackRequest
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
    first_event: str | None
    """The event that this idempotency key made before."""
    riders: list[Any]


class _Trip:
    """Commands of one read and where their replies stand."""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def add(self, *command: str | bytes | int) -> int:
        self.commands.append(command)
        return len(self.commands) - 1


async def gather(
    core: RedemptionCore, catalogue: Catalogue, asked: Asked, request: StackRequest, now: datetime
) -> Gathered:
    """Read what the request names.

    Raises: LookupError for a project that is gone, CoreUnavailable.
    """
    partition = asked.partition
    project_id = partition.project_id
    project = await catalogue.project(project_id)
    keys = await core.open(partition)
    customer_id, source_id = identity(project.secret, request.customer, request.tracking_id)

    trip = _Trip()
    trip.add("HMGET", keys.versions(), "s", "prod")
    lookups = _lookups(catalogue, project, request)
    wanted = list(dict.fromkeys(lookups.values()))
    for folded in wanted:
        trip.add("HGET", keys.voucher_record(folded), folded)
    customer_at = trip.add("HGET", keys.customer_record(customer_id), customer_id) if customer_id else -1
    claim_at = trip.add("HGET", keys.source_claim(source_id), source_id) if source_id else -1
    order_id = request.order.id if request.order else None
    order_source = request.order.source_id if request.order else None
    order_at = len(trip.commands)
    trip.commands.extend(order_commands(keys, order_id, order_source))
    counted = [
        name
        for redeemable in request.redeemables
        for name in catalogue.read_before(project_id, redeemable.id)
    ]
    counters_at = len(trip.commands)
    trip.commands.extend(_counter_commands(keys, counted))
    riders_at = len(trip.commands)
    trip.commands.extend(asked.riders)
    replay_at = (
        trip.add("GET", keys.idempotency(asked.scope_hash)) if asked.scope_hash else len(trip.commands)
    )
    replies = await core.read(partition, trip.commands)

    project = await _refreshed(catalogue, project, replies[0])
    records = await _records(catalogue, partition, wanted, replies[1 : 1 + len(wanted)])
    claim = replies[claim_at] if claim_at >= 0 else None
    if claim is not None and claim.decode() != customer_id and not (request.customer and request.customer.id):
        customer_id = claim.decode()
        raw_customer = (
            await core.read(partition, [("HGET", keys.customer_record(customer_id), customer_id)])
        )[0]
    else:
        raw_customer = replies[customer_at] if customer_at >= 0 else None
    customer = await _customer(catalogue, partition, customer_id, source_id, raw_customer)
    if customer is not None:
        customer_id = customer.id
    order = None
    if order_id or order_source:
        order = decode_order(replies[order_at:counters_at])
        if order is None:
            order = await load_order(core, catalogue.db, partition, order_id, order_source)

    campaigns, tiers = await _campaigns(catalogue, project_id, request, records)
    guards = _guards(project, campaigns)
    candidates: list[Candidate] = []
    for redeemable in request.redeemables:
        record = records.get(lookups.get(redeemable.id, "")) if redeemable.kind == "voucher" else None
        candidate, own_guards = await candidate_of(catalogue, project, redeemable, record, campaigns, tiers)
        guards.update(own_guards)
        candidates.append(candidate)

    facts = Facts(
        candidates=tuple(candidates),
        order=await _order_facts(catalogue, project_id, request, order),
        customer=_customer_facts(customer, customer_id, request),
        metadata=request.metadata or {},
        stacking=project.stacking,
        categories=project.categories,
        api_key_id=asked.key_id,
        user_login=asked.user_login,
        project_id=project_id,
        currency=project.currency,
        accept_language=asked.accept_language,
        project_extensions=project.settings.get("extensions") or {},
    )
    seen = dict(zip(counted, replies[counters_at:riders_at], strict=True))
    moment = Moment(now=now, zone=project.zone)
    facts, raw = await _with_counters(core, keys, partition, facts, seen, moment)
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
        claimed=claim is not None,
        order=order,
        seen=raw,
        first_event=first_event(replies[replay_at], asked.fingerprint) if asked.scope_hash else None,
        riders=replies[riders_at:replay_at],
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


async def _records(
    catalogue: Catalogue, partition: Partition, wanted: Sequence[str], raw: Sequence[bytes | None]
) -> dict[str, VoucherRecord]:
    """By what was asked for: a folded code, or a v_ id."""
    found: dict[str, VoucherRecord] = {}
    missing: list[str] = []
    for folded, value in zip(wanted, raw, strict=True):
        if value is not None:
            record = decode_voucher(value)
            if not record.deleted:
                found[folded] = record
        elif not catalogue.is_unknown(partition.project_id, folded):
            missing.append(folded)
    if missing:
        hydrated = await catalogue.hydrate_vouchers(partition, missing)
        found.update(
            {name: record for name, record in hydrated.items() if name in missing and not record.deleted}
        )
    return found


async def _customer(
    catalogue: Catalogue,
    partition: Partition,
    customer_id: str | None,
    source_id: str | None,
    raw: bytes | None,
) -> CustomerRecord | None:
    if customer_id is None:
        return None
    if raw is None:
        lookup = source_id or customer_id
        if catalogue.is_unknown(partition.project_id, "customer:" + lookup):
            return None
        record = await catalogue.hydrate_customer(partition, lookup)
    else:
        record = decode_customer(raw)
    return None if record is None or record.deleted else record


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
