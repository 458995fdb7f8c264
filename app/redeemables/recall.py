"""A redemption in one round trip: what the process remembers is decided on before anything is read, and the
script compares that all of it still stands (ADR 16). A validation compares by reading, in one trip as well.

Remembered is only what can be compared: versions of the catalogue, of the vouchers' and the customer's
records, of the key's access. What depends on a counter or a summary, names an order or a session, or comes
from a customer who was not met before takes the ordinary way, and so does what is found changed.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from app.core.core import RedemptionCore
from app.redeemables.catalogue import Catalogue
from app.redeemables.customers import CustomerPayload, customer_facts, says_nothing
from app.redeemables.foresight import Foreseen, asked_together, look_for, unchanged
from app.redeemables.gather import Gathered
from app.redeemables.memory import (
    NOTHING_SPENT,
    Acquaintance,
    Identity,
    Remembered,
    customer_check,
    voucher_checks,
)
from app.redeemables.opening import PRODUCTS, is_plain, is_recallable, opened, together_of
from app.redeemables.orders import order_facts
from app.redeemables.read_trip import Asked
from app.redeemables.request import StackRequest
from app.redeemables.summaries import summary_needs
from rules.facts import Counter, CounterName, CustomerFacts, Facts

NOBODY: Identity = (None, None)


async def recall(catalogue: Catalogue, asked: Asked, request: StackRequest) -> Gathered | None:
    """What is remembered of all that the request names, as if it had been read; None: read it."""
    partition = asked.partition
    order = request.order
    if request.session is not None or not (asked.access is not None or _looks_alone(asked)):
        return None
    if order is not None and (order.id or order.source_id):
        return None
    memory, together = catalogue.memory, together_of(request)
    remembered = memory.redeemables(partition.project_id, together)
    if remembered is None:
        remembered = await opened(catalogue, partition, request)
    if remembered is None or catalogue.core.keys(partition) is not remembered.keys:
        return None
    if remembered.products_version != catalogue.products.version(partition.project_id):
        return None
    identity = identity_of(request)
    known: Acquaintance | None = None
    if identity is not NOBODY:
        known = memory.customer(partition.project_id, identity)
        if known is None:
            return None
    elif request.customer is not None:
        return None
    if not all(map(is_plain, request.redeemables)):
        return None
    stored, products = remembered.facts, catalogue.products
    facts = Facts(
        candidates=stored.candidates,
        order=None if order is None else await order_facts(products, partition.project_id, order, None),
        customer=None if known is None else _facts_of(known, request.customer),
        metadata=request.metadata or {},
        stacking=stored.stacking,
        categories=stored.categories,
        api_key_id=asked.key_id,
        user_login=asked.user_login,
        project_id=stored.project_id,
        currency=stored.currency,
        accept_language=asked.accept_language,
        project_extensions=stored.project_extensions,
        catalogue=stored.catalogue,
    )
    # Under an idempotency key the taking itself is asked: it may have been made before.
    expects_limit = not (asked.looking or asked.scope_hash) and memory.is_short(
        partition.project_id, together
    )
    return Gathered(
        project=remembered.project,
        keys=remembered.keys,
        facts=facts,
        guards=remembered.guards,
        records=remembered.records,
        campaigns=remembered.campaigns,
        customer=None if known is None else known.record,
        customer_id=None if known is None else known.customer_id,
        source_id=None if known is None else known.source_id,
        claimed=known is not None and known.claimed,
        order=None,
        seen={},
        first_event=None,
        riders=[] if asked.access is None else [asked.access[1]],
        access=asked.access,
        written=remembered.written,
        checks=remembered.checks if known is None else (*remembered.checks, known.check),
        expects_limit=expects_limit,
        spent=memory.spent(partition.project_id, together) if expects_limit else NOTHING_SPENT,
    )


async def confirmed(
    core: RedemptionCore, catalogue: Catalogue, asked: Asked, request: StackRequest, recalled: Gathered
) -> Gathered | None:
    """For a validation: what was recalled, with what its limits are compared with, after everything that was
    remembered was read and stands; None: something has changed, or nobody knows yet what to compare.

    Raises: CoreUnavailable.
    """
    candidates = recalled.facts.candidates
    foreseen = catalogue.foresights.of(recalled.project.id, asked_together(request), candidates)
    if foreseen is None:
        return None
    keys, customer = recalled.keys, recalled.customer
    with_products = Foreseen((*foreseen.guards, PRODUCTS), foreseen.counters)
    look = look_for(core, keys, with_products, recalled.customer_id)
    commands = look.commands
    records_at = len(commands)
    versions = []
    for record in recalled.records.values():
        folded = recalled.project.fold(record.code)
        commands.append(("HGET", keys.voucher_record(folded), folded))
        versions.append(record.version)
    if customer is not None:
        commands.append(("HGET", keys.customer_record(customer.id), customer.id))
        versions.append(customer.version)
    riders_at = len(commands)
    commands += asked.riders
    claim_at = len(commands)
    source_id = recalled.source_id
    if source_id is not None:
        commands.append(("HGET", keys.source_claim(source_id), source_id))
    replies = await core.read(asked.partition, commands)
    look.replies = replies[:records_at]
    for version, raw in zip(versions, replies[records_at:riders_at], strict=True):
        if not isinstance(raw, bytes) or not raw.startswith(b"%d:" % version):
            return None
    if source_id is not None and not _is_owner(recalled, replies[claim_at]):
        return None
    if not unchanged(core, asked.partition, look, recalled.guards):
        return None
    recalled.look = look
    recalled.riders = replies[riders_at:claim_at]
    return recalled


def _is_owner(recalled: Gathered, claim: Any) -> bool:
    """Whether the source_id is still nobody else's."""
    if claim is None:
        return not recalled.claimed
    return recalled.customer_id is not None and claim == recalled.customer_id.encode()


