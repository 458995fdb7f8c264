"""Storing an order without a redemption: composed, and written by the core alone (D15). A change pins the
version that it was made from; the loser makes it anew.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.ops import Apply, Claim, Op
from app.core.outcome import Code, CoreUnavailable
from app.core.records import CustomerRecord, decode_customer
from app.identifiers import new_id
from app.ledger.entries import CUSTOMER, ORDER, Event, Private, encode_event, encode_private
from app.ledger.versions import PRODUCTS_GUARD, SETTINGS_GUARD
from app.redeemables.catalogue import Catalogue
from app.redeemables.customers import CustomerPayload, identity, private_customer
from app.redeemables.documents import overlaid
from app.redeemables.metadata_schemas import MetadataSchemas, problem_of_order
from app.redeemables.order_amounts import calculated, is_recalculated, kept_amounts
from app.redeemables.order_reading import load_order
from app.redeemables.order_request import OrderPayload
from app.redeemables.orders import (
    StoredOrder,
    facts_of,
    items_of,
    order_change_adds,
    order_ops,
    postings_of,
    private_order,
    summary_adds,
)
from app.redeemables.products import references_of
from app.redeemables.programs import ProjectProgram

ATTEMPTS_MAX = 4
"""Each attempt that loses means that another one won."""


class Storing(Struct, frozen=True, kw_only=True):
    """Where, by whom and when. channel: of the event; IMPORT for history that nobody is to be told of."""

    core: RedemptionCore
    catalogue: Catalogue
    partition: Partition
    actor_key_id: str | None
    now: datetime
    channel: str = "API"


class Fresh(Struct, frozen=True):
    """Ids of what is made: of the request, and of an order or a customer who have none of their own."""

    rid: str
    order_id: str
    customer_id: str


def fresh_ids() -> Fresh:
    return Fresh(rid=new_id("rid_"), order_id=new_id("ord_"), customer_id=new_id("cust_"))


class Stored(Struct, frozen=True):
    """The order as it is now, the id of its event, and the customer as stored before."""

    order: StoredOrder
    event_id: str
    known: CustomerRecord | None


class Changing(Exception):
    """The order keeps being changed by others."""


class Buyer(Struct, frozen=True):
    """Whose order it is. `claimed`: the core knows that this customer owns the source_id."""

    id: str | None = None
    source_id: str | None = None
    created: bool = False
    claimed: bool = True
    known: CustomerRecord | None = None
    """As stored before."""


async def store_order(
    storing: Storing,
    payload: OrderPayload,
    fresh: Fresh,
    order_id: str | None,
    source_id: str | None,
    *,
    referrer_id: str | None,
    accepts: Callable[[StoredOrder | None], None] | None = None,
) -> Stored:
    """accepts: raises to leave what is stored as it is.

    Raises: Changing, CoreUnavailable.
    """
    for _ in range(ATTEMPTS_MAX):
        stored = await load(storing, order_id, source_id, is_kept=order_id == fresh.order_id)
        if accepts is not None:
            accepts(stored)
        keys = await storing.core.open(storing.partition)
        buyer = await _buyer(storing, keys, payload, fresh)
        new = await _composed(storing, keys, payload, stored, buyer, referrer_id, fresh)
        outcome = await storing.core.apply(_apply(storing, keys, payload, stored, new, buyer, fresh))
        if outcome.code in (Code.OK, Code.DUP):
            return Stored(new, outcome.event_id, buyer.known)
        if outcome.code not in (Code.STALE, Code.LIMIT):
            raise CoreUnavailable(f"the core answered {outcome.code.name}")
    raise Changing


async def current_settings(storing: Storing) -> ProjectProgram:
    """The project's, as new as the core knows them."""
    catalogue, core, project_id = storing.catalogue, storing.core, storing.partition.project_id
    keys = await core.open(storing.partition)
    replies = await core.read(storing.partition, [("HGET", keys.versions, SETTINGS_GUARD)])
    project = await catalogue.project(project_id)
    if int(replies[0] or 0) > project.version:
        catalogue.invalidate(project_id, SETTINGS_GUARD)
        project = await catalogue.project(project_id)
    return project


async def problem_of(
    storing: Storing,
    schemas: MetadataSchemas,
    payload: OrderPayload,
    order_id: str | None,
    source_id: str | None,
) -> str | None:
    """What is wrong with its metadata and that of whom it is for, before anything is stored."""
    stored = await load(storing, order_id, source_id)
    whole = overlaid((stored.body.get("metadata") or {}) if stored is not None else {}, payload.metadata)
    problem = problem_of_order(schemas, payload, whole, is_stored=stored is not None)
    customer = payload.customer
    if problem is None and customer is not None and customer.metadata is not None:
        record = None
        if customer.id or customer.source_id:
            record = await storing.catalogue.hydrate_customer(
                storing.partition, customer.id or str(customer.source_id)
            )
        known = record.metadata if record is not None and not record.deleted else {}
        problem = schemas.problem("customer", overlaid(known, customer.metadata))
    return problem


async def load(
    storing: Storing, order_id: str | None, source_id: str | None, *, is_kept: bool = False
) -> StoredOrder | None:
    """is_kept: see load_order."""
    if order_id is None and source_id is None:
        return None
    db = storing.catalogue.db
    return await load_order(storing.core, db, storing.partition, order_id, source_id, is_kept=is_kept)


