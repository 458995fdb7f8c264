"""A custom event: counted at its customer by the script, and told to SQL by its event, like everything else
that happens (D15).

Owns which counters an event moves and how its customer is found; knows nothing of HTTP nor of schemas.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from app.core.core import RedemptionCore
from app.core.keys import Keys
from app.core.ops import Add, Apply, Claim, Op
from app.core.outcome import Code, CoreUnavailable
from app.core.records import CustomerRecord, decode_customer
from app.identifiers import new_id
from app.ledger.barrier import wait_projected
from app.ledger.entries import EVENT, Event, Private, encode_event, encode_private
from app.redeemables.answer import encode_answer
from app.redeemables.catalogue import Catalogue
from app.redeemables.checks import Refused
from app.redeemables.customers import (
    CustomerPayload,
    customer_facts,
    identity,
    patch_of,
    private_customer,
    simple_customer,
)
from app.redeemables.documents import overlaid
from app.redeemables.metadata_schemas import MetadataSchemas
from app.redeemables.orders import postings_of
from app.redeemables.read_trip import Asked
from app.redeemables.replay import KeyLife, KeyReused, first_event, keep_key
from app.redeemables.settle import Contended, Replayed
from app.redeemables.summaries import events_key
from rules.facts import Moment
from rules.happenings import WINDOWS, field_of, text_of
from rules.moment import Now

ATTEMPTS_MAX: Final = 4


class Happened(Struct, frozen=True, kw_only=True):
    """What is to be tracked. counted: members of the metadata whose values are counted one by one."""

    name: str
    customer: CustomerPayload
    metadata: Mapping[str, Any]
    referral: Mapping[str, Any] | None = None
    loyalty: Mapping[str, Any] | None = None
    counted: Sequence[str] = ()
    schema_id: str | None = None
    channel: str = "API"
    request_id: str = ""


class Tracked(Struct, frozen=True):
    event_id: str
    answer: dict[str, Any]
    known: CustomerRecord | None
    """The customer as stored before."""


class _Doer(Struct, frozen=True):
    """Who did it. created: no such customer is known; claimed: the core knows who owns the source_id."""

    id: str
    source_id: str | None
    record: CustomerRecord | None
    claimed: bool

    @property
    def created(self) -> bool:
        return self.record is None


async def track(
    core: RedemptionCore,
    catalogue: Catalogue,
    asked: Asked,
    happened: Happened,
    now: datetime,
    key_life: KeyLife | None = None,
) -> Tracked:
    """key_life: of the request's idempotency key, when it has one.

    Raises: Refused 404 for a customer's id that is unknown, Replayed, KeyReused, Contended,
    CoreUnavailable, LookupError.
    """
    project = await catalogue.project(asked.partition.project_id)
    moment = Moment(now=now, zone=project.zone)
    rid, event_id, fresh_id = new_id("rid_"), new_id("ev_"), new_id("cust_")
    named = identity(project.secret, happened.customer)
    for _ in range(ATTEMPTS_MAX):
        keys = await core.open(asked.partition)
        doer = await _doer(core, catalogue, keys, asked, happened.customer, named, fresh_id)
        if project.metadata_schemas is not None:
            _check(project.metadata_schemas, happened.customer, doer.record)
        answer = _answer(happened, doer)
        call = _call(keys, asked, happened, doer, answer, rid, event_id, moment)
        keep_key(call, key_life)
        outcome = await core.apply(call)
        if outcome.code is Code.DUP and outcome.name == "idempotency":
            raise Replayed(outcome.event_id)
        if outcome.code in (Code.OK, Code.DUP):
            return Tracked(outcome.event_id, answer, doer.record)
        if outcome.code is Code.CONFLICT:
            raise KeyReused
        if outcome.code not in (Code.STALE, Code.LIMIT):
            raise CoreUnavailable(f"the core answered {outcome.code.name}")
    raise Contended


async def _doer(
    core: RedemptionCore,
    catalogue: Catalogue,
    keys: Keys,
    asked: Asked,
    sent: CustomerPayload,
    named: tuple[str | None, str | None],
    fresh_id: str,
) -> _Doer:
    customer_id, source_id = named
    wanted_id = customer_id or fresh_id
    commands: list[tuple[str, ...]] = [("HGET", keys.customer_record(wanted_id), wanted_id)]
    commands.append(("GET", keys.idempotency(asked.scope_hash or "none")))
    if source_id is not None:
        commands.append(("HGET", keys.source_claim(source_id), source_id))
    replies: list[Any] = list(await core.read(keys.partition, commands))
    for reply in replies:
        if isinstance(reply, Exception):
            raise CoreUnavailable(str(reply))
    first = first_event(replies[1], asked.fingerprint) if asked.scope_hash else None
    if first is not None:
        raise Replayed(first)
    raw, claim = replies[0], replies[2] if source_id is not None else None
    if claim is not None and claim.decode() != wanted_id:
        wanted_id = claim.decode()
        (raw,) = await core.read(keys.partition, [("HGET", keys.customer_record(wanted_id), wanted_id)])
    record: CustomerRecord | None = None
    if isinstance(raw, bytes):
        record = decode_customer(raw)
    elif customer_id is not None:
        record = await catalogue.hydrate_customer(keys.partition, source_id or wanted_id)
    if record is not None and record.deleted:
        wanted_id, record = record.id, None
    if record is None and sent.id is not None and source_id is None:
        # Whoever was made by the request before may not be projected yet.
        await wait_projected(core, catalogue.db, keys.partition)
        record = await catalogue.hydrate_customer(keys.partition, sent.id)
    if sent.id is not None and source_id is None and (record is None or record.deleted):
        raise Refused(
            404,
            "not_found",
            "Resource not found",
            f"Cannot find customer with id {sent.id}",
            resource_id=sent.id,
            resource_type="customer",
        )
    return _Doer(record.id if record is not None else wanted_id, source_id, record, claim is not None)


def _check(schemas: MetadataSchemas, sent: CustomerPayload, record: CustomerRecord | None) -> None:
    if sent.metadata is None:
        return
    stored = record.metadata if record is not None else {}
    problem = schemas.problem("customer", overlaid(stored, sent.metadata))
    if problem is not None:
        raise Refused(400, "metadata_validation_failed", "Metadata validation failed", problem)


def _adds(keys: Keys, happened: Happened, customer_id: str, moment: Moment) -> list[Add]:
    """One for ever and one of each calendar window, of the event and of each value that is counted."""
    fields = [field_of(happened.name)]
    for member in happened.counted:
        text = text_of(happened.metadata.get(member))
        if text is not None:
            fields.append(field_of(happened.name, member, text))
    now, adds = Now(moment), []
    for letter in WINDOWS.values():
        window, until = now.window(letter) if letter else ("", 0)
        key = events_key(keys, customer_id, window)
        adds += [Add(key=key, field=field, delta=1, until=until) for field in fields]
    return adds


def _call(
    keys: Keys,
    asked: Asked,
    happened: Happened,
    doer: _Doer,
    answer: dict[str, Any],
    rid: str,
    event_id: str,
    moment: Moment,
) -> Apply:
    adds = _adds(keys, happened, doer.id, moment)
    at_us = int(moment.now.timestamp() * 1_000_000)
    ops: list[Op] = list(adds)
    if doer.source_id is not None and not doer.claimed:
        ops.append(Claim(key=keys.source_claim(doer.source_id), field=doer.source_id, value=doer.id.encode()))
    customer = None
    if asked.stores_customer and (doer.created or patch_of(happened.customer)):
        customer = private_customer(
            doer.id, doer.source_id, happened.customer, created=doer.created, at_us=at_us
        )
    event = Event(
        kind=EVENT,
        rid=rid,
        project_id=asked.partition.project_id,
        at_us=at_us,
        actor_key_id=asked.key_id,
        postings=postings_of(keys, adds),
        customer_id=doer.id,
        channel=happened.channel,
    )
    body = {
        "metadata": dict(happened.metadata),
        "referral": happened.referral,
        "loyalty": happened.loyalty,
        "schema_id": happened.schema_id,
        "channel": happened.channel,
        "key_id": asked.key_id,
        "request_id": happened.request_id,
    }
    private = Private(
        customer=customer,
        custom_event={"id": event_id, "name": happened.name, "customer_id": doer.id, "body": body},
        answer=encode_answer(answer) if asked.scope_hash else None,
    )
    return Apply(
        partition=asked.partition,
        mode="R",
        rid=rid,
        guards={},
        ops=ops,
        event=encode_event(event),
        private=encode_private(private),
        idempotency_key=keys.idempotency(asked.scope_hash) if asked.scope_hash else "",
        fingerprint=asked.fingerprint,
    )


def _answer(happened: Happened, doer: _Doer) -> dict[str, Any]:
    """The references to programmes are kept; nothing of them is told here, as published."""
    facts = customer_facts(doer.record, happened.customer, customer_id=doer.id)
    return {
        "object": "event",
        "type": happened.name,
        "customer": simple_customer(doer.id, facts),
        "referral": None,
        "loyalty": None,
        "metadata": dict(happened.metadata),
    }