def _looks_alone(asked: Asked) -> bool:
    """Whether nothing is taken, no answer that was given before could be meant, and asking twice for the
    riders costs nobody a token.
    """
    return asked.looking and not asked.scope_hash and len(asked.riders) == 1


def remember(
    catalogue: Catalogue, asked: Asked, request: StackRequest, gathered: Gathered, *, taken: bool
) -> None:
    """After a yes, or a limit that the script found reached: the next one of the same can do without reading
    it again. taken: by that the customer's source_id is claimed.
    """
    if not (asked.access is not None or _looks_alone(asked)) or not _is_recallable(gathered, request):
        return
    memory, project = catalogue.memory, gathered.project
    generation = memory.generation(project.id)
    if memory.redeemables(project.id, together_of(request)) is None:
        _remember_redeemables(catalogue, request, gathered, generation)
    identity, record = identity_of(request), gathered.customer
    if identity is not NOBODY and record is not None:
        acquaintance = Acquaintance(
            generation=generation,
            customer_id=record.id,
            source_id=gathered.source_id,
            claimed=gathered.claimed or taken,
            record=record,
            check=customer_check(gathered.keys, record),
            facts=customer_facts(record, None),
        )
        memory.meet(project.id, identity, acquaintance)


def _remember_redeemables(
    catalogue: Catalogue, request: StackRequest, gathered: Gathered, generation: int
) -> None:
    """Of a single voucher only its record: most are asked for once more, or never again."""
    memory, project = catalogue.memory, gathered.project
    if len(request.redeemables) == 1 and len(gathered.records) == 1:
        (record,) = gathered.records.values()
        memory.pack(project.id, request.redeemables[0].id, record)
        return
    products_version = catalogue.products.version(project.id)
    remembered = Remembered(
        generation=generation,
        project=project,
        keys=gathered.keys,
        # The rest is the request's.
        facts=replace(gathered.facts, order=None, customer=None, metadata={}),
        guards={**gathered.guards, PRODUCTS: products_version},
        records=gathered.records,
        checks=voucher_checks(gathered.keys, project, gathered.records),
        campaigns=gathered.campaigns,
        products_version=products_version,
    )
    memory.remember(together_of(request), remembered)


def fell_short(
    catalogue: Catalogue,
    request: StackRequest,
    gathered: Gathered,
    spent: Mapping[CounterName, Counter],
) -> None:
    """A limit is reached: nothing is composed for those who come next before the script was asked."""
    catalogue.memory.fell_short(gathered.project.id, together_of(request), spent)


def came_back(catalogue: Catalogue, request: StackRequest, gathered: Gathered) -> None:
    """A unit was there again after all."""
    catalogue.memory.came_back(gathered.project.id, together_of(request))


def forget(catalogue: Catalogue, asked: Asked, request: StackRequest) -> None:
    """Something that was remembered for this request is no longer so."""
    catalogue.memory.forget(asked.partition.project_id, together_of(request), identity_of(request))


def identity_of(request: StackRequest) -> Identity:
    """By what the request names its customer; NOBODY when by nothing that identifies."""
    customer = request.customer
    if customer is None or not (customer.id or customer.source_id) or request.tracking_id:
        return NOBODY
    return customer.id, customer.source_id


def _is_recallable(gathered: Gathered, request: StackRequest) -> bool:
    """Whether nothing was read of these redeemables but what the script compares by version."""
    candidates = gathered.facts.candidates
    return (
        request.session is None
        and request.tracking_id is None
        and not gathered.pins
        and not gathered.seen
        and all(map(is_plain, request.redeemables))
        and all(map(is_recallable, candidates))
        and not summary_needs(candidates)
    )


def _facts_of(known: Acquaintance, sent: CustomerPayload | None) -> CustomerFacts:
    """As stored, with what the request says laid over it for this call (behaviour 2.6)."""
    if sent is None or says_nothing(sent):
        return known.facts
    return customer_facts(known.record, sent)
