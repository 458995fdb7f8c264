"""The verbs of customers. Whoever assigns a source_id claims it: UNIQUE in SQL, and a Claim in the core
(D15).
"""

from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from app.api.call import Call
from app.api.customers import queries
from app.api.customers.schemas import CustomerCreate, CustomerUpdate
from app.api.customers.segment_pages import page_of_segment
from app.api.customers.wire import customer_wire
from app.api.metadata_checks import check_metadata
from app.api.publishing import CatalogueWrite
from app.api.stack_requests import moment_of
from app.core.ops import Apply, Claim
from app.core.outcome import Code, CoreUnavailable
from app.db.models import Customer
from app.http.errors import ApiError, duplicate_found, not_found
from app.http.wire import listing
from app.identifiers import new_id, next_version
from app.ledger.entries import CUSTOMER, Event, encode_event
from app.redeemables.customers import (
    CustomerPayload,
    changes_profile,
    customer_facts,
    derive_customer_id,
    identity,
    merge_patch,
    patch_of,
    record_of,
    source_of,
    summary_of,
)
from app.redeemables.memberships import segments_of, worked_out_of
from rules.facts import CustomerFacts, Moment
from rules.segments import HISTORY, LAST_ORDER, SUMMARY, TOP_COLLECTIONS, TOP_PRODUCTS

WORKED_OUT = frozenset({HISTORY, SUMMARY, LAST_ORDER, TOP_PRODUCTS, TOP_COLLECTIONS})
"""What the answer to a look-up shows beyond what is stored."""


async def secret_of(call: Call) -> bytes:
    """Raises: ApiError 404 for a project that is gone."""
    try:
        return (await call.engine.catalogue.project(call.project_id)).secret
    except LookupError:
        raise not_found("project", call.project_id) from None


async def upsert(call: Call, payload: CustomerCreate, *, complete: bool = False) -> dict[str, Any]:
    """Update the customer with the body's id or source_id, else make one. Two at once mean the same
    customer. complete: the customer is what was asked for, and not merely named by something else, so that
    required metadata must be there.
    """
    try:
        return await _upserted(call, payload, complete)
    except IntegrityError:
        # Another worker has just made the same customer: now it is there to be updated.
        return await _upserted(call, payload, complete)


async def standing(call: Call, payload: CustomerPayload) -> str | None:
    """The id of the customer whom the payload names, when it says nothing that is not stored of him; None:
    `upsert` has something to write.
    """
    customer_id, source_id = identity(await secret_of(call), payload)
    wanted = [name for name in (customer_id, payload.source_id or source_id) if name is not None]
    async with call.read() as session:
        row = await queries.find_customer(session, call.project_id, wanted) if wanted else None
    if row is None or row.deleted_at is not None or changes_profile(record_of(row), payload):
        return None
    named = {name for name in (payload.id, payload.source_id) if name is not None}
    return row.id if named <= {row.id, row.source_id} else None


async def _upserted(call: Call, payload: CustomerCreate, complete: bool) -> dict[str, Any]:
    secret = await secret_of(call)
    async with call.write() as write:
        row = await _upserted_row(call, write, secret, payload)
        if complete or payload.metadata is not None:
            await check_metadata(write.session, call.project_id, "customer", row.body.get("metadata"))
    return customer_wire(row)


async def _upserted_row(
    call: Call, write: CatalogueWrite, secret: bytes, payload: CustomerCreate
) -> Customer:
    customer_id, source_id = identity(secret, payload)
    source_id = payload.source_id if source_id is None else source_id
    derived = None if source_id is None else derive_customer_id(secret, source_id)
    wanted = [name for name in (customer_id, source_id, derived) if name is not None]
    row = await queries.find_customer(write.session, call.project_id, wanted, lock=True) if wanted else None
    now = call.engine.now()
    if row is None:
        if payload.id is not None and derived is None and not payload.id.startswith("cust_"):
            raise not_found("customer", payload.id)
        row = Customer(
            project_id=call.project_id,
            id=derived or payload.id or new_id("cust_"),
            source_id=source_id,
            name=None,
            email=None,
            body={},
            summary=summary_of({}),
            version=next_version(),
            created_at=now,
            updated_at=None,
            deleted_at=None,
        )
        merge_patch(row, patch_of(payload))
        write.session.add(row)
        await write.session.flush()
        write.customer(row.id)
        return row
    if row.deleted_at is not None:
        _revive(row, now)
    return await _changed(call, write, secret, row, payload, source_id)


def _revive(row: Customer, now: datetime) -> None:
    """The same identity begins again with an empty profile; its history stays its own."""
    row.deleted_at, row.updated_at, row.created_at = None, None, now
    row.name, row.email, row.body = None, None, {}


async def update(call: Call, customer_id: str, payload: CustomerUpdate) -> dict[str, Any]:
    """Raises: ApiError 404."""
    secret = await secret_of(call)
    await _settled(call, secret, customer_id)
    async with call.write() as write:
        row = await _named(call, write, secret, customer_id)
        call.require_version(row.version)
        await _changed(call, write, secret, row, payload, payload.source_id)
        if payload.metadata is not None:
            await check_metadata(write.session, call.project_id, "customer", row.body.get("metadata"))
        call.tag(row.version)
    return customer_wire(row)


