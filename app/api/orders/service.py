"""The verbs of orders. A change pins the version that it was made from; the loser makes it anew (D15)."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select

from app.api.call import Call
from app.api.customers import service as customers
from app.api.customers.schemas import CustomerCreate
from app.api.metadata_checks import metadata_refused
from app.api.orders.amounts import calculated, is_recalculated, kept_amounts
from app.api.orders.schemas import OrderCreate, OrderUpdate
from app.api.products.overrides import store_overrides
from app.core.keys import Keys
from app.core.ops import Apply, Claim, Op
from app.core.outcome import Code, CoreUnavailable
from app.core.records import CustomerRecord, decode_customer
from app.db.models import Order
from app.http.errors import ApiError, not_found
from app.http.filtering import page_of
from app.http.wire import listing
from app.identifiers import new_id
from app.ledger.entries import ORDER, Event, Private, encode_event, encode_private
from app.ledger.versions import PRODUCTS_GUARD, SETTINGS_GUARD
from app.redeemables.customers import identity, private_customer
from app.redeemables.documents import overlaid
from app.redeemables.metadata_schemas import MetadataSchemas, problem_of_order
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
COLUMNS = {"created_at": Order.created_at, "updated_at": Order.updated_at}


class Buyer(Struct, frozen=True):
    """Whose order it is. `claimed`: the core knows that this customer owns the source_id."""

    id: str | None = None
    source_id: str | None = None
    created: bool = False
    claimed: bool = True


async def create(call: Call, payload: OrderCreate) -> dict[str, Any]:
    """Update the order with the body's id or source_id, else make one, with its customer and its products."""
    return await _store(call, payload, payload.id, payload.source_id, must_exist=False)


async def update(call: Call, name: str, payload: OrderUpdate) -> dict[str, Any]:
    """Raises: ApiError 404; 400 multiple_requests when others keep changing it."""
    return await _store(call, payload, name, name, must_exist=True)


async def _store(
    call: Call, payload: OrderPayload, order_id: str | None, source_id: str | None, *, must_exist: bool
) -> dict[str, Any]:
    engine, partition = call.engine, call.partition
    if must_exist and await _load(call, order_id, source_id) is None:
        raise not_found("order", str(order_id))
    schemas = (await _settings(call)).metadata_schemas
    if schemas is not None:
        await _check_metadata(call, schemas, payload, order_id, source_id)
    referrer_id = await _referrer(call, payload)
    await store_overrides(call, payload.items or ())
    rid, fresh_id = new_id("rid_"), new_id("ord_")
    for _ in range(ATTEMPTS_MAX):
        stored = await _load(call, order_id, source_id)
        if stored is None and must_exist:
            raise not_found("order", str(order_id))
        if must_exist and stored is not None:
            call.require_version(stored.version)
        keys = await engine.core.open(partition)
        buyer = await _buyer(call, keys, payload)
        new = await _composed(call, keys, payload, stored, buyer, referrer_id, fresh_id)
        call_to_core = _apply(call, keys, payload, stored, new, buyer, rid)
        outcome = await engine.core.apply(call_to_core)
        if outcome.code in (Code.OK, Code.DUP):
            await engine.ledger.acknowledged(partition, outcome.event_id)
            call.tag(new.version)
            return new.wire()
        if outcome.code not in (Code.STALE, Code.LIMIT):
            raise CoreUnavailable(f"the core answered {outcome.code.name}")
    raise ApiError(
        400, "multiple_requests", "Multiple requests", "The order is being changed by other requests"
    )


async def _settings(call: Call) -> ProjectProgram:
    """The project's, as new as the core knows them."""
    catalogue, core = call.engine.catalogue, call.engine.core
    keys = await core.open(call.partition)
    replies = await core.read(call.partition, [("HGET", keys.versions(), SETTINGS_GUARD)])
    project = await catalogue.project(call.project_id)
    if int(replies[0] or 0) > project.version:
        catalogue.invalidate(call.project_id, SETTINGS_GUARD)
        project = await catalogue.project(call.project_id)
    return project


async def _check_metadata(
    call: Call, schemas: MetadataSchemas, payload: OrderPayload, order_id: str | None, source_id: str | None
) -> None:
    """Before anything is stored. Raises: ApiError 400 metadata_validation_failed."""
    stored = await _load(call, order_id, source_id)
    whole = overlaid((stored.body.get("metadata") or {}) if stored is not None else {}, payload.metadata)
    problem = problem_of_order(schemas, payload, whole, is_stored=stored is not None)
    customer = payload.customer
    if problem is None and customer is not None and customer.metadata is not None:
        record = None
        if customer.id or customer.source_id:
            record = await call.engine.catalogue.hydrate_customer(
                call.partition, customer.id or str(customer.source_id)
            )
        known = record.metadata if record is not None and not record.deleted else {}
        problem = schemas.problem("customer", overlaid(known, customer.metadata))
    if problem is not None:
        raise metadata_refused(problem)


async def _load(call: Call, order_id: str | None, source_id: str | None) -> StoredOrder | None:
    if order_id is None and source_id is None:
        return None
    engine = call.engine
    return await load_order(engine.core, engine.db, call.partition, order_id, source_id)


