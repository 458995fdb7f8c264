"""The verbs of orders."""

from typing import Any

from sqlalchemy import select

from app.api.call import Call
from app.api.customers import service as customers
from app.api.customers.schemas import CustomerCreate
from app.api.metadata_checks import metadata_refused
from app.api.orders.schemas import OrderCreate, OrderImport, OrderUpdate
from app.api.products.overrides import store_overrides
from app.api.profiles import profile_stored
from app.api.starting import rows_of_body, start
from app.db.models import Order
from app.http.errors import ApiError, invalid_payload, not_found
from app.http.filtering import page_of
from app.http.wire import listing
from app.jobs.order_import import ORDERS_MAX, PIECE_ORDERS, import_payload
from app.jobs.order_import import TYPE as IMPORT
from app.redeemables.customers import changes_profile
from app.redeemables.order_request import OrderPayload
from app.redeemables.order_storing import (
    Changing,
    Storing,
    current_settings,
    fresh_ids,
    load,
    problem_of,
    store_order,
)
from app.redeemables.orders import StoredOrder
from app.redeemables.product_overrides import overriding

COLUMNS = {"created_at": Order.created_at, "updated_at": Order.updated_at}


async def create(call: Call, payload: OrderCreate) -> dict[str, Any]:
    """Update the order with the body's id or source_id, else make one, with its customer and its products."""
    return await _store(call, payload, payload.id, payload.source_id, must_exist=False)


async def update(call: Call, name: str, payload: OrderUpdate) -> dict[str, Any]:
    """Raises: ApiError 404; 400 multiple_requests when others keep changing it."""
    return await _store(call, payload, name, name, must_exist=True)


async def _store(
    call: Call, payload: OrderPayload, order_id: str | None, source_id: str | None, *, must_exist: bool
) -> dict[str, Any]:
    engine, storing = call.engine, storing_of(call)
    if must_exist and await load(storing, order_id, source_id) is None:
        raise not_found("order", str(order_id))
    schemas = (await current_settings(storing)).metadata_schemas
    if schemas is not None:
        problem = await problem_of(storing, schemas, payload, order_id, source_id)
        if problem is not None:
            raise metadata_refused(problem)
    referrer_id = await _referrer(call, payload)
    asking = overriding(payload.items or ())
    if asking:
        await store_overrides(call, asking)

    def accepts(stored: StoredOrder | None) -> None:
        if must_exist and stored is None:
            raise not_found("order", str(order_id))
        if must_exist and stored is not None:
            call.require_version(stored.version)

    try:
        stored = await store_order(
            storing, payload, fresh_ids(), order_id, source_id, referrer_id=referrer_id, accepts=accepts
        )
    except Changing:
        raise ApiError(
            400, "multiple_requests", "Multiple requests", "The order is being changed by other requests"
        ) from None
    await engine.ledger.acknowledged(call.partition, stored.event_id)
    if changes_profile(stored.known, payload.customer):
        await profile_stored(call, stored.event_id)
    call.tag(stored.order.version)
    return stored.order.wire()


def storing_of(call: Call) -> Storing:
    return Storing(
        core=call.engine.core,
        catalogue=call.engine.catalogue,
        partition=call.partition,
        actor_key_id=call.principal.key_id,
        now=call.engine.now(),
    )


async def _referrer(call: Call, payload: OrderPayload) -> str | None:
    """The referrer is made or updated like any customer, before the order that names him."""
    sent = payload.referrer
    if sent is None or (sent.id is None and sent.source_id is None):
        return payload.referrer_id
    members = {name: getattr(sent, name) for name in sent.__struct_fields__}
    return str((await customers.upsert(call, CustomerCreate(**members)))["id"])


async def import_orders(call: Call) -> dict[str, Any]:
    """POST /v1/orders/import: each order is stored or refused alone, one import of a project at a time.

    Raises: ApiError 400 invalid_payload for none, or for more than the contract allows.
    """
    body: list[OrderImport] = call.body()
    if len(body) > ORDERS_MAX:
        raise invalid_payload(f"Payload must NOT have more than {ORDERS_MAX} items")
    rows = rows_of_body(body)
    payload = import_payload(len(rows), call.principal.key_id)
    return await start(call, IMPORT, rows, payload, piece_rows=PIECE_ORDERS)


async def get(call: Call, name: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    stored = await load(storing_of(call), name, name)
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