async def _changed(
    call: Call,
    write: CatalogueWrite,
    secret: bytes,
    row: Customer,
    payload: CustomerPayload,
    source_id: str | None,
) -> Customer:
    """Lay the payload over the row, and claim a source_id that is new to it."""
    if source_id is not None and row.source_id not in (None, source_id):
        raise ApiError(
            400, "invalid_customer", "Invalid customer", "source_id cannot be changed once it is set"
        )
    assigned = source_id is not None and row.source_id is None
    if assigned and source_id is not None:
        if await queries.owner_of(write.session, call.project_id, source_id) is not None:
            raise duplicate_found("customer", "source_id", source_id)
        row.source_id = source_id
        await write.session.flush()
        await _claim(call, row.id, source_id)
    if merge_patch(row, patch_of(payload)) or assigned:
        row.updated_at = call.engine.now()
    row.version = next_version(row.version)
    write.customer(row.id)
    return row


async def _claim(call: Call, customer_id: str, source_id: str) -> None:
    """In the core, before the commit: a redemption may meet the source_id at this very moment.

    Raises: ApiError 409 when another customer has it there.
    """
    engine, partition = call.engine, call.partition
    keys = await engine.core.open(partition)
    event = Event(
        kind=CUSTOMER,
        rid=new_id("rid_"),
        project_id=call.project_id,
        at_us=int(engine.now().timestamp() * 1_000_000),
        actor_key_id=call.principal.key_id,
        customer_id=customer_id,
    )
    outcome = await engine.core.apply(
        Apply(
            partition=partition,
            mode="R",
            rid=event.rid,
            guards={},
            ops=[Claim(key=keys.source_claim(source_id), field=source_id, value=customer_id.encode())],
            event=encode_event(event),
        )
    )
    if outcome.code is Code.LIMIT:
        raise duplicate_found("customer", "source_id", source_id)
    if outcome.code not in (Code.OK, Code.DUP):
        raise CoreUnavailable(f"the source_id could not be claimed ({outcome.code.name})")


async def stored(call: Call, name: str) -> Customer:
    """The customer of a path, with everything that was acknowledged before. Raises: ApiError 404."""
    secret = await secret_of(call)
    await call.barrier()
    async with call.read() as session:
        row = await queries.find_customer(session, call.project_id, names_of(secret, name))
    if row is None or row.deleted_at is not None:
        raise not_found("customer", name)
    return row


async def get(call: Call, customer_id: str) -> dict[str, Any]:
    """With what is worked out from the orders. Raises: ApiError 404."""
    row = await stored(call, customer_id)
    engine = call.engine
    seen = await worked_out_of(
        engine.core,
        engine.catalogue,
        call.partition,
        customer_facts(record_of(row), None),
        WORKED_OUT,
        await _moment(call),
    )
    call.tag(row.version)
    return customer_wire(row, seen)


async def _moment(call: Call) -> Moment:
    """Now, or where a sandbox travels to, in the project's zone."""
    project = await call.engine.catalogue.project(call.project_id)
    return Moment(now=await moment_of(call), zone=project.zone)


async def list_segments(call: Call, name: str) -> dict[str, Any]:
    """Of somebody unknown those that he would be in, if he became a customer under this name."""
    engine = call.engine
    secret = await secret_of(call)
    await call.barrier()
    async with call.read() as session:
        row = await queries.find_customer(session, call.project_id, names_of(secret, name))
    if row is None or row.deleted_at is not None:
        customer = CustomerFacts(source_id=name)
    else:
        customer = customer_facts(record_of(row), None)
    found = await segments_of(engine.core, engine.catalogue, call.partition, customer, await _moment(call))
    data = [{"id": segment_id, "name": title, "object": "segment"} for segment_id, title in found]
    return listing("data", data, len(data))


async def list_customers(call: Call) -> dict[str, Any]:
    """Newest first unless `order` says otherwise."""
    await call.barrier()
    moment = await _moment(call)
    async with call.read() as session:
        asked = await queries.list_of(session, call.project_id, call.query, moment.now)
        if asked.segment is None:
            rows, total, has_more = await queries.page(session, asked)
    if asked.segment is not None:
        page = await page_of_segment(call, asked, asked.segment, moment)
        listed = [customer_wire(row) for row in page.rows]
        answer = listing("customers", listed, page.found, has_more=page.has_more)
        return {**answer, "more_starting_after": page.cursor} if page.has_more else answer
    answer = listing("customers", [customer_wire(row) for row in rows], total, has_more=has_more)
    if has_more:
        answer["more_starting_after"] = queries.cursor_of(rows[-1], asked.order)
    return answer


async def delete(call: Call, customer_id: str) -> None:
    """The profile goes, the history stays under the id (behaviour 2.6).

    Raises: ApiError 404, also the second time.
    """
    secret = await secret_of(call)
    await call.barrier()
    async with call.write() as write:
        row = await _named(call, write, secret, customer_id)
        call.require_version(row.version)
        row.deleted_at = row.updated_at = call.engine.now()
        row.name, row.email, row.body = None, None, {}
        row.version = next_version(row.version)
        write.customer(row.id)


def names_of(secret: bytes, customer_id: str) -> list[str]:
    opened = source_of(secret, customer_id)
    return [customer_id] if opened is None else [opened]


async def _named(call: Call, write: CatalogueWrite, secret: bytes, customer_id: str) -> Customer:
    row = await queries.find_customer(
        write.session, call.project_id, names_of(secret, customer_id), lock=True
    )
    if row is None or row.deleted_at is not None:
        raise not_found("customer", customer_id)
    return row


async def _settled(call: Call, secret: bytes, customer_id: str) -> None:
    """A customer whom a redemption has just made may not be projected yet: wait for it before saying 404."""
    async with call.read() as session:
        row = await queries.find_customer(session, call.project_id, names_of(secret, customer_id))
    if row is None or row.deleted_at is not None:
        await call.barrier()
