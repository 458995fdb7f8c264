"""Operations on /v1/events and /client/v1/events."""

from typing import Any

import msgspec
from sqlalchemy import select

from app.api.call import Answer, Call
from app.api.client_side import LOYALTY_EVENTS, require_flag
from app.api.events.checks import check_metadata, counted_members
from app.api.events.schemas import EventCreate
from app.api.stack_requests import asked_of, moment_of, refusals_as_errors, replayed
from app.db.models import CustomEventSchema
from app.http.routing import Route, Scope
from app.redeemables.read_trip import Asked
from app.redeemables.settle import Replayed
from app.redeemables.tracking import Happened, track

ERRORS = ("not_found", "metadata_validation_failed", "multiple_requests", "idempotency_key_reused")


async def track_event(call: Call) -> Answer:
    """Once per request; with an Idempotency-Key the same request counts once."""
    return await _tracked(call, asked_of(call), "API")


async def track_event_from_browser(call: Call) -> Answer:
    """Points are at stake where a card is named: the project opens that. The answer says nothing that the
    page did not say.
    """
    body: EventCreate = call.body()
    if body.loyalty is not None:
        require_flag(call, LOYALTY_EVENTS)
    answer = await _tracked(call, asked_of(call), "CLIENT_API")
    read: dict[str, Any] = msgspec.json.decode(answer.body) if isinstance(answer.body, bytes) else answer.body
    customer = {
        "id": read["customer"]["id"],
        "name": body.customer.name,
        "email": body.customer.email,
        "source_id": body.customer.source_id,
        "metadata": body.customer.metadata or {},
        "object": "customer",
    }
    return Answer({**read, "customer": customer}, status=answer.status, headers=answer.headers)


async def _tracked(call: Call, asked: Asked, channel: str) -> Answer:
    body: EventCreate = call.body()
    engine = call.engine
    engine.ledger.require()
    metadata = body.metadata or {}
    schema_id, counted = None, []
    async with call.read() as session:
        schema = await session.scalar(
            select(CustomEventSchema).where(
                CustomEventSchema.project_id == call.project_id, CustomEventSchema.name == body.event
            )
        )
    if schema is not None:
        properties = schema.body.get("properties") or {}
        check_metadata(properties, metadata)
        schema_id, counted = schema.id, counted_members(properties)
    happened = Happened(
        name=body.event,
        customer=body.customer,
        metadata=metadata,
        referral=msgspec.to_builtins(body.referral) if body.referral is not None else None,
        loyalty=msgspec.to_builtins(body.loyalty) if body.loyalty is not None else None,
        counted=counted,
        schema_id=schema_id,
        channel=channel,
        request_id=call.request_id,
    )
    with refusals_as_errors():
        try:
            done = await track(engine.core, engine.catalogue, asked, happened, await moment_of(call))
        except Replayed as first:
            return await replayed(call, first.event_id)
    await engine.ledger.acknowledged(call.partition, done.event_id)
    return Answer(done.answer)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/events",
        operation_id="track-custom-event",
        handler=track_event,
        permission="events.write",
        tag="Events",
        summary="Track Custom Event",
        body=EventCreate,
        answer=dict,
        errors=ERRORS,
    ),
    Route(
        method="POST",
        path="/client/v1/events",
        operation_id="track-custom-event-client-side",
        handler=track_event_from_browser,
        permission="events.write",
        scope=Scope.CLIENT,
        tag="Client-side",
        summary="Track Custom Event (client-side)",
        body=EventCreate,
        answer=dict,
        errors=(*ERRORS, "forbidden"),
    ),
)
