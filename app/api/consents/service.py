"""The verbs of consents.

What a customer gave stands in the customer's system metadata, which no payload can write: so it is with the
profile in the core, segments see it in the decision that follows, and it goes with the profile.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.consents.schemas import ConsentCreate, ConsentUpdate
from app.api.customers import queries
from app.api.customers.service import names_of, secret_of
from app.api.publishing import CatalogueWrite
from app.db.models import Consent, Customer
from app.http.errors import invalid_payload, not_found
from app.http.wire import iso, listing
from app.identifiers import new_id, next_version

CONSENTS_MAX = 100
"""Of a project."""
KEPT_MAX = 200
"""At one customer, with those that the project has deleted since."""
UNSUBSCRIBED = "unsubscribed"
"""Stands for all consents: `true` takes them back."""


def consent_wire(row: Consent) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "category": row.category,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "object": "consent",
    }


async def list_consents(call: Call) -> dict[str, Any]:
    """All of the project, the oldest first."""
    async with call.read() as session:
        rows = await _all(session, call.project_id)
    return listing("data", [consent_wire(row) for row in rows], len(rows))


async def get_consent(call: Call, consent_id: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        row = await session.get(Consent, (call.project_id, consent_id))
    if row is None:
        raise not_found("consent", consent_id)
    call.tag(row.version)
    return consent_wire(row)


async def create_consent(call: Call, body: ConsentCreate) -> dict[str, Any]:
    """Raises: ApiError 400 invalid_payload when the project has as many as it may."""
    async with call.write() as write:
        count = await write.session.scalar(
            select(func.count()).select_from(Consent).where(Consent.project_id == call.project_id)
        )
        if (count or 0) >= CONSENTS_MAX:
            raise invalid_payload(f"A project has at most {CONSENTS_MAX} consents")
        row = Consent(
            project_id=call.project_id,
            id=new_id("cnst_"),
            name=body.name,
            description=body.description,
            category=body.category,
            version=next_version(),
            created_at=call.engine.now(),
            updated_at=None,
        )
        write.session.add(row)
    call.tag(row.version)
    return consent_wire(row)


async def update_consent(call: Call, consent_id: str, body: ConsentUpdate) -> dict[str, Any]:
    """Who gave it has still given it. Raises: ApiError 404; 412."""
    async with call.write() as write:
        row = await _locked(call, write, consent_id)
        row.name = row.name if body.name is None else body.name
        row.description = row.description if body.description is None else body.description
        row.category = row.category if body.category is None else body.category
        row.updated_at = call.engine.now()
        row.version = next_version(row.version)
    call.tag(row.version)
    return consent_wire(row)


async def delete_consent(call: Call, consent_id: str) -> None:
    """Nobody can give it any more; what customers said of it stays with them. Raises: ApiError 404; 412."""
    async with call.write() as write:
        await write.session.delete(await _locked(call, write, consent_id))


async def give(call: Call, name: str, sent: dict[str, bool]) -> None:
    """Lay what was sent over what the customer of the path gave before; the last word counts.

    Raises: ApiError 404 for an unknown customer or consent; 400; 412.
    """
    secret = await secret_of(call)
    await call.barrier()
    async with call.write() as write:
        row = await queries.find_customer(write.session, call.project_id, names_of(secret, name), lock=True)
        if row is None or row.deleted_at is not None:
            raise not_found("customer", name)
        call.require_version(row.version)
        kept = (row.body.get("system_metadata") or {}).get("consents") or {}
        defined = {one.id for one in await _all(write.session, call.project_id)}
        given = _laid_over(kept, _said(sent, defined, set(kept)), call.engine.now())
        if given != kept:
            _keep(row, given, call.engine.now())
            write.customer(row.id)
        call.tag(row.version)


def _said(sent: dict[str, bool], defined: set[str], kept: set[str]) -> dict[str, bool]:
    """By consent: yes or no."""
    named = {one: given for one, given in sent.items() if one != UNSUBSCRIBED}
    for one, given in named.items():
        # What is no longer asked for can still be taken back.
        if one not in defined and (given or one not in kept):
            raise not_found("consent", one)
    if not sent.get(UNSUBSCRIBED):
        return named
    if any(named.values()):
        raise invalid_payload(f"Property .{UNSUBSCRIBED} takes back all consents: none can be given with it")
    return dict.fromkeys(sorted(defined | kept), False)


def _laid_over(kept: dict[str, Any], said: dict[str, bool], now: datetime) -> dict[str, Any]:
    """The instant is that of the change: who says the same again gave it when he first did."""
    given = dict(kept)
    for one, yes in said.items():
        if one not in kept or kept[one]["given"] is not yes:
            given[one] = {"given": yes, "updated_at": iso(now)}
    if len(given) > KEPT_MAX:
        raise invalid_payload(f"A customer keeps at most {KEPT_MAX} consents")
    return given


def _keep(row: Customer, given: dict[str, Any], now: datetime) -> None:
    system_metadata = {**(row.body.get("system_metadata") or {}), "consents": given}
    row.body = {**row.body, "system_metadata": system_metadata}
    row.updated_at = now
    row.version = next_version(row.version)


async def _all(session: AsyncSession, project_id: str) -> list[Consent]:
    rows = await session.scalars(
        select(Consent).where(Consent.project_id == project_id).order_by(Consent.created_at, Consent.id)
    )
    return list(rows)


async def _locked(call: Call, write: CatalogueWrite, consent_id: str) -> Consent:
    row = await write.session.get(
        Consent, (call.project_id, consent_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise not_found("consent", consent_id)
    call.require_version(row.version)
    return row