async def _composed(
    call: Call,
    keys: Keys,
    payload: OrderPayload,
    stored: StoredOrder | None,
    buyer: Buyer,
    referrer_id: str | None,
    fresh_id: str,
) -> StoredOrder:
    """The order's next state: amounts anew when the change says any, else as they are."""
    if stored is not None and not is_recalculated(payload):
        amounts = kept_amounts(stored, payload.metadata)
    else:
        items = items_of(payload, stored, trusted=True)
        products = call.engine.catalogue.products
        versions = await call.engine.core.read(call.partition, [("HGET", keys.versions(), PRODUCTS_GUARD)])
        products.refresh(call.project_id, int(versions[0] or 0))
        resolved = await products.resolve(call.project_id, references_of(items))
        facts = facts_of(payload, stored, items, resolved, trusted=True)
        if payload.discount_amount is not None:
            facts = replace(facts, discount_amount=payload.discount_amount)
        amounts = calculated(facts)
    status = payload.status or (stored.status if stored is not None else "CREATED")
    return StoredOrder.composed(
        stored=stored,
        payload=payload,
        fresh_id=fresh_id,
        status=status,
        customer_id=buyer.id,
        referrer_id=referrer_id,
        calculated=amounts,
        redemptions=(stored.body.get("redemptions") or {}) if stored is not None else {},
        at_us=int(call.engine.now().timestamp() * 1_000_000),
    )


def _apply(
    call: Call,
    keys: Keys,
    payload: OrderPayload,
    stored: StoredOrder | None,
    new: StoredOrder,
    buyer: Buyer,
    rid: str,
) -> Apply:
    adds = [*summary_adds(keys, stored, new), *order_change_adds(keys, stored, new)]
    ops: list[Op] = [*adds, *order_ops(keys, stored, new)]
    if buyer.id is not None and buyer.source_id is not None and not buyer.claimed:
        ops.append(
            Claim(key=keys.source_claim(buyer.source_id), field=buyer.source_id, value=buyer.id.encode())
        )
    at_us = int(call.engine.now().timestamp() * 1_000_000)
    customer = None
    if buyer.id is not None and (buyer.created or payload.customer is not None):
        customer = private_customer(
            buyer.id, buyer.source_id, payload.customer, created=buyer.created, at_us=at_us
        )
    event = Event(
        kind=ORDER,
        rid=rid,
        project_id=call.project_id,
        at_us=at_us,
        actor_key_id=call.principal.key_id,
        postings=postings_of(keys, adds),
        customer_id=new.customer_id,
        order_id=new.id,
        order_version=new.version,
    )
    return Apply(
        partition=call.partition,
        mode="R",
        rid=rid,
        guards={},
        ops=ops,
        event=encode_event(event),
        private=encode_private(Private(order=private_order(new), customer=customer)),
    )


async def _buyer(call: Call, keys: Keys, payload: OrderPayload) -> Buyer:
    """Who the order is for, and whether the event makes this customer (behaviour 2.6)."""
    engine, partition = call.engine, call.partition
    secret = await customers.secret_of(call)
    customer_id, source_id = identity(secret, payload.customer)
    if customer_id is None:
        customer_id = payload.customer_id
    if customer_id is None:
        if payload.customer is None:
            return Buyer()
        return Buyer(id=new_id("cust_"), created=True)
    commands: list[tuple[str, ...]] = [("HGET", keys.customer_record(customer_id), customer_id)]
    if source_id is not None:
        commands.append(("HGET", keys.source_claim(source_id), source_id))
    replies = await engine.core.read(partition, commands)
    raw, claim = replies[0], replies[1] if source_id is not None else None
    if isinstance(claim, bytes) and claim.decode() != customer_id:
        customer_id = claim.decode()
        raw = (await engine.core.read(partition, [("HGET", keys.customer_record(customer_id), customer_id)]))[
            0
        ]
    record: CustomerRecord | None
    if isinstance(raw, bytes):
        record = decode_customer(raw)
    else:
        record = await engine.catalogue.hydrate_customer(partition, source_id or customer_id)
    exists = record is not None and not record.deleted
    return Buyer(
        id=record.id if record is not None else customer_id,
        source_id=source_id,
        created=not exists,
        claimed=isinstance(claim, bytes),
    )


async def _referrer(call: Call, payload: OrderPayload) -> str | None:
    """The referrer is made or updated like any customer, before the order that names him."""
    sent = payload.referrer
    if sent is None or (sent.id is None and sent.source_id is None):
        return payload.referrer_id
    members = {name: getattr(sent, name) for name in sent.__struct_fields__}
    return str((await customers.upsert(call, CustomerCreate(**members)))["id"])


async def get(call: Call, name: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    stored = await _load(call, name, name)
    if stored is None:
        raise not_found("order", name)
    call.tag(stored.version)
    return stored.wire()


async def list_orders(call: Call) -> dict[str, Any]:
    """Oldest first unless `order` says otherwise (behaviour 1.6)."""
    paging = call.query.paging(tuple(COLUMNS), "created_at")
    await call.barrier()
    async with call.read() as session:
        statement = select(Order).where(Order.project_id == call.project_id)
        rows, total = await page_of(session, statement, paging, COLUMNS, Order.id)
    return listing("orders", [row[0].body for row in rows], total)
