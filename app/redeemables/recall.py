"""A redemption in one round trip: what the process remembers is decided on before anything is read, and the
script compares that all of it still stands (ADR 16).

Remembered is only what the script compares: versions of the catalogue, of the vouchers' and the customer's
records, of the key's access. What depends on a counter or a summary, names an order or a session, or comes
from a customer who was not met before takes the ordinary way, and so does what the script finds changed.
"""

from app.redeemables.catalogue import Catalogue
from app.redeemables.customers import CustomerPayload, customer_facts, patch_of
from app.redeemables.gather import Gathered, order_facts_of
from app.redeemables.memory import Acquaintance, Identity, Remembered, Together
from app.redeemables.read_trip import Asked
from app.redeemables.request import RedeemableRequest, StackRequest
from app.redeemables.summaries import summary_needs
from rules.charges import looks_at_counters
from rules.facts import CustomerFacts, Facts

PRODUCTS = "prod"
"""Guard of all products of a project: an order's lines are described by them."""
NOBODY: Identity = (None, None)


async def recall(catalogue: Catalogue, asked: Asked, request: StackRequest) -> Gathered | None:
    """What is remembered of all that the request names, as if it had been read; None: read it."""
    partition = asked.partition
    order = request.order
    if asked.access is None or request.session is not None:
        return None
    if order is not None and (order.id or order.source_id):
        return None
    memory = catalogue.memory
    remembered = memory.redeemables(partition.project_id, together_of(request))
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
    if not all(map(_is_plain, request.redeemables)):
        return None
    stored = remembered.facts
    facts = Facts(
        candidates=stored.candidates,
        order=await order_facts_of(catalogue, partition.project_id, request, None),
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
    key, version = asked.access
    return Gathered(
        project=remembered.project,
        keys=remembered.keys,
        facts=facts,
        guards={**remembered.guards, PRODUCTS: remembered.products_version},
        records=remembered.records,
        campaigns=remembered.campaigns,
        customer=None if known is None else known.record,
        customer_id=None if known is None else known.customer_id,
        source_id=None if known is None else known.source_id,
        claimed=known is not None and known.source_id is not None,
        order=None,
        seen={},
        first_event=None,
        riders=[version],
        access=(key, version),
    )


def remember(catalogue: Catalogue, asked: Asked, request: StackRequest, gathered: Gathered) -> None:
    """After a taking from what was read: the next one of the same can do without reading."""
    if gathered.access is not None or asked.access is None or not _is_recallable(gathered, request):
        return
    memory, project = catalogue.memory, gathered.project
    generation = memory.generation(project.id)
    if memory.redeemables(project.id, together_of(request)) is None:
        remembered = Remembered(
            generation=generation,
            project=project,
            keys=gathered.keys,
            facts=gathered.facts,
            guards=gathered.guards,
            records=gathered.records,
            campaigns=gathered.campaigns,
            products_version=catalogue.products.version(project.id),
        )
        memory.remember(together_of(request), remembered)
    identity, record = identity_of(request), gathered.customer
    if identity is not NOBODY and record is not None:
        # Whose source_id is claimed, by this taking at the latest.
        acquaintance = Acquaintance(
            generation=generation,
            customer_id=record.id,
            source_id=gathered.source_id,
            record=record,
            facts=customer_facts(record, None),
        )
        memory.meet(project.id, identity, acquaintance)


def forget(catalogue: Catalogue, asked: Asked, request: StackRequest) -> None:
    """Something that was remembered for this request is no longer so."""
    catalogue.memory.forget(asked.partition.project_id, together_of(request), identity_of(request))


def together_of(request: StackRequest) -> Together:
    return tuple([(one.object, one.id) for one in request.redeemables])


def identity_of(request: StackRequest) -> Identity:
    """By what the request names its customer; NOBODY when by nothing that identifies."""
    customer = request.customer
    if customer is None or not (customer.id or customer.source_id) or request.tracking_id:
        return NOBODY
    return customer.id, customer.source_id


def _is_plain(redeemable: RedeemableRequest) -> bool:
    return redeemable.gift is None and redeemable.reward is None


def _is_recallable(gathered: Gathered, request: StackRequest) -> bool:
    """Whether nothing was read of these redeemables but what the script compares by version."""
    candidates = gathered.facts.candidates
    return (
        request.session is None
        and request.tracking_id is None
        and not gathered.pins
        and not gathered.seen
        and all(map(_is_plain, request.redeemables))
        and not any(looks_at_counters(candidate) or candidate.absent for candidate in candidates)
        and not summary_needs(candidates)
    )


def _facts_of(known: Acquaintance, sent: CustomerPayload | None) -> CustomerFacts:
    """As stored, with what the request says laid over it for this call (behaviour 2.6)."""
    if sent is None or not patch_of(sent):
        return known.facts
    return customer_facts(known.record, sent)