async def store_referrer(storing: Storing, sent: CustomerPayload, fresh: Fresh) -> str:
    """The id of the customer, made or updated by an event of his own. fresh: of that event.

    Raises: Changing when the source_id becomes somebody else's meanwhile, CoreUnavailable.
    """
    keys = await storing.core.open(storing.partition)
    buyer = await _buyer(storing, keys, OrderPayload(customer=sent), fresh)
    customer_id, at_us = str(buyer.id), int(storing.now.timestamp() * 1_000_000)
    ops: list[Op] = []
    if buyer.source_id is not None and not buyer.claimed:
        key = keys.source_claim(buyer.source_id)
        ops.append(Claim(key=key, field=buyer.source_id, value=customer_id.encode()))
    event = Event(
        kind=CUSTOMER,
        rid=fresh.rid,
        project_id=storing.partition.project_id,
        at_us=at_us,
        actor_key_id=storing.actor_key_id,
        customer_id=customer_id,
        channel=storing.channel,
    )
    patch = private_customer(customer_id, buyer.source_id, sent, created=buyer.created, at_us=at_us)
    outcome = await storing.core.apply(
        Apply(
            partition=storing.partition,
            mode="R",
            rid=fresh.rid,
            guards={},
            ops=ops,
            event=encode_event(event),
            private=encode_private(Private(customer=patch)),
        )
    )
    if outcome.code in (Code.OK, Code.DUP):
        return customer_id
    if outcome.code is Code.LIMIT:
        raise Changing
    raise CoreUnavailable(f"the core answered {outcome.code.name}")


async def _composed(
    storing: Storing,
    keys: Keys,
    payload: OrderPayload,
    stored: StoredOrder | None,
    buyer: Buyer,
    referrer_id: str | None,
    fresh: Fresh,
) -> StoredOrder:
    """The order's next state: amounts anew when the change says any, else as they are."""
    if stored is not None and not is_recalculated(payload):
        amounts = kept_amounts(stored, payload.metadata)
    else:
        items = items_of(payload, stored, trusted=True)
        products = storing.catalogue.products
        versions = await storing.core.read(storing.partition, [("HGET", keys.versions, PRODUCTS_GUARD)])
        products.refresh(storing.partition.project_id, int(versions[0] or 0))
        resolved = await products.resolve(storing.partition.project_id, references_of(items))
        facts = facts_of(payload, stored, items, resolved, trusted=True)
        if payload.discount_amount is not None:
            facts = replace(facts, discount_amount=payload.discount_amount)
        amounts = calculated(facts)
    status = payload.status or (stored.status if stored is not None else "CREATED")
    return StoredOrder.composed(
        stored=stored,
        payload=payload,
        fresh_id=fresh.order_id,
        status=status,
        customer_id=buyer.id,
        referrer_id=referrer_id,
        calculated=amounts,
        redemptions=dict(stored.body.get("redemptions") or {}) if stored is not None else {},
        at_us=int(storing.now.timestamp() * 1_000_000),
    )


def _apply(
    storing: Storing,
    keys: Keys,
    payload: OrderPayload,
    stored: StoredOrder | None,
    new: StoredOrder,
    buyer: Buyer,
    fresh: Fresh,
) -> Apply:
    adds = [*summary_adds(keys, stored, new), *order_change_adds(keys, stored, new)]
    ops: list[Op] = [*adds, *order_ops(keys, stored, new)]
    if buyer.id is not None and buyer.source_id is not None and not buyer.claimed:
        ops.append(
            Claim(key=keys.source_claim(buyer.source_id), field=buyer.source_id, value=buyer.id.encode())
        )
    at_us = int(storing.now.timestamp() * 1_000_000)
    customer = None
    if buyer.id is not None and (buyer.created or payload.customer is not None):
        customer = private_customer(
            buyer.id, buyer.source_id, payload.customer, created=buyer.created, at_us=at_us
        )
    event = Event(
        kind=ORDER,
        rid=fresh.rid,
        project_id=storing.partition.project_id,
        at_us=at_us,
        actor_key_id=storing.actor_key_id,
        postings=postings_of(keys, adds),
        customer_id=new.customer_id,
        order_id=new.id,
        order_version=new.version,
        channel=storing.channel,
    )
    return Apply(
        partition=storing.partition,
        mode="R",
        rid=fresh.rid,
        guards={},
        ops=ops,
        event=encode_event(event),
        private=encode_private(Private(order=private_order(new), customer=customer)),
    )


async def _buyer(storing: Storing, keys: Keys, payload: OrderPayload, fresh: Fresh) -> Buyer:
    """Who the order is for, and whether the event makes this customer (behaviour 2.6)."""
    partition = storing.partition
    secret = (await storing.catalogue.project(partition.project_id)).secret
    customer_id, source_id = identity(secret, payload.customer)
    if customer_id is None:
        customer_id = payload.customer_id
    if customer_id is None:
        if payload.customer is None:
            return Buyer()
        return Buyer(id=fresh.customer_id, created=True)
    commands: list[tuple[str, ...]] = [("HGET", keys.customer_record(customer_id), customer_id)]
    if source_id is not None:
        commands.append(("HGET", keys.source_claim(source_id), source_id))
    replies = await storing.core.read(partition, commands)
    raw, claim = replies[0], replies[1] if source_id is not None else None
    if isinstance(claim, bytes) and claim.decode() != customer_id:
        customer_id = claim.decode()
        command = ("HGET", keys.customer_record(customer_id), customer_id)
        (raw,) = await storing.core.read(partition, [command])
    record: CustomerRecord | None
    if isinstance(raw, bytes):
        record = decode_customer(raw)
    else:
        record = await storing.catalogue.hydrate_customer(partition, source_id or customer_id)
    exists = record is not None and not record.deleted
    return Buyer(
        id=record.id if record is not None else customer_id,
        source_id=source_id,
        created=not exists,
        claimed=isinstance(claim, bytes),
        known=record if exists else None,
    )
