"""Import of orders that were placed before (behaviour 2.7): stored as by POST /v1/orders, in their own words,
and nobody is told.

Orders are written by the core alone, so a piece is stored before the transaction that takes it off the input
and moves the action's progress. A step that is repeated, also after a kill, stores the same orders under the
same ids: what is there already is not there again.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.db.models import ActionInput, AsyncAction
from app.engine import Engine
from app.identifiers import characters_of
from app.jobs.inputs import take_input
from app.jobs.progress import advance, finish
from app.ledger.changes import IMPORT_CHANNEL
from app.ledger.versions import PRODUCTS_GUARD, raise_products_version, remember_versions
from app.redeemables.metadata_schemas import MetadataSchemas
from app.redeemables.order_request import OrderPayload
from app.redeemables.order_storing import (
    Changing,
    Fresh,
    Storing,
    current_settings,
    problem_of,
    store_order,
    store_referrer,
)
from app.redeemables.product_overrides import lay_overrides, overriding

TYPE: Final = "ORDERS.IMPORT"
ORDERS_MAX: Final = 2_000
"""Of one request (the contract's bound)."""
PIECE_ORDERS: Final = 100
"""Stored between two steps of the progress."""
FAILURES_SHOWN_MAX: Final = 1_000
BUSY: Final = "The order is being changed by other requests"


class Imported(Struct):
    """What became of one piece of the input."""

    number: int
    seen: int
    failed: list[dict[str, Any]]


class Behind(Struct):
    """An earlier import of the project is not over: this one waits in the queue."""


class RowRefused(Exception):
    """This order is not taken. The message is the `reason` in the action's result."""


def import_payload(count: int, key_id: str) -> dict[str, Any]:
    """count: of the orders. key_id: who asked for it."""
    return {"count": count, "key_id": key_id}


async def prepare(engine: Engine, project_id: str, action_id: str) -> Imported | Behind | None:
    """Store the next piece. None: there is none left.

    Raises: CoreUnavailable.
    """
    async with engine.db.reading() as session:
        action = await session.get(AsyncAction, (project_id, action_id))
        row = await session.scalar(
            select(ActionInput)
            .where(ActionInput.project_id == project_id, ActionInput.action_id == action_id)
            .order_by(ActionInput.n)
            .limit(1)
        )
        if action is None or row is None:
            return None
        if await _is_behind(session, action):
            return Behind()
        number, documents, payload = row.n, row.rows, action.payload
    storing = Storing(
        core=engine.core,
        catalogue=engine.catalogue,
        partition=Partition(project_id),
        actor_key_id=payload["key_id"],
        now=engine.now(),
        channel=IMPORT_CHANNEL,
    )
    try:
        schemas = (await current_settings(storing)).metadata_schemas
    except LookupError:
        return Imported(number, len(documents), [])
    failed = []
    for place, document in enumerate(documents):
        try:
            await _store(storing, schemas, document, f"{action_id}:{number}:{place}")
        except RowRefused as refused:
            failed.append({"source_id": _named(document), "reason": str(refused)})
    return Imported(number, len(documents), failed)


async def _is_behind(session: AsyncSession, action: AsyncAction) -> bool:
    """One import of a project at a time, in the order in which they were asked for."""
    earlier = await session.scalar(
        select(AsyncAction.id)
        .where(
            AsyncAction.project_id == action.project_id,
            AsyncAction.type == TYPE,
            AsyncAction.status.in_(("ENQUEUED", "IN_PROGRESS")),
            AsyncAction.id < action.id,
        )
        .limit(1)
    )
    return earlier is not None


async def _store(storing: Storing, schemas: MetadataSchemas | None, document: Any, place: str) -> None:
    try:
        payload = msgspec.convert(document, OrderPayload)
    except msgspec.ValidationError as error:
        raise RowRefused(str(error)) from None
    fresh = _fresh(place)
    order_id, source_id = payload.id, payload.source_id
    if order_id is None and source_id is None:
        order_id = fresh.order_id
    if schemas is not None:
        problem = await problem_of(storing, schemas, payload, order_id, source_id)
        if problem is not None:
            raise RowRefused(problem)
    try:
        referrer_id = payload.referrer_id
        referrer = payload.referrer
        if referrer is not None and (referrer.id or referrer.source_id):
            referrer_id = await store_referrer(storing, referrer, _fresh(place + ":referrer"))
        await _store_products(storing, payload)
        await store_order(storing, payload, fresh, order_id, source_id, referrer_id=referrer_id)
    except Changing:
        raise RowRefused(BUSY) from None


async def _store_products(storing: Storing, payload: OrderPayload) -> None:
    """Products and SKUs that ask to be stored, under names: without one they could come twice."""
    asking = [
        item
        for item in overriding(payload.items or ())
        if item.product_reference is not None or item.sku_reference is not None
    ]
    if not asking:
        return
    project_id = storing.partition.project_id
    catalogue = storing.catalogue
    async with catalogue.db.writing() as session:
        await lay_overrides(session, project_id, asking, storing.now)
        guards = {PRODUCTS_GUARD: await raise_products_version(session, project_id)}
        await remember_versions(session, project_id, guards)
    await catalogue.publish(storing.partition, guards, [])


def _fresh(place: str) -> Fresh:
    """The same ids each time that the same row is stored."""

    def characters(what: str) -> str:
        digest = hashlib.sha256(f"{what}:{place}".encode()).digest()
        return characters_of(int.from_bytes(digest[:16], "big"))

    return Fresh(
        rid="rid_" + characters("request"),
        order_id="ord_" + characters("order"),
        customer_id="cust_" + characters("customer"),
    )


def _named(document: Any) -> str:
    return str(document.get("source_id") or "") if isinstance(document, dict) else ""


async def step(
    engine: Engine, session: AsyncSession, action: AsyncAction, done: Imported | Behind | None
) -> None:
    """Take the piece that `prepare` has stored off the input; after the last one the import is over."""
    if isinstance(done, Behind):
        action.status = "ENQUEUED"
        action.state = {name: value for name, value in action.state.items() if name != "started_ms"}
        return
    if done is None:
        _finish(action, engine.now())
        return
    first = await session.scalar(
        select(ActionInput.n)
        .where(ActionInput.project_id == action.project_id, ActionInput.action_id == action.id)
        .order_by(ActionInput.n)
        .limit(1)
    )
    if first != done.number:
        return  # Another process was faster with the same piece.
    await take_input(session, action)
    state = action.state
    action.state = {
        **state,
        "stored": int(state.get("stored", 0)) + done.seen - len(done.failed),
        "refused": int(state.get("refused", 0)) + len(done.failed),
        "failed": [*state.get("failed", ()), *done.failed][:FAILURES_SHOWN_MAX],
    }
    advance(action, int(state.get("done", 0)) + done.seen, int(action.payload["count"]))


def _finish(action: AsyncAction, now: datetime) -> None:
    state = action.state
    done, refused = int(state.get("stored", 0)), int(state.get("refused", 0))
    action.state = {**state, "done": done}
    failed: Sequence[Any] = state.get("failed", ())
    finish(
        action,
        now,
        f"{done} order(s) imported successfully, {refused} failed.",
        failed_count=refused,
        failed=list(failed),
    )
